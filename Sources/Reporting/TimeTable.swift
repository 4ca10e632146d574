// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What designs give up and give back during one part of a run after the other, and what they have waited
/// so far.
public enum TimeTable {
  /// Writes the table in plain text: one line for each of at most `parts` parts with equal numbers of
  /// accesses, as far as the points of the series allow.
  ///
  /// - Precondition: `series` has one element for each design of `report`, and `parts` is positive.
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport, _ series: [RunSeries], parts: Int) -> String {
    precondition(series.count == report.designs.count, "\(series.count) series")
    let rows = rows(report, series, parts: parts)
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { cells in
      zip(cells, widths).map { rightAligned($0, $1) }.joined(separator: "  ")
    }
    return (["Over time: means of each part, and waits since the start"] + lines)
      .joined(separator: "\n") + "\n"
  }

  /// Writes the table in Markdown.
  ///
  /// - Precondition: `series` has one element for each design of `report`, and `parts` is positive.
  /// - Returns: the text, which ends in a newline.
  public static func markdownText(
    _ report: RunReport,
    _ series: [RunSeries],
    parts: Int
  ) -> String {
    precondition(series.count == report.designs.count, "\(series.count) series")
    let rows = rows(report, series, parts: parts)
    var lines = rows.map { markdownRow($0.map(markdown)) }
    lines.insert("|" + String(repeating: "--:|", count: rows[0].count), at: 1)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The headings, then a line for each part.
  private static func rows(
    _ report: RunReport,
    _ series: [RunSeries],
    parts: Int
  ) -> [[String]] {
    let names = ReportRows.headings(report).map(printable)
    let headings =
      ["accesses"] + names.map { "\($0), given up, KiB" }
      + names.map { "\($0), given back, KiB" } + names.map { "\($0), waits, µs" }
    let columns = series.map { merged($0.memory, parts: parts) }
    var rows = [headings]
    for index in 0..<(columns.map(\.count).max() ?? 0) {
      // A design whose processes were killed may have ended earlier.
      let points = columns.map { $0.indices.contains(index) ? $0[index] : nil }
      let end = points.compactMap { $0?.counters[.accesses] }.max() ?? 0
      func cells(_ value: (MemoryPoint) -> String) -> [String] {
        points.map { $0.map(value) ?? "-" }
      }
      rows.append(
        [grouped(end)]
          + cells { point in kibibytes(sum(MemoryLayer.givenUp, point)) }
          + cells { point in kibibytes(sum(MemoryLayer.givenBack, point)) }
          + cells { microseconds($0.counters[.stallNanoseconds]) }
      )
    }
    return rows
  }

  private static func sum(_ layers: [MemoryLayer], _ point: MemoryPoint) -> UInt64 {
    layers.reduce(0) { $0 + $1.bytes(point) }
  }

  /// Points in order, as few as there are parts: each goes to the part in which it ends.
  static func merged(_ points: [MemoryPoint], parts: Int) -> [MemoryPoint] {
    precondition(parts > 0, "a run in \(parts) parts")
    let all = points.reduce(UInt128(0)) { $0 + UInt128($1.accesses) }
    var merged: [MemoryPoint] = []
    var seen: UInt128 = 0
    var last: UInt128?
    for point in points {
      seen += UInt128(point.accesses)
      // Rounded up, so that a part ends with the point that completes it.
      let part = all == 0 ? 0 : (seen * UInt128(parts) + all - 1) / all
      if part == last, !merged.isEmpty {
        merged[merged.count - 1].absorb(point)
      } else {
        merged.append(point)
      }
      last = part
    }
    return merged
  }
}
