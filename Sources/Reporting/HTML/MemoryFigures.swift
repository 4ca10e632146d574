// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Memory over time: tag storage with what is saved of swapped pages, and all of RAM, each on one scale
/// for all designs.
struct MemoryFigures {
  let report: RunReport
  let columns: [String]
  private let points: [[MemoryPoint]]

  init(report: RunReport, columns: [String], series: [RunSeries]) {
    self.report = report
    self.columns = columns
    points = series.map { BoundedSeries($0.memory, capacity: AreaChart.mostPoints).points }
  }

  /// The section, `nil` where nothing was recorded over time.
  var section: String? {
    guard points.contains(where: { !$0.isEmpty }) else { return nil }
    let all = tagLayers + MemoryLayer.elsewhere + [.kernel]
    let shown = all.filter { layer in
      layer.style == MemoryLayer.kernel.style || points.contains { layer.occurs(in: $0) }
    }
    let reference = [
      ("line", "1/32 of RAM", "What tags take where all of memory has room for them at all times.")
    ]
    return htmlSection(
      "Memory over time",
      "memory",
      [
        htmlLegend(shown.map { ($0.style, $0.title, $0.meaning) } + reference),
        htmlFigures(columns.indices.map(tags)), htmlFigures(columns.indices.map(whole)),
        htmlParagraph(
          "What is given up for tags is at the bottom of every figure: tag storage that nothing else can"
            + " use, and saved tags. Each step is the mean over a stretch of the run. Time is counted in data accesses of all"
            + " programs together, as for the means in the tables."
        ),
      ]
    )
  }

  /// What is given up is at the bottom, what is given back above it.
  private var tagLayers: [MemoryLayer] { MemoryLayer.givenUp + MemoryLayer.givenBack }

  private var share: UInt64 { report.machine.ramBytes / 32 }

  /// The most that the layers of tags held together during any stretch under any design.
  private var largest: UInt64 {
    points.joined().map { point in tagLayers.reduce(0) { $0 + $1.bytes(point) } }.max() ?? 0
  }

  private func tags(_ design: Int) -> String {
    let own = points[design]
    let chart = AreaChart(
      points: own,
      layers: tagLayers.map { layer in (layer.style, own.map(layer.bytes)) },
      largest: max(largest, share + share / 8),
      reference: (share, "1/32 of RAM")
    )
    let title = "\(columns[design]): tag storage and saved tags"
    return htmlFigure(title, chart.drawing("\(title) over time"))
  }

  private func whole(_ design: Int) -> String {
    let own = points[design]
    let ram = report.machine.ramBytes
    var below = tagLayers.map { layer in (layer.style, own.map(layer.bytes)) }
    let above = MemoryLayer.elsewhere.map { layer in (layer.style, own.map(layer.bytes)) }
    let rest = own.indices.map { index in
      let used = (below + above).reduce(0) { $0 + $1.1[index] }
      return ram > used ? ram - used : 0
    }
    below.append((MemoryLayer.kernel.style, rest))
    let chart = AreaChart(points: own, layers: below + above, largest: ram)
    let title = "\(columns[design]): all of RAM"
    return htmlFigure(title, chart.drawing("\(title) over time"))
  }
}
