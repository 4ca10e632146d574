// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// What every frame must be, and what the groups' lists say about frames.

extension Machine {
  /// B1, P1, P3, P4, P5, P6, I4, I6, I8, T5: every frame is one thing, and its flags fit that.
  func checkFrames() throws(BrokenInvariant) {
    try checkSwapCache()
    let batched = Set(batchedFrames)
    try BrokenInvariant.unless(
      batched.count == batchedFrames.count,
      "P5",
      "a page is in two batches"
    )
    try BrokenInvariant.unless(
      batched.allSatisfy { frames[$0].use == .anonymous || frames[$0].use == .file },
      "P5",
      "a batch holds a frame without user data"
    )
    for number in 0..<frames.count {
      let frame = PageFrameNumber(number)
      let flags = frames[number].flags
      let use = frames[number].use
      if flags.contains(.tagged) {
        try BrokenInvariant.unless(
          canHoldTags(frame),
          "I4",
          "frame \(number) is tagged without tag storage"
        )
      }
      if flags.contains(.tagStorage) && policy.selfTagging == .untaggable,
        !usesAreasOfFailedBoot
      {
        try BrokenInvariant.unless(
          flags.isDisjoint(with: [.tagged, .storageReserved]),
          "I6",
          "frame \(number) of tag storage is tagged or has tag storage itself"
        )
      }
      try BrokenInvariant.unless(
        !flags.contains(.held),
        "P1",
        "frame \(number) is held between events"
      )
      // The zero page lies in the kernel's image and is tagged from boot on.
      if frame == zeroFrame {
        try BrokenInvariant.unless(
          mapCount(frame) == 0 && flags.isDisjoint(with: [.onList, .inSwapCache, .pinned]),
          "P6",
          "the zero page, frame \(number), has \(mapCount(frame)) mappings and is \(flags)"
        )
        continue
      }
      switch use {
      case .free, .listed, .reserved, .storeIdle, .tagBlock, .storeTags:
        try BrokenInvariant.unless(
          flags.isDisjoint(with: [.tagged, .storageReserved, .onList, .inSwapCache])
            && (parkedTags[frame.rawValue] == nil
              || damage.outlivedTags.contains(frame.rawValue)),
          "I8",
          "frame \(number) is \(use) and is \(flags)"
        )
      case .inHand:
        throw BrokenInvariant("B1", "frame \(number) was allocated and never put to use")
      case .kernel:
        break
      case .compressed, .stored:
        try BrokenInvariant.unless(
          flags.isSubset(of: .permanent),
          "B1",
          "frame \(number) holds compressed pages or copies and is \(flags)"
        )
      case .file:
        try BrokenInvariant.unless(
          flags.contains(.onList) != batched.contains(frame),
          "P5",
          "frame \(number) holds a page of a file and is on no list and in no batch, or on both"
        )
        try BrokenInvariant.unless(
          flags.isDisjoint(with: [
            .swapBacked, .inSwapCache, .exclusive, .writeback, .tagged, .storageReserved,
          ]),
          "F1",
          "frame \(number) holds a page of a file and is \(flags)"
        )
      case .anonymous:
        try BrokenInvariant.unless(
          flags.contains(.onList) != batched.contains(frame),
          "P5",
          "frame \(number) holds user data and is on no list and in no batch, or on both"
        )
        if flags.contains(.inSwapCache) {
          try BrokenInvariant.unless(
            device.cachedFrame(frames[number].swapSlot) == frame.rawValue,
            "P4",
            "frame \(number) is not what slot \(frames[number].swapSlot) has cached"
          )
        }
        try BrokenInvariant.unless(
          mapCount(frame) > 0 || !flags.contains([.inSwapCache, .exclusive])
            || device.count(frames[number].swapSlot) == 0,
          "P3",
          "frame \(number) is exclusive and only swap entries lead to it"
        )
        try BrokenInvariant.unless(
          mapCount(frame) > 0 || !flags.isDisjoint(with: [.inSwapCache, .pinned]),
          "P1",
          "frame \(number) holds user data that nobody can reach"
        )
      }
    }
  }

