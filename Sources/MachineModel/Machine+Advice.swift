// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Advice that makes reclaim look at pages earlier, or at once.
// Source: Linux v6.8 `madvise_cold_or_pageout_pte_range` and `reclaim_pages`; specification of the
// kernel around us, section 4.1.

extension Machine {
  /// The frames of a range that madvise may treat: mapped once, and on an LRU list.
  private func advisableFrames(
    _ range: Range<VirtualPageNumber>,
    of process: Int
  ) -> [PageFrameNumber] {
    let table = processes[process].table
    return processes[process].pageIndex.identifiers(in: range).compactMap { page in
      guard let frame = table.frame(page) ?? fileFrame(page, in: table) else { return nil }
      return mapCount(frame) == 1 && frames[frame].flags.contains(.onList) ? frame : nil
    }
  }

  /// `MADV_COLD`: the pages become the next that reclaim looks at.
  ///
  /// Pages that `MADV_FREE` made droppable wait for reclaim already.
  mutating func deactivate(_ range: Range<VirtualPageNumber>, of process: Int) {
    drainBatch()
    for frame in advisableFrames(range, of: process) {
      _ = clearYoung(frame)
      frames[frame].flags.remove(.referenced)
      let isInGeneration =
        replacement == .multiGenerational && frames[frame].flags.contains(.swapBacked)
      let isMovedOn = isInGeneration || frames[frame].flags.contains(.active)
      guard isMovedOn else { continue }
      takeOffList(frame)
      counters.add(.pgdeactivate)
      if frames[frame].flags.contains(.swapBacked) {
        addToInactive(frame)
      } else {
        frames[frame].flags.remove(.active)
        addToFileList(frame, of: group(of: frame))
      }
    }
  }

  /// `MADV_PAGEOUT`: the pages are reclaimed now.
  ///
  /// Pages that a disk is still writing stay in the swap cache, as they do in the kernel: the write
  /// ends after the call, and only a later scan frees them. Like the kernel, this counts no scanned and
  /// no stolen pages, and what it leaves goes back to a list through a batch.
  mutating func pageOut(_ range: Range<VirtualPageNumber>, of process: Int) {
    guard !isReclaiming else { return }
    drainBatch()
    isReclaiming = true
    defer { isReclaiming = false }
    for frame in advisableFrames(range, of: process) {
      _ = clearYoung(frame)
      takeOffList(frame)
      frames[frame].flags.remove([.referenced, .active])
      let flags = frames[frame].flags
      let group = group(of: frame)
      switch reclaimPage(frame) {
      case .reclaim:
        if replacement == .multiGenerational && flags.contains(.swapBacked) {
          generations[group].refaults.noteEviction(inSecondTier: flags.contains(.workingset))
        }
      case .keep: putBack(frame)
      case .activate:
        counters.add(.pgactivate)
        freeSwapCopyIfFull(frame)
        if !replacement.isBaseline { frames[frame].flags.insert(.active) }
        putBack(frame)
      }
    }
    // Here the call stands for the two seconds after which statistics are flushed at the latest.
    groups[processes[process].group].flushStatistics()
  }

  /// Returns an isolated page to its list (`folio_putback_lru`).
  private mutating func putBack(_ frame: PageFrameNumber) {
    if frames[frame].flags.contains(.swapBacked) {
      addOutsideFault(frame)
    } else if hasFilePages {
      addToFileList(frame, of: group(of: frame))
    } else {
      addToLazyFree(frame)
    }
  }
}
