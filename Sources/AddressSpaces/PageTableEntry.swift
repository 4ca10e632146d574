// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What the hardware and the kernel note in a page-table entry beside its target.
///
///     bit  7 6 5    4       3       2       1          0
///          state    tagged  dirty   young   writable   readable
///
/// The three bits of the state are an ``EntryState``; the constants here cover the other five.
///
/// An access hits without changing anything when all bits of ``readHit`` or ``writeHit`` are set in the
/// entry's byte. `readable` and `writable` are what the entry allows, which can be less than what the
/// VMA allows.
public struct EntryFlags: OptionSet, Hashable, Sendable {
  /// The flags as bits.
  public let rawValue: UInt8
  /// Creates a set from its bits.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Reads are allowed.
  @inlinable public static var readable: EntryFlags { EntryFlags(rawValue: 1 << 0) }
  /// Writes are allowed.
  @inlinable public static var writable: EntryFlags { EntryFlags(rawValue: 1 << 1) }
  /// The access flag: used since it was last cleared.
  @inlinable public static var young: EntryFlags { EntryFlags(rawValue: 1 << 2) }
  /// Written since it was last cleared.
  @inlinable public static var dirty: EntryFlags { EntryFlags(rawValue: 1 << 3) }
  /// The Tagged memory attribute.
  @inlinable public static var tagged: EntryFlags { EntryFlags(rawValue: 1 << 4) }

  /// What a read needs to change nothing.
  @inlinable public static var readHit: EntryFlags { [.readable, .young] }
  /// What a write needs to change nothing.
  @inlinable public static var writeHit: EntryFlags { [.writable, .young, .dirty] }
  /// All five flags.
  @inlinable public static var all: EntryFlags { [.readable, .writable, .young, .dirty, .tagged] }
}

/// What a page-table entry holds.
///
/// Every byte of an entry comes from ``PageTable``, so that value 7 does not occur.
public enum EntryState: UInt8, CaseIterable, Sendable {
  /// Nothing.
  case none = 0
  /// The shared zero page, or a reference page; not counted as resident.
  case zeroPage = 1
  /// A frame.
  case frame = 2
  /// A frame whose entry forbids every access, so that the fault can do something first.
  case faultOnAccess = 3
  /// A swap entry.
  case swap = 4
  /// A swap entry whose page belonged to this process alone.
  case swapExclusive = 5
  /// A page of a file, whose frames are outside the model; not counted as resident.
  case filePage = 6

  /// Whether the target is a frame.
  @inlinable @inline(__always) public var hasFrame: Bool {
    rawValue & ~1 == EntryState.frame.rawValue
  }
  /// Whether the target is a swap slot.
  @inlinable @inline(__always) public var hasSlot: Bool {
    rawValue & ~1 == EntryState.swap.rawValue
  }

  /// Where the state lies in the byte of an entry.
  @inlinable static var shift: UInt8 { 5 }
}

/// A swap entry in the 32 bits of a simulated page-table entry.
///
///     bit 31 .... 28   27 ...... 0
///         device type  slot
public struct PackedSwapEntry: RawRepresentable, Hashable, Sendable {
  /// Bits of the slot.
  public static let slotBits = 28

  /// The packed value.
  public let rawValue: UInt32
  /// Creates an entry from its packed value.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Packs a slot of a device.
  ///
  /// - Precondition: 0 <= `type` < 16, and `slot` < 2^28.
  public init(type: Int, slot: UInt32) {
    precondition(type >= 0 && type < 16, "swap type \(type) is not in 0..<16")
    precondition(slot < 1 << UInt32(Self.slotBits), "slot \(slot) is not below 2^28")
    rawValue = UInt32(type) << UInt32(Self.slotBits) | slot
  }

  /// The device, 0 to 15.
  public var type: Int { Int(rawValue >> UInt32(Self.slotBits)) }
  /// The slot in the device.
  public var slot: UInt32 { rawValue & (1 << UInt32(Self.slotBits) - 1) }
  /// The entry in the kernel's generic form.
  public var entry: SwapEntry { SwapEntry(type: type, offset: UInt64(slot)) }
}
