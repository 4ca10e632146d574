// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

/// Contiguous allocation in its phases, and the single-frame fast track.
@Suite struct IsolationTests {
  private static let types: [MigrateType] = [
    .movable, .movable, .movable, .movable, .unmovable, .movable, .cma, .cma, .cma, .cma,
  ]

  @Test(arguments: PageSize.allCases)
  func isolatedMemoryIsNotFreeAndServesNobody(_ pageSize: PageSize) {
    let zone = Zone(types: Self.types, pageSize: pageSize)
    let pages = pageSize.pagesPerPageblock
    let free = zone.freePages
    // One frame is enough to isolate its whole pageblock, and to split a block over two.
    #expect(zone.isolate(7 * pages + 3..<7 * pages + 4))
    #expect(zone.freePages == free - pages)
    #expect(zone.freeCMAPages == 3 * pages)
    #expect(zone.isolatedPageblocks == 1)
    #expect(zone.type(7 * pages) == .isolate && zone.type(6 * pages) == .cma)
    zone.check()
    while let frame = zone.allocate(pageSize.pageblockOrder, .movable, cma: true) {
      #expect(frame != 7 * pages)
    }
    #expect(zone.freePages == 0)
    // What is freed in there stays there; what is freed elsewhere does not.
    zone.free(6 * pages, pageSize.pageblockOrder)
    zone.check()
    zone.undo(7 * pages..<7 * pages + 1, as: .cma)
    #expect(zone.freeCMAPages == 2 * pages && zone.freePages == 2 * pages)
    zone.check()
  }

  @Test(arguments: PageSize.allCases)
  func undoingAnIsolationMergesBlocksAgain(_ pageSize: PageSize) {
    let zone = Zone(types: Self.types, pageSize: pageSize)
    let counts = zone.freeListCounts
    let pages = pageSize.pagesPerPageblock
    for range in [6 * pages..<7 * pages, 7 * pages..<9 * pages, 6 * pages..<10 * pages] {
      #expect(zone.isolate(range))
      zone.check()
      zone.undo(range, as: .cma)
      zone.check()
      #expect(zone.freeListCounts == counts, "\(range)")
      #expect(zone.freePages == 10 * pages && zone.freeCMAPages == 4 * pages)
    }
  }

  @Test func isolatingTwiceFailsAndChangesNothing() {
    let zone = Zone(types: Self.types, pageSize: .kib4)
    #expect(zone.isolate(8 * 512..<8 * 512 + 1))
    let before = zone.digest()
    #expect(!zone.isolate(6 * 512..<9 * 512))
    #expect(!zone.isolate(8 * 512 + 100..<8 * 512 + 101))
    #expect(zone.digest() == before)
    zone.undo(8 * 512..<9 * 512, as: .cma)
    zone.check()
  }

  @Test func neighbouringIsolationsEndOneByOne() {
    let zone = Zone(types: Self.types, pageSize: .kib4)
    while zone.allocate(9, .movable, cma: true) != nil {}
    #expect(zone.isolate(6 * 512..<7 * 512) && zone.isolate(7 * 512..<8 * 512))
    zone.free(6 * 512, 9)
    zone.free(7 * 512, 9)
    // They have merged while isolated.
    #expect(zone.list(10, .isolate) == [6 * 512])
    zone.check()
    zone.undo(7 * 512..<8 * 512, as: .cma)
    #expect(zone.freeCMAPages == 512 && zone.isolatedPageblocks == 1)
    zone.check()
    zone.undo(6 * 512..<7 * 512, as: .cma)
    #expect(zone.freeCMAPages == 1024 && zone.list(10, .cma) == [6 * 512])
    zone.check()
  }

  @Test func aFreedBlockOverAnIsolatedPageblockIsDivided() {
    let zone = Zone(types: Self.types, pageSize: .kib4)
    #expect(zone.allocate(10, .movable, cma: false) == 0)
    #expect(zone.isolate(512..<600))
    zone.free(0, 10)
    #expect(zone.list(9, .isolate) == [512])
    #expect(zone.list(9, .movable).contains(0))
    zone.check()
    zone.undo(512..<600, as: .movable)
    #expect(zone.list(10, .movable).contains(0))
    zone.check()
  }

  @Test func claimingNeedsEveryFrameFreeAndIsolated() {
    let zone = Zone(types: Self.types, pageSize: .kib4)
    let start = 7 * 512
    #expect(zone.takeFree(start + 20))
    var before = zone.digest()
    #expect(!zone.claim(start..<start + 8))
    #expect(zone.digest() == before)
    #expect(zone.isolate(start..<start + 8))
    before = zone.digest()
    for range in [start + 20..<start + 21, start..<start + 21, start + 20..<start + 30] {
      #expect(!zone.claim(range), "\(range)")
    }
    #expect(!zone.claim(start - 1..<start + 1) && !zone.claim(start..<start + 513))
    #expect(zone.digest() == before)
    #expect(zone.claim(start + 21..<start + 22))
    zone.check()
    #expect(zone.use(start + 21) == .inHand)
    zone.undo(start..<start + 8, as: .cma)
    zone.check()
    zone.free(start + 20, 0)
    zone.free(start + 21, 0)
    #expect(zone.list(10, .cma).contains(6 * 512))
    zone.check()
  }

