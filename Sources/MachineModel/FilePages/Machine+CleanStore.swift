// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Copies of clean pages of files in the store of tag storage: what is stored when a page is evicted, found
// when it comes back, and given up. A copy that is given up costs nothing, so that a tag block can be taken
// at any time.
// Source: specification of tag storage, sections 15.10, 15.11 and 15.14.

extension Machine {
  /// How clean pages are stored, `nil` where tag storage is no store of them.
  private var cleanStore: StorePolicy? {
    guard let store = policy.store, store.content == .cleanPages else { return nil }
    return store
  }

  /// Offers the store a clean page that is being evicted and is still in its frame.
  ///
  /// An older copy may be out of date by now: it is replaced, or goes.
  mutating func offerCleanPage(_ number: UInt32, in frame: PageFrameNumber) {
    guard let policy = cleanStore else { return }
    if filePages[number].hasCopy { dropCleanCopy(of: number, .storeInvalidated) }
    let isWorthIt = policy.admits == .everyPage || frames[frame].flags.contains(.workingset)
    guard isWorthIt, let copy = claimFrameForCleanPage(policy) else {
      counters.add(.storeSkipped)
      return
    }
    counters.add(.storeStored)
    counters.add(.pagesCopied)
    contents[copy.index] = contents[frame.index]
    frames[copy].swapSlot = number
    filePages.noteCopy(copy, of: number)
  }

  /// An idle frame of the store, if need be that of the copy that was not used for longest.
  ///
  /// - Returns: `nil` where the store has no frame, or gives up none.
  private mutating func claimFrameForCleanPage(_ policy: StorePolicy) -> PageFrameNumber? {
    if let idle = claimStoreFrame() { return idle }
    guard policy.whenFull == .reclaim, let oldest = store.leastRecentlyUsed else { return nil }
    dropCleanCopy(of: frames[oldest].swapSlot, .storeReclaimed)
    return claimStoreFrame()
  }

  /// Fills a frame with the copy of a page, if the store has one.
  ///
  /// - Returns: whether it has; where not, the disk has to be read.
  mutating func restoreCleanPage(_ number: UInt32, into frame: PageFrameNumber) -> Bool {
    guard let policy = cleanStore else { return false }
    guard filePages[number].hasCopy else {
      counters.add(.storeMissed)
      return false
    }
    let copy = Int(filePages[number].copy)
    counters.add(.storeRestored)
    counters.add(.pagesCopied)
    steps.insert(.restored)
    contents[frame.index] = contents[copy]
    switch policy.afterRestore {
    case .keepCopy: store.touch(copy)
    case .giveUpCopy: dropCleanCopy(of: number, .storeInvalidated)
    }
    return true
  }

  /// Empties a frame whose tag block is needed: a copy of a clean page is dropped.
  mutating func recallCleanCopy(in frame: PageFrameNumber) {
    steps.insert(.dropped)
    dropCleanCopy(of: frames[frame].swapSlot, .storeRecalled)
  }

  private mutating func dropCleanCopy(of number: UInt32, _ cause: Counter) {
    counters.add(cause)
    releaseStoreFrame(filePages.forgetCopy(of: number))
  }

  /// F4: copies of clean pages against the frames that hold them, and those of pages that are not in
  /// memory against the disk.
  func checkCleanCopies() throws(BrokenInvariant) {
    var found = 0
    for (number, page) in filePages.pages.enumerated() where page.hasCopy {
      found += 1
      let copy = Int(page.copy)
      try BrokenInvariant.unless(
        frames[copy].use == .stored && frames[copy].swapSlot == UInt32(number),
        "F4",
        "frame \(copy) is to hold a copy of page \(number) of files and is \(frames.dump(copy))"
      )
      guard configuration.isObserved, !page.isCached else { continue }
      try BrokenInvariant.unless(
        contents[copy] == page.stamp,
        "F4",
        "frame \(copy) holds a copy of page \(number) of files with \(contents[copy]) for"
          + " \(page.stamp)"
      )
    }
    try BrokenInvariant.unless(
      found == filePages.copies && (cleanStore == nil || found == store.occupiedFrames),
      "F4",
      "\(found) pages of files have copies, recorded \(filePages.copies), in"
        + " \(store.occupiedFrames) frames"
    )
  }
}
