// SPDX-License-Identifier: Apache-2.0

/// Appending the numbers of the container to bytes.
extension [UInt8] {
  /// Appends `value` in little-endian order.
  mutating func append(littleEndian value: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// Appends `value` seven bits a byte, lowest first, with bit 7 set in all bytes but the last.
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a signed value as a varint of its zigzag form: 0, -1, 1, -2 become 0, 1, 2, 3.
  mutating func append(zigzag value: Int64) {
    append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  /// Appends the length of a string's UTF-8 form and its bytes.
  mutating func append(string: String) {
    append(varint: UInt64(string.utf8.count))
    append(contentsOf: string.utf8)
  }
}

/// A position in bytes that came from outside: every read is checked against the end.
struct ByteCursor {
  /// The next byte to read.
  var position: Int
  /// The first byte that does not belong to this cursor.
  let end: Int

  init(position: Int, end: Int) {
    self.position = position
    self.end = end
  }

  init(_ range: Range<Int>) {
    self.init(position: range.lowerBound, end: range.upperBound)
  }

  /// Whether everything has been read.
  var isAtEnd: Bool { position == end }

  /// Reads one byte.
  @inline(__always)
  mutating func byte(_ bytes: Span<UInt8>) throws(Malformed) -> UInt8 {
    guard position < end else { throw Self.atEnd() }
    let value = bytes[position]
    position += 1
    return value
  }

  /// Reads a varint.
  ///
  /// - Throws: where the bytes end, or the value does not fit 64 bits.
  @inline(__always)
  mutating func varint(_ bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
    guard position < end else { throw Self.atEnd() }
    let first = bytes[position]
    position += 1
    if first < 0x80 { return UInt64(first) }
    return try longVarint(bytes, first)
  }

  @inline(never)
  private mutating func longVarint(
    _ bytes: Span<UInt8>,
    _ first: UInt8
  ) throws(Malformed) -> UInt64 {
    var value = UInt64(first & 0x7f)
    var shift: UInt64 = 7
    while true {
      guard position < end else { throw Self.atEnd() }
      let next = bytes[position]
      position += 1
      // Nine bytes hold 63 bits, so that the tenth may add one bit and nothing more.
      if shift == 63, next > 1 {
        throw Malformed(expected: "a number below 2^64", found: "a longer one")
      }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  /// Reads a zigzag varint.
  @inline(__always)
  mutating func zigzag(_ bytes: Span<UInt8>) throws(Malformed) -> Int64 {
    let value = try varint(bytes)
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// Reads a varint that must not exceed `limit`.
  @inline(__always)
  mutating func varint(
    _ bytes: Span<UInt8>,
    atMost limit: UInt64,
    _ what: StaticString
  ) throws(Malformed) -> UInt64 {
    let value = try varint(bytes)
    guard value <= limit else {
      throw Malformed(expected: "\(what) up to \(limit)", found: "\(value)")
    }
    return value
  }

  /// Reads an integer in little-endian order.
  mutating func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> Value {
    var value: Value = 0
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      value |= Value(try byte(bytes)) << shift
    }
    return value
  }

  /// Reads `count` bytes.
  mutating func raw(_ count: Int, _ bytes: Span<UInt8>) throws(Malformed) -> [UInt8] {
    guard count <= end - position else { throw Self.atEnd() }
    var copy: [UInt8] = []
    copy.reserveCapacity(count)
    for index in position..<position + count { copy.append(bytes[index]) }
    position += count
    return copy
  }

  /// Reads a string of at most `limit` bytes.
  mutating func string(_ bytes: Span<UInt8>, limit: UInt64) throws(Malformed) -> String {
    let count = try varint(bytes, atMost: limit, "a string's length")
    let utf8 = try raw(Int(count), bytes)
    guard let string = String(validating: utf8, as: UTF8.self) else {
      throw Malformed(expected: "text in UTF-8", found: "other bytes")
    }
    return string
  }

  @inline(never)
  private static func atEnd() -> Malformed {
    Malformed(expected: "more bytes", found: "the end of the section")
  }
}
