// SPDX-License-Identifier: Apache-2.0

/// One page of tag storage, and what is known of the 32 pages that it covers.
///
/// A covered page is free, holds a page that was handed out to be tagged, or holds something else.
///
/// Source: specification of tag storage, section 15.12.
public struct TagCell: BitwiseCopyable, Equatable, Sendable {
  /// Pages that a cell covers, at any page size: tags take 1/32 of memory.
  public static let coveredPages = 32
  /// Groups of cells by their free covered pages: none, 1 to 8, 9 to 16, 17 to 24, 25 to 32.
  public static let bucketCount = 5
  /// Queues of cells with free covered pages.
  public static let queueCount = 8
  /// The queues of active cells, from which tagged requests are served, the last one first.
  public static let activeQueues = 3..<7

  /// What the cell is doing.
  public var state: CellState
  /// Covered pages that were handed out to be tagged, 0 to 32.
  public var tagged: UInt8 = 0
  /// A bit for each free covered page, the lowest page in bit 0.
  public var freeMask: UInt32 = 0

  /// Creates a cell of which no covered page is free.
  public init(_ state: CellState) { self.state = state }

  /// The number of free covered pages.
  public var freePages: Int { freeMask.nonzeroBitCount }

  /// Covered pages that are neither free nor tagged.
  public var usedPages: Int { Self.coveredPages - freePages - Int(tagged) }

  /// The group that the cell belongs to by its free covered pages.
  public var bucket: Int { Self.bucket(ofFreePages: freePages) }

  /// The group of cells with so many free covered pages.
  public static func bucket(ofFreePages pages: Int) -> Int { (pages + 7) / 8 }

  /// Whether the cell holds no tags, and cannot be asked to before a covered page is freed.
  public var isDrainable: Bool { state == .active && tagged == 0 && freeMask == 0 }

  /// The queue from which the cell's free pages are handed out, `nil` where it has none.
  ///
  /// Untagged requests take from the first queue that has a cell, so that they stay away from pages that
  /// can be tagged for as long as there are others.
  ///
  /// | queue | cells |
  /// |---|---|
  /// | 0 | disabled, pinned, and claimed with up to 16 free pages |
  /// | 1 | claimed with more, inactive with up to 16 free pages |
  /// | 2 | inactive with more |
  /// | 3 to 6 | active, see ``activeRank`` |
  /// | 7 | being activated or reclaimed |
  public var queue: Int? {
    guard freeMask != 0 else { return nil }
    return switch state {
    case .disabled, .pinned: 0
    case .claimed: freePages <= 16 ? 0 : 1
    case .inactive, .deactivating: freePages <= 16 ? 1 : 2
    case .active: Self.activeQueues.lowerBound + activeRank
    case .activating, .reclaiming: 7
    }
  }

  /// How good a place for a further tagged page an active cell is, 0 to 3.
  ///
  /// With *t* = tagged + free / 5 and *n* = *t* - min(*t*, used) / 3, all divisions rounded down, it is
  /// floor(log2(*n* / 4)) + 1, and 0 for *n* below 4. So tagged pages gather in few cells: those with
  /// many tagged pages, and then those with many free ones and few that hold other data.
  ///
  /// - Precondition: some covered page is free; otherwise the formula reaches 4.
  public var activeRank: Int {
    let tagged = Int(tagged)
    let wanted = tagged + freePages / 5
    let weight = wanted - min(wanted, usedPages) / 3
    guard weight >= 4 else { return 0 }
    // The binary logarithm of weight / 4, which is the same for the quotient rounded down.
    return Int.bitWidth - 1 - (weight / 4).leadingZeroBitCount + 1
  }
}
