// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as one self-contained page: what ran, whether tags were lost, figures, and every number.
///
/// Numbers and texts are those of the other forms; what memory looked like over time comes from the
/// series, which no other form has. The page loads nothing and works without scripts, which only sort
/// tables and move the time of the maps.
public enum HTMLReport {
  /// Writes the page.
  ///
  /// - Precondition: `series` has one element for each design of `report`.
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport, _ series: [RunSeries]) -> String {
    precondition(series.count == report.designs.count, "\(series.count) series")
    let columns = ReportRows.headings(report)
    return HTMLPage.text(
      title: "mtesim: \(report.traces.map(\.name).joined(separator: ", "))",
      body: [
        heading(report), verdict(report),
        htmlFacts(
          [("program", "mtesim \(printable(report.programVersion))")] + RunFacts(report).lines
        ),
        DesignFigures(report, columns: columns).section,
        MemoryFigures(report: report, columns: columns, series: series).section,
        TagStorageFigures(report: report, columns: columns, series: series).section,
        TagRunFigures(report: report, columns: columns, series: series).section,
        StallFigures(report: report, columns: columns).section,
        numbers(report),
      ].compactMap(\.self)
    )
  }

  private static func heading(_ report: RunReport) -> String {
    let designs = ReportRows.headings(report).joined(separator: ", ")
    return "<h1>Memory for MTE tags under \(html(designs))</h1>"
  }

  private static func verdict(_ report: RunReport) -> String {
    let verdict = Verdict(report)
    var lines = verdict.sentences.map(htmlParagraph)
    let messages = zip(ReportRows.headings(report), report.designs).flatMap { name, design in
      design.verification.messages.map { "<li>\(html("\(name): \($0)"))</li>" }
    }
    if !messages.isEmpty { lines.append("<ul>\(messages.joined())</ul>") }
    let style = verdict.isClean ? "verdict" : "verdict bad"
    return "<div class=\"\(style)\">\n\(lines.joined(separator: "\n"))\n</div>"
  }

  private static func numbers(_ report: RunReport) -> String {
    let essential = ReportRows(report, .essential)
    let all = ReportRows(report, .occurring)
    let count = all.groups.reduce(0) { $0 + $1.rows.count }
    return htmlSection(
      "Numbers",
      "numbers",
      [
        htmlParagraph(
          "KiB and percent are rounded to the nearest, halves up; the forms csv and json have bytes."
            + " Point at a title for its meaning."
        ),
        HTMLTable(essential).text,
        "<details>\n<summary>All \(count) rows that are not zero</summary>\n\(HTMLTable(all).text)\n"
          + "</details>",
        htmlGlossary(of: (essential.groups + all.groups).flatMap(\.rows).map(\.name)),
      ]
    )
  }
}

/// What ran, one line a fact.
func htmlFacts(_ lines: [(name: String, value: String)]) -> String {
  let facts = lines.map { "<dt>\(html($0.name))</dt><dd>\(html($0.value))</dd>" }
  return "<dl class=\"facts\">\n\(facts.joined(separator: "\n"))\n</dl>"
}
