// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The tag storage in the order of its addresses, one square for each cell, at one time; the page's
/// script shows others.
struct TagStorageMap {
  /// Cells in a row.
  static let columns = 32
  /// The side of a square in units.
  private static let side = 20

  let series: TagStorageSeries
  /// The point that is drawn; the last one where there are fewer.
  let step: Int

  /// Uses that are drawn, with the classes of their colours and what they are called.
  static let uses: [(use: TagStorageUse, style: String, title: String)] = [
    (.withheld, "withheld", "withheld"), (.held, "held", "holds tags"),
    (.data, "tagdata", "holds data"), (.free, "tagfree", "free"),
    (.idle, "withheld", "idle in a store"),
  ]

  /// The uses that tag storage can have in this run: it is withheld for ever, or a store's, or the page
  /// allocator's.
  private var possibleUses: [TagStorageUse] {
    func occurs(_ use: TagStorageUse) -> Bool { series.points.contains { $0.cells.contains(use) } }
    if occurs(.withheld) { return [.withheld] }
    return [.held, .data, occurs(.idle) ? .idle : .free]
  }

  /// The drawing, and below it how many cells have each use; `label` says in words what it shows.
  func drawing(_ label: String) -> String {
    let cells = series.points.isEmpty ? [] : series.points[min(step, series.points.count - 1)].cells
    let rows = (cells.count + Self.columns - 1) / Self.columns
    let (width, height) = (Self.columns * Self.side, rows * Self.side)
    let frames = series.points.map { Self.compact($0.cells) }.joined(separator: "|")
    var parts = [
      "<svg class=\"map\" viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(html(label))\""
        + " data-columns=\"\(Self.columns)\" data-side=\"\(Self.side)\" data-frames=\"\(frames)\">"
    ]
    for (use, style, _) in Self.uses {
      parts.append(
        "<path class=\"\(style)\" data-use=\"\(use.rawValue)\" d=\"\(path(of: use, cells))\"/>"
      )
    }
    let lines =
      (1..<Self.columns).map { "M\($0 * Self.side) 0V\(height)" }
      + (1..<max(2, rows)).map { "M0 \($0 * Self.side)H\(width)" }
    parts.append("<path class=\"gaps\" d=\"\(lines.joined())\"/>")
    parts.append("</svg>")
    let possible = possibleUses
    let counts = Self.uses.filter { possible.contains($0.use) }.map { use, style, title in
      let count = cells.count { $0 == use }
      return
        "<li><i class=\"\(style)\"></i>\(title) <b data-count=\"\(use.rawValue)\">\(count)</b></li>"
    }
    return parts.joined(separator: "\n") + "\n<ul class=\"legend\">\(counts.joined())</ul>"
  }

  /// Cells as letters with how often each follows itself: `h12d3f497`.
  static func compact(_ cells: [TagStorageUse]) -> String {
    var text = ""
    var start = 0
    while start < cells.count {
      let end = cells[start...].firstIndex { $0 != cells[start] } ?? cells.count
      text += cells[start].rawValue + String(end - start)
      start = end
    }
    return text
  }

  /// The squares of one use, neighbours in a row together.
  private func path(of use: TagStorageUse, _ cells: [TagStorageUse]) -> String {
    let side = Self.side
    var path = ""
    var cell = 0
    while cell < cells.count {
      let rowEnd = min(cells.count, (cell / Self.columns + 1) * Self.columns)
      let end = cells[cell..<rowEnd].firstIndex { $0 != cells[cell] } ?? rowEnd
      if cells[cell] == use {
        let length = (end - cell) * side
        path += "M\(cell % Self.columns * side) \(cell / Self.columns * side)"
        path += "h\(length)v\(side)h-\(length)z"
      }
      cell = end
    }
    return path
  }
}
