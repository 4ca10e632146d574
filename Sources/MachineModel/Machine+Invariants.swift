// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// The promises of the machine as a whole, each recomputed from scratch. Their names are the numbers of
// the specifications' lists (kernel: section 11; tag storage: section 18). The module's page has the
// table of all of them.

extension Machine: InvariantChecks {
  /// Checks every promise of the machine and of its parts.
  ///
  /// They hold between events, not within one.
  ///
  /// - Complexity: O(frames + pages of all processes + swap slots).
  public func verifyInvariants() throws(BrokenInvariant) {
    try buddy.verifyInvariants(frames: frames)
    try device.verifyInvariants()
    try tagStore.verifyInvariants()
    try blocks.verifyInvariants()
    try checkAddressSpaces()
    try checkMappings()
    try checkFrames()
    try checkFilePages()
    try checkPins()
    try checkReferences()
    try checkTagStorage()
    try checkCells()
    try checkTagPages()
    try checkCMAArea()
    try checkStore()
    try checkSavedTags()
    try checkGroups()
    try checkZram()
  }

  /// S5, V1, V3, V4: each address space by itself.
  private func checkAddressSpaces() throws(BrokenInvariant) {
    for (number, process) in processes.enumerated() {
      do throws(BrokenInvariant) {
        try process.vmas.verifyInvariants()
        try process.pageTable.verifyInvariants()
        try process.pageIndex.verifyInvariants()
      } catch {
        throw BrokenInvariant(error.name, "process \(number): \(error.problem)")
      }
    }
  }

  /// S1, S5, P1, P2: page tables against the frame table and the swap map.
  private func checkMappings() throws(BrokenInvariant) {
    var mapped = FlatStorage<UInt32>(repeating: 0, count: frames.count)
    var swapped = FlatStorage<UInt32>(repeating: 0, count: device.slots)
    for process in processes.indices {
      let table = processes[process].table
      var resident = 0
      var swapEntries = 0
      var filePages = 0
      for number in 0..<processes[process].pageIndex.count {
        let page = PageIdentifier(number)
        let flags = table.flags(page)
        let target = Int(table.target(page))
        switch table.state(page) {
        case .frame, .faultOnAccess:
          resident += 1
          try BrokenInvariant.unless(
            target < frames.count && frames[target].use == .anonymous,
            "B2",
            "page \(page) of process \(process) is mapped to frame \(target), which holds no user data"
          )
          mapped[target] += 1
          try checkEntry(flags, of: page, process: process, frame: target)
        case .swap, .swapExclusive:
          swapEntries += 1
          try BrokenInvariant.unless(
            target > 0 && target < device.slots,
            "S1",
            "page \(page) of process \(process) is in slot \(target) of \(device.slots)"
          )
          try BrokenInvariant.unless(
            table.state(page) == .swap || device.count(UInt32(target)) == 1,
            "P2",
            "page \(page) of process \(process) is exclusive in slot \(target), which has"
              + " \(device.count(UInt32(target))) users"
          )
          swapped[target] += 1
        case .filePage where hasFilePages:
          filePages += 1
          try BrokenInvariant.unless(
            target < frames.count && frames[target].use == .file,
            "B2",
            "page \(page) of process \(process) is mapped to frame \(target), which holds no page of a"
              + " file"
          )
          mapped[target] += 1
        case .none, .zeroPage, .filePage:
          break
        }
      }
      try BrokenInvariant.unless(
        filePages == processes[process].filePages,
        "S5",
        "process \(process): \(filePages) pages of files mapped, recorded"
          + " \(processes[process].filePages)"
      )
      try BrokenInvariant.unless(
        resident == table.residentPages && swapEntries == table.swapEntries,
        "S5",
        "process \(process): \(resident) resident pages and \(swapEntries) swap entries, recorded"
          + " \(table.residentPages) and \(table.swapEntries)"
      )
    }
    for frame in 0..<frames.count {
      let recorded = mapCount(PageFrameNumber(frame))
      try BrokenInvariant.unless(
        Int(mapped[frame]) == recorded,
        "P1",
        "frame \(frame) is mapped by \(mapped[frame]) entries, recorded \(recorded)"
      )
    }
    for slot in forwards.holders(in: 0..<UInt32(device.slots)) { swapped[Int(slot)] += 1 }
    for slot in 0..<device.slots {
      let recorded = device.count(UInt32(slot))
      try BrokenInvariant.unless(
        Int(swapped[slot]) == recorded,
        "S1",
        "slot \(slot) is in \(swapped[slot]) entries, recorded \(recorded)"
      )
    }
  }

