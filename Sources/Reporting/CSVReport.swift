// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as comma-separated values for a spreadsheet or a script.
///
/// The first line names the columns: `name`, `unit` and the designs. Every row of the glossary is
/// there, zero or not; bytes are exact, percentages have two decimals. Fields with a comma, a
/// quotation mark or a line break are quoted.
///
/// Source: RFC 4180, with a newline alone at the end of a line.
public enum CSVReport {
  /// Writes the report.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport) -> String {
    let rows = ReportRows(report, .all)
    var text = csvLine(["name", "unit"] + rows.columns)
    for row in rows.groups.flatMap(\.rows) {
      text += csvLine([row.name, row.unit.rawValue] + row.cells.map(\.forPrograms))
    }
    return text
  }
}
