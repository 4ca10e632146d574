// SPDX-License-Identifier: Apache-2.0

/// A comparison as comma-separated values: one line for each design, number and new report.
///
/// Bytes are exact, percentages have two decimals, and what cannot be stated is empty. Every row of the
/// glossary is there, changed or not.
public enum ComparisonCSV {
  /// Writes the comparison, which should have been made with ``Comparison/Selection/all``.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ comparison: Comparison) -> String {
    var text = csvLine(["design", "name", "unit", "report", "base", "new", "change", "percent"])
    for section in comparison.sections {
      for row in section.groups.flatMap(\.rows) {
        for (new, change) in zip(comparison.news, row.changes) {
          guard let change else { continue }
          let cells = [row.base, change.value, change.delta, change.percent].map(\.forPrograms)
          text += csvLine([section.title, row.name, row.unit.rawValue, new.name] + cells)
        }
      }
      for causes in section.causes {
        for part in causes.parts {
          for (new, change) in zip(comparison.news, part.changes) {
            guard let change else { continue }
            let fields = [section.title, "\(causes.name): \(part.title)", "bytes", new.name]
            text += csvLine(fields + ["", "", String(change), ""])
          }
        }
      }
    }
    return text
  }
}
