// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import PhysicalMemory

/// The vectors for the buddy allocator that were worked out by hand from the kernel's rules.
@Suite struct BuddyVectorTests {
  /// A zone with one free block of order 4 at frame 0, in a pageblock of unmovable type so that a
  /// small zone, which makes every request unmovable, finds it without stealing.
  private func zoneOf16() -> Zone {
    let zone = Zone(frameCount: 512)
    zone.release(0..<16, as: .unmovable)
    return zone
  }

  @Test func splittingHandsOutAscendingFrames() {
    let zone = zoneOf16()
    #expect(zone.list(4, .unmovable) == [0])
    #expect(zone.allocate(0) == 0)
    #expect(zone.list(0, .unmovable) == [1])
    #expect(zone.list(1, .unmovable) == [2])
    #expect(zone.list(2, .unmovable) == [4])
    #expect(zone.list(3, .unmovable) == [8])
    #expect(zone.allocate(0) == 1)
    #expect(zone.allocate(1) == 2)
    zone.free(0, 0)
    zone.free(1, 0)
    #expect(zone.list(0, .unmovable) == [])
    #expect(zone.list(1, .unmovable) == [0])
    zone.free(2, 1)
    #expect(zone.list(4, .unmovable) == [0])
    #expect(zone.freeListCounts == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    zone.check()
  }

  @Test func aBlockWhoseParentsBuddyIsFreeGoesToTheTail() {
    let zone = zoneOf16()
    // 0, 1 and 8, 9 allocated; 2 is a free block of order 1.
    #expect(zone.allocate(0) == 0)
    #expect(zone.allocate(0) == 1)
    for frame in [2, 3] { #expect(zone.takeFree(frame)) }
    #expect(zone.takeFree(8) && zone.takeFree(10))
    zone.free(2, 0)
    zone.free(3, 0)
    #expect(zone.list(1, .unmovable).contains(2))
    #expect(zone.list(0, .unmovable) == [11, 9])
    zone.free(0, 0)
    #expect(zone.list(0, .unmovable) == [11, 9, 0])
    zone.check()
  }

  @Test func aBlockWhoseParentsBuddyIsInUseGoesToTheHead() {
    let zone = zoneOf16()
    for frame in [0, 1, 2, 3, 8, 9, 10] { #expect(zone.takeFree(frame)) }
    #expect(zone.list(0, .unmovable) == [11])
    zone.free(0, 0)
    #expect(zone.list(0, .unmovable) == [0, 11])
    zone.free(3, 0)
    #expect(zone.list(0, .unmovable) == [3, 0, 11])
    #expect(zone.allocate(0) == 3)
    zone.check()
  }

  @Test func theTailRuleEndsBelowTheLargestParent() {
    // Two blocks of order 10 - 1 whose parents could merge only above the largest order.
    for pageSize in PageSize.allCases {
      let order = pageSize.maxOrder - 1
      let half = 1 << order
      let zone = Zone(frameCount: 8 * half, pageSize: pageSize)
      zone.release(0..<8 * half, as: .unmovable)
      while zone.allocate(order, .unmovable) != nil {}
      zone.free(2 * half, order + 1)
      zone.free(6 * half, order)
      // The parent of this block could merge, but nothing needs a larger block than that.
      zone.free(0, order)
      #expect(zone.list(order, .unmovable) == [0, 6 * half], "\(pageSize.name)")
      // One order less, blocks wait at the tail for their buddies.
      zone.free(half, order - 1)
      zone.free(4 * half, order)
      zone.free(6 * half + half, order - 1)
      #expect(zone.list(order - 1, .unmovable) == [half, 7 * half], "\(pageSize.name)")
      zone.check()
    }
  }

  @Test func bootMemoryIsUsedInAscendingOrder() {
    let zone = Zone(frameCount: 8192)
    zone.release(0..<8192, as: .movable)
    for block in 0..<8 { #expect(zone.allocate(10) == block * 1024) }
    #expect(zone.allocate(0) == nil)
    zone.check()
  }

  @Test func unalignedBootMemoryBecomesTheLargestAlignedBlocks() {
    let zone = Zone(frameCount: 8192)
    zone.release(3..<5003)
    #expect(zone.list(2, .movable) == [4])
    #expect(zone.list(3, .movable) == [8, 4992])
    #expect(zone.list(1, .movable) == [5000])
    #expect(zone.list(0, .movable) == [3, 5002])
    #expect(zone.list(10, .movable) == [1024, 2048, 3072])
    #expect(zone.freePages == 5000)
    zone.check()
  }

  @Test func memoryGivenInPiecesMergesAtBoot() {
    let zone = Zone(frameCount: 1024)
    for start in stride(from: 0, to: 1024, by: 64) { zone.release(start..<start + 64) }
    #expect(zone.list(10, .movable) == [0])
    zone.check()
  }

  @Test(arguments: PageSize.allCases)
  func cmaMemoryIsUsedFromTheLastPageblockGiven(_ pageSize: PageSize) {
    let zone = Zone(pageblocks: [.cma, .cma, .cma, .cma, .cma, .cma, .cma], pageSize: pageSize)
    let pages = pageSize.pagesPerPageblock
    // The last pageblock is left without a buddy, so a small request is served from it.
    #expect(zone.allocate(0, cma: true) == 6 * pages)
    #expect(zone.allocate(0, cma: false) == nil)
    zone.check()
  }
}
