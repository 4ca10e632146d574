// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Which page-table entries map a frame. One mapping is kept in the frame table itself; only frames
// that fork shares have a list. Source: Linux v6.8 anonymous reverse mapping, as far as it is visible.

extension Machine {
  /// The owner word of a frame that no entry maps.
  static let noPage = PageIdentifier.max

  /// The number of page-table entries that map a frame.
  ///
  /// This and ``onlyMapping(of:)`` are always inlined, because a call that borrows the machine from
  /// within a method that changes it copies the machine's two kilobytes of fields to the stack.
  @inline(__always)
  func mapCount(_ frame: PageFrameNumber) -> Int {
    if frames[frame].ownerPage == Self.noPage { return 0 }
    guard frames[frame].flags.contains(.sharedMapping) else { return 1 }
    return sharers[frame.rawValue]?.count ?? 0
  }

  /// The entry that maps a frame if there is exactly one, which is the common case and needs no list.
  @inline(__always)
  func onlyMapping(of frame: PageFrameNumber) -> Mapping? {
    guard frames[frame].ownerPage != Self.noPage,
      !frames[frame].flags.contains(.sharedMapping)
    else { return nil }
    return Mapping(process: frames[frame].ownerSpace, page: frames[frame].ownerPage)
  }

  /// The entries that map a frame, in the order in which they came to map it.
  func mappings(of frame: PageFrameNumber) -> [Mapping] {
    if frames[frame].ownerPage == Self.noPage { return [] }
    if frames[frame].flags.contains(.sharedMapping) { return sharers[frame.rawValue] ?? [] }
    return [
      Mapping(process: frames[frame].ownerSpace, page: frames[frame].ownerPage)
    ]
  }

  /// Notes that an entry maps a frame.
  @inline(__always)
  mutating func addMapping(_ mapping: Mapping, of frame: PageFrameNumber) {
    if frames[frame].ownerPage == Self.noPage {
      frames[frame].ownerPage = mapping.page
      frames[frame].ownerSpace = mapping.process
    } else {
      addFurtherMapping(mapping, of: frame)
    }
    if hasVirtualTags && frames[frame].flags.contains(.tagged) { noteTaggedPage(mapping) }
  }

  private mutating func addFurtherMapping(_ mapping: Mapping, of frame: PageFrameNumber) {
    if let first = onlyMapping(of: frame) {
      sharers[frame.rawValue] = [first, mapping]
      frames[frame].flags.insert(.sharedMapping)
    } else {
      sharers[frame.rawValue]?.append(mapping)
    }
  }

  /// Notes that an entry maps a frame no longer; the frame keeps its group.
  mutating func removeMapping(_ mapping: Mapping, of frame: PageFrameNumber) {
    if hasVirtualTags && frames[frame].flags.contains(.tagged) { noteUntaggedPage(mapping) }
    if hasGuests { processes[Int(mapping.process)].guest.removeEntry(mapping.page) }
    guard frames[frame].flags.contains(.sharedMapping), var list = sharers[frame.rawValue]
    else {
      precondition(
        frames[frame].ownerPage == mapping.page
          && frames[frame].ownerSpace == mapping.process,
        "frame \(frame.rawValue) is not mapped at page \(mapping.page) of \(mapping.process)"
      )
      frames[frame].ownerPage = Self.noPage
      return
    }
    guard let position = list.firstIndex(of: mapping) else {
      preconditionFailure(
        "frame \(frame.rawValue) is not mapped at page \(mapping.page) of \(mapping.process)"
      )
    }
    list.remove(at: position)
    if list.count == 1 {
      sharers[frame.rawValue] = nil
      frames[frame].flags.remove(.sharedMapping)
      frames[frame].ownerPage = list[0].page
      frames[frame].ownerSpace = list[0].process
    } else {
      sharers[frame.rawValue] = list
    }
  }

