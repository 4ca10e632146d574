// SPDX-License-Identifier: Apache-2.0

/// A value of a JSON text, with the byte at which it starts.
struct JSONNode {
  /// The values that a report may hold.
  enum Value {
    /// A whole number, at most ``JSONReport/largestNumber``.
    case number(UInt64)
    /// A string, its escapes resolved.
    case string(String)
    /// The elements of an array.
    case array([JSONNode])
    /// The members of an object, in the order of the text; no two have the same name.
    case object([(name: String, node: JSONNode)])
  }

  /// The value itself.
  let value: Value
  /// The byte at which the value starts, from 0.
  let offset: Int

  /// What an error message calls the value.
  var kind: String {
    switch value {
    case .number(let number): String(number)
    case .string(let text): text.utf8.count <= 40 ? quoted(text) : "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Reads the part of JSON that reports use, and refuses all else at its exact place.
///
/// Refused are, beyond what JSON itself forbids: fractions, exponents, negative numbers, numbers
/// above 2^53 - 1, `true`, `false`, `null`, a name twice in one object, and nesting deeper than
/// ``deepestNesting``, so that recursion is bounded whatever the input is.
struct JSONParser {
  /// How many arrays and objects may enclose a value.
  static let deepestNesting = 16

  let bytes: [UInt8]
  private(set) var position = 0

  /// Creates a parser.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads the one value that the text holds.
  ///
  /// - Throws: ``ReportError`` at the first byte that does not fit.
  static func parse(_ bytes: [UInt8]) throws(ReportError) -> JSONNode {
    var parser = JSONParser(bytes)
    parser.skipSpace()
    let node = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < bytes.count {
      throw parser.error("the end of the file", parser.foundHere)
    }
    return node
  }

  /// An error at `offset`, by default where the parser stands.
  func error(_ expected: String, _ found: String, at offset: Int? = nil) -> ReportError {
    let place = offset ?? position
    let line = 1 + bytes[..<min(place, bytes.count)].count { $0 == UInt8(ascii: "\n") }
    return ReportError(line: line, byteOffset: place, expected: expected, found: found)
  }

  // MARK: - Values

  mutating func value(depth: Int) throws(ReportError) -> JSONNode {
    let offset = position
    guard position < bytes.count else { throw error("a value", foundHere) }
    switch bytes[position] {
    case UInt8(ascii: "\""):
      return JSONNode(value: .string(try string()), offset: offset)
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return JSONNode(value: .number(try number()), offset: offset)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth < Self.deepestNesting else {
        throw error("at most \(Self.deepestNesting) nested values", "one more")
      }
      return bytes[position] == UInt8(ascii: "{")
        ? try object(depth: depth + 1) : try array(depth: depth + 1)
    default:
      throw error("an object, an array, a string or a whole number", foundHere)
    }
  }

  private mutating func object(depth: Int) throws(ReportError) -> JSONNode {
    let offset = position
    var members: [(name: String, node: JSONNode)] = []
    // Only asked whether it holds a name, so its order reaches nothing.
    var names: Set<String> = []
    position += 1
    skipSpace()
    if take("}") { return JSONNode(value: .object([]), offset: offset) }
    while true {
      let start = position
      guard peek == UInt8(ascii: "\"") else { throw error("a name in quotation marks", foundHere) }
      let name = try string()
      guard names.insert(name).inserted else {
        throw error("each name once", "\(quoted(name)) again", at: start)
      }
      skipSpace()
      guard take(":") else { throw error("':'", foundHere) }
      skipSpace()
      members.append((name, try value(depth: depth)))
      skipSpace()
      if take("}") { return JSONNode(value: .object(members), offset: offset) }
      guard take(",") else { throw error("',' or '}'", foundHere) }
      skipSpace()
    }
  }

  private mutating func array(depth: Int) throws(ReportError) -> JSONNode {
    let offset = position
    var elements: [JSONNode] = []
    position += 1
    skipSpace()
    if take("]") { return JSONNode(value: .array([]), offset: offset) }
    while true {
      elements.append(try value(depth: depth))
      skipSpace()
      if take("]") { return JSONNode(value: .array(elements), offset: offset) }
      guard take(",") else { throw error("',' or ']'", foundHere) }
      skipSpace()
    }
  }

  mutating func number() throws(ReportError) -> UInt64 {
    let start = position
    var place = position
    var number: UInt64 = 0
    while place < bytes.count {
      let digit = bytes[place] &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      if place > start && number == 0 {
        position = place
        throw error("no digit after a leading 0", foundHere)
      }
      // No overflow: `number` is below 2^53 here.
      number = number * 10 + UInt64(digit)
      guard number <= JSONReport.largestNumber else {
        throw error("a whole number below 2^53", "a larger one", at: start)
      }
      place += 1
    }
    position = place
    if let byte = peek, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") {
      throw error("a whole number", foundHere)
    }
    return number
  }

  // MARK: - Strings

  mutating func string() throws(ReportError) -> String {
    let start = position
    position += 1
    var unescaped = plainBytes()
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let text = String(validating: unescaped, as: UTF8.self) else {
          throw error("a string in UTF-8", "other bytes", at: start)
        }
        return text
      case UInt8(ascii: "\\"):
        unescaped += Array(String(try escape()).utf8)
      case 0..<0x20:
        throw error("an escaped control character", foundHere)
      default:
        unescaped.append(byte)
        position += 1
      }
    }
    throw error("'\"'", foundHere)
  }

  /// Goes over the bytes of a string up to its end or to the first that means something else.
  private mutating func plainBytes() -> [UInt8] {
    var place = position
    while place < bytes.count {
      let byte = bytes[place]
      guard byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 else { break }
      place += 1
    }
    defer { position = place }
    return Array(bytes[position..<place])
  }

  private mutating func escape() throws(ReportError) -> Unicode.Scalar {
    let start = position
    position += 1
    guard let letter = peek else { throw error("an escape", foundHere) }
    position += 1
    switch letter {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw error("an escape of JSON", "another one", at: start)
    }
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    // A surrogate: only a leading one, followed by a trailing one, is a character.
    if first < 0xdc00, take("\\"), take("u") {
      let second = try fourDigits()
      if (0xdc00..<0xe000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
      {
        return scalar
      }
    }
    throw error("a pair of surrogates", "half of one", at: start)
  }

  private mutating func fourDigits() throws(ReportError) -> UInt32 {
    var number: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("a hexadecimal digit", foundHere)
      }
      number = number << 4 | UInt32(digit)
      position += 1
    }
    return number
  }

  // MARK: - Bytes

  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func skipSpace() {
    // A position of its own, because the one in memory would be written for each byte.
    var place = position
    while place < bytes.count {
      let byte = bytes[place]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { break }
      place += 1
    }
    position = place
  }

  /// Goes over `text` in quotation marks, if that stands here as it is.
  mutating func takeName(_ text: [UInt8]) -> Bool {
    let end = position + text.count + 1
    guard end < bytes.count, bytes[position] == UInt8(ascii: "\""), bytes[end] == UInt8(ascii: "\"")
    else { return false }
    var index = 0
    while index < text.count {
      guard bytes[position + 1 + index] == text[index] else { return false }
      index += 1
    }
    position = end + 1
    return true
  }

  var foundHere: String {
    guard let byte = peek else { return "the end of the file" }
    return (0x21...0x7e).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }
}

/// `text` in quotation marks, with everything escaped that could upset a terminal.
func quoted(_ text: String) -> String {
  var writer = JSONWriter()
  writer.string(text)
  return writer.text
}
