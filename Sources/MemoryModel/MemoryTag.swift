// SPDX-License-Identifier: Apache-2.0

/// The 4-bit tag of one granule, or of a pointer (bits 59 to 56 of the address).
///
/// Range: 0 to 15. In a tag page, byte *k* holds the tag of granule 2*k* in its low nibble and that
/// of granule 2*k* + 1 in its high nibble.
///
/// Source: Arm Architecture Reference Manual, chapter D10.
public struct MemoryTag: RawRepresentable, Hashable, Sendable {
  /// Bytes of data memory that one tag covers.
  @inlinable public static var granuleBytes: Int { 16 }

  /// The tag of memory that nobody tagged.
  @inlinable public static var zero: MemoryTag { MemoryTag(unchecked: 0) }

  /// The value, 0 to 15.
  public let rawValue: UInt8

  /// Creates a tag.
  ///
  /// - Returns: `nil` above 15.
  @inlinable public init?(rawValue: UInt8) {
    guard rawValue < 16 else { return nil }
    self.rawValue = rawValue
  }

  /// Creates a tag from the low four bits of `value`.
  @inlinable public init(truncating value: UInt8) {
    self.init(unchecked: value & 15)
  }

  @usableFromInline init(unchecked value: UInt8) {
    rawValue = value
  }
}
