// SPDX-License-Identifier: Apache-2.0

/// The stored form of one tag page as a line of JSON.
///
///     {"page":0,"runs":3,"class":8,"handle":"0x1234","payload":""}
///
/// `page` counts from 0, `runs` are those that the codec sees, `class` is the bytes of the size
/// class, and `payload` is the hexadecimal form of the object, empty when the handle holds the tags.
struct TagsLine {
  /// Something that is not as it must be, at a byte of the line.
  struct Unexpected: Error {
    var offset: Int
    var expected: String
    var found: String
  }

  /// A value and the byte of the line at which it starts.
  struct Field<Value> {
    var value: Value
    var offset: Int
  }

  /// More bytes than any line has: those of a 64K page with spaces to spare.
  static let limitBytes = 1 << 14

  var page = Field(value: UInt64(0), offset: 0)
  var runs = Field(value: UInt64(0), offset: 0)
  var classBytes = Field(value: UInt64(0), offset: 0)
  var handle = Field(value: UInt64(0), offset: 0)
  var payload = Field(value: [UInt8](), offset: 0)

  /// Appends a line of JSON.
  static func append(
    page: UInt64,
    runs: Int,
    classBytes: Int,
    handle: UInt64,
    payload: ArraySlice<UInt8>,
    to bytes: inout [UInt8]
  ) {
    bytes += "{\"page\":\(page),\"runs\":\(runs),\"class\":\(classBytes),\"handle\":\"".utf8
    bytes += "0x\(String(handle, radix: 16))\",\"payload\":\"".utf8
    appendHexadecimal(payload, to: &bytes)
    bytes += "\"}\n".utf8
  }

  /// Appends two hexadecimal digits for each byte.
  static func appendHexadecimal(_ payload: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    for byte in payload {
      bytes.append(digit(byte >> 4))
      bytes.append(digit(byte & 15))
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
  }

  /// Reads a line of JSON, members in any order and each exactly once.
  init(_ bytes: [UInt8]) throws(Unexpected) {
    var parser = TagsLineParser(bytes)
    guard bytes.count < Self.limitBytes else {
      throw Unexpected(
        offset: 0,
        expected: "a line of less than \(Self.limitBytes) bytes",
        found: "a longer one"
      )
    }
    var missing = ["page", "runs", "class", "handle", "payload"]
    try parser.expect("{")
    while true {
      let name = try parser.string()
      guard let index = missing.firstIndex(of: name.value) else {
        let names = missing.map { "\"\($0)\"" }.joined(separator: " or ")
        throw Unexpected(
          offset: name.offset,
          expected: missing.isEmpty ? "no other member" : names,
          found: "\"\(name.value)\""
        )
      }
      missing.remove(at: index)
      try parser.expect(":")
      switch name.value {
      case "page": page = try parser.number()
      case "runs": runs = try parser.number()
      case "class": classBytes = try parser.number()
      case "handle": handle = try parser.handle()
      default: payload = try parser.payload()
      }
      guard !missing.isEmpty else { break }
      try parser.expect(",")
    }
    try parser.expect("}")
    try parser.expectEnd()
  }
}

/// Reads the few forms of JSON that a line has.
private struct TagsLineParser {
  typealias Unexpected = TagsLine.Unexpected

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func expect(_ character: Character) throws(Unexpected) {
    skipSpace()
    guard let byte = peek, Character(Unicode.Scalar(byte)) == character else {
      throw unexpected("'\(character)'")
    }
    position += 1
  }

  mutating func expectEnd() throws(Unexpected) {
    skipSpace()
    guard peek == nil else { throw unexpected("the end of the line") }
  }

  mutating func number() throws(Unexpected) -> TagsLine.Field<UInt64> {
    skipSpace()
    let start = position
    var value: UInt64 = 0
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      guard position == start || value > 0 else { throw unexpected("no digit after a leading 0") }
      value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
      guard value < 1 << 53 else {
        throw Unexpected(
          offset: start,
          expected: "a whole number below 2^53",
          found: "a larger one"
        )
      }
      position += 1
    }
    guard position > start else { throw unexpected("a whole number") }
    return TagsLine.Field(value: value, offset: start)
  }

  /// Reads a string without escapes, which no name or value here needs.
  mutating func string() throws(Unexpected) -> TagsLine.Field<String> {
    try expect("\"")
    let start = position
    while let byte = peek, byte != UInt8(ascii: "\"") {
      guard (0x20...0x7e).contains(byte), byte != UInt8(ascii: "\\") else {
        throw unexpected("a plain character")
      }
      position += 1
    }
    guard peek != nil else { throw unexpected("'\"'") }
    position += 1
    return TagsLine.Field(
      value: String(decoding: bytes[start..<position - 1], as: UTF8.self),
      offset: start
    )
  }

  mutating func handle() throws(Unexpected) -> TagsLine.Field<UInt64> {
    let text = try string()
    guard text.value.hasPrefix("0x"), (3...18).contains(text.value.utf8.count),
      text.value.dropFirst(2).allSatisfy(\.isHexDigit),
      let value = UInt64(text.value.dropFirst(2), radix: 16), value >> 63 == 0
    else {
      throw Unexpected(
        offset: text.offset,
        expected: "a handle of 0x and 1 to 16 hexadecimal digits, below 2^63",
        found: "\"\(text.value.prefix(40))\""
      )
    }
    return TagsLine.Field(value: value, offset: text.offset)
  }

  mutating func payload() throws(Unexpected) -> TagsLine.Field<[UInt8]> {
    let text = try string()
    var values: [UInt8] = []
    var high: UInt8?
    for (index, character) in text.value.enumerated() {
      guard let digit = character.hexDigitValue else {
        throw Unexpected(
          offset: text.offset + index,
          expected: "a hexadecimal digit",
          found: "'\(character)'"
        )
      }
      if let upper = high {
        values.append(upper << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
    guard high == nil else { throw unexpected("two hexadecimal digits for each byte") }
    return TagsLine.Field(value: values, offset: text.offset)
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0d { position += 1 }
  }

  private func unexpected(_ expected: String) -> Unexpected {
    let found =
      switch peek {
      case nil: "the end of the line"
      case .some(let byte) where (0x21...0x7e).contains(byte):
        "'\(Character(Unicode.Scalar(byte)))'"
      case .some(let byte): "byte 0x\(String(byte, radix: 16))"
      }
    return Unexpected(offset: position, expected: expected, found: found)
  }
}
