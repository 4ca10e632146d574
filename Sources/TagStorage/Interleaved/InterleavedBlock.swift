// SPDX-License-Identifier: Apache-2.0

/// A Tag Block: 32 pages of data, and the page behind them that can hold their tags.
///
/// Source: specification of tag storage, section 15.6.
public struct InterleavedBlock: BitwiseCopyable, Equatable, Sendable {
  /// Pages of data in a block.
  public static let coveredPages = 32
  /// All pages of a block.
  public static let pages = 33

  /// The list that a block belongs to.
  public enum Kind: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// All of its pages are free and in one piece.
    case whole
    /// Its pages are 33 untagged pages.
    case untagged
    /// Its pages are 32 pages that can be tagged, and the page of their tags.
    case tagged
  }

  /// The list that it belongs to.
  public var kind = Kind.untagged
  /// Pages that were handed out to be tagged, 0 to 32.
  public var tagged: UInt8 = 0
  /// A bit for each free page, that of the tag page above the others.
  public var freeMask: UInt64 = 0

  /// Creates an untagged block without free pages.
  public init() {}

  /// The number of free pages.
  public var freePages: Int { freeMask.nonzeroBitCount }

  /// Whether the page for tags is free.
  public var hasFreeTagPage: Bool { freeMask >> UInt64(Self.coveredPages) & 1 == 1 }

  /// Whether a page other than that for tags is free.
  public var hasFreeDataPage: Bool { freeMask & (1 << UInt64(Self.coveredPages) - 1) != 0 }

  /// Whether the block could be whole again: all pages that it hands out are free.
  public var isFullGroup: Bool {
    freePages == (kind == .tagged ? Self.coveredPages : Self.pages)
  }
}
