// SPDX-License-Identifier: Apache-2.0

// What all parts of a page write in the same way.

/// `text` with everything that HTML would take for markup written as a reference, and control characters
/// as their numbers; it can stand between tags and in a quoted attribute.
func html(_ text: String) -> String {
  var shown = ""
  for character in printable(text).unicodeScalars {
    switch character {
    case "&": shown += "&amp;"
    case "<": shown += "&lt;"
    case ">": shown += "&gt;"
    case "\"": shown += "&quot;"
    default: shown.unicodeScalars.append(character)
    }
  }
  return shown
}

/// A figure: a heading, the drawing, and a caption where there is one.
func htmlFigure(_ heading: String, _ drawing: String, caption: String = "") -> String {
  let below = caption.isEmpty ? "" : "<p>\(html(caption))</p>\n"
  return "<figure>\n<h3>\(html(heading))</h3>\n\(drawing)\n\(below)</figure>"
}

/// Figures beside each other as far as there is room.
func htmlFigures(_ figures: [String]) -> String {
  "<div class=\"figures\">\n\(figures.joined(separator: "\n"))\n</div>"
}

/// The colours of figures and what they stand for; `meaning` is shown where the reader points at one.
func htmlLegend(_ items: [(style: String, title: String, meaning: String)]) -> String {
  let entries = items.map {
    "<li title=\"\(html($0.meaning))\"><i class=\"\($0.style)\"></i>\(html($0.title))</li>"
  }
  return "<ul class=\"legend\">\(entries.joined())</ul>"
}

/// A section of the page.
func htmlSection(_ heading: String, _ identifier: String, _ parts: [String]) -> String {
  "<section id=\"\(identifier)\">\n<h2>\(html(heading))</h2>\n\(parts.joined(separator: "\n"))\n"
    + "</section>"
}

/// A paragraph of plain text.
func htmlParagraph(_ text: String) -> String { "<p>\(html(text))</p>" }

extension Glossary {
  /// The explanation of a name, on one line.
  ///
  /// - Precondition: the glossary has an entry for it.
  static func explanation(of name: String) -> String {
    guard let entry = entry(for: name) else {
      preconditionFailure("no glossary entry for \(name)")
    }
    let formula = entry.formula.map { " Formula: \($0)." } ?? ""
    return
      "\(name): \(entry.meaning)\(formula) Unit: \(entry.unit.rawValue). Source: \(entry.source)."
  }
}
