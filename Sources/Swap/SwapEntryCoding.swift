// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The arm64 form of a swap entry in a page table.
///
///     bit 63 .. 59   58          57 ........ 8   7 ... 3   2           1 0
///         0          0 (PROT_    offset          type      anonymous   00: not
///                    NONE bit)                             exclusive   present
///
/// Source: Linux v6.8 `arch/arm64/include/asm/pgtable.h`.
public enum SwapEntryCoding {
  /// The largest offset, 2^50 - 1.
  public static let largestOffset: UInt64 = 1 << 50 - 1

  /// Packs an entry.
  ///
  /// - Precondition: the offset is at most ``largestOffset``.
  public static func pteValue(of entry: SwapEntry, isExclusive: Bool) -> UInt64 {
    precondition(entry.offset <= largestOffset, "swap offset \(entry.offset) is not below 2^50")
    return (isExclusive ? 1 << 2 : 0) | UInt64(entry.type) << 3 | entry.offset << 8
  }

  /// Reads what ``pteValue(of:isExclusive:)`` packs.
  ///
  /// - Returns: `nil` for a present entry, an empty one, or one with a bit that must be 0.
  public static func entry(ofPTE value: UInt64) -> (entry: SwapEntry, isExclusive: Bool)? {
    guard value != 0, value & 3 == 0, value >> 58 == 0 else { return nil }
    let entry = SwapEntry(type: Int(value >> 3 & 31), offset: value >> 8)
    return (entry, value & 1 << 2 != 0)
  }
}