  /// P6: reference pages against the entries that map them, the descriptors and the VMAs.
  ///
  /// The zero page and reference pages have no reverse map and are on no list, and no other frame is
  /// mapped as they are.
  private func checkReferences() throws(BrokenInvariant) {
    var shared = [zeroFrame]
    var mapped: [UInt32: Int] = [:]
    for process in processes {
      for entry in process.descriptors.entries { mapped[entry.identity, default: 0] += 1 }
      for area in process.vmas.areas where area.flags.contains(.reference) {
        // Looking it up stops the program where it was given up too early.
        _ = references[area.fileIdentity]
      }
    }
    try references.forEach { (identity, page) throws(BrokenInvariant) in
      let found = mapped[identity] ?? 0
      try BrokenInvariant.unless(
        page.descriptors == found,
        "references",
        "reference page \(identity) has \(page.descriptors) descriptors, found \(found)"
      )
      if case .frame(let frame) = page.home, frame != zeroFrame {
        shared.append(frame)
        try BrokenInvariant.unless(
          frames[frame].use == .kernel && frames[frame].flags.contains(.tagged),
          "P6",
          "reference page \(identity) lies in frame \(frame.rawValue), \(frames[frame].use)"
        )
      }
    }
    for frame in shared {
      try BrokenInvariant.unless(
        mapCount(frame) == 0 && !frames[frame].flags.contains(.onList),
        "P6",
        "frame \(frame.rawValue) has a reverse map or is on a list"
      )
    }
    for number in processes.indices {
      let table = processes[number].table
      for page in 0..<processes[number].pageIndex.count
      where table.state(PageIdentifier(page)) == .zeroPage {
        let frame = PageFrameNumber(rawValue: table.target(PageIdentifier(page)))
        try BrokenInvariant.unless(
          shared.contains(frame),
          "P6",
          "page \(page) of process \(number) maps frame \(frame.rawValue) as a shared page"
        )
      }
    }
  }

  /// T2, I6, I7, P2: what one present entry allows against the frame that it maps.
  private func checkEntry(
    _ flags: EntryFlags,
    of page: PageIdentifier,
    process: Int,
    frame: Int
  ) throws(BrokenInvariant) {
    let frameFlags = frames[frame].flags
    let number = processes[process].pageIndex.page(of: page)
    guard let area = processes[process].vmas.find(number) else {
      throw BrokenInvariant("V1", "page \(number) of process \(process) is mapped and in no VMA")
    }
    try BrokenInvariant.unless(
      !frameFlags.contains(.exclusive) || !frameFlags.contains(.sharedMapping)
        || area.flags.contains(.shared),
      "P2",
      "frame \(frame) is exclusive and has \(mapCount(PageFrameNumber(frame))) mappings, one of them"
        + " page \(number) of process \(process)"
    )
    if flags.contains(.tagged) && flags.contains(.readable) {
      try BrokenInvariant.unless(
        canHoldTags(PageFrameNumber(frame)),
        "I7",
        "page \(number) of process \(process) is readable and tagged, frame \(frame) has no tag storage"
      )
      try BrokenInvariant.unless(
        frameFlags.contains(.tagged),
        "T2",
        "page \(number) of process \(process) is readable and tagged, frame \(frame) is not tagged"
      )
    }
    if flags.contains(.writable) {
      try BrokenInvariant.unless(
        frameFlags.contains(.exclusive) || frameFlags.contains(.sharedMapping),
        "P2",
        "page \(number) of process \(process) is writable, frame \(frame) is not exclusive"
      )
    }
  }

  /// Pins against the frame table and the counters.
  private func checkPins() throws(BrokenInvariant) {
    var total = 0
    for number in 0..<frames.count {
      let count = pins.count(of: PageFrameNumber(number))
      try BrokenInvariant.unless(
        frames[number].flags.contains(.pinned) == (count > 0),
        "pins",
        "frame \(number) has \(count) pins and the flags \(frames[number].flags.rawValue)"
      )
      try BrokenInvariant.unless(
        count == 0 || frames[number].use == .anonymous,
        "pins",
        "frame \(number) is pinned and \(frames[number].use)"
      )
      total += count
    }
    let counted = counters[.nrFollPinAcquired] - counters[.nrFollPinReleased]
    try BrokenInvariant.unless(
      total == pins.total && UInt64(total) == counted,
      "pins",
      "\(total) pins of frames, recorded \(pins.total), counted \(counted)"
    )
  }
}
