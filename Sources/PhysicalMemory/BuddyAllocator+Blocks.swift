// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

/// The end of a free list at which a block is put.
enum ListEnd {
  /// Used next, unless a merge is likely soon.
  case head
  /// Used last: memory given at boot, or given back by isolation.
  case tail
}

// Free blocks and the lists that hold them. Nothing here looks at the use of frames.
extension BuddyAllocator {
  /// The pageblocks that a range of frames meets.
  ///
  /// - Precondition: the range is not empty.
  func pageblocks(meeting range: Range<Int>) -> Range<Int> {
    range.lowerBound >> pageblockOrder..<((range.upperBound - 1) >> pageblockOrder + 1)
  }

  /// Adds to the free counters what entered or left the lists of `type`.
  mutating func countFree(_ pages: Int, type: MigrateType) {
    guard type != .isolate else { return }
    freePages += pages
    if type == .cma { freeCMAPages += pages }
  }

  /// Puts a block on a list, without merging or counting.
  mutating func link(
    _ start: Int,
    order: Int,
    list: MigrateType,
    at end: ListEnd,
    _ frames: inout FrameTable
  ) {
    let index = order * MigrateType.count + list.index
    var blocks = lists[index]
    switch end {
    case .head: blocks.pushFront(PageFrameNumber(start), in: &frames)
    case .tail: blocks.pushBack(PageFrameNumber(start), in: &frames)
    }
    lists[index] = blocks
    nonEmptyOrders[list.index] |= 1 << UInt32(order)
    frames[start].freeBlock = FreeBlock(order: order, list: list)
  }

  /// Takes a block off its list, without counting.
  mutating func unlink(
    _ start: Int,
    order: Int,
    list: MigrateType,
    _ frames: inout FrameTable
  ) {
    let index = order * MigrateType.count + list.index
    var blocks = lists[index]
    blocks.remove(PageFrameNumber(start), in: &frames)
    lists[index] = blocks
    if blocks.isEmpty { nonEmptyOrders[list.index] &= ~(1 << UInt32(order)) }
    frames[start].freeBlock = .none
  }

  /// Takes a block of `order` from the lists of one type, splitting the smallest that fits.
  ///
  /// The lower half is kept at each split, so that a fresh block is handed out in ascending order.
  ///
  /// - Returns: the first frame, -1 if no block of the type is large enough.
  mutating func takeBlock(
    order: Int,
    type: MigrateType,
    _ frames: inout FrameTable
  ) -> Int {
    let orders = nonEmptyOrders[type.index] >> UInt32(order)
    guard orders != 0 else { return -1 }
    var current = order + orders.trailingZeroBitCount
    let start = Int(lists[current * MigrateType.count + type.index].head)
    unlink(start, order: current, list: type, &frames)
    while current > order {
      current -= 1
      link(start + 1 << current, order: current, list: type, at: .head, &frames)
    }
    countFree(-(1 << order), type: type)
    return start
  }

  /// Splits an unlinked block into halves of `order`, and links the one without `frame`.
  ///
  /// - Returns: the first frame of the other half.
  mutating func halve(
    _ start: Int,
    order: Int,
    list: MigrateType,
    keeping frame: Int,
    _ frames: inout FrameTable
  ) -> Int {
    let upper = start + 1 << order
    guard frame >= upper else {
      link(upper, order: order, list: list, at: .head, &frames)
      return start
    }
    link(start, order: order, list: list, at: .head, &frames)
    return upper
  }

