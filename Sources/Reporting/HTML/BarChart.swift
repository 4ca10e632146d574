// SPDX-License-Identifier: Apache-2.0

/// One bar for each design or report, below its name and value.
struct BarChart {
  /// A bar of parts, with a mark for a second value where there is one.
  struct Bar {
    let name: String
    let value: String
    let parts: [(style: String, amount: UInt64)]
    var mark: UInt64?

    /// The end of the bar, or of its mark where that is further.
    var reach: UInt64 { max(parts.reduce(0) { $0 + $1.amount }, mark ?? 0) }
  }

  let bars: [Bar]
  /// A line across all bars, with its label.
  var reference: (amount: UInt64, label: String)?

  private static let (left, right) = (24, PlotArea.drawingWidth - 56)
  private static let rowHeight = 80

  /// The drawing on a scale that reaches the longest bar; `label` says in words what it shows.
  func drawing(_ label: String, _ scale: (_ largest: UInt64) -> AxisScale) -> String {
    let largest = max(bars.map(\.reach).max() ?? 0, reference?.amount ?? 0)
    let scale = scale(largest)
    let (left, right) = (Self.left, Self.right)
    func x(_ amount: UInt64) -> Int { left + scale.position(amount, length: right - left) }
    let top = reference == nil ? 8 : 40
    let bottom = top + bars.count * Self.rowHeight + 8
    var parts = [
      "<svg class=\"bars\" viewBox=\"0 0 \(PlotArea.drawingWidth) \(bottom + 76)\" role=\"img\""
        + " aria-label=\"\(html(label))\">",
      "<path class=\"grid\" d=\"\(scale.ticks.dropFirst().map { "M\(x($0.value)) \(top)V\(bottom)" }.joined())\"/>",
    ]
    if let reference { parts += lines(reference, at: x(reference.amount), top) }
    for (index, bar) in bars.enumerated() {
      let y = top + index * Self.rowHeight
      parts.append(
        "<text class=\"halo\" x=\"\(left + 6)\" y=\"\(y + 32)\">\(html(shownName(bar)))</text>"
      )
      parts.append(
        "<text class=\"end strong halo\" x=\"\(right)\" y=\"\(y + 32)\">\(html(bar.value))</text>"
      )
      var begin: UInt64 = 0
      for part in bar.parts where part.amount > 0 {
        let end = begin + part.amount
        parts.append(
          "<rect class=\"\(part.style)\" x=\"\(x(begin))\" y=\"\(y + 42)\""
            + " width=\"\(max(1, x(end) - x(begin)))\" height=\"28\"/>"
        )
        begin = end
      }
      if let mark = bar.mark {
        parts.append("<path class=\"mark\" d=\"M\(x(mark)) \(y + 38)v36\"/>")
      }
    }
    let marks = scale.ticks.map { "M\(x($0.value)) \(bottom)v8" }.joined()
    parts.append("<path class=\"axis\" d=\"M\(left) \(top)V\(bottom)H\(right)\(marks)\"/>")
    parts += scale.ticks.map {
      "<text class=\"middle\" x=\"\(x($0.value))\" y=\"\(bottom + 32)\">\($0.label)</text>"
    }
    parts.append(
      "<text class=\"middle\" x=\"\((left + right) / 2)\" y=\"\(bottom + 66)\">\(html(scale.unit))</text>"
    )
    return (parts + ["</svg>"]).joined(separator: "\n")
  }

  /// The label, on the side where there is more room, and the line: beside the bars only, so that it
  /// crosses no text.
  private func lines(
    _ reference: (amount: UInt64, label: String),
    at x: Int,
    _ top: Int
  ) -> [String] {
    let isOnTheRight = x > PlotArea.drawingWidth / 2
    let pieces = bars.indices.map { "M\(x) \(top + $0 * Self.rowHeight + 38)v38" }
    return [
      "<path class=\"reference\" d=\"M\(x) \(top - 10)v10\(pieces.joined())\"/>",
      "<text class=\"\(isOnTheRight ? "end" : "start")\" x=\"\(isOnTheRight ? x - 8 : x + 8)\""
        + " y=\"\(top - 14)\">\(html(reference.label))</text>",
    ]
  }

  /// As much of a bar's name as fits beside its value.
  private func shownName(_ bar: Bar) -> String {
    let room = (Self.right - Self.left - textWidth(bar.value) - 24) / textWidth("x")
    return bar.name.count <= room ? bar.name : bar.name.prefix(max(0, room - 1)) + "\u{2026}"
  }
}
