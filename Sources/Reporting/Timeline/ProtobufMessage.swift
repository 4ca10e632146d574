// SPDX-License-Identifier: Apache-2.0

/// The bytes of one Protocol Buffers message, written field by field.
///
/// A field is a key, `number << 3 | type`, and a value: a variable-length integer (type 0) or a length
/// and as many bytes (type 2). Others are not needed here.
///
/// Source: Protocol Buffers documentation, "Encoding".
struct ProtobufMessage {
  /// The message so far.
  private(set) var bytes: [UInt8] = []

  /// Appends an unsigned integer; an enumeration or a Boolean is one, too.
  mutating func add(_ field: Int, _ value: UInt64) {
    appendVarint(UInt64(field) << 3)
    appendVarint(value)
  }

  /// Appends a string.
  mutating func add(_ field: Int, _ text: String) {
    appendBytes(field, Array(text.utf8))
  }

  /// Appends a message that `write` fills.
  mutating func add(_ field: Int, _ write: (inout ProtobufMessage) -> Void) {
    var message = ProtobufMessage()
    write(&message)
    appendBytes(field, message.bytes)
  }

  private mutating func appendBytes(_ field: Int, _ value: [UInt8]) {
    appendVarint(UInt64(field) << 3 | 2)
    appendVarint(UInt64(value.count))
    bytes += value
  }

  /// Seven bits a byte, low ones first; the top bit says that more follow.
  private mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