  /// Every range of a short stretch of frames that begins with a block in use.
  @Test func everyClaimTakesItsRangeAndNothingElse() {
    let types: [MigrateType] = [.movable, .movable, .movable, .movable, .movable, .cma]
    let base = 5 * 512
    for first in 0...17 {
      for last in first + 1...18 {
        let zone = Zone(types: types, pageSize: .kib4)
        #expect(zone.takeFree(base + 5))
        let range = base + first..<base + last
        let isPossible = !range.contains(base + 5)
        #expect(zone.isolate(range))
        #expect(zone.claim(range) == isPossible, "\(range)")
        zone.undo(range, as: .cma)
        for frame in base..<base + 32 {
          let isTaken = frame == base + 5 || isPossible && range.contains(frame)
          #expect(zone.isFree(frame) != isTaken, "\(range) frame \(frame)")
        }
        zone.check()
        if isPossible { for frame in range { zone.free(frame, 0) } }
        zone.free(base + 5, 0)
        #expect(zone.list(9, .cma) == [base], "\(range)")
        #expect(zone.freePages == 6 * 512)
      }
    }
  }

  @Test(arguments: PageSize.allCases)
  func aClaimMayCoverSeveralPageblocks(_ pageSize: PageSize) {
    let zone = Zone(types: Self.types, pageSize: pageSize)
    let pages = pageSize.pagesPerPageblock
    let range = 6 * pages + 1..<10 * pages - 1
    #expect(zone.isolate(range))
    #expect(zone.claim(range))
    zone.undo(range, as: .cma)
    #expect(zone.freeCMAPages == 2)
    #expect(zone.isolatedPageblocks == 0)
    zone.check()
    for frame in range { zone.free(frame, 0) }
    #expect(zone.freeCMAPages == 4 * pages)
    zone.check()
  }

  @Test func takingOneFrameSplitsItsBlock() {
    for frame in [0, 1, 511, 512, 777, 1023] {
      let zone = Zone(types: Self.types, pageSize: .kib4)
      #expect(zone.takeFree(frame))
      #expect(!zone.takeFree(frame), "the frame is not free any more")
      #expect(zone.use(frame) == .inHand)
      #expect(zone.freePages == 10 * 512 - 1)
      zone.check()
      for order in 0..<10 {
        let half = (frame - frame % (1 << order)) ^ 1 << order
        #expect(zone.list(order, .movable).contains(half), "frame \(frame) order \(order)")
      }
      zone.free(frame, 0)
      #expect(zone.list(10, .movable).contains(0))
    }
  }

  @Test func takingAReservedFrameFails() {
    let zone = Zone(frameCount: 1024)
    #expect(!zone.takeFree(3))
  }

  /// Random isolations, claims, frees and requests on a small zone, with a set of free frames as
  /// the model.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomIsolationsKeepEveryFrameInOnePlace(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let zone = Zone(types: Self.types, pageSize: .kib4)
    let count = zone.frames.count
    var isFree = [Bool](repeating: true, count: count)
    var held: [Int] = []
    var isolated: [Range<Int>] = []
    for step in 0..<400 {
      let place = "seed \(seed) step \(step)"
      switch random.below(5) {
      case 0, 1:
        for _ in 0..<random.below(200) {
          guard let frame = zone.allocate(0, .movable, cma: true) else { break }
          #expect(isFree[frame], "\(place)")
          #expect(zone.type(frame) != .isolate, "\(place)")
          isFree[frame] = false
          held.append(frame)
        }
      case 2:
        for _ in 0..<min(held.count, random.below(200)) {
          let frame = held.remove(at: random.below(held.count))
          zone.free(frame, 0)
          isFree[frame] = true
        }
      case 3:
        let start = 6 * 512 + random.below(4 * 512 - 8)
        let range = start..<start + 1 + random.below(8)
        let met = range.lowerBound >> 9..<(range.upperBound - 1) >> 9 + 1
        let isPossible = !isolated.contains {
          ($0.lowerBound >> 9..<($0.upperBound - 1) >> 9 + 1).overlaps(met)
        }
        #expect(zone.isolate(range) == isPossible, "\(place)")
        if isPossible { isolated.append(range) }
      default:
        guard !isolated.isEmpty else { continue }
        let range = isolated.remove(at: random.below(isolated.count))
        let isPossible = range.allSatisfy { isFree[$0] }
        #expect(zone.claim(range) == isPossible, "\(place)")
        if isPossible {
          for frame in range {
            isFree[frame] = false
            held.append(frame)
          }
        }
        zone.undo(range, as: .cma)
      }
      for frame in 0..<count where zone.isFree(frame) != isFree[frame] {
        Issue.record("\(place): frame \(frame)")
      }
      zone.check()
    }
  }
}
