// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Exact LRU and CLOCK, as baselines for the kernel's policy. Both use the inactive list alone: its head
// is the page used or loaded last, its tail the next to go.

extension Machine {
  /// ``access(_:isWrite:of:)`` for a policy that wants to know of every use.
  mutating func accessNotingUse(
    _ page: PageIdentifier,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    guard access(page, isWrite: isWrite, of: process) else { return false }
    let table = processes[process].table
    guard let frame = table.frame(page) ?? fileFrame(page, in: table) else { return true }
    let flags = frames[frame].flags
    guard flags.contains(.onList), flags.contains(.swapBacked) || frames[frame].use == .file else {
      return true
    }
    if replacement == .exact {
      groups[group(of: frame)].inactive.remove(frame, in: &frames)
      groups[group(of: frame)].inactive.pushFront(frame, in: &frames)
    } else if !steps.isDisjoint(with: [
      .zeroFill, .copyOnWrite, .swappedIn, .swapCacheHit, .fileRead,
    ]) {
      // Loading a page is no use of it yet.
      _ = table.clearYoung(page)
    }
    return true
  }

  /// Evicts pages from the old end of a group's list.
  ///
  /// - Returns: pages freed, at least `goal` where as many can be freed.
  mutating func evictOldest(
    _ group: Int,
    priority: Int,
    goal: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    finishWrites()
    let dropped = shrinkLazyFree(group, priority: priority, by: who)
    var reclaimed = 0
    var scanned = 0
    var files = (reclaimed: 0, scanned: 0)
    // After two rounds every page was seen without its young bit.
    let most = 2 * groups[group].inactivePages
    while dropped + reclaimed < goal, scanned < most, hasFreeSlots || hasFilePages,
      let frame = groups[group].inactive.popBack(in: &frames)
    {
      let isFile = frames[frame].use == .file
      frames[frame].flags.remove(.onList)
      scanned += 1
      files.scanned += isFile ? 1 : 0
      if evict(frame, skippingCMA: skippingCMA) {
        reclaimed += 1
        files.reclaimed += isFile ? 1 : 0
      } else {
        addToInactive(frame, of: group)
        // A page that a disk has written by now is the next to be looked at, and clean.
        finishWrites()
      }
    }
    countScanned(scanned - files.scanned, by: who)
    countScanned(files.scanned, by: who, .file)
    countReclaimed(reclaimed - files.reclaimed, by: who)
    countReclaimed(files.reclaimed, by: who, .file)
    return dropped + reclaimed
  }

  /// Frees a page unless it was used, or something else keeps it.
  private mutating func evict(_ frame: PageFrameNumber, skippingCMA: Bool) -> Bool {
    if isSkipped(frame, skippingCMA: skippingCMA) {
      countSkipped(frame)
      return false
    }
    if replacement == .clock && clearYoung(frame) > 0 { return false }
    guard frames[frame].flags.isDisjoint(with: [.held, .writeback]) else { return false }
    return reclaimUnused(frame, of: group(of: frame)) == .reclaim
  }
}
