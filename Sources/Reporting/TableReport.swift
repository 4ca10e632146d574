// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as a table in plain text: what ran, one row for each number, one column for each
/// design, and at the end in words whether tags were lost.
///
/// Bytes are shown in KiB and parts as percent, both rounded to the nearest, halves up. Three
/// designs fit into 100 columns.
public enum TableReport {
  /// Writes the table of the selected rows.
  ///
  /// - Returns: the text, which ends in a newline; no line ends in a space.
  public static func text(
    _ report: RunReport,
    rows selection: ReportRows.Selection = .occurring
  ) -> String {
    var lines = ["mtesim \(printable(report.programVersion))"]
    let facts = RunFacts(report).lines
    let factWidth = facts.map(\.name.count).max() ?? 0
    lines += facts.map { padded($0.name, to: factWidth) + "  " + $0.value }
    lines.append("")
    lines += Self.lines(of: ReportRows(report, selection))
    lines.append("KiB and percent are rounded to the nearest, halves up; csv and json have bytes.")
    if selection == .essential {
      let all = ReportRows(report, .occurring).groups.reduce(0) { $0 + $1.rows.count }
      lines.append("Shown are the rows to look at first; --all-rows shows all \(all).")
    }
    lines += Verdict(report).sentences
    return lines.joined(separator: "\n") + "\n"
  }

  /// The rows under the headings of their columns, each group with an empty line behind it.
  static func lines(of rows: ReportRows) -> [String] {
    var lines: [String] = []
    let cells = rows.groups.flatMap(\.rows)
    let titleWidth = (cells.map(\.title.count).max() ?? 0) + 2
    let headings = rows.columns.map(printable)
    let widths = headings.indices.map { column in
      2 + max(headings[column].count, cells.map { $0.cells[column].forReading.count }.max() ?? 0)
    }
    lines.append(
      padded("", to: titleWidth) + zip(headings, widths).map(rightAligned).joined()
    )
    for group in rows.groups {
      lines.append(group.title)
      for row in group.rows {
        let numbers = zip(row.cells.map(\.forReading), widths).map(rightAligned).joined()
        lines.append(padded("  " + row.title, to: titleWidth) + numbers)
      }
      lines.append("")
    }
    return lines
  }
}
