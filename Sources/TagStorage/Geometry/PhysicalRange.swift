// SPDX-License-Identifier: Apache-2.0

/// A range of physical addresses in bytes, as firmware describes memory.
public struct PhysicalRange: Equatable, Sendable {
  /// The first address.
  public let start: UInt64
  /// The length in bytes.
  public let byteCount: UInt64

  /// Creates a range.
  ///
  /// - Precondition: the range ends below 2^64.
  public init(start: UInt64, byteCount: UInt64) {
    precondition(
      byteCount <= UInt64.max - start,
      "physical range of \(byteCount) bytes from \(start) wraps around"
    )
    self.start = start
    self.byteCount = byteCount
  }

  /// The address behind the last one.
  public var end: UInt64 { start + byteCount }

  /// The last address, as people write ranges.
  ///
  /// - Precondition: the range is not empty.
  public var last: UInt64 { end - 1 }

  /// Whether all of `other` lies in this range.
  public func contains(_ other: PhysicalRange) -> Bool {
    other.start >= start && other.end <= end
  }

  /// The bytes that the range has in common with `other`.
  public func overlap(with other: PhysicalRange) -> UInt64 {
    let (first, behind) = (max(start, other.start), min(end, other.end))
    return behind > first ? behind - first : 0
  }

  /// The whole pages of the range, half-open, in pages of 2^`shift` bytes.
  public func pages(shift: Int) -> Range<Int> {
    let first = Int((start + (1 << UInt64(shift)) - 1) >> UInt64(shift))
    return first..<max(first, Int(end >> UInt64(shift)))
  }
}

extension PhysicalRange: CustomStringConvertible {
  /// First and last address in hexadecimal, both inclusive, as `/proc/iomem` has them.
  public var description: String {
    byteCount == 0
      ? "nothing at \(Self.hexadecimal(start))"
      : "\(Self.hexadecimal(start))..\(Self.hexadecimal(last))"
  }

  /// An address as `0x` and hexadecimal digits.
  public static func hexadecimal(_ address: UInt64) -> String {
    "0x" + String(address, radix: 16)
  }
}
