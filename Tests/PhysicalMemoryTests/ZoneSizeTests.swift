// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import PhysicalMemory

/// The rules that look at several zones, and the sizes of per-CPU lists.
@Suite struct ZoneSizeTests {
  /// A machine of 8 GiB whose lowest GiB is DMA, the next three DMA32 and the rest Normal.
  private let zones = [
    ZoneSize(.dma, managedPages: 262_144), ZoneSize(.dma32, managedPages: 786_432),
    ZoneSize(.normal, managedPages: 1_048_576), ZoneSize(.movable, managedPages: 0),
  ]

  @Test func lowZonesProtectThemselvesByTheirRatios() {
    let reserves = [[0, 3072, 7168, 7168], [0, 0, 4096, 4096], [0, 0, 0, 0], [0, 0, 0, 0]]
    #expect(ZoneSize.lowMemoryReserves(of: zones) == reserves)
    // Normal keeps 1/32 of Movable from movable requests.
    let movable = [
      ZoneSize(.normal, managedPages: 524_288), ZoneSize(.movable, managedPages: 524_288),
    ]
    #expect(ZoneSize.lowMemoryReserves(of: movable) == [[0, 16_384], [0, 0]])
    // A zone without memory has nothing to protect.
    let empty = [ZoneSize(.dma, managedPages: 0), ZoneSize(.normal, managedPages: 1024)]
    #expect(ZoneSize.lowMemoryReserves(of: empty) == [[0, 0], [0, 0]])
    #expect(ZoneSize.lowMemoryReserves(of: []) == [])
  }

  @Test func theTotalReserveIsTheLargestReserveAndTheHighMarkOfEachZone() {
    let total = ZoneSize.totalReserve(of: zones, highMarks: [100, 200, 300, 32])
    // Movable has no page that it could reserve.
    #expect(total == 11_864)
    let small = [ZoneSize(.normal, managedPages: 50)]
    #expect(ZoneSize.totalReserve(of: small, highMarks: [100]) == 50)
  }

  private static func marks(of zones: [ZoneSize]) -> [Watermarks] {
    Watermarks.marks(of: zones, pageSize: .kib4, parameters: ZoneParameters())
  }

  @Test func zonesShareTheMinimumBySize() {
    let marks = Self.marks(of: zones)
    // 11585 KiB are 2896 pages: an eighth, three eighths and a half of them.
    #expect(marks.map(\.min) == [362, 1086, 1448, 32])
    #expect(marks.map(\.low) == [624, 1872, 2496, 32])
    #expect(marks.map(\.high) == [886, 2658, 3544, 32])
    // One zone alone has all of it, and the empty Movable takes nothing.
    let normal = ZoneSize(.normal, managedPages: 65_536)
    let alone = Watermarks(managedPages: 65_536, pageSize: .kib4)
    #expect(Self.marks(of: [normal]) == [alone])
    #expect(Self.marks(of: [normal, ZoneSize(.movable, managedPages: 0)])[0] == alone)
    // Movable does not share the minimum, and has the distance that its share would have.
    let movable = Self.marks(of: [normal, ZoneSize(.movable, managedPages: 65_536)])[1]
    #expect([movable.min, movable.low, movable.high] == [64, 192, 320])
  }

  @Test func batchesOfTheLists() {
    func size(_ pages: Int, _ pageSize: PageSize, processors: Int = 1) -> PerCPUListSize {
      PerCPUListSize(
        managedPages: pages,
        lowMark: Watermarks(managedPages: pages, pageSize: pageSize).low,
        processors: processors,
        pageSize: pageSize
      )
    }
    #expect(size(65_536, .kib4).batch == 15)
    #expect(size(131_072, .kib4).batch == 31)
    for pages in [262_144, 1 << 20, 1 << 24] { #expect(size(pages, .kib4).batch == 63) }
    #expect(size(65_536, .kib16).batch == 15)
    #expect(size(1 << 20, .kib16).batch == 15)
    #expect(size(16_384, .kib64).batch == 3)
    #expect(size(1 << 18, .kib64).batch == 3)
    for pages in [0, 1, 1024, 5000] { #expect(size(pages, .kib4).batch == 1, "\(pages)") }
    // 4 GiB: low mark 3096, an eighth 131,072.
    #expect(size(1 << 20, .kib4).highMinimum == 3096)
    #expect(size(1 << 20, .kib4, processors: 4).highMinimum == 774)
    #expect(size(1 << 20, .kib4, processors: 4).highMaximum == 32_768)
    #expect(size(1 << 20, .kib4, processors: 64).highMinimum == 4 * 63)
  }
}
