// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import PhysicalMemory

/// What a request steals when its own type has nothing left.
@Suite struct FallbackTests {
  /// A grouped zone of 8 pageblocks of `type`, all in use except the frames in `free`.
  ///
  /// Frames in `movable` are on an LRU list.
  private func zone(
    of type: MigrateType,
    free: [Range<Int>],
    movable: Range<Int> = 0..<0
  ) -> Zone {
    let zone = Zone(pageblocks: Array(repeating: type, count: 8))
    while zone.allocate(9, type) != nil {}
    for frame in movable { zone.frames[frame].flags = .onList }
    for range in free {
      for frame in range {
        zone.frames[frame].flags = []
        zone.free(frame, 0)
      }
    }
    return zone
  }

  @Test func aWholePageblockIsConverted() {
    let zone = zone(of: .movable, free: [1024..<1536])
    #expect(zone.allocate(0, .unmovable) == 1024)
    #expect(zone.type(1024) == .unmovable)
    #expect(zone.type(1536) == .movable)
    #expect(zone.list(8, .unmovable) == [1280])
    #expect(zone.fallbackCounts.wholeBlocks == 1)
    #expect(zone.watermarks.boost == 0)
    zone.check()
  }

  @Test func aLargeBlockConvertsAllPageblocksItCovers() {
    let zone = zone(of: .movable, free: [1024..<2048])
    #expect(zone.allocate(3, .reclaimable) == 1024)
    #expect(zone.type(1024) == .reclaimable)
    #expect(zone.type(2047) == .reclaimable)
    zone.check()
  }

  @Test func ofEqualBlocksTheFirstFallbackTypeIsTaken() {
    for (type, order) in [
      (MigrateType.unmovable, [MigrateType.reclaimable, .movable]),
      (.movable, [.reclaimable, .unmovable]),
      (.reclaimable, [.unmovable, .movable]),
    ] {
      // Two pageblocks apart, so that neither merges.
      let zone = Zone(pageblocks: Array(repeating: .movable, count: 8))
      while zone.allocate(9, .movable) != nil {}
      zone.buddy.pageblockTypes[1] = order[1]
      zone.buddy.pageblockTypes[4] = order[0]
      zone.free(512, 9)
      zone.free(4 * 512, 9)
      #expect(zone.allocate(0, type) == 4 * 512, "\(type)")
      zone.check()
    }
  }

  /// The limit of conversion: half a pageblock free or alike.
  @Test(arguments: [(255, false), (256, true), (257, true)])
  func anUnmovableRequestConvertsFromHalfAPageblockOn(free: Int, isConverted: Bool) {
    // Everything else in the pageblock is on an LRU list, so nothing is alike.
    let zone = zone(of: .movable, free: [0..<free], movable: 0..<512)
    let start = zone.allocate(0, .unmovable)
    #expect(start != nil)
    #expect(zone.type(0) == (isConverted ? .unmovable : .movable))
    #expect(zone.fallbackCounts.converted == (isConverted ? 1 : 0))
    #expect(zone.fallbackCounts.moved == (isConverted ? 0 : 1))
    // Either way all free memory of the pageblock has moved.
    for order in 0...10 { #expect(zone.list(order, .movable) == []) }
    #expect(zone.freePages == free - 1)
    #expect(zone.watermarks.boost == 512)
    for frame in 0..<512 { zone.frames[frame].flags = [] }
    zone.check()
  }

  @Test(arguments: [(256, false), (255, true)])
  func whatIsNotMovableInAMovablePageblockCountsAsAlike(movable: Int, isConverted: Bool) {
    // One free page; `movable` on an LRU list; the rest is unmovable and so alike.
    let zone = zone(of: .movable, free: [511..<512], movable: 0..<movable + 1)
    _ = zone.allocate(0, .unmovable)
    // 1 + (512 - 1 - movable - 1) >= 256
    #expect(zone.type(0) == (512 - movable - 1 >= 256 ? .unmovable : .movable))
    #expect(isConverted == (512 - movable - 1 >= 256))
  }

  @Test func whatIsInUseInAnUnmovablePageblockDoesNotCountForReclaimableRequests() {
    let zone = zone(of: .unmovable, free: [0..<255])
    _ = zone.allocate(0, .reclaimable)
    #expect(zone.type(0) == .unmovable)
    let half = self.zone(of: .unmovable, free: [0..<256])
    _ = half.allocate(0, .reclaimable)
    #expect(half.type(0) == .reclaimable)
  }

  @Test(arguments: [(16, 239, false), (16, 240, true)])
  func movableInUseCountsForMovableRequests(free: Int, movable: Int, isConverted: Bool) {
    // A block of order 4 is half the orders of a pageblock: large enough to claim it.
    let zone = zone(of: .unmovable, free: [0..<free], movable: 16..<16 + movable)
    #expect(zone.allocate(0, .movable) == 0)
    #expect(zone.type(0) == (isConverted ? .movable : .unmovable))
  }

  @Test func aSmallMovableRequestTakesTheSmallestBlockAlone() {
    let zone = zone(of: .unmovable, free: [8..<16, 512..<514, 1024..<1028])
    #expect(zone.allocate(0, .movable) == 512)
    #expect(zone.list(0, .movable) == [513])
    #expect(zone.list(3, .unmovable) == [8])
    #expect(zone.type(512) == .unmovable)
    #expect(zone.fallbackCounts.single == 1)
    #expect(zone.watermarks.boost == 512)
    // The rest of the block comes back to its pageblock's list.
    zone.free(512, 0)
    #expect(zone.list(1, .unmovable) == [512])
    #expect(zone.list(0, .movable) == [])
    zone.check()
  }

  @Test func theBoostEndsAtItsLimit() {
    let zone = zone(of: .unmovable, free: (0..<8).map { $0 * 512..<$0 * 512 + 1 })
    for step in 1...8 {
      #expect(zone.allocate(0, .movable) != nil)
      let limit = max(512, zone.watermarks.high * 15_000 / 10_000)
      #expect(zone.watermarks.boost == min(512 * step, limit))
    }
    zone.buddy.lowerBoost(by: 100)
    let left = zone.watermarks.boost
    #expect(left > 0)
    zone.buddy.lowerBoost(by: 1 << 40)
    #expect(zone.watermarks.boost == 0)
  }

  @Test func aTinyZoneIsNotBoosted() {
    let zone = Zone(pageblocks: [.movable, .movable, .movable])
    while zone.allocate(9, .unmovable) != nil {}
    zone.buddy.pageblockTypes[0] = .movable
    zone.free(0, 0)
    #expect(zone.allocate(0, .unmovable) == 0)
    #expect(zone.watermarks.boost == 0)
    #expect(zone.type(0) == .unmovable)
  }

  @Test func anIncompletePageblockIsNeverClaimed() {
    let zone = Zone(frameCount: 8 * 512 + 256)
    zone.release(0..<8 * 512 + 256)
    while let frame = zone.allocate(8, .movable) { _ = frame }
    zone.free(8 * 512, 8)
    #expect(zone.allocate(0, .unmovable) == 8 * 512)
    #expect(zone.type(8 * 512) == .movable)
    #expect(zone.fallbackCounts.single == 1)
    zone.check()
  }
}
