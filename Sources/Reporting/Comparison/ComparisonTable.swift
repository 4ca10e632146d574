// SPDX-License-Identifier: Apache-2.0

/// A comparison as tables in plain text: first what else differs, then for each design the numbers
/// that changed, what the change of the overhead is made of, and at the end the thresholds.
///
/// Bytes are shown in KiB, rounded to the nearest, halves up.
public enum ComparisonTable {
  /// Writes the tables.
  ///
  /// - Returns: the text, which ends in a newline; no line ends in a space.
  public static func text(_ comparison: Comparison, _ results: [ThresholdResult] = []) -> String {
    var lines = ["base  \(printable(comparison.base.name))"]
    lines += comparison.news.map { "new   \(printable($0.name))" }
    lines += comparison.conditions.map { "note  \($0)" }
    if comparison.conditions.isEmpty { lines.append("      same program, traces and machine") }
    lines += comparison.unmatched.map { "note  \($0)" }
    for section in comparison.sections {
      lines += [""] + table(section, comparison)
    }
    lines += [
      "", "KiB and percent are rounded to the nearest, halves up; csv and json have bytes.",
    ]
    if !results.isEmpty {
      lines += ["", "Thresholds"]
      lines += results.map { ($0.isExceeded ? "  FAILED  " : "  kept    ") + $0.sentence }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The headings of the columns behind the title: base, and three for each new report.
  static func headings(_ section: ComparisonSection, _ comparison: Comparison) -> [String] {
    ["base"]
      + section.otherTitles.enumerated().flatMap { index, title in
        let number = section.otherTitles.count == 1 ? "" : " \(index + 1)"
        return [title.map(printable) ?? "new\(number)", "change\(number)", "%\(number)"]
      }
  }

  /// The cells of a row behind its title.
  static func cells(_ row: ComparisonRow) -> [String] {
    [row.base.forReading]
      + row.changes.flatMap { change in
        [change?.value ?? .none, change?.delta ?? .none, change?.percent ?? .none].map(\.forReading)
      }
  }

  /// The cells of a part of a change, which has no base.
  static func cells(_ changes: [Int64?]) -> [String] {
    ["-"]
      + changes.flatMap { change in
        let cell = change.map { ReportCell.byteChange($0.magnitude, isDecrease: $0 < 0) }
        return ["-", (cell ?? .none).forReading, "-"]
      }
  }

  private static func table(_ section: ComparisonSection, _ comparison: Comparison) -> [String] {
    var rows: [(title: String, cells: [String]?)] = []
    for group in section.groups {
      rows.append((group.title, nil))
      rows += group.rows.map { ("  " + $0.title, cells($0)) }
    }
    for causes in section.causes {
      rows.append(("What changed in \(causes.title), KiB", nil))
      rows += causes.parts.map { ("  " + $0.title, cells($0.changes)) }
      rows.append(("  all of it", cells(causes.total)))
    }
    let headings = headings(section, comparison)
    let all =
      [(title: printable(section.title), cells: headings)]
      + rows.compactMap { row in
        row.cells.map { (title: row.title, cells: $0) }
      }
    let titleWidth = all.map(\.title.count).max() ?? 0
    let widths = headings.indices.map { column in
      2 + (all.map { $0.cells[column].count }.max() ?? 0)
    }
    return ([(title: printable(section.title), cells: headings)] + rows).map { row in
      guard let cells = row.cells else { return row.title }
      return padded(row.title, to: titleWidth) + zip(cells, widths).map(rightAligned).joined()
    }
  }
}
