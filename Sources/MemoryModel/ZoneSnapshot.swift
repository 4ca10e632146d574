// SPDX-License-Identifier: Apache-2.0

/// What the kernel would show of one zone, as plain values; pages unless a name says otherwise.
public struct ZoneSnapshot: Equatable, Sendable {
  /// The free blocks and the pageblocks of one migrate type.
  public struct TypeRow: Equatable, Sendable {
    /// The type's name in `/proc/pagetypeinfo`.
    public var name: String
    /// Free blocks of each order from 0.
    public var freeBlocks: [Int]
    /// Pageblocks of this type.
    public var pageblocks: Int

    /// Creates a row.
    public init(name: String, freeBlocks: [Int], pageblocks: Int) {
      self.name = name
      self.freeBlocks = freeBlocks
      self.pageblocks = pageblocks
    }
  }

  /// The page list of one CPU.
  public struct PerCPUList: Equatable, Sendable {
    /// Pages on it now.
    public var count: Int
    /// Pages at which it is emptied; 0 where every page goes straight back.
    public var high: Int
    /// Pages moved at once.
    public var batch: Int

    /// Creates a list.
    public init(count: Int, high: Int, batch: Int) {
      self.count = count
      self.high = high
      self.batch = batch
    }
  }

  /// The zone's name.
  public var name: String
  /// The order of a pageblock.
  public var pageblockOrder: Int
  /// One row for each migrate type, in the kernel's order; empty for a zone without memory.
  public var types: [TypeRow]
  /// Free pages, isolated ones left out.
  public var freePages: Int
  /// The part of the free pages in CMA pageblocks.
  public var freeCMAPages: Int
  /// Anonymous pages of the zone on inactive lists.
  public var inactiveAnonymousPages = 0
  /// Anonymous pages of the zone on active lists.
  public var activeAnonymousPages = 0
  /// Pages of the zone that MADV_FREE put on the inactive file list.
  public var inactiveFilePages = 0
  /// Pages of files on active lists.
  public var activeFilePages = 0
  /// Pages of the zone on their way to swap.
  public var writePendingPages = 0
  /// What stealing has added to the marks.
  public var boost: Int
  /// The minimum mark, the boost left out.
  public var min: Int
  /// The low mark, the boost left out.
  public var low: Int
  /// The high mark, the boost left out.
  public var high: Int
  /// The page frame number of the first frame.
  public var startFrame: Int
  /// Frames from the first to the last, holes included.
  public var spannedPages: Int
  /// Frames that the kernel knows.
  public var presentPages: Int
  /// Frames that the page allocator was given.
  public var managedPages: Int
  /// The part of the managed pages that is CMA memory.
  public var managedCMAPages: Int
  /// Pages kept from requests aimed at each zone, this one and all others, in the kernel's order.
  public var protection: [Int]
  /// The page list of each CPU.
  public var perCPULists: [PerCPUList]

  /// Creates a zone without memory.
  public init(name: String, pageblockOrder: Int) {
    self.name = name
    self.pageblockOrder = pageblockOrder
    types = []
    freePages = 0
    freeCMAPages = 0
    boost = 0
    min = 0
    low = 0
    high = 0
    startFrame = 0
    spannedPages = 0
    presentPages = 0
    managedPages = 0
    managedCMAPages = 0
    protection = []
    perCPULists = []
  }
}
