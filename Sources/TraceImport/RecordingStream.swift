// SPDX-License-Identifier: Apache-2.0

import TraceFormat

/// Reads numbers from a recording and knows where it is.
///
/// Offsets count decompressed bytes: those are what a record's place means whether or not the file
/// is compressed.
struct RecordingStream: ~Copyable {
  let path: String
  private var file: RecordingFile
  private var buffer: [UInt8] = Array(repeating: 0, count: RecordingFile.pieceBytes)
  /// How many bytes of the buffer are valid, and which one is next.
  private var count = 0
  private var next = 0
  /// The offset of the buffer's first byte.
  private var bufferOffset: UInt64 = 0
  /// The number of the current record, from 0.
  private(set) var recordNumber: UInt64 = 0
  /// Where the current record starts.
  private(set) var recordOffset: UInt64 = 0
  private var hasBegun = false

  init(path: String) throws(TraceError) {
    self.path = path
    file = try RecordingFile(path: path)
  }

  /// The offset of the next byte.
  var offset: UInt64 { bufferOffset + UInt64(next) }

  /// Reads the first byte of a record, `nil` at the end of the file.
  mutating func beginRecord() throws(TraceError) -> UInt8? {
    if hasBegun { recordNumber += 1 }
    hasBegun = true
    recordOffset = offset
    return try byteIfAny()
  }

  /// Reads one byte, `nil` at the end of the file.
  @inline(__always)
  mutating func byteIfAny() throws(TraceError) -> UInt8? {
    if next == count {
      try refill()
      if count == 0 { return nil }
    }
    let byte = buffer[next]
    next += 1
    return byte
  }

  @inline(never)
  private mutating func refill() throws(TraceError) {
    bufferOffset += UInt64(count)
    next = 0
    count = 0
    count = try file.read(into: &buffer)
  }

  /// Reads one byte.
  @inline(__always)
  mutating func byte() throws(TraceError) -> UInt8 {
    guard let byte = try byteIfAny() else {
      throw error(expected: "more bytes of the record", found: "the end of the file")
    }
    return byte
  }

  /// Reads an unsigned LEB128 number.
  @inline(__always)
  mutating func unsigned() throws(TraceError) -> UInt64 {
    let first = try byte()
    if first < 0x80 { return UInt64(first) }
    var value = UInt64(first & 0x7f)
    var shift: UInt64 = 7
    while true {
      let next = try byte()
      if shift == 63, next > 1 {
        throw error(expected: "a number below 2^64", found: "a longer one")
      }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  /// Reads an unsigned number that must not exceed `limit`.
  @inline(__always)
  mutating func unsigned(
    atMost limit: UInt64,
    _ what: StaticString
  ) throws(TraceError) -> UInt64 {
    let value = try unsigned()
    guard value <= limit else { throw error(expected: "\(what) up to \(limit)", found: "\(value)") }
    return value
  }

  /// Reads a zigzag LEB128 number.
  @inline(__always)
  mutating func signed() throws(TraceError) -> Int64 {
    let value = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// An error at the current record.
  func error(expected: String, found: String) -> TraceError {
    TraceError(
      kind: .badData,
      path: path,
      location: .record(recordNumber, byteOffset: recordOffset),
      expected: expected,
      found: found
    )
  }

  /// An error outside the records.
  func error(at offset: UInt64, expected: String, found: String) -> TraceError {
    TraceError(
      kind: .badData,
      path: path,
      location: .byte(offset),
      expected: expected,
      found: found
    )
  }
}
