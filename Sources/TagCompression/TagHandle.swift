// SPDX-License-Identifier: Apache-2.0

public import Containers

/// What the map of saved tags holds for one page: tags, or the way to them.
///
/// Bit 63 is always 0, because the kernel's map holds values of 63 bits. The codec decides the
/// rest. Where an object holds the tags, the handle is the object's kernel address with bit 63
/// cleared, so that bits 62 to 60 are ones, and the low bits say the size class:
///
///     codec        handle of an object                        handle that holds tags
///     raw          address                                    there is none
///     mtecomp      62..60 ones, 2..0: log2(bytes) - 4         62..60 not all ones
///     mtecomp-v5   62..60 ones, 2..0: log2(bytes) - 4         62..60 not all ones, with exceptions
///     mtecomp-v11  address, bit 0 clear                       bit 0 set
///     xnu-rle      62..60 ones, 5..0: bytes / 64 - 1          below 16
public struct TagHandle: RawRepresentable, Hashable, Sendable {
  /// The value, below 2^63.
  public let rawValue: UInt64

  /// Creates a handle.
  ///
  /// - Returns: `nil` from 2^63 upwards.
  public init?(rawValue: UInt64) {
    guard rawValue >> 63 == 0 else { return nil }
    self.rawValue = rawValue
  }

  /// Creates a handle from the low 63 bits of `bits`.
  public init(truncating bits: UInt64) {
    rawValue = bits & Self.mask
  }

  private static let mask = UInt64.max >> 1

  /// Whether bits 62 to 60 are all ones, as they are in every kernel address.
  public var looksLikeAddress: Bool { rawValue >> 60 == 0b111 }
}

extension TagHandle: XArrayValue {
  /// The value, below 2^63.
  public var xarrayBits: UInt64 { rawValue }

  /// Creates a handle from the bits that a map held.
  public init(xarrayBits: UInt64) { self.init(truncating: xarrayBits) }
}

extension TagHandle: CustomStringConvertible {
  /// The value in hexadecimal digits.
  public var description: String { "0x" + String(rawValue, radix: 16) }
}
