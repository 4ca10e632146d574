// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Memory over time as a stacked area.
struct AreaChart {
  /// Points that are drawn at most: with more, steps would be narrower than pixels.
  static let mostPoints = 240

  let points: [MemoryPoint]
  /// The layers from the bottom up, each with its bytes at every point.
  let layers: [(style: String, bytes: [UInt64])]
  /// The last value of the vertical axis.
  let largest: UInt64
  /// A line across, with its label.
  var reference: (bytes: UInt64, label: String)?

  /// The drawing; `label` says in words what it shows.
  func drawing(_ label: String) -> String {
    let total = points.reduce(0) { $0 + $1.accesses }
    let plot = PlotArea(
      top: 44,
      .exactCount(total, of: "accesses of all programs"),
      .bytes(largest)
    )
    var edges = [plot.left]
    var passed: UInt64 = 0
    for point in points {
      passed += point.accesses
      edges.append(plot.x(passed))
    }
    // The highest first, each down to the axis: the next one covers what is not its own.
    var heights = points.indices.map { index in layers.reduce(0) { $0 + $1.bytes[index] } }
    var content: [String] = []
    for layer in layers.reversed() {
      let places = heights.map(plot.y)
      if layer.bytes.contains(where: { $0 > 0 }) {
        content.append("<path class=\"\(layer.style)\" d=\"\(outline(places, edges, plot))\"/>")
      }
      for index in heights.indices { heights[index] -= layer.bytes[index] }
    }
    if let reference {
      let y = plot.y(reference.bytes)
      content.append("<path class=\"reference\" d=\"M\(plot.left) \(y)H\(plot.right)\"/>")
      content.append(
        "<text class=\"halo\" x=\"\(plot.left + 8)\" y=\"\(y - 10)\">\(html(reference.label))"
          + "</text>"
      )
    }
    content.append(
      "<path class=\"now\" data-width=\"\(plot.width)\" d=\"M\(plot.left) \(plot.top)V\(plot.bottom)\"/>"
    )
    return plot.drawing(label, style: "chart", content)
  }

  /// A line in steps above each stretch, closed along the axis.
  private func outline(_ places: [Int], _ edges: [Int], _ plot: PlotArea) -> String {
    var path = "M\(plot.left) \(plot.bottom)"
    for index in places.indices {
      if index == 0 || places[index] != places[index - 1] { path += "V\(places[index])" }
      let isLast = index + 1 == places.count
      if isLast || places[index + 1] != places[index] { path += "H\(edges[index + 1])" }
    }
    return path + "V\(plot.bottom)Z"
  }
}
