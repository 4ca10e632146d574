// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// The store of copies that tag storage is under some designs: how its frames become tag blocks and back.
// Source: specification of tag storage, sections 15.8 to 15.14.

extension Machine {
  /// Takes a tag block from the store: idle frames at once, occupied ones after what they hold is gone.
  ///
  /// - Returns: ``ReservationResult/reserved``, or why not; then the store has all its frames still.
  mutating func takeFromStore(_ block: Int) -> ReservationResult {
    let range = region.frames(ofBlock: block)
    // Idle frames first, so that nothing moves into the block that is being taken.
    takeIdleFrames(of: range)
    var isFast = true
    while let occupied = range.first(where: { store.state(of: $0) == .occupied }) {
      isFast = false
      let result = emptyStoreFrame(occupied)
      guard result == .reserved else {
        returnToStore(block)
        return result
      }
      precondition(store.state(of: occupied) == .idle, "frame \(occupied) was not emptied")
      takeIdleFrames(of: range)
    }
    let way = isFast ? Counter.reserveFast : .reserveSlow
    counters.add(way)
    if watch.isOn { noteBlock(block, .blockTaken(block, by: way)) }
    stallMeter.noteReservation(isFast ? .fast : .migrated)
    return .reserved
  }

  private mutating func takeIdleFrames(of range: Range<Int>) {
    for frame in range where store.state(of: frame) == .idle {
      store.take(frame)
      frames[frame].use = .storeTags
    }
  }

  /// Gives the store those frames of a tag block that were taken from it.
  mutating func returnToStore(_ block: Int) {
    for frame in region.frames(ofBlock: block) where store.state(of: frame) == .tags {
      store.giveBack(frame)
      frames[frame].use = .storeIdle
    }
  }

  /// An idle frame for a copy, the most recently used one from now on.
  ///
  /// - Returns: `nil` where no frame is idle.
  mutating func claimStoreFrame() -> PageFrameNumber? {
    guard let frame = store.claimIdle() else { return nil }
    frames[frame].use = .stored
    return PageFrameNumber(frame)
  }

  /// Gives the store a frame that holds no copy any more.
  mutating func releaseStoreFrame(_ frame: PageFrameNumber) {
    store.release(frame.index)
    frames[frame].use = .storeIdle
  }

  /// Empties a frame of the store whose tag block is needed, by the rule for what it holds.
  ///
  /// - Returns: ``ReservationResult/reserved``, and the frame is idle; or why it is not.
  private mutating func emptyStoreFrame(_ frame: Int) -> ReservationResult {
    guard let policy = policy.store else {
      preconditionFailure("frame \(frame) of a store that there is not")
    }
    switch policy.content {
    case .swappedPages, .swapDevice:
      return emptyFrameOfCopies(PageFrameNumber(frame), policy)
    case .cleanPages:
      recallCleanCopy(in: PageFrameNumber(frame))
      return .reserved
    }
  }

  /// Pages that have a copy in the store.
  var storedPages: Int { copies.count + filePages.copies }

  /// Bytes of all copies in the store.
  var storedBytes: Int { copies.memory.compressedBytes + filePages.copies * pageSize.bytes }

  /// The store's frames against the frame table.
  func checkStore() throws(BrokenInvariant) {
    try store.verifyInvariants()
    if storesSwappedPages { try checkCopies() }
    try checkCleanCopies()
    for number in store.frames {
      let (state, use) = (store.state(of: number), frames[number].use)
      let expected: FrameUse =
        switch state {
        case .idle: .storeIdle
        case .occupied: .stored
        case .tags: .storeTags
        }
      try BrokenInvariant.unless(
        use == expected,
        "I1",
        "frame \(number) is \(state) to its store and \(use)"
      )
    }
    let left =
      counters[.storeReclaimed] + counters[.storeRecalled] + counters[.storeInvalidated]
    try BrokenInvariant.unless(
      counters[.storeStored] == left + UInt64(storedPages),
      "store",
      "\(counters[.storeStored]) copies were stored and \(left) given up, \(storedPages) are there"
    )
  }
}
