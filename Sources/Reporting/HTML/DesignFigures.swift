// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The designs beside each other as bars.
struct DesignFigures {
  let columns: [String]
  private let context: RowContext

  private var report: RunReport { context.report }

  init(_ report: RunReport, columns: [String]) {
    self.columns = columns
    context = RowContext(report)
  }

  /// Rows with a figure of their own where any design has something to show.
  private static let counted: [Counter] = [
    .pswpin, .pswpout, .pgmigrateSuccess, .reserveFast, .reserveSlow, .foaFaults,
  ]

  /// The section.
  var section: String {
    var figures = [overhead]
    if report.machine.tagStorageBytes > 0 { figures.append(givenBack) }
    figures += Self.counted.compactMap(counter)
    return htmlSection(
      "Designs beside each other",
      "designs",
      [legend, htmlFigures(figures)]
    )
  }

  /// The legend of the first two figures; others have one colour.
  private var legend: String {
    let layers = (MemoryLayer.givenUp + MemoryLayer.givenBack)
      .filter { layer in
        report.designs.contains { design in layer.added.contains { design[$0].mean > 0 } }
      }
    return htmlLegend(
      layers.map { ($0.style, $0.title, $0.meaning) }
        + [
          (
            "line", "1/32 of RAM",
            "What tags take where all of memory has room for them at all times."
          ),
          ("tick", "peak", Glossary.explanation(of: "tag_overhead.peak")),
        ]
    )
  }

  private var share: UInt64 { report.machine.ramBytes / 32 }

  private var overhead: String {
    let bars = zip(columns, report.designs).map { name, design in
      BarChart.Bar(
        name: name,
        value: value(.tagOverhead(.mean), design, unit: " KiB")
          + ", \(value(.tagOverheadPercent(.mean), design, unit: " %"))",
        parts: MemoryLayer.givenUp.map { layer in
          (layer.style, layer.added.reduce(0) { $0 + design[$1].mean })
        },
        mark: design.tagOverhead.peak
      )
    }
    return figure(
      "Memory given up for tags, mean",
      BarChart(bars: bars, reference: (share, "1/32 of RAM")),
      AxisScale.bytes
    )
  }

  private var givenBack: String {
    let bars = zip(columns, report.designs).map { name, design in
      BarChart.Bar(
        name: name,
        value: value(.givenBack(.mean), design, unit: " KiB"),
        parts: [
          ("tagdata", design[.tagStorageData].mean), ("tagfree", design[.tagStorageFree].mean),
        ]
      )
    }
    return figure(
      "Tag storage as ordinary memory, mean",
      BarChart(bars: bars, reference: (share, "1/32 of RAM")),
      AxisScale.bytes
    )
  }

  private func counter(_ counter: Counter) -> String? {
    guard report.designs.contains(where: { $0.counters[counter] > 0 }),
      let entry = Glossary.entry(for: counter.name)
    else { return nil }
    let bars = zip(columns, report.designs).map { name, design in
      BarChart.Bar(
        name: name,
        value: value(.counter(counter), design, unit: ""),
        parts: [("data", design.counters[counter])]
      )
    }
    let title = entry.title.prefix(1).uppercased() + entry.title.dropFirst()
    return figure("\(title) (\(entry.name))", BarChart(bars: bars)) {
      AxisScale.count($0, of: entry.unit.rawValue)
    }
  }

  private func figure(
    _ title: String,
    _ chart: BarChart,
    _ scale: (UInt64) -> AxisScale
  ) -> String {
    let values = chart.bars.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
    return htmlFigure(title, chart.drawing("\(title): \(values)", scale))
  }

  /// A value as the tables show it.
  private func value(_ value: RowValue, _ design: DesignReport, unit: String) -> String {
    let cell = value.cell(of: design, in: context)
    return cell == .none ? "" : cell.forReading + unit
  }
}
