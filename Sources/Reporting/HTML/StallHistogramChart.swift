// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// How many things waited how long, on two scales of magnitudes: a wait that is rare is the point of the
/// drawing, and would vanish beside common ones.
struct StallHistogramChart {
  /// Buckets of a histogram that make one bar: two bars a doubling.
  private static let bucketsPerBar = 4

  let histogram: StallHistogram

  /// What the histogram says in words.
  var caption: String {
    let waits = StallStatistic.percentiles.map { statistic, _ in
      "\(Self.name(statistic)) \(shown(statistic))"
    }
    return
      "\(grouped(histogram.count)) in all, \(grouped(histogram.waited)) waited; "
      + (waits + ["longest \(shown(.max))", "mean \(shown(.mean))"]).joined(separator: ", ")
  }

  private func shown(_ statistic: StallStatistic) -> String {
    "\(microseconds(statistic.value(of: histogram))) µs"
  }

  private static func name(_ statistic: StallStatistic) -> String {
    switch statistic {
    case .p50: "50 %"
    case .p90: "90 %"
    case .p99: "99 %"
    default: "99.9 %"
    }
  }

  /// The drawing; `label` says in words what it shows.
  ///
  /// `longest` is the end of the axis of waits, and
  /// `most` that of the other one, so that drawings side by side can be compared.
  func drawing(_ label: String, longest: UInt64, most: UInt64) -> String {
    let plot = PlotArea(
      top: 44 + lines.count * 28,
      .waits(longest),
      .magnitudes(most, of: "number")
    )
    var content: [String] = []
    for bar in bars {
      let (left, right) = (plot.x(bar.waits.lowerBound), plot.x(bar.waits.upperBound))
      let top = min(plot.y(bar.count), plot.bottom - 3)
      content.append(
        "<rect class=\"tagdata\" x=\"\(left)\" y=\"\(top)\" width=\"\(max(2, right - left - 1))\""
          + " height=\"\(plot.bottom - top)\"/>"
      )
    }
    for (row, line) in lines.enumerated() {
      let x = plot.x(line.wait)
      let y = 52 + row * 28
      content.append("<path class=\"reference\" d=\"M\(x) \(y + 8)V\(plot.bottom)\"/>")
      let isOnTheRight = x > (plot.left + plot.right) / 2
      content.append(
        "<text class=\"\(isOnTheRight ? "end" : "start") halo\" x=\"\(isOnTheRight ? x + 12 : x - 12)\""
          + " y=\"\(y)\">\(line.text)</text>"
      )
    }
    return plot.drawing(label, style: "histogram", content)
  }

  /// The percentiles that lie above nothing.
  private var lines: [(text: String, wait: UInt64)] {
    StallStatistic.percentiles.map { (Self.name($0.statistic), histogram.percentile($0.share)) }
      .filter { $0.1 > 0 }
  }

  /// The bars that are not empty.
  var bars: [(waits: Range<UInt64>, count: UInt64)] {
    var bars: [(waits: Range<UInt64>, count: UInt64)] = []
    for first in stride(from: 0, to: histogram.buckets.count, by: Self.bucketsPerBar) {
      let end = min(first + Self.bucketsPerBar, StallHistogram.bucketCount)
      let count = histogram.buckets[first..<min(end, histogram.buckets.count)].reduce(0, +)
      guard count > 0 else { continue }
      let last = StallHistogram.waits(in: end - 1).upperBound
      bars.append((StallHistogram.waits(in: first).lowerBound..<last, count))
    }
    return bars
  }
}
