// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as one line for each design: what it gives up, what it gives back, what that costs, and whether
/// tags were lost.
///
/// It is for many designs, which have no room beside each other.
public enum DesignTable {
  /// The columns: a heading, and the number below it.
  private static let columns: [(heading: String, value: RowValue)] = [
    ("given up, KiB", .tagOverhead(.mean)),
    ("% of RAM", .tagOverheadPercent(.mean)),
    ("given back, %", .givenBackPercent(.mean)),
    ("pages swapped in", .counter(.pswpin)),
    ("pages migrated", .counter(.pgmigrateSuccess)),
    ("faults on access", .counter(.foaFaults)),
    ("all waits, µs", .stall(.fault, .total)),
    ("99.9 % of waits, µs", .stall(.fault, .p99_9)),
    ("longest, µs", .stall(.fault, .max)),
    ("time, µs", .totalTime),
    ("pages lost tags", .counter(.tagsLost)),
  ]

  /// Writes the table in plain text.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport) -> String {
    let rows = rows(report)
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { cells in
      padded(cells[0], to: widths[0])
        + zip(cells, widths).dropFirst().map { "  " + rightAligned($0, $1) }.joined()
    }
    return (lines + ["", note] + Verdict(report).sentences).joined(separator: "\n") + "\n"
  }

  /// Writes the table in Markdown.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func markdownText(_ report: RunReport) -> String {
    var lines = rows(report).map { markdownRow($0.map(markdown)) }
    lines.insert("|---|" + String(repeating: "--:|", count: columns.count), at: 1)
    return (lines + ["", note]).joined(separator: "\n") + "\n"
  }

  private static let note =
    "Means over the run; waits and time by the cost model (cost.* of mtesim machine keys)."

  /// The headings, then a line for each design.
  private static func rows(_ report: RunReport) -> [[String]] {
    let names = ReportRows.headings(report).map(printable)
    let context = RowContext(report)
    return [["design"] + columns.map(\.heading)]
      + zip(names, report.designs).map { name, design in
        [name] + columns.map { $0.value.cell(of: design, in: context).forReading }
      }
  }
}
