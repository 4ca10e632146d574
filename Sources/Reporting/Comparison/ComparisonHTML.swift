// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A comparison as one self-contained page: what else differs, thresholds, bars, and a table for each
/// design.
///
/// Numbers are those of ``ComparisonTable``. The page loads nothing and works without scripts, which
/// only sort its tables.
public enum ComparisonHTML {
  /// Writes the page.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ comparison: Comparison, _ results: [ThresholdResult] = []) -> String {
    var facts = [(name: "base", value: printable(comparison.base.name))]
    facts += comparison.news.map { ("new", printable($0.name)) }
    facts += comparison.conditions.map { ("differs", $0) }
    if comparison.conditions.isEmpty {
      facts.append(("differs", "nothing: same program, traces and machine"))
    }
    facts += comparison.unmatched.map { ("not compared", $0) }
    let names = comparison.sections.flatMap(\.groups).flatMap(\.rows).map(\.name)
    let news = comparison.news.map { fileName($0.name) }.joined(separator: ", ")
    let title = "\(news) against \(fileName(comparison.base.name))"
    return HTMLPage.text(
      title: "mtesim: \(title)",
      body: [
        "<h1>\(html(title))</h1>", thresholds(results), htmlFacts(facts), overhead(comparison),
      ]
        + comparison.sections.enumerated().map { index, section in
          htmlSection(
            section.title,
            "design-\(index + 1)",
            [HTMLTable(section, comparison).text]
          )
        }
        + [
          htmlParagraph(
            "KiB and percent are rounded to the nearest, halves up; csv and json have bytes."
          ),
          htmlGlossary(of: names),
        ]
    )
  }

  /// A path without its folders.
  private static func fileName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func thresholds(_ results: [ThresholdResult]) -> String {
    guard !results.isEmpty else { return "" }
    let isBad = results.contains(where: \.isExceeded)
    let lines = results.map { htmlParagraph(($0.isExceeded ? "FAILED " : "kept ") + $0.sentence) }
    return "<div class=\"verdict\(isBad ? " bad" : "")\">\n\(lines.joined(separator: "\n"))\n</div>"
  }

  /// What each design gives up in every report, as bars.
  private static func overhead(_ comparison: Comparison) -> String {
    let designs = comparison.sections.map { sides(of: $0, comparison) }
    let shown = MemoryLayer.givenUp.filter { layer in
      designs.joined().contains { side in layer.added.contains { side.design[$0].mean > 0 } }
    }
    let share = comparison.base.report.machine.ramBytes / 32
    let figures = zip(comparison.sections, designs).map { section, sides in
      let bars = sides.map { side in
        BarChart.Bar(
          name: side.name,
          value: ReportCell.bytes(side.design.tagOverhead.mean).forReading + " KiB",
          parts: shown.map { layer in
            (layer.style, layer.added.reduce(0) { clampedSum($0, side.design[$1].mean) })
          }
        )
      }
      let chart = BarChart(bars: bars, reference: (share, "1/32 of RAM"))
      let values = bars.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
      return htmlFigure(
        section.title,
        chart.drawing("\(section.title): \(values)", AxisScale.bytes)
      )
    }
    return htmlSection(
      "Memory given up for tags, mean over the run",
      "overhead",
      [
        htmlLegend(
          shown.map { ($0.style, $0.title, $0.meaning) }
            + [("line", "1/32 of RAM", "Of the RAM of the base's machine.")]
        ), htmlFigures(figures),
      ]
    )
  }

  /// The design of a section in every report that has it, with what the tables call the report.
  private static func sides(
    of section: ComparisonSection,
    _ comparison: Comparison
  ) -> [(name: String, design: DesignReport)] {
    let base = comparison.base.report
    guard let place = ReportRows.headings(base).firstIndex(of: section.title) else { return [] }
    var sides = [(name: "base", design: base.designs[place])]
    for (index, new) in comparison.news.enumerated() {
      guard let partner = DesignPairing(base, new.report).partners[place] else { continue }
      let number = comparison.news.count == 1 ? "" : " \(index + 1)"
      sides.append(("new\(number)", new.report.designs[partner]))
    }
    return sides
  }
}
