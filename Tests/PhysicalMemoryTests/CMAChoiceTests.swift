// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import PhysicalMemory

/// When a movable request gets CMA memory.
@Suite struct CMAChoiceTests {
  /// A zone with `free` pages free, `cma` of them CMA.
  private func zone(free: Int, cma: Int) -> Zone {
    let zone = Zone(pageblocks: [.movable, .movable, .movable, .movable, .movable, .cma])
    // Everything is taken, and the wanted number of each kind given back.
    while let frame = zone.allocate(0, cma: true) { zone.frames[frame].use = .anonymous }
    for frame in 0..<free - cma { zone.free(2 * frame, 0) }
    for frame in 0..<cma { zone.free(5 * 512 + frame, 0) }
    return zone
  }

  @Test func cmaMemoryComesFirstWhileItIsMoreThanHalf() {
    let zone = zone(free: 1000, cma: 501)
    #expect(zone.freePages == 1000)
    #expect(zone.freeCMAPages == 501)
    #expect((zone.allocate(0, cma: true) ?? 0) >= 5 * 512)
    zone.check()
  }

  @Test func ordinaryMemoryComesFirstFromHalfOn() {
    let zone = zone(free: 1000, cma: 500)
    #expect((zone.allocate(0, cma: true) ?? 5 * 512) < 5 * 512)
    zone.check()
  }

  @Test func anOddTotalIsHalvedDownwards() {
    // 501 > 1001 / 2 = 500.
    let zone = zone(free: 1001, cma: 501)
    #expect((zone.allocate(0, cma: true) ?? 0) >= 5 * 512)
  }

  /// The share above which CMA memory comes first can be set: at 0 it always does, at 100 only when the
  /// movable lists are empty.
  @Test func theShareDecides() {
    for (percent, cma, isFirst) in [
      (0, 1, true), (100, 510, false), (30, 301, true), (30, 300, false),
    ] {
      let zone = zone(free: 1000, cma: cma)
      zone.buddy.preferCMAAbovePercent = percent
      let frame = zone.allocate(0, cma: true) ?? 0
      #expect((frame >= 5 * 512) == isFirst, "\(percent) %, \(cma) pages: frame \(frame)")
      zone.check()
    }
    let last = zone(free: 2, cma: 2)
    last.buddy.preferCMAAbovePercent = 100
    #expect((last.allocate(0, cma: true) ?? 0) >= 5 * 512)
  }

  @Test func cmaMemoryIsSecondChoiceBeforeStealing() {
    let zone = Zone(pageblocks: [
      .unmovable, .unmovable, .unmovable, .unmovable, .unmovable, .unmovable, .cma,
    ])
    #expect((zone.allocate(0, cma: true) ?? 0) >= 6 * 512)
    #expect(zone.fallbackCounts == FallbackCounts())
    zone.check()
  }

  @Test func cmaMemoryIsNeverStolen() {
    let zone = Zone(pageblocks: [.cma, .cma, .cma, .cma, .cma, .cma])
    #expect(zone.allocate(0, .unmovable) == nil)
    #expect(zone.allocate(0, .reclaimable) == nil)
    #expect(zone.allocate(0, .movable) == nil)
    #expect(zone.allocate(0, .movable, cma: true) != nil)
    zone.check()
  }

  @Test(arguments: PageSize.allCases)
  func aSmallMachineNeverUsesCmaMemoryForData(_ pageSize: PageSize) {
    let small = Zone(
      pageblocks: [.movable, .movable, .movable, .movable, .cma],
      pageSize: pageSize
    )
    #expect(!small.groupsByMobility)
    let movable = 4 * pageSize.pagesPerPageblock
    for _ in 0..<4 {
      #expect((small.allocate(pageSize.pageblockOrder, cma: true) ?? movable) < movable)
    }
    #expect(small.allocate(0, cma: true) == nil)
    #expect(small.freeCMAPages == pageSize.pagesPerPageblock)
    #expect(!small.passes(0, mark: 0, cma: true))
    small.check()

    let large = Zone(
      pageblocks: [.movable, .movable, .movable, .movable, .movable, .cma],
      pageSize: pageSize
    )
    #expect(large.groupsByMobility)
    for _ in 0..<6 { #expect(large.allocate(pageSize.pageblockOrder, cma: true) != nil) }
    large.check()
  }
}
