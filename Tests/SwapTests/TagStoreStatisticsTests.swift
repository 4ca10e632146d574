// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Swap
import TagCompression
import Testing

@Suite struct TagStoreStatisticsTests {
  @Test func publishedCountersGiveThePublishedSizes() {
    func statistics(_ rows: [(bytes: Int, allocations: UInt64, frees: UInt64)])
      -> TagStoreStatistics
    {
      TagStoreStatistics(
        pageSize: .kib4,
        classes: rows.map {
          TagClassCounts(
            sizeClass: TagSizeClass(bytes: $0.bytes),
            allocations: $0.allocations,
            frees: $0.frees,
            peak: $0.allocations
          )
        }
      )
    }
    let v5 = statistics([
      (8, 118277, 16089), (16, 10762, 6738), (32, 10748, 6823), (64, 10510, 6644),
      (128, 68375, 47378),
    ])
    #expect(v5.savedPages == 135_000)
    #expect(v5.uncompressedBytes == 17_280_000)
    #expect(v5.classBytes == 3_125_024)
    let v10 = statistics([(8, 102496, 67302), (128, 212234, 178278)])
    #expect(v10.uncompressedBytes == 8_851_200)
    #expect(v10.classBytes == 4_346_368)
  }
}
