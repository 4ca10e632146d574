// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagCompression

/// The tables that `tags stats` prints.
enum TagsTable {
  /// The lines of all tables: runs, classes by codec, totals by codec.
  static func lines(_ statistics: borrowing TagsStatistics) -> [String] {
    let pages = statistics.pages
    return [
      row("tag pages", "\(pages)"),
      row("bytes", "\(pages * UInt64(statistics.pageSize.tagBytes))"),
      row("mean runs", decimal(statistics.runs.hardware, over: pages)),
      row("  high nibble first", decimal(statistics.runs.highNibbleFirst, over: pages)),
      row("mtecomp-v5 loses", "\(statistics.lostByPosted) pages"),
      "",
    ] + runLines(statistics) + [""] + classLines(statistics) + [""] + totalLines(statistics)
  }

  /// A name of 20 columns and a value.
  static func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: 20 - name.count) + value
  }

  private static func runLines(_ statistics: borrowing TagsStatistics) -> [String] {
    let head = columns(["runs", "class", "pages", "%", "high nibble first", "%"])
    let pages = statistics.pages
    return [head]
      + statistics.runRows.map { row in
        let first = row.runs.lowerBound
        let last = row.runs.upperBound
        return columns([
          first == last ? "\(first)" : "\(first)-\(last)",
          "\(row.sizeClass.bytes)",
          "\(row.pages.hardware)",
          percent(row.pages.hardware, of: pages),
          "\(row.pages.highNibbleFirst)",
          percent(row.pages.highNibbleFirst, of: pages),
        ])
      }
  }

  private static func classLines(_ statistics: borrowing TagsStatistics) -> [String] {
    var lines = [columns(["codec", "class", "pages", "%"])]
    for row in statistics.rows {
      for (sizeClass, pages) in zip(row.classes, row.pages) where pages > 0 {
        lines.append(
          columns([
            row.name, "\(sizeClass.bytes)", "\(pages)",
            percent(pages, of: statistics.pages),
          ])
        )
      }
    }
    return lines
  }

  private static func totalLines(_ statistics: borrowing TagsStatistics) -> [String] {
    let pages = statistics.pages
    let raw = pages * UInt64(statistics.pageSize.tagBytes)
    let rawRow = statistics.rows.first { $0.codec == .raw }
    let real = statistics.followsSwap ? "most bytes" : "real bytes"
    var lines = [columns(["codec", "class bytes", "a page", "ratio", real, "a page", "ratio"])]
    for row in statistics.rows {
      var cells = [
        row.name, "\(row.classBytes)", decimal(row.classBytes, over: pages),
        decimal(raw, over: row.classBytes),
      ]
      // Only codecs are followed through swap.
      if row.codec != nil || !statistics.followsSwap {
        cells += [
          "\(row.realBytes)", decimal(row.realBytes, over: row.realPages),
          decimal(rawRow?.realBytes ?? 0, over: row.realBytes),
        ]
      }
      lines.append(columns(cells))
    }
    lines += ["", columns(["exactly", "bytes", "a page", "ratio"])]
    for row in statistics.rows where row.codec == nil {
      lines.append(
        columns([
          row.name, "\(row.exactBytes)", decimal(row.exactBytes, over: pages),
          decimal(raw, over: row.exactBytes),
        ])
      )
    }
    return lines
  }

  /// The first cell to the left of 12 columns, each other to the right of its own.
  private static func columns(_ cells: [String]) -> String {
    let widths = [12, 12, 10, 7, 18, 8, 7]
    return zip(cells, widths).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(1, cell.1 - cell.0.count))
      return index == 0 ? cell.0 + space : space + cell.0
    }.joined()
  }

  private static func percent(_ part: UInt64, of whole: UInt64) -> String {
    decimal(part * 100, over: whole)
  }

  /// A quotient with one decimal, rounded to nearest; `-` where there is none.
  private static func decimal(_ dividend: UInt64, over divisor: UInt64) -> String {
    guard divisor > 0 else { return "-" }
    let tenths = (UInt128(dividend) * 10 + UInt128(divisor) / 2) / UInt128(divisor)
    return "\(tenths / 10).\(tenths % 10)"
  }
}