  /// Counts a block as free, merges it with its buddies as far as the rules allow, and links it.
  ///
  /// It goes to the tail if asked, or if the buddy of the merged block's parent is free: then the
  /// parent is likely to be whole soon, and the block should be used last.
  ///
  /// - Precondition: the frames' use is `free`, and the block fits one pageblock or covers
  ///   pageblocks that may share a block.
  mutating func insert(
    _ block: Int,
    order blockOrder: Int,
    type: MigrateType,
    at end: ListEnd,
    _ frames: inout FrameTable
  ) {
    countFree(1 << blockOrder, type: type)
    var start = block
    var order = blockOrder
    while order < maxOrder {
      let buddy = start ^ 1 << order
      guard headsBlock(buddy, order: order, frames) else { break }
      // Below the order of a pageblock both halves are in the same one.
      if order >= pageblockOrder
        && !Self.mayMerge(type, pageblockTypes[buddy >> pageblockOrder])
      {
        break
      }
      unlink(buddy, order: order, list: frames[buddy].freeBlock.list, &frames)
      start &= buddy
      order += 1
    }
    var place = end
    if end == .head && order < maxOrder - 1 {
      let parent = start & ~(1 << order)
      if headsBlock(parent ^ 1 << (order + 1), order: order + 1, frames) { place = .tail }
    }
    link(start, order: order, list: type, at: place, &frames)
  }

  /// Inserts a range as the largest aligned blocks, in ascending order at the tails.
  mutating func insertBlocks(
    of range: Range<Int>,
    type: MigrateType,
    _ frames: inout FrameTable
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      var order = start == 0 ? maxOrder : min(maxOrder, start.trailingZeroBitCount)
      while start + 1 << order > range.upperBound { order -= 1 }
      insert(start, order: order, type: type, at: .tail, &frames)
      start += 1 << order
    }
  }

  /// Whether a free block of exactly `order` starts at `start`, which may lie beyond the zone.
  func headsBlock(_ start: Int, order: Int, _ frames: borrowing FrameTable) -> Bool {
    start < endFrame && frames[start].freeBlock.isHead(ofOrder: order)
  }

  /// Whether free blocks of two pageblock types may become one.
  static func mayMerge(_ first: MigrateType, _ second: MigrateType) -> Bool {
    first == second || first.isRequestable && second.isRequestable
  }

  /// Whether the types of the pageblocks that a block covers allow it to be one free block.
  func formsOneBlock(_ start: Int, order: Int) -> Bool {
    let blocks = pageblocks(meeting: start..<start + 1 << order)
    let first = pageblockTypes[blocks.lowerBound]
    for block in blocks where !Self.mayMerge(first, pageblockTypes[block]) { return false }
    return true
  }

  /// The free block that holds a free frame: the only head below it whose block reaches it.
  ///
  /// - Precondition: the frame is free.
  func freeBlock(
    holding frame: Int,
    _ frames: borrowing FrameTable
  ) -> (start: Int, order: Int) {
    for order in 0...maxOrder {
      let start = frame & ~(1 << order - 1)
      if frames[start].freeBlock.isHead && frames[start].freeBlock.order >= order {
        return (start, frames[start].freeBlock.order)
      }
    }
    preconditionFailure("no free block holds frame \(frame)")
  }

  /// Moves all free blocks that start in a pageblock to the tails of another type's lists.
  ///
  /// Neither counters nor the pageblock's type change.
  ///
  /// - Returns: the pages moved.
  mutating func moveFreeBlocks(
    ofPageblock pageblock: Int,
    to type: MigrateType,
    _ frames: inout FrameTable
  ) -> Int {
    var moved = 0
    var start = pageblock << pageblockOrder
    let end = min(start + 1 << pageblockOrder, endFrame)
    while start < end {
      let block = frames[start].freeBlock
      guard block.isHead else {
        start += 1
        continue
      }
      moveBlock(start, to: type, &frames)
      moved += 1 << block.order
      start += 1 << block.order
    }
    return moved
  }

  /// Moves one free block to the tail of another type's list of its order.
  mutating func moveBlock(_ start: Int, to type: MigrateType, _ frames: inout FrameTable) {
    let block = frames[start].freeBlock
    unlink(start, order: block.order, list: block.list, &frames)
    link(start, order: block.order, list: type, at: .tail, &frames)
  }
}