  /// Maps a frame at a page, as writing a page-table entry does.
  ///
  /// A tagged mapping of a frame that cannot hold tags becomes fault on access; of one that can, it
  /// makes the frame tagged, with tags 0 unless it has tags already.
  mutating func mapFrame(
    _ frame: PageFrameNumber,
    at page: PageIdentifier,
    in vma: FaultArea,
    of process: Int,
    writable: Bool,
    dirty: Bool
  ) {
    frames[frame].use = .anonymous
    addMapping(Mapping(process: UInt16(process), page: page), of: frame)
    let entry = entry(for: frame, in: vma, writable: writable, dirty: dirty, young: true)
    processes[process].table.setEntry(
      page,
      state: entry.state,
      flags: entry.flags,
      target: frame.rawValue
    )
  }

  /// State and flags of an entry that maps a frame, after the frame's tags were put in order.
  ///
  /// Write permission of a fault-on-access entry is kept for when the fault is resolved; without
  /// `readable`, no access hits it.
  mutating func entry(
    for frame: PageFrameNumber,
    in vma: FaultArea,
    writable: Bool,
    dirty: Bool,
    young: Bool
  ) -> (state: EntryState, flags: EntryFlags) {
    var flags: EntryFlags = []
    if young { flags.insert(.young) }
    if dirty { flags.insert(.dirty) }
    if writable && vma.protection.contains(.write) { flags.insert(.writable) }
    let readable = vma.allows(isWrite: false)
    guard vma.flags.contains(.mte) else {
      if readable { flags.insert(.readable) }
      return (.frame, flags)
    }
    flags.insert(.tagged)
    guard readable else { return (.frame, flags) }
    guard prepareForTags(frame) else {
      counters.add(.foaMarked)
      return (.faultOnAccess, flags)
    }
    if !frames[frame].flags.contains(.tagged) { initializeTags(of: frame) }
    flags.insert(.readable)
    return (.frame, flags)
  }

  /// Takes one mapping of a frame away and leaves the entry empty.
  mutating func unmapFrame(_ frame: PageFrameNumber, at page: PageIdentifier, of process: Int) {
    processes[process].table.clear(page)
    removeMapping(Mapping(process: UInt16(process), page: page), of: frame)
  }

  /// Frees a frame that no entry maps, together with its swap-cache copy.
  mutating func releaseIfUnused(_ frame: PageFrameNumber) {
    guard mapCount(frame) == 0, frames[frame].flags.isDisjoint(with: [.held, .pinned]) else {
      return
    }
    if frames[frame].flags.contains(.inSwapCache) {
      guard freeSwapCopy(of: frame) else { return }
    }
    // Where another CPU's batch has the page, the kernel frees it when that batch is emptied.
    if !frames[frame].flags.contains(.onList) { drainAllBatches() }
    takeOffList(frame)
    freeUserFrame(frame)
  }

  /// Drops what an entry refers to: a mapping, a swap slot, or nothing.
  mutating func dropEntry(_ page: PageIdentifier, of process: Int) {
    let table = processes[process].table
    let target = table.target(page)
    switch table.state(page) {
    case .none:
      return
    case .filePage:
      if hasFilePages { unmapFilePage(page, of: process) } else { table.clear(page) }
    case .zeroPage:
      table.clear(page)
      if hasGuests { processes[process].guest.removeEntry(page) }
    case .frame, .faultOnAccess:
      let frame = PageFrameNumber(rawValue: target)
      counters.add(.pagesUnmapped)
      unmapFrame(frame, at: page, of: process)
      releaseIfUnused(frame)
    case .swap, .swapExclusive:
      table.clear(page)
      endKeptTags(page, of: process)
      dropSlotUser(target)
    }
  }

  /// Keeps reclaim away from a frame while an event is using it, as a page reference does.
  mutating func hold(_ frame: PageFrameNumber) { frames[frame].flags.insert(.held) }

  /// Ends ``hold(_:)``.
  mutating func letGo(_ frame: PageFrameNumber) { frames[frame].flags.remove(.held) }

  /// Notes something for the shadow oracle.
  mutating func note(_ cause: Notice.Cause, process: Int, page: PageIdentifier) {
    if configuration.isObserved {
      notices.append(Notice(cause: cause, process: process, page: page))
    }
  }
}
