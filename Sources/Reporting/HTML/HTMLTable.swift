// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A table of numbers with one body for each group of rows; the page's script sorts within them.
struct HTMLTable {
  /// A row: its title, what it means, and its cells.
  struct Row {
    let title: String
    let meaning: String
    let cells: [String]
  }

  /// A heading over rows.
  struct Group {
    let title: String
    let rows: [Row]
  }

  let headings: [String]
  let groups: [Group]

  /// The table of a report's rows.
  init(_ rows: ReportRows) {
    headings = rows.columns
    groups = rows.groups.map { group in
      Group(
        title: group.title,
        rows: group.rows.map {
          Row(
            title: $0.title,
            meaning: Glossary.explanation(of: $0.name),
            cells: $0.cells.map(\.forReading)
          )
        }
      )
    }
  }

  /// The table of one section of a comparison.
  init(_ section: ComparisonSection, _ comparison: Comparison) {
    headings = ComparisonTable.headings(section, comparison)
    groups =
      section.groups.map { group in
        Group(
          title: group.title,
          rows: group.rows.map {
            Row(
              title: $0.title,
              meaning: Glossary.explanation(of: $0.name),
              cells: ComparisonTable.cells($0)
            )
          }
        )
      }
      + section.causes.map { causes in
        Group(
          title: "What changed in \(causes.title), KiB",
          rows: causes.parts.map {
            Row(title: $0.title, meaning: "", cells: ComparisonTable.cells($0.changes))
          } + [Row(title: "all of it", meaning: "", cells: ComparisonTable.cells(causes.total))]
        )
      }
  }

  /// The table, in a box that scrolls sideways where the window is too narrow.
  var text: String {
    var lines = ["<div class=\"wide\" tabindex=\"0\">", "<table class=\"sortable\">"]
    let columns = headings.map { "<th scope=\"col\">\(html($0))</th>" }.joined()
    lines.append("<thead><tr><td></td>\(columns)</tr></thead>")
    for group in groups {
      lines.append("<tbody>")
      lines.append(
        "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"\(headings.count + 1)\">"
          + "\(html(group.title))</th></tr>"
      )
      for row in group.rows {
        let meaning = row.meaning.isEmpty ? "" : " title=\"\(html(row.meaning))\""
        let cells = row.cells.map { "<td>\(html($0))</td>" }.joined()
        lines.append("<tr><th scope=\"row\"\(meaning)>\(html(row.title))</th>\(cells)</tr>")
      }
      lines.append("</tbody>")
    }
    return (lines + ["</table>", "</div>"]).joined(separator: "\n")
  }
}

/// What the titles of rows mean, for readers who cannot point at them; folded away at first.
func htmlGlossary(of names: [String]) -> String {
  var entries: [GlossaryEntry] = []
  for name in names {
    guard let entry = Glossary.entry(for: name), !entries.contains(entry) else { continue }
    entries.append(entry)
  }
  let lines = entries.map { entry in
    let formula = entry.formula.map { " Formula: \($0)." } ?? ""
    return "<dt>\(html(entry.name))</dt><dd>\(html(entry.meaning + formula))"
      + " <small>\(html("\(entry.unit.rawValue); \(entry.source)"))</small></dd>"
  }
  return "<details>\n<summary>What the names mean</summary>\n<dl class=\"glossary\">\n"
    + lines.joined(separator: "\n") + "\n</dl>\n</details>"
}
