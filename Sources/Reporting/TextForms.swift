// SPDX-License-Identifier: Apache-2.0

// What the renderers of reports and comparisons write in the same way.

/// `text` with spaces behind it, up to `width` characters.
func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// `text` with spaces before it, up to `width` characters.
func rightAligned(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

/// A row of a Markdown table.
func markdownRow(_ cells: [String]) -> String {
  "| " + cells.joined(separator: " | ") + " |"
}

/// `text` with a backslash before everything that Markdown would take for markup.
func markdown(_ text: String) -> String {
  var shown = ""
  for character in printable(text) {
    if "\\`*_[]<>|#".contains(character) { shown += "\\" }
    shown.append(character)
  }
  return shown
}

/// A line of comma-separated values, newline included.
///
/// Fields with a comma, a quotation mark or a line break are quoted.
func csvLine(_ fields: [String]) -> String {
  fields.map(csvField).joined(separator: ",") + "\n"
}

private func csvField(_ text: String) -> String {
  // Bytes, because a carriage return and a newline together are one character.
  let special = [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
  guard text.utf8.contains(where: special.contains) else { return text }
  var quoted = "\""
  for scalar in text.unicodeScalars {
    if scalar == "\"" { quoted += "\"" }
    quoted.unicodeScalars.append(scalar)
  }
  return quoted + "\""
}
