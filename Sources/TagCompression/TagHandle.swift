// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// What the map of saved tags holds for one page: tags, or the way to them.
///
/// Bit 63 is always 0, because the kernel's map holds values of 63 bits. The codec decides the
/// rest. Where an object holds the tags, the handle is the object's kernel address with bit 63
/// cleared, so that bits 62 to 60 are ones, and the low bits say the size class:
///
///     codec        bits 62..60   low bits of the handle of an object
///     raw          111           all of them address
///     mtecomp      111           2..0: log2(bytes) - 4
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

extension TagCodec {
  /// The handle of an object of `sizeClass` at `address`.
  ///
  /// - Precondition: `sizeClass` is one of the codec's and not inline, and `address` is a kernel
  ///   address (bits 63 to 60 are ones) that is a multiple of the alignment that the codec needs.
  /// - Complexity: O(1).
  public func handle(address: UInt64, sizeClass: TagSizeClass) -> TagHandle {
    let identifier = classIdentifier(of: sizeClass)
    precondition(address >> 60 == 0b1111, "0x\(String(address, radix: 16)) is no kernel address")
    precondition(
      address & classMask == 0,
      "object at 0x\(String(address, radix: 16)) is not aligned to \(classMask + 1) bytes"
    )
    return TagHandle(truncating: address | identifier)
  }

  /// Where `handle` leads, by the rule of the codec and without looking there.
  ///
  /// The size class of an object may be one that the codec does not have, if the handle is corrupt.
  ///
  /// - Complexity: O(1).
  public func place(of handle: TagHandle, pageSize: PageSize) -> TagPlace {
    let isInline: Bool
    switch self {
    case .raw: isInline = false
    case .mtecomp: isInline = !handle.looksLikeAddress
    }
    if isInline { return .inline }
    let address = (handle.rawValue | 1 << 63) & ~classMask
    return .object(
      address: address,
      sizeClass: sizeClass(identifier: handle.rawValue & classMask, pageSize: pageSize)
    )
  }

  /// The low bits of a handle that say the size class.
  private var classMask: UInt64 {
    switch self {
    case .raw: 0
    case .mtecomp: 7
    }
  }

  private func classIdentifier(of sizeClass: TagSizeClass) -> UInt64 {
    switch self {
    case .raw: 0
    case .mtecomp: UInt64((sizeClass.bytes / 16).trailingZeroBitCount)
    }
  }

  private func sizeClass(identifier: UInt64, pageSize: PageSize) -> TagSizeClass {
    switch self {
    case .raw: TagSizeClass(bytes: pageSize.tagBytes)
    case .mtecomp: TagSizeClass(bytes: 16 << Int(identifier))
    }
  }
}

extension TagCodec {
  /// Whether saving what was encoded takes an object, kept or not.
  public func allocatesObject(for encoded: EncodedTags) -> Bool {
    !encoded.sizeClass.isInline
  }

  /// Whether the codec's statistics count that `handle` was given up.
  public func reportsRelease(of handle: TagHandle) -> Bool {
    true
  }
}