  /// P4: the swap cache against the frames that it leads to.
  private func checkSwapCache() throws(BrokenInvariant) {
    for slot in 0..<UInt32(device.slots) {
      guard let frame = device.cachedFrame(slot) else { continue }
      let isKnown =
        Int(frame) < frames.count && frames[Int(frame)].flags.contains(.inSwapCache)
        && frames[Int(frame)].swapSlot == slot
      try BrokenInvariant.unless(
        isKnown,
        "P4",
        "slot \(slot) has frame \(frame) cached, which does not say so"
      )
    }
  }

  /// L1: charges and lists against the frames, each list walked from end to end.
  func checkGroups() throws(BrokenInvariant) {
    try checkShadows()
    var charged = [Int](repeating: 0, count: groups.count)
    var listed = [Int](repeating: 0, count: groups.count)
    for process in processes {
      charged[process.group] +=
        process.tableFrames.count + process.tagFrames.count + process.objectPages
    }
    for number in 0..<frames.count
    where frames[number].use == .anonymous || frames[number].use == .file {
      let group = group(of: PageFrameNumber(number))
      charged[group] += 1
      listed[group] += frames[number].flags.contains(.onList) ? 1 : 0
    }
    for group in 0..<groups.count {
      let state = groups[group]
      try BrokenInvariant.unless(
        charged[group] == state.chargedPages,
        "charges",
        "group \(group) is charged \(state.chargedPages) pages and has \(charged[group])"
      )
      try checkLists(of: state, group)
      let lengths = pagesOnLists(of: group) + state.inactiveFilePages + state.activeFilePages
      try BrokenInvariant.unless(
        listed[group] == lengths,
        "L1",
        "group \(group) has \(lengths) pages on its lists, and \(listed[group]) say they are"
      )
      if replacement == .multiGenerational { try checkGenerations(of: group) }
    }
  }

  /// L1, L2: a group's pages lie on its generations' lists alone, and these agree with the frames.
  private func checkGenerations(of group: Int) throws(BrokenInvariant) {
    let state = groups[group]
    try BrokenInvariant.unless(
      state.inactive.isEmpty && state.active.isEmpty,
      "L1",
      "group \(group) has generations, and pages on an active or inactive list"
    )
    try BrokenInvariant.unless(
      state.nonresidentAge == generations[group].minSequence,
      "L2",
      "evicted pages of group \(group) leave generation \(state.nonresidentAge), the oldest is"
        + " \(generations[group].minSequence)"
    )
    try generations[group].verifyInvariants(in: frames)
  }

  /// The links of a group's lists, and that every page on them says that it is.
  private func checkLists(of state: MemoryGroup, _ group: Int) throws(BrokenInvariant) {
    let lists = [
      ("inactive", state.inactive), ("active", state.active),
      ("inactive file", state.inactiveFile), ("active file", state.activeFile),
    ]
    for (name, list) in lists {
      do throws(BrokenInvariant) {
        try list.verifyInvariants(in: frames)
      } catch {
        throw BrokenInvariant("L1", "group \(group), \(name) list: \(error.problem)")
      }
      var current = list.head
      while current != FrameTable.none {
        let frame = Int(current)
        let flags = frames[frame].flags
        let isFileList =
          name.hasSuffix("file") || replacement.isBaseline && !flags.contains(.swapBacked)
        try BrokenInvariant.unless(
          (frames[frame].use == .anonymous || frames[frame].use == .file)
            && flags.contains(.onList) && flags.contains(.active) == name.hasPrefix("active")
            && isFileList != flags.contains(.swapBacked),
          "L1",
          "group \(group), \(name) list: \(frames.dump(frame))"
        )
        current = frames.links[frame].next
      }
    }
  }

  /// L2: no eviction lies in the future of the clock that measures refaults.
  private func checkShadows() throws(BrokenInvariant) {
    var now: UInt64 = 0
    for group in 0..<groups.count { now = max(now, groups[group].nonresidentAge) }
    for slot in 0..<UInt32(device.slots) {
      guard let word = device.shadow(slot) else { continue }
      let age = Shadow(word: word).age
      try BrokenInvariant.unless(
        age <= now,
        "L2",
        "slot \(slot) remembers eviction \(age), of \(now) so far"
      )
    }
  }
}
