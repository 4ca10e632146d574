// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Tag pages by how many runs of equal tags they have, with the room of the codec's size classes.
struct RunHistogram {
  /// Bars of a doubling of runs at most: with more they would be narrower than pixels.
  private static let barsPerDoubling = 16

  let counts: TagRunCounts

  /// Pages that were counted.
  var pages: UInt64 { counts.pages.reduce(0, +) }

  /// How many pages fit each size class, in words; nothing where the codec's are not about runs.
  var classes: String {
    guard !counts.limits.isEmpty else { return "" }
    var first = 0
    var parts: [String] = []
    for (name, end) in counts.limits.map({ (Self.name($0), min($0.runs, counts.pages.count)) })
      + [("uncompressed", counts.pages.count)]
    {
      let fitting = counts.pages[first..<end].reduce(0, +)
      let percent = hundredthsOfPercent(fitting, of: pages).map(decimal(hundredths:)) ?? "0.00"
      parts.append("\(name) \(grouped(fitting)) (\(percent) %)")
      first = end
    }
    return parts.joined(separator: ", ")
  }

  /// The drawing; `label` says in words what it shows.
  ///
  /// The number of runs doubles from tick to tick, as the size classes do.
  func drawing(_ label: String) -> String {
    let longest = counts.pages.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 1
    let range = max(longest, counts.limits.last?.runs ?? 1) + 1
    let bars = bars(upTo: longest)
    let xScale = AxisScale.doublings(UInt64(range), of: "runs of equal tags")
    let placed = labels(xScale)
    let rows = (placed.map(\.row).max() ?? 0) + 1
    let plot = PlotArea(
      top: 44 + rows * 28,
      xScale,
      .count(bars.map(\.pages).max() ?? 0, of: "pages")
    )
    var content: [String] = []
    for bar in bars where bar.pages > 0 {
      let left = plot.x(UInt64(bar.runs.lowerBound))
      let right = plot.x(UInt64(bar.runs.upperBound))
      let top = min(plot.y(bar.pages), plot.bottom - 2)
      content.append(
        "<rect class=\"saved\" x=\"\(left + 1)\" y=\"\(top)\" width=\"\(max(2, right - left - 2))\""
          + " height=\"\(plot.bottom - top)\"/>"
      )
    }
    for label in placed {
      let x = plot.left + label.offset
      let y = 52 + label.row * 28
      content.append("<path class=\"reference\" d=\"M\(x) \(y + 8)V\(plot.bottom)\"/>")
      content.append("<text class=\"middle halo\" x=\"\(x)\" y=\"\(y)\">\(label.text)</text>")
    }
    return plot.drawing(label, style: "histogram", content)
  }

  /// The bars: one for each number of runs, and for several where a doubling has more than are drawn;
  /// a limit always ends a bar.
  func bars(upTo longest: Int) -> [(runs: Range<Int>, pages: UInt64)] {
    var bars: [(runs: Range<Int>, pages: UInt64)] = []
    var first = 1
    while first <= longest {
      let doubling = 1 << (Int.bitWidth - 1 - first.leadingZeroBitCount)
      var end = first + max(1, doubling / Self.barsPerDoubling)
      // A bar that a limit cut short is followed by one that ends where it would have ended.
      end -= (end - doubling) % max(1, doubling / Self.barsPerDoubling)
      for limit in counts.limits where first <= limit.runs && limit.runs + 1 < end {
        end = limit.runs + 1
      }
      bars.append(
        (first..<end, counts.pages[(first - 1)..<min(end - 1, counts.pages.count)].reduce(0, +))
      )
      first = end
    }
    return bars
  }

  private static func name(_ limit: TagRunCounts.Limit) -> String {
    limit.bytes == 8 ? "handle" : "\(grouped(UInt64(limit.bytes))) B"
  }

  /// Where the labels of the limits stand: each in the first row that has room for it.
  ///
  /// A limit lies behind the bar of the last number of runs that fits.
  private func labels(_ scale: AxisScale) -> [(offset: Int, row: Int, text: String)] {
    let width = PlotArea(top: 0, scale, scale).width
    var ends: [Int] = []
    return counts.limits.map { limit in
      let text = Self.name(limit)
      let offset = scale.position(UInt64(limit.runs + 1), length: width)
      let begin = offset - textWidth(text) / 2 - 6
      let row = ends.firstIndex { $0 <= begin } ?? ends.count
      if row == ends.count { ends.append(0) }
      ends[row] = offset + textWidth(text) / 2 + 6
      return (offset, row, text)
    }
  }
}
