// SPDX-License-Identifier: Apache-2.0

/// The frame of a drawing with two axes; it places values and draws ticks, labels and units.
///
/// Drawings are 760 units wide and letters 22 units high. A page shows them 300 to 440 pixels wide, so
/// that letters have 9 to 13 pixels; coordinates are whole units, less than a pixel each.
struct PlotArea {
  /// The width of every drawing in units.
  static let drawingWidth = 760

  /// The plot's sides in the drawing.
  let left = 96
  let right = PlotArea.drawingWidth - 40
  let top: Int
  let bottom: Int
  let xScale: AxisScale
  let yScale: AxisScale

  /// A plot of 300 units' height below `top`.
  init(top: Int, _ xScale: AxisScale, _ yScale: AxisScale) {
    self.top = top
    bottom = top + 300
    self.xScale = xScale
    self.yScale = yScale
  }

  /// The width of the plot.
  var width: Int { right - left }
  /// The height of the whole drawing.
  var drawingHeight: Int { bottom + 76 }

  /// The place of a value of the horizontal axis.
  func x(_ value: UInt64) -> Int { left + xScale.position(value, length: width) }
  /// The place of a value of the vertical axis.
  func y(_ value: UInt64) -> Int { bottom - yScale.position(value, length: bottom - top) }

  /// A drawing of `content` with both axes; `label` says in words what it shows.
  func drawing(_ label: String, style: String, _ content: [String]) -> String {
    let grid = yScale.ticks.dropFirst().map { "M\(left) \(y($0.value))H\(right)" }.joined()
    let marks = xScale.ticks.map { "M\(x($0.value)) \(bottom)v8" }.joined()
    var parts = [
      "<svg class=\"\(style)\" viewBox=\"0 0 \(Self.drawingWidth) \(drawingHeight)\" role=\"img\""
        + " aria-label=\"\(html(label))\">"
    ]
    parts += content
    parts.append("<path class=\"grid\" d=\"\(grid)\"/>")
    parts.append("<path class=\"axis\" d=\"M\(left) \(top)V\(bottom)H\(right)\(marks)\"/>")
    parts += yScale.ticks.map {
      "<text class=\"end\" x=\"\(left - 10)\" y=\"\(y($0.value) + 8)\">\($0.label)</text>"
    }
    parts += xScale.ticks.map {
      "<text class=\"middle\" x=\"\(x($0.value))\" y=\"\(bottom + 32)\">\($0.label)</text>"
    }
    parts.append("<text x=\"4\" y=\"22\">\(html(yScale.unit))</text>")
    parts.append(
      "<text class=\"middle\" x=\"\((left + right) / 2)\" y=\"\(bottom + 66)\">\(html(xScale.unit))"
        + "</text>"
    )
    return (parts + ["</svg>"]).joined(separator: "\n")
  }
}

/// The units that a line of text takes, at most, for placing labels.
func textWidth(_ text: String) -> Int { 13 * text.count }
