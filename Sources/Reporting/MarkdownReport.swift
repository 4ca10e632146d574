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
    let rows = ReportRows(report, selection)
    var lines = ["# mtesim \(escaped(report.programVersion))", ""]
    lines += RunFacts(report).lines.map { "- **\($0.name)**: \(escaped($0.value))" }
    for group in rows.groups {
      lines += ["", "## \(group.title)", ""]
      lines.append(line([""] + rows.columns.map(escaped)))
      lines.append("|---|" + String(repeating: "--:|", count: rows.columns.count))
      lines += group.rows.map { line([$0.title] + $0.cells.map { escaped($0.forReading) }) }
    }
    lines += ["", "KiB and percent are rounded to the nearest, halves up."]
    lines += Verdict(report).sentences.flatMap { ["", "**\(escaped($0))**"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func line(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }

  /// `text` with a backslash before everything that Markdown would take for markup.
  private static func escaped(_ text: String) -> String {
    var shown = ""
    for character in printable(text) {
      if "\\`*_[]<>|#".contains(character) { shown += "\\" }
      shown.append(character)
    }
    return shown
  }
}
