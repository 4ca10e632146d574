// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@Suite struct StallHistogramTests {
  @Test func bucketsAreNeighboursAndNarrow() {
    #expect(StallHistogram.waits(in: 0) == 0...0)
    for bucket in 0..<StallHistogram.bucketCount {
      let waits = StallHistogram.waits(in: bucket)
      #expect(StallHistogram.bucket(of: waits.lowerBound) == bucket)
      #expect(StallHistogram.bucket(of: waits.upperBound) == bucket)
      #expect(waits.upperBound - waits.lowerBound <= waits.lowerBound / 8)
      if bucket < 16 { #expect(waits == UInt64(bucket)...UInt64(bucket)) }
      guard bucket + 1 < StallHistogram.bucketCount else { continue }
      #expect(StallHistogram.waits(in: bucket + 1).lowerBound == waits.upperBound + 1)
    }
    #expect(StallHistogram.waits(in: StallHistogram.bucketCount - 1).upperBound == .max)
  }

  @Test func emptyHistogramSaysNothing() {
    let empty = StallHistogram()
    #expect(empty.mean == 0 && empty.percentile(10_000) == 0 && empty.maximum == 0)
    #expect(StallHistogram(count: 0, total: 0, maximum: 0, buckets: []) == empty)
  }

  /// Everything that a histogram says of random waits, against a sorted list of them.
  @Test(arguments: UInt64(1)...40)
  func saysWhatASortedListSays(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var histogram = StallHistogram()
    var waits: [UInt64] = []
    for _ in 0..<random.below(400) + 1 {
      // Waits of all magnitudes, and many of nothing.
      let wait = random.below(3) == 0 ? 0 : random.next() >> UInt64(20 + random.below(44))
      waits.append(wait)
      if wait == 0 && random.below(2) == 0 {
        histogram.recordNothing()
      } else {
        histogram.record(wait)
      }
    }
    waits.sort()
    #expect(histogram.count == UInt64(waits.count), "seed \(seed)")
    #expect(histogram.waited == UInt64(waits.count { $0 > 0 }), "seed \(seed)")
    #expect(histogram.total == waits.reduce(0, +), "seed \(seed)")
    #expect(histogram.maximum == waits.last, "seed \(seed)")
    for share in [1, 2_500, 5_000, 9_000, 9_900, 9_990, 10_000] {
      let exact = waits[(waits.count * share + 9_999) / 10_000 - 1]
      let stated = histogram.percentile(UInt64(share))
      #expect(stated >= exact && stated - exact <= exact / 8, "seed \(seed), share \(share)")
    }
    let parts = StallHistogram(
      count: histogram.count,
      total: histogram.total,
      maximum: histogram.maximum,
      buckets: histogram.buckets
    )
    #expect(parts == histogram, "seed \(seed)")
  }

  @Test func largeWaitsStayInRange() {
    var histogram = StallHistogram()
    for _ in 0..<3 { histogram.record(.max) }
    #expect(histogram.total == StallHistogram.largestTotal && histogram.count == 3)
    #expect(histogram.maximum == StallHistogram.largestTotal)
    var totals = AllocationClassTotals()
    for _ in 0..<3 { totals.add(.max, migratedPages: 2) }
    #expect(totals.total == StallHistogram.largestTotal && totals.migratedPages == 6)
  }

  @Test func partsThatDoNotGoTogetherAreRefused() {
    func histogram(_ count: UInt64, _ total: UInt64, _ maximum: UInt64, _ buckets: [UInt64]) -> Bool
    {
      StallHistogram(count: count, total: total, maximum: maximum, buckets: buckets) != nil
    }
    #expect(histogram(3, 5, 3, [0, 0, 1, 1]))
    #expect(!histogram(1, 5, 3, [0, 0, 1, 1]), "more waited than there are")
    #expect(!histogram(3, 5, 3, [1, 0, 1, 1]), "waits of nothing are not in a bucket")
    #expect(!histogram(3, 5, 2, [0, 0, 1, 1]), "the longest is in the last bucket")
    #expect(!histogram(3, 5, 3, [0, 0, 1, 1, 0]), "the last bucket has something")
    #expect(!histogram(3, 2, 3, [0, 0, 1, 1]), "the total has the longest in it")
    #expect(!histogram(3, 1 << 53, 3, [0, 0, 1, 1]), "the total is in range")
    #expect(!histogram(3, 1, 0, []), "nothing waited")
    #expect(!histogram(3, 3, 3, [0, .max, 0, 1]), "their number fits")
  }
}
