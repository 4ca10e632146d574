// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import PhysicalMemory

/// The marks of a zone, and the check against them.
@Suite struct WatermarkTests {
  private func marks(_ mebibytes: Int, _ pageSize: PageSize) -> [Int] {
    let pages = mebibytes << 20 / pageSize.bytes
    let marks = Watermarks(managedPages: pages, pageSize: pageSize)
    return [marks.min, marks.low, marks.high, marks.boost]
  }

  @Test func marksOfCommonMachines() {
    #expect(marks(256, .kib4) == [512, 640, 768, 0])
    #expect(marks(1024, .kib4) == [1024, 1286, 1548, 0])
    #expect(marks(4096, .kib4) == [2048, 3096, 4144, 0])
    #expect(marks(16384, .kib4) == [4096, 8290, 12484, 0])
    #expect(marks(256, .kib16) == [128, 160, 192, 0])
    #expect(marks(1024, .kib16) == [256, 321, 386, 0])
    #expect(marks(4096, .kib16) == [512, 774, 1036, 0])
    #expect(marks(16384, .kib16) == [1024, 2072, 3120, 0])
    #expect(marks(256, .kib64) == [32, 40, 48, 0])
    #expect(marks(1024, .kib64) == [64, 80, 96, 0])
    #expect(marks(4096, .kib64) == [128, 193, 258, 0])
    #expect(marks(16384, .kib64) == [256, 518, 780, 0])
  }

  @Test(arguments: PageSize.allCases)
  func theMinimumInKibibytesDoesNotDependOnThePageSize(_ pageSize: PageSize) {
    func kib(_ mebibytes: Int, _ minimum: MinimumFree = .standard) -> Int {
      minimum.kibibytes(managedPages: mebibytes << 20 / pageSize.bytes, pageSize: pageSize)
    }
    #expect(kib(256) == 2048)
    #expect(kib(512) == 2896)
    #expect(kib(1024) == 4096)
    #expect(kib(8192) == 11585)
    #expect(kib(16384) == 16384)
    #expect(kib(0) == 128)
    #expect(kib(1) == 128)
    #expect(kib(1 << 23) == 262_144)
    #expect(kib(1024, .kibibytes(12345)) == 12345)
  }

  @Test func hugePagesRaiseTheMinimum() {
    func kib(_ pageSize: PageSize) -> Int {
      MinimumFree.raisedForHugePages.kibibytes(
        managedPages: 16 << 30 / pageSize.bytes,
        pageSize: pageSize
      )
    }
    #expect(kib(.kib4) == 22 * 1024)
    #expect(kib(.kib16) == 352 * 1024)
    // 5 % of what lies above the high mark of the formula: (262144 - 780) / 20.
    #expect(kib(.kib64) == 13068 * 64)
  }

