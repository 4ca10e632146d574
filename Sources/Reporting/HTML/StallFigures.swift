// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// How long accesses and tagged allocations had to wait under each design.
struct StallFigures {
  let report: RunReport
  let columns: [String]

  /// The section, `nil` where nothing waited.
  var section: String? {
    guard report.designs.contains(where: { $0.stalls.faults.waited > 0 }) else { return nil }
    let figures = StallSubject.allCases.flatMap(histograms)
    return htmlSection(
      "Waiting beyond a plain fault",
      "stalls",
      [
        htmlParagraph(
          "By the cost model of the machine, whose parameters are assumed where nobody has measured them:"
            + " compare designs, and do not read milliseconds of a device out of it. Both scales are of"
            + " magnitudes, so that rare long waits are seen; what did not wait at all is in no bar. Dashed"
            + " lines are waits that a part of all accesses or allocations did not exceed."
        ), htmlFigures([totals]), htmlFigures(figures),
      ]
    )
  }

  /// All waits of accesses, and all other time of the kernel, as bars.
  private var totals: String {
    let bars = zip(columns, report.designs).map { name, design in
      BarChart.Bar(
        name: name,
        value: "\(microseconds(design.stalls.faults.total)) µs",
        parts: [("tagdata", design.stalls.faults.total / 1_000)]
      )
    }
    return htmlFigure(
      "All waits of accesses that faulted",
      BarChart(bars: bars).drawing("All waits of accesses that faulted by design") {
        AxisScale.count($0, of: "microseconds")
      }
    )
  }

  private func histograms(_ subject: StallSubject) -> [String] {
    let histograms = report.designs.map { $0.stalls[subject] }
    let charts = histograms.map { StallHistogramChart(histogram: $0) }
    let longest = histograms.map(\.maximum).max() ?? 0
    let most = charts.flatMap { $0.bars.map(\.count) }.max() ?? 0
    return charts.indices.compactMap { index in
      guard histograms[index].waited > 0 else { return nil }
      let title = "\(columns[index]), \(Self.title(subject))"
      return htmlFigure(
        title,
        charts[index].drawing(
          "\(title): how many waited how long",
          longest: longest,
          most: most
        ),
        caption: charts[index].caption
      )
    }
  }

  private static func title(_ subject: StallSubject) -> String {
    switch subject {
    case .fault: "accesses that faulted"
    case .taggedAllocation: "allocations of tagged pages"
    }
  }
}
