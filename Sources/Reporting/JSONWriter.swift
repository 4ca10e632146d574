// SPDX-License-Identifier: Apache-2.0

/// Writes the part of JSON that reports use: objects, arrays, strings and whole numbers.
///
/// Keys stand in the order in which they are written, every nesting level is indented by two
/// spaces, and a compact object or array stays on one line. The text ends without a newline.
struct JSONWriter {
  /// The text so far.
  private(set) var text = ""
  private var levels: [Level] = []

  /// An object or array that is still open.
  private struct Level {
    let close: String
    let isCompact: Bool
    var isEmpty = true
  }

  /// Writes an object whose members `body` writes.
  mutating func object(isCompact: Bool = false, _ body: (inout JSONWriter) -> Void) {
    nest("{", "}", isCompact: isCompact, body)
  }

  /// Writes an array whose elements `body` writes, each after a call of ``element()``.
  mutating func array(_ body: (inout JSONWriter) -> Void) {
    nest("[", "]", isCompact: false, body)
  }

  /// Starts the next element of an array.
  mutating func element() { startItem() }

  /// Starts the next member of an object.
  mutating func key(_ name: String) {
    startItem()
    string(name)
    text += ": "
  }

  /// Writes a member that is a whole number.
  ///
  /// - Precondition: `value` is at most ``JSONReport/largestNumber``.
  mutating func member(_ name: String, _ value: UInt64) {
    precondition(value <= JSONReport.largestNumber, "\(name) = \(value) is not below 2^53")
    key(name)
    text += String(value)
  }

  /// Writes a member that is a whole number and may be negative.
  ///
  /// - Precondition: the magnitude of `value` is at most ``JSONReport/largestNumber``.
  mutating func member(_ name: String, signed value: Int64) {
    precondition(value.magnitude <= JSONReport.largestNumber, "\(name) = \(value) has over 53 bits")
    key(name)
    text += String(value)
  }

  /// Writes a member that is true or false.
  mutating func member(_ name: String, _ value: Bool) {
    key(name)
    text += value ? "true" : "false"
  }

  /// Writes a member that is `null`.
  mutating func memberWithoutValue(_ name: String) {
    key(name)
    text += "null"
  }

  /// Writes a member that is a string.
  mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  /// Writes a string in quotation marks.
  ///
  /// Quotation mark, backslash and the control characters are escaped, DEL included so that a
  /// terminal shows the text safely; all other characters stand for themselves in UTF-8.
  mutating func string(_ value: String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7f {
          text += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }

  private mutating func nest(
    _ open: String,
    _ close: String,
    isCompact: Bool,
    _ body: (inout JSONWriter) -> Void
  ) {
    text += open
    levels.append(Level(close: close, isCompact: isCompact))
    body(&self)
    guard let level = levels.popLast() else { return }
    if !level.isEmpty { separate(level) }
    text += level.close
  }

  private mutating func startItem() {
    guard var level = levels.popLast() else { return }
    if !level.isEmpty { text += "," }
    level.isEmpty = false
    levels.append(level)
    separate(level)
  }

  /// What stands before an item or a closing bracket: one space, or a new indented line.
  private mutating func separate(_ level: Level) {
    text += level.isCompact ? " " : "\n" + String(repeating: "  ", count: levels.count)
  }
}
