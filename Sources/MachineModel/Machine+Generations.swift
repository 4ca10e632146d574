// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

// Which generation a page joins under the multi-generational LRU, and what its return from swap says.
// Source: Linux v6.8 `lru_gen_add_folio`, `lru_gen_refault`; specification of the kernel around us,
// section 6.8.

/// Why a page is read from swap.
enum ReadCause {
  /// A fault, or read-ahead around one.
  case fault
  /// `MADV_WILLNEED`.
  case advice
}

extension Machine {
  /// Adds a page to its group's youngest generation: one that a fault brought, or that was in use when
  /// something wanted it.
  mutating func addToYoungest(_ frame: PageFrameNumber, of group: Int) {
    frames[frame].flags = frames[frame].flags.union(.onList).subtracting(.active)
    let youngest = generations[group].maxSequence
    generations[group].add(frame, to: youngest, at: .young, in: &frames)
  }

  /// Adds a page that was not used of late to an old generation.
  ///
  /// Linux 6.1 gives a page that must be swapped out the generation after the oldest, and one in the swap
  /// cache the oldest. Linux 6.8 is kinder: the second youngest, and the one after the oldest where
  /// there are more than three.
  mutating func addUnused(_ frame: PageFrameNumber, of group: Int) {
    let flags = frames[frame].flags
    let oldest = generations[group].minSequence
    let youngest = generations[group].maxSequence
    let isClean = flags.contains(.inSwapCache) && !flags.contains(.writeback)
    let sequence =
      switch configuration.kernel {
      case .linux61: isClean ? oldest : oldest + 1
      case .linux68:
        if !isClean {
          youngest - 1
        } else {
          oldest + GenerationLists.fewestGenerations >= youngest ? oldest : oldest + 1
        }
      }
    frames[frame].flags.insert(.onList)
    generations[group].add(frame, to: sequence, at: .young, in: &frames)
  }

  /// Moves a page whose write-out has ended to where eviction finds it next, unless it needs another.
  mutating func rotate(_ frame: PageFrameNumber, of group: Int) {
    guard frames[frame].flags.contains(.inSwapCache) else { return }
    generations[group].remove(frame, in: &frames)
    let oldest = generations[group].minSequence
    generations[group].add(frame, to: oldest, at: .old, in: &frames)
  }

  /// Adds a page that no fault wanted to a list: through a batch, or under the multi-generational LRU
  /// at once, because its batches are for pages that faults bring.
  mutating func addOutsideFault(_ frame: PageFrameNumber) {
    guard replacement == .multiGenerational else { return addToBatch(frame) }
    let isInUse = frames[frame].flags.contains(.active)
    if isInUse {
      addToYoungest(frame, of: group(of: frame))
    } else {
      addUnused(frame, of: group(of: frame))
    }
  }

  /// Whether a page counts as active: by its flag, or by one of the two youngest generations.
  func isActive(_ frame: PageFrameNumber) -> Bool {
    guard replacement == .multiGenerational, frames[frame].flags.contains([.onList, .swapBacked])
    else { return frames[frame].flags.contains(.active) }
    return generations[group(of: frame)].isActive(frames[frame].place)
  }

  /// Pages on all lists of a group but that of droppable pages.
  func pagesOnLists(of group: Int) -> Int {
    replacement == .multiGenerational
      ? generations[group].pages : groups[group].inactivePages + groups[group].activePages
  }

  /// Pages of a group that count as active.
  func activePages(of group: Int) -> Int {
    replacement == .multiGenerational
      ? generations[group].activePages : groups[group].activePages
  }

  /// Notes that an evicted page comes back, for a machine without two lists.
  ///
  /// Under the multi-generational LRU a refault counts when the generation that the page was evicted
  /// from is still the oldest. The page then belongs to tier 1 until a walk finds it in use. Linux 6.1
  /// counts no other refaults at all. The baselines only count.
  mutating func noteRefault(
    of frame: PageFrameNumber,
    leaving shadow: Shadow,
    in group: Int,
    for cause: ReadCause
  ) {
    guard replacement == .multiGenerational else { return counters.add(.workingsetRefaultAnon) }
    let isRecent = shadow.age == generations[group].minSequence
    if isRecent || configuration.kernel == .linux68 { counters.add(.workingsetRefaultAnon) }
    guard isRecent else { return }
    generations[group].refaults.noteRefault(inSecondTier: shadow.wasInWorkingset)
    counters.add(.workingsetActivateAnon)
    guard cause == .fault else { return }
    counters.add(.workingsetRestoreAnon)
    frames[frame].flags.insert(.workingset)
  }
}
