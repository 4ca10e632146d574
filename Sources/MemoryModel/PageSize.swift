// SPDX-License-Identifier: Apache-2.0

/// The size of a page, with every number that the kernel derives from it on arm64.
///
/// All limits are those of the arm64 default configuration of Linux v6.8: `MAX_PAGE_ORDER` is
/// inclusive, and a pageblock is one PMD-sized block where that fits the largest order.
///
/// Source: Linux v6.8 arm64 Kconfig defaults; Arm Architecture Reference Manual, chapter D10 (MTE).
public enum PageSize: UInt32, CaseIterable, Sendable {
  /// 4 KiB pages: pageblocks of 2 MiB, 256 granules.
  case kib4 = 4096
  /// 16 KiB pages: pageblocks of 32 MiB, 1,024 granules.
  case kib16 = 16384
  /// 64 KiB pages: pageblocks of 512 MiB, 4,096 granules.
  case kib64 = 65536

  /// Bytes in a page.
  @inlinable public var bytes: Int { Int(rawValue) }

  /// Bits of an address inside a page: 12, 14 or 16.
  @inlinable public var shift: Int { rawValue.trailingZeroBitCount }

  /// Granules of 16 bytes in a page, each with its own tag: 256, 1,024 or 4,096.
  @inlinable public var granules: Int { bytes / MemoryTag.granuleBytes }

  /// Bytes that hold the tags of one page, two tags in a byte: 128, 512 or 2,048.
  @inlinable public var tagBytes: Int { bytes / 32 }

  /// The largest buddy order, inclusive: 10, 11 or 13.
  @inlinable public var maxOrder: Int {
    switch self {
    case .kib4: 10
    case .kib16: 11
    case .kib64: 13
    }
  }

  /// The order of a pageblock, the unit of migrate types and of CMA: 9, 11 or 13.
  @inlinable public var pageblockOrder: Int {
    switch self {
    case .kib4: 9
    case .kib16: 11
    case .kib64: 13
    }
  }

  /// Pages in a pageblock: 512, 2,048 or 8,192.
  @inlinable public var pagesPerPageblock: Int { 1 << pageblockOrder }

  /// Virtual pages that one leaf page table maps, with 8-byte entries: 512, 2,048 or 8,192.
  @inlinable public var entriesPerTable: Int { bytes / 8 }

  /// The name that options and reports use: `4K`, `16K` or `64K`.
  public var name: String { "\(bytes / 1024)K" }
}
