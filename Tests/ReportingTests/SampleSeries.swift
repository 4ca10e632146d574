// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Made-up series for the designs of ``SampleReport``: what memory was used for grows to what the report
/// says of the end.
enum SampleSeries {
  static let all = SampleReport.report.designs.map(series)

  static let steps = 300

  private static func series(_ design: DesignReport) -> RunSeries {
    var series = RunSeries()
    var points: [ActivityPoint] = []
    var counts = KernelActivity.allCounters.map { _ in UInt64(0) }
    for step in 1...steps {
      var counters = CounterSet()
      for counter in Counter.allCases {
        counters.add(counter, Int(design.counters[counter]) * step / steps)
      }
      let bytes = design.memory.map { $0.last * UInt64(step) / UInt64(steps) }
      let clock = UInt64(step) * 100_000
      series.memory.append(
        MemoryPoint(
          accesses: 400_000,
          clock: clock,
          counters: counters,
          lastBytes: bytes,
          integrals: bytes.map { UInt128($0) * 400_000 }
        )
      )
      var point = ActivityPoint(at: clock - 100_000)
      point.add(clock - 100_000..<clock, from: &counts, to: counters)
      points.append(point)
    }
    let isWithheld = design[.tagStorageWithheld].last > 0
    series.tagStorage.blocks = 70
    for step in 0..<5 {
      let cells = (0..<70).map { cell -> TagStorageUse in
        isWithheld ? .withheld : cell < 10 * step ? .held : cell % 7 == 0 ? .data : .free
      }
      series.tagStorage.points.append(TagStoragePoint(accesses: 24_000_000, cells: cells))
    }
    series.tagRuns = TagRunCounts(
      granules: 256,
      limits: [(8, 6), (16, 11), (32, 23), (64, 46)].map { .init(bytes: $0.0, runs: $0.1) }
    )
    for runs in [1, 2, 2, 5, 11, 12, 47] { series.tagRuns.pages[runs - 1] += 9 }
    series.processes = [ProcessSeries(name: "made-up.mtt#0", process: 0, points: points)]
    series.marks = [SeriesMark(text: "halfway", clock: 15_000_000, process: 0)]
    return series
  }
}
