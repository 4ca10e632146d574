// SPDX-License-Identifier: Apache-2.0

/// A comparison as Markdown: one table for each design, for a cover letter or a review.
///
/// Numbers are those of ``ComparisonTable``.
public enum ComparisonMarkdown {
  /// Writes the comparison.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ comparison: Comparison, _ results: [ThresholdResult] = []) -> String {
    var lines = ["- **base**: \(markdown(comparison.base.name))"]
    lines += comparison.news.map { "- **new**: \(markdown($0.name))" }
    lines += (comparison.conditions + comparison.unmatched).map { "- \(markdown($0))" }
    if comparison.conditions.isEmpty { lines.append("- same program, traces and machine") }
    for section in comparison.sections {
      let headings = ComparisonTable.headings(section, comparison)
      lines += ["", "## \(markdown(section.title))", ""]
      lines.append(markdownRow([""] + headings.map(markdown)))
      lines.append("|---|" + String(repeating: "--:|", count: headings.count))
      for group in section.groups {
        lines.append(markdownRow(["**\(group.title)**"] + headings.map { _ in "" }))
        lines += group.rows.map { row in
          markdownRow([row.title] + ComparisonTable.cells(row).map(markdown))
        }
      }
      for causes in section.causes {
        let title = "**What changed in \(causes.title), KiB**"
        lines.append(markdownRow([title] + headings.map { _ in "" }))
        lines += causes.parts.map { part in
          markdownRow([part.title] + ComparisonTable.cells(part.changes).map(markdown))
        }
        lines.append(
          markdownRow(["all of it"] + ComparisonTable.cells(causes.total).map(markdown))
        )
      }
    }
    lines += ["", "KiB and percent are rounded to the nearest, halves up."]
    if !results.isEmpty { lines += ["", "## Thresholds", ""] }
    lines += results.map { "- \($0.isExceeded ? "**FAILED** " : "")\(markdown($0.sentence))" }
    return lines.joined(separator: "\n") + "\n"
  }
}
