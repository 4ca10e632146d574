// SPDX-License-Identifier: Apache-2.0

/// The number of a physical frame of a machine, counted from 0 in the order of addresses.
///
/// Range: 0 to 2^28 - 1, which is 1 TiB of 4 KiB frames. Arrays over frames are indexed by `index`.
/// Holes between ranges of memory are not counted; where there are none and memory begins at address
/// 0, the number is the kernel's PFN.
public struct PageFrameNumber: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number itself.
  public let rawValue: UInt32

  /// Creates a frame number.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Creates a frame number from an array index.
  ///
  /// - Precondition: 0 <= `index` < 2^32.
  @inlinable public init(_ index: Int) { rawValue = UInt32(index) }

  /// The number as an array index.
  @inlinable public var index: Int { Int(rawValue) }

  /// Orders frames by physical address.
  @inlinable public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The number of a virtual page: its address, without a pointer tag, divided by the page size.
///
/// Range: 0 to 2^52 - 1 with 4 KiB pages.
public struct VirtualPageNumber: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number itself.
  public let rawValue: UInt64

  /// Creates a virtual page number.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The page that holds `address`; a pointer tag in bits 63 to 56 is ignored.
  public init(address: UInt64, pageSize: PageSize) {
    rawValue = VirtualPageNumber.untagged(address) >> UInt64(pageSize.shift)
  }

  /// The address of the page's first byte.
  public func address(pageSize: PageSize) -> UInt64 { rawValue << UInt64(pageSize.shift) }

  /// `address` without the top byte, which hardware ignores for user addresses.
  public static func untagged(_ address: UInt64) -> UInt64 { address & 0x00ff_ffff_ffff_ffff }

  /// Orders pages by address.
  @inlinable public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The number that a trace gives to a virtual page at its first touch: 0, 1, 2, ...
///
/// Identifiers are dense, so that the page-table entry of a touched page is one array index away.
/// All processes of one trace share the identifiers: a fork child uses those of its parent.
public typealias PageIdentifier = UInt32

/// A swap entry in the kernel's generic form: 5 bits of device type and 58 bits of offset.
///
///     bit 63   62 ........ 58   57 ............ 0
///      0       device type      offset in device
///
/// It is the index of the map of saved tags. Offset 0 is the device's header and never allocated.
///
/// Source: Linux v6.8 `swp_entry_t`.
public struct SwapEntry: RawRepresentable, Hashable, Comparable, Sendable {
  /// Bits of the offset.
  @inlinable public static var offsetBits: Int { 58 }

  /// The generic value, below 2^63.
  public let rawValue: UInt64

  /// Creates an entry from its generic value.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Creates an entry.
  ///
  /// - Precondition: `type` < 32 and `offset` < 2^58.
  @inlinable public init(type: Int, offset: UInt64) {
    precondition(type >= 0 && type < 32, "swap type \(type) is not in 0..<32")
    precondition(offset < 1 << UInt64(Self.offsetBits), "swap offset \(offset) is not below 2^58")
    rawValue = UInt64(type) << UInt64(Self.offsetBits) | offset
  }

  /// The device, 0 to 31.
  @inlinable public var type: Int { Int(rawValue >> UInt64(Self.offsetBits)) }

  /// The slot in the device.
  @inlinable public var offset: UInt64 { rawValue & (1 << UInt64(Self.offsetBits) - 1) }

  /// Orders entries as the map of saved tags does.
  @inlinable public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }
}
