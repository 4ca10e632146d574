// SPDX-License-Identifier: Apache-2.0

extension Glossary {
  /// The glossary as a page of documentation.
  public static var markdown: String {
    var lines = [
      "# Glossary", "", "Every name that a report uses, with its unit, its meaning and its source.",
      "", "## Overview", "",
      "A row may name a statistic behind a period: `mean` is the mean over the run's clock, rounded",
      "down; `peak` the largest value at any sample; `last` the value after the last event, before",
      "the processes end. `saved_tag_class[16].frees` is the number `saved_tag_class.frees` of the",
      "16-byte class. Percentages are hundredths, rounded to the nearest, halves up.", "",
    ]
    for (heading, entries) in [
      ("Faults and page allocator", faultCounters), ("Reclaim", reclaimCounters),
      ("Swap, migration and contiguous memory", swapCounters), ("Tag storage", tagStorageCounters),
      ("Tags and the run", tagCounters), ("Memory", memoryCategories), ("Derived", derivedRows),
    ] {
      lines += ["## \(heading)", "", "| Name | Unit | Meaning | Sum | Source |"]
      lines.append("|---|---|---|---|---|")
      lines += entries.map(row)
      lines.append("")
    }
    lines += [
      "## Sums", "", "Every report satisfies these rules.", "", "| Sum | Rule |", "|---|---|",
    ]
    lines += SumRule.allCases.map { "| \($0.rawValue) | \(marked($0.statement)) |" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ entry: GlossaryEntry) -> String {
    let formula = entry.formula.map { " Formula: `\($0)`." } ?? ""
    return
      "| `\(entry.name)` (\(entry.title)) | \(entry.unit.rawValue) | \(entry.meaning)\(formula) "
      + "| \(entry.sum?.rawValue ?? "-") | \(entry.source) |"
  }

  /// `text` with every word that is a name of a report set as code.
  private static func marked(_ text: String) -> String {
    text.split(separator: " ").map { word in
      guard word.contains("_") else { return String(word) }
      let end = word.last.map { ",;".contains($0) } == true ? word.suffix(1) : ""
      return "`\(word.dropLast(end.count))`\(end)"
    }.joined(separator: " ")
  }
}