  @Test func squareRootsRoundDown() {
    for root in [0, 1, 2, 3, 255, 256, 1 << 20, 3_037_000_499] {
      #expect(MinimumFree.squareRoot(root * root) == root)
      if root > 1 { #expect(MinimumFree.squareRoot(root * root - 1) == root - 1) }
    }
    for value in 0...2000 {
      let root = MinimumFree.squareRoot(value)
      #expect(root * root <= value && (root + 1) * (root + 1) > value, "\(value)")
    }
  }

  /// 4 GiB of 4 KiB pages, 3,000 of them free and 900 of those CMA.
  private func zoneOf4GiB() -> Zone {
    let total = 1 << 20
    let zone = Zone(frameCount: total)
    zone.release(0..<total - 1024)
    zone.release(total - 1024..<total, as: .cma)
    while zone.allocate(10, .movable, cma: true) != nil {}
    for frame in 0..<2100 { zone.free(4096 + 2 * frame, 0) }
    for frame in 0..<900 { zone.free(total - 1024 + frame, 0) }
    return zone
  }

  @Test func theCheckLeavesOutFreeCmaPagesWhereTheyDoNotServe() {
    let zone = zoneOf4GiB()
    let marks = zone.watermarks
    #expect([marks.min, marks.low, marks.high] == [2048, 3096, 4144])
    #expect(zone.freePages == 3000 && zone.freeCMAPages == 900)
    // Movable: 3000 > 3096 is false, so the slow path, which passes at the minimum.
    #expect(!zone.passes(0, mark: marks.low, cma: true))
    #expect(zone.passes(0, mark: marks.min, cma: true))
    // Unmovable: 2100 > 2048.
    #expect(zone.passes(0, mark: marks.min, cma: false))
    // The comparison is strict.
    #expect(zone.passes(0, mark: 2999, cma: true) && !zone.passes(0, mark: 3000, cma: true))
    #expect(zone.passes(0, mark: 2099, cma: false) && !zone.passes(0, mark: 2100, cma: false))
  }

  @Test func reservesLowerTheMark() {
    let zone = zoneOf4GiB()
    // 5999 halves to 5999 - 2999 = 3000, which is not below 3000 free pages.
    #expect(!zone.passes(0, mark: 5999, cma: true, access: .high))
    #expect(zone.passes(0, mark: 5998, cma: true, access: .high))
    #expect(zone.passes(0, mark: 5998, cma: true, access: .outOfMemoryVictim))
    // 7998 - 3999 = 3999, less 999 is 3000.
    #expect(!zone.passes(0, mark: 7998, cma: true, access: .highNonBlocking))
    #expect(zone.passes(0, mark: 7996, cma: true, access: .highNonBlocking))
  }

  @Test func boostCountsInEveryComparison() {
    let zone = zoneOf4GiB()
    zone.buddy.boostWatermarks()
    #expect(zone.watermarks.boost == 512)
    #expect(zone.passes(0, mark: 2999 - 512, cma: true))
    #expect(!zone.passes(0, mark: 3000 - 512, cma: true))
  }

  @Test func higherOrdersNeedABlock() {
    let zone = zoneOf4GiB()
    // Ordinary free memory is in single pages; only CMA memory has larger blocks.
    #expect(zone.passes(1, mark: 0, cma: true))
    #expect(!zone.passes(1, mark: 0, cma: false))
    #expect(zone.passes(9, mark: 0, cma: true))
    #expect(!zone.passes(10, mark: 0, cma: true))
    // An order takes all but one of its pages off: 3000 - 511 = 2489.
    #expect(zone.passes(9, mark: 2488, cma: true) && !zone.passes(9, mark: 2489, cma: true))
  }

  @Test func marksFollowManagedPagesWithCmaIncluded() {
    let zone = Zone(frameCount: 1 << 16)
    zone.release(0..<1 << 15)
    #expect(zone.watermarks == Watermarks(managedPages: 1 << 15, pageSize: .kib4))
    zone.release(1 << 15..<1 << 16, as: .cma)
    #expect(zone.watermarks == Watermarks(managedPages: 1 << 16, pageSize: .kib4))
    #expect(zone.managedPages == 1 << 16 && zone.managedCMAPages == 1 << 15)
  }

  @Test func theScaleFactorSetsTheDistanceOfTheMarks() {
    var parameters = ZoneParameters()
    parameters.watermarkScaleFactor = 200
    let marks = Watermarks(managedPages: 1 << 20, pageSize: .kib4, parameters: parameters)
    // 2 % of 1,048,576 pages; the minimum stays.
    #expect([marks.min, marks.low, marks.high] == [2048, 23_019, 43_990])
    parameters.minimumFree = .kibibytes(1 << 20)
    let fixed = Watermarks(managedPages: 1 << 20, pageSize: .kib4, parameters: parameters)
    // A quarter of the minimum is more than 2 % of the zone.
    #expect([fixed.min, fixed.low, fixed.high] == [262_144, 327_680, 393_216])
  }

  @Test func theBoostFactorLimitsTheBoost() {
    for (factor, expected) in [(0, 0), (3, 0), (4, 512), (15_000, 9 * 512), (30_000, 18 * 512)] {
      var parameters = ZoneParameters()
      parameters.watermarkBoostFactor = factor
      parameters.minimumFree = .kibibytes(8192)
      let zone = Zone(frameCount: 1 << 16, parameters: parameters)
      zone.release(0..<1 << 16)
      // 2048 / 2560 / 3072 pages; 150 % of the high mark are 9 pageblocks.
      #expect(zone.watermarks.high == 3072)
      for _ in 0..<100 { zone.buddy.boostWatermarks() }
      #expect(zone.watermarks.boost == expected, "factor \(factor)")
    }
  }

  @Test func zonesBelowFourPageblocksAreNotBoosted() {
    for (blocks, expected) in [(3, 0), (4, 512)] {
      let zone = Zone(frameCount: blocks * 512)
      zone.release(0..<blocks * 512)
      zone.buddy.boostWatermarks()
      #expect(zone.watermarks.boost == expected, "\(blocks) pageblocks")
    }
  }
}
