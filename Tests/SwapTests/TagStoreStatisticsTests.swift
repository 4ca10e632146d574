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
    #expect(
      v5.debugfsText == """
        8 bytes: 118277 allocations, 16089 deallocations
        16 bytes: 10762 allocations, 6738 deallocations
        32 bytes: 10748 allocations, 6823 deallocations
        64 bytes: 10510 allocations, 6644 deallocations
        128 bytes: 68375 allocations, 47378 deallocations
        uncompressed tag storage size: 17280000
        compressed tag storage size: 3125024

        """
    )
    let v10 = statistics([(8, 102496, 67302), (128, 212234, 178278)])
    #expect(v10.uncompressedBytes == 8_851_200)
    #expect(v10.classBytes == 4_346_368)
  }
}
