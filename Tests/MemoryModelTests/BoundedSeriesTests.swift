// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

/// A point that remembers what it is made of.
private struct Stretch: SeriesPoint {
  var accesses: UInt64
  var parts: [Int]

  mutating func absorb(_ next: Stretch) {
    accesses += next.accesses
    parts += next.parts
  }
}

/// What a bounded series keeps of a run.
@Suite struct BoundedSeriesTests {
  @Test(arguments: UInt64(0)..<60)
  func everythingIsKeptInOrderAndInFewPoints(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let capacity = [2, 3, 8, 33, 64][random.below(5)]
    let longest: UInt64 = [1, 2, 100, 1 << 40][random.below(4)]
    var series = BoundedSeries<Stretch>(capacity: capacity)
    var all: [UInt64] = []
    for step in 0..<random.below(1_000) {
      // Stretches without accesses occur: a process is told of, and another one runs.
      all.append(random.below(longest + 1))
      series.append(Stretch(accesses: all[step], parts: [step]))
      #expect(series.points.count <= capacity, "seed \(seed), step \(step)")
    }
    #expect(series.points.flatMap(\.parts) == Array(all.indices), "seed \(seed)")
    for point in series.points {
      #expect(point.accesses == point.parts.reduce(0) { $0 + all[$1] }, "seed \(seed)")
    }
    for point in series.points.dropLast() {
      #expect(point.accesses >= series.accessesPerPoint, "seed \(seed)")
    }
  }

  @Test func overflowMergesNeighboursFromTheFirst() {
    var series = BoundedSeries<Stretch>(capacity: 4)
    for step in 0..<4 { series.append(Stretch(accesses: 1, parts: [step])) }
    #expect(series.points.map(\.parts) == [[0], [1], [2], [3]])
    series.append(Stretch(accesses: 1, parts: [4]))
    // Stretches of two would be three points, more than half of the capacity.
    #expect(series.accessesPerPoint == 4)
    #expect(series.points.map(\.parts) == [[0, 1, 2, 3], [4]])
    series.append(Stretch(accesses: 9, parts: [5]))
    series.append(Stretch(accesses: 1, parts: [6]))
    #expect(series.points.map(\.parts) == [[0, 1, 2, 3], [4, 5], [6]])
  }

  @Test func everyActivityHasCountersOfItsOwn() {
    let counters = KernelActivity.allCounters
    #expect(Set(counters).count == counters.count)
    var before = CounterSet()
    before.add(.pswpin, 5)
    var after = before
    for (rise, counter) in counters.enumerated() { after.add(counter, rise) }
    var counts = counters.map { before[$0] }
    var point = ActivityPoint(at: 3)
    point.add(10..<30, from: &counts, to: after)
    #expect(point.accesses == 20 && point.clocks == 10..<30)
    #expect(counts == counters.map { after[$0] })
    #expect(KernelActivity.allCases.flatMap { Array(point.rises(of: $0)) } == point.rises)
    #expect(point.rises == counters.indices.map(UInt64.init))
    // Another process ran in between; nothing rose after it.
    point.add(50..<55, from: &counts, to: after)
    #expect(point.accesses == 25 && point.clocks == 10..<55)
    #expect(point.rises == counters.indices.map(UInt64.init))
    let idle = ActivityPoint(at: 10)
    #expect(KernelActivity.allCases.allSatisfy { idle.rises(of: $0).isEmpty })
  }
}
