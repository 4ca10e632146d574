// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Reclaim of pages that MADV_FREE made droppable.
// Source: Linux v6.8 `folio_check_references` and `try_to_unmap_one`; specification of the kernel
// around us, section 4.1. The kernel keeps these pages on the inactive file list, where nothing else
// is in this model; a page that is used again and again moves on to the active file list there, and
// to the young end of the same list here. Where pages of files have frames, all of them are on the
// kernel's two file lists; see `FilePages`.

extension Machine {
  /// Adds a droppable page to the young end of its group's list of them.
  mutating func addToLazyFree(_ frame: PageFrameNumber) {
    frames[frame].flags.insert(.onList)
    frames[frame].flags.remove(.active)
    groups[group(of: frame)].inactiveFile.pushFront(frame, in: &frames)
  }

  /// Frees pages that MADV_FREE made droppable and that nobody used since, of the share of them that a
  /// pass of one priority scans.
  mutating func shrinkLazyFree(_ group: Int, priority: Int, by who: Reclaimer) -> Int {
    let most = min(Self.reclaimBatch, eligiblePages(of: groups[group].inactiveFile) >> priority)
    var reclaimed = 0
    var looked = 0
    while looked < most, let frame = groups[group].inactiveFile.popBack(in: &frames) {
      if isAboveReclaimedZones(frame) {
        countSkipped(frame)
        groups[group].inactiveFile.pushFront(frame, in: &frames)
        continue
      }
      looked += 1
      frames[frame].flags.remove(.onList)
      switch judge(frame) == .reclaim ? dropLazyFreePage(frame) : .keep {
      case .reclaim: reclaimed += 1
      case .keep: addToLazyFree(frame)
      case .activate: activate(frame, in: group)
      }
    }
    countScanned(reclaimed, by: who)
    countReclaimed(reclaimed, by: who)
    return reclaimed
  }

  /// Drops a droppable page that nobody uses; one that was written since is ordinary anonymous memory
  /// once more, and in use.
  mutating func dropLazyFreePage(_ frame: PageFrameNumber) -> Verdict {
    guard frames[frame].flags.isDisjoint(with: [.held, .pinned]) else { return .keep }
    let mappings = mappings(of: frame)
    for mapping in mappings
    where processes[Int(mapping.process)].table.flags(mapping.page).contains(.dirty) {
      frames[frame].flags.insert(.swapBacked)
      return .activate
    }
    for mapping in mappings {
      unmapFrame(frame, at: mapping.page, of: Int(mapping.process))
    }
    counters.add(.pglazyfreed)
    freeUserFrame(frame)
    return .reclaim
  }
}
