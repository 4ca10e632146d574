// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

/// How often requests were served from pageblocks of another type, by what was moved.
public struct FallbackCounts: Equatable, Sendable {
  /// Blocks of a pageblock or more, whose pageblocks were converted.
  public internal(set) var wholeBlocks = 0
  /// Pageblocks whose free memory was moved and whose type was converted.
  public internal(set) var converted = 0
  /// Pageblocks whose free memory was moved, but whose type stayed.
  public internal(set) var moved = 0
  /// Single blocks that were moved on their own.
  public internal(set) var single = 0

  /// Creates counts of zero.
  public init() {}
}

// Stealing: what happens when the requested type has no block that is large enough.
extension BuddyAllocator {
  /// The types that a request may steal from, best first.
  ///
  /// CMA, atomic reserve and isolated memory are never stolen.
  static func fallbacks(of type: MigrateType) -> (first: MigrateType, second: MigrateType) {
    switch type {
    case .unmovable: (.reclaimable, .movable)
    case .movable: (.reclaimable, .unmovable)
    default: (.unmovable, .movable)
    }
  }

  /// Moves a block of at least `order` from another type's lists to those of `type`.
  ///
  /// The largest block is taken, so that types mix in as few pageblocks as possible. Only a movable
  /// request for less than half the orders of a pageblock takes the smallest that fits instead: its
  /// pages can be moved out again, so it should not claim a pageblock. `avoidingFragments` leaves
  /// blocks below the order of a pageblock alone.
  ///
  /// - Returns: `false`, and nothing changed, if there is none.
  ///
  /// Source: Linux v6.8 `__rmqueue_fallback`.
  mutating func steal(
    order: Int,
    type: MigrateType,
    _ avoidingFragments: Bool,
    _ frames: inout FrameTable
  ) -> Bool {
    let types = Self.fallbacks(of: type)
    let first = nonEmptyOrders[types.first.index]
    let second = nonEmptyOrders[types.second.index]
    let smallest = avoidingFragments ? max(order, pageblockOrder) : order
    let fitting = (first | second) >> UInt32(smallest)
    guard fitting != 0 else { return false }
    // Whether a whole pageblock may be claimed only falls with the order, and the smallest block is
    // sought as soon as it is denied, so the largest order decides alone.
    let largest = UInt32.bitWidth - 1 - (first | second).leadingZeroBitCount
    var chosen = largest
    if !mayClaimPageblock(order: largest, type: type) && largest > order {
      chosen = smallest + fitting.trailingZeroBitCount
    }
    let source = first >> UInt32(chosen) & 1 != 0 ? types.first : types.second
    let start = Int(lists[chosen * MigrateType.count + source.index].head)
    claim(start, order: chosen, type: type, &frames)
    return true
  }

  /// Whether a steal of a block of `order` may take all free memory of its pageblock along.
  func mayClaimPageblock(order: Int, type: MigrateType) -> Bool {
    order >= pageblockOrder / 2 || type == .reclaimable || type == .unmovable
      || !groupsByMobility
  }

  /// Moves the free block at `start` to `type`, with its pageblock where that pays.
  ///
  /// Source: Linux v6.8 `steal_suitable_fallback`.
  private mutating func claim(
    _ start: Int,
    order: Int,
    type: MigrateType,
    _ frames: inout FrameTable
  ) {
    let pageblock = start >> pageblockOrder
    let old = pageblockTypes[pageblock]
    if old != .highAtomic && parameters.stealing == .pageblock {
      if order >= pageblockOrder {
        pageblockTypes.fill(pageblocks(meeting: start..<start + 1 << order), with: type)
        moveBlock(start, to: type, &frames)
        fallbackCounts.wholeBlocks += 1
        return
      }
      boostWatermarks()
      // A pageblock that the zone's end cuts short is never moved as a whole.
      let isComplete = (pageblock + 1) << pageblockOrder <= endFrame
      if isComplete && mayClaimPageblock(order: order, type: type) {
        claimPageblock(pageblock, from: old, for: type, &frames)
        return
      }
    }
    moveBlock(start, to: type, &frames)
    fallbackCounts.single += 1
  }

  /// Moves all free memory of a pageblock to `type`, and converts the pageblock if at least half of
  /// it is then free or in use by that type.
  private mutating func claimPageblock(
    _ pageblock: Int,
    from old: MigrateType,
    for type: MigrateType,
    _ frames: inout FrameTable
  ) {
    let pages = 1 << pageblockOrder
    let movable = countMovable(inPageblock: pageblock, frames)
    let free = moveFreeBlocks(ofPageblock: pageblock, to: type, &frames)
    let alike: Int
    if type == .movable {
      alike = movable
    } else {
      // What is neither free nor movable cannot be told apart; in an unmovable pageblock it might
      // be reclaimable and the other way round, so only a movable pageblock counts.
      alike = old == .movable ? pages - free - movable : 0
    }
    if free + alike >= pages / 2 || !groupsByMobility {
      pageblockTypes[pageblock] = type
      fallbackCounts.converted += 1
    } else {
      fallbackCounts.moved += 1
    }
  }

  /// The frames of a pageblock that are on an LRU list.
  private func countMovable(inPageblock pageblock: Int, _ frames: borrowing FrameTable) -> Int {
    var movable = 0
    let start = pageblock << pageblockOrder
    for frame in start..<start + 1 << pageblockOrder
    where frames[frame].flags.contains(.onList)
      || frames[frame].use == .compressed
    {
      movable += 1
    }
    return movable
  }
}
