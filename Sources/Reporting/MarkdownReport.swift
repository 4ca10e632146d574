// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as Markdown, with one table for each group of rows.
///
/// Numbers are those of ``TableReport``.
public enum MarkdownReport {
  /// Writes the selected rows of the report.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(
    _ report: RunReport,
    rows selection: ReportRows.Selection = .occurring
  ) -> String {
    var lines = ["# mtesim \(markdown(report.programVersion))", ""]
    lines += RunFacts(report).lines.map { "- **\($0.name)**: \(markdown($0.value))" }
    lines += [""] + Self.lines(of: ReportRows(report, selection))
    lines += ["", "KiB and percent are rounded to the nearest, halves up."]
    lines += Verdict(report).sentences.flatMap { ["", "**\(markdown($0))**"] }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One table for each group of rows, with an empty line between two.
  static func lines(of rows: ReportRows) -> [String] {
    var lines: [String] = []
    for group in rows.groups {
      if !lines.isEmpty { lines.append("") }
      lines += ["## \(group.title)", ""]
      lines.append(markdownRow([""] + rows.columns.map(markdown)))
      lines.append("|---|" + String(repeating: "--:|", count: rows.columns.count))
      lines += group.rows.map { markdownRow([$0.title] + $0.cells.map { markdown($0.forReading) }) }
    }
    return lines
  }
}
