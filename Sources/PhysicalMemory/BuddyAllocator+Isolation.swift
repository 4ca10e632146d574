// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

// Contiguous allocation, in phases: the caller isolates a range, moves what is in use out of it,
// claims the range, and in any case undoes the isolation.
extension BuddyAllocator {
  /// Makes all free memory of the pageblocks that a range meets unavailable.
  ///
  /// Their type becomes isolate, and their free blocks stop counting as free. Whatever is freed in
  /// them from now on stays isolated too. A free block that reaches beyond these pageblocks is split
  /// first. Which pages are in use does not matter, as for a CMA area. The per-CPU lists are emptied.
  ///
  /// - Precondition: the range is not empty and lies in the zone.
  /// - Returns: `false`, and nothing changed, if one of the pageblocks is isolated already.
  /// - Complexity: O(*n*), where *n* is the number of frames of these pageblocks.
  ///
  /// Source: Linux v6.8 `start_isolate_page_range`.
  public mutating func isolate(_ range: Range<Int>, frames: inout FrameTable) -> Bool {
    checkZone(range)
    let blocks = pageblocks(meeting: range)
    for block in blocks where pageblockTypes[block] == .isolate { return false }
    splitBlocks(around: blocks, &frames)
    for block in blocks {
      let old = pageblockTypes[block]
      let moved = moveFreeBlocks(ofPageblock: block, to: .isolate, &frames)
      // A free block of several pageblocks covers only types that count alike.
      countFree(-moved, type: old)
      pageblockTypes[block] = .isolate
      isolatedPageblocks += 1
    }
    drainPageLists(frames: &frames)
    return true
  }

  /// Takes all frames of an isolated range that has become free, as single frames in hand.
  ///
  /// Free blocks that reach beyond the range are split; their surplus stays isolated.
  ///
  /// - Precondition: the range is not empty and lies in the zone.
  /// - Returns: `false`, and nothing changed, if a frame of the range is in use or not isolated.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  ///
  /// Source: Linux v6.8 `test_pages_isolated`, `isolate_freepages_range`.
  public mutating func claimIsolated(_ range: Range<Int>, frames: inout FrameTable) -> Bool {
    checkZone(range)
    for block in pageblocks(meeting: range) where pageblockTypes[block] != .isolate {
      return false
    }
    for frame in range where frames[frame].use != .free { return false }
    var position = range.lowerBound
    while position < range.upperBound {
      let (start, order) = freeBlock(holding: position, frames)
      let end = start + 1 << order
      unlink(start, order: order, list: .isolate, &frames)
      if start < range.lowerBound {
        insertBlocks(of: start..<range.lowerBound, type: .isolate, &frames)
      }
      if end > range.upperBound {
        insertBlocks(of: range.upperBound..<end, type: .isolate, &frames)
      }
      position = end
    }
    frames.setUse(range, to: .inHand)
    return true
  }

  /// Gives isolated pageblocks a type again; their free memory goes to its lists and counts.
  ///
  /// Free blocks of a pageblock or more may merge with neighbours that were kept apart.
  ///
  /// - Precondition: `range` meets the same pageblocks as that of the isolation, all of them
  ///   isolated; `type` is their type before, and so not isolate.
  /// - Complexity: O(*n*), where *n* is the number of frames of these pageblocks.
  ///
  /// Source: Linux v6.8 `undo_isolate_page_range`.
  public mutating func undoIsolation(
    _ range: Range<Int>,
    as type: MigrateType,
    frames: inout FrameTable
  ) {
    checkZone(range)
    precondition(type != .isolate, "isolation of \(range) undone as isolate")
    let blocks = pageblocks(meeting: range)
    for block in blocks {
      let old = pageblockTypes[block]
      precondition(old == .isolate, "isolation of \(range) undone in \(old) pageblock \(block)")
    }
    // Two isolations side by side may have let a free block grow over both.
    splitBlocks(around: blocks, &frames)
    // One pageblock after the other: a block must not merge with one that does not count yet.
    for block in blocks {
      pageblockTypes[block] = type
      isolatedPageblocks -= 1
      let start = block << pageblockOrder
      let head = frames[start].freeBlock
      if head.isHead && head.order >= pageblockOrder {
        unlink(start, order: head.order, list: head.list, &frames)
        insert(start, order: head.order, type: type, at: .tail, &frames)
      } else {
        countFree(moveFreeBlocks(ofPageblock: block, to: type, &frames), type: type)
      }
    }
  }

  /// Splits the free blocks that cross the first or the last border of a range of pageblocks.
  private mutating func splitBlocks(around blocks: Range<Int>, _ frames: inout FrameTable) {
    splitBlock(at: blocks.lowerBound << pageblockOrder, &frames)
    splitBlock(at: blocks.upperBound << pageblockOrder, &frames)
  }

  /// Splits the free block that has frames on both sides of a pageblock border, if there is one.
  private mutating func splitBlock(at border: Int, _ frames: inout FrameTable) {
    guard border > firstFrame && border < endFrame && frames[border].use == .free else { return }
    var (start, order) = freeBlock(holding: border, frames)
    guard start < border else { return }
    let list = frames[start].freeBlock.list
    unlink(start, order: order, list: list, &frames)
    while start < border {
      order -= 1
      start = halve(start, order: order, list: list, keeping: border, &frames)
    }
    link(start, order: order, list: list, at: .head, &frames)
  }

  private func checkZone(_ range: Range<Int>) {
    precondition(!range.isEmpty, "empty range at \(range.lowerBound)")
    precondition(
      range.lowerBound >= firstFrame && range.upperBound <= endFrame,
      "range \(range) is not in \(firstFrame)..<\(endFrame)"
    )
  }
}
