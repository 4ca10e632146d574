// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What the configuration of a kernel and its administrator decide about the page allocator.
///
/// The defaults are the kernel's.
public struct ZoneParameters: Equatable, Sendable {
  /// How the minimum watermark is chosen.
  public var minimumFree: MinimumFree = .standard
  /// The distance of the marks, in 1/10,000 of the managed pages: `vm.watermark_scale_factor`.
  public var watermarkScaleFactor = 10
  /// How far stealing may raise the marks, in 1/10,000 of the high mark; 0 turns it off:
  /// `vm.watermark_boost_factor`.
  public var watermarkBoostFactor = 15_000
  /// What a request takes along when it is served from pageblocks of another type.
  public var stealing: StealingScope = .pageblock
  /// Whether single pages pass through per-CPU lists.
  public var pageLists: PageListMode = .perCPU
  /// CPUs that the per-CPU lists are sized for; the lists of one of them are modelled.
  public var listProcessors = 1
  /// The order of the largest block, `nil` for the default of the page size: `MAX_PAGE_ORDER`.
  public var maxOrder: Int?
  /// What a pageblock is as large as.
  public var pageblocks: PageblockSize = .hugePage

  /// Creates the kernel's defaults.
  public init() {}

  /// The order of the largest block with pages of a size, inclusive.
  public func largestOrder(_ pageSize: PageSize) -> Int { maxOrder ?? pageSize.maxOrder }

  /// The order of a pageblock with pages of a size: that of a huge page, where a block can be as large.
  ///
  /// Source: Linux v6.8 `pageblock_order`.
  public func pageblockOrder(_ pageSize: PageSize) -> Int {
    switch pageblocks {
    case .hugePage: min(pageSize.pageblockOrder, largestOrder(pageSize))
    case .largestBlock: largestOrder(pageSize)
    }
  }

  /// The orders that the largest block of a page size can have.
  ///
  /// The upper limit is that a block must lie in one section of the memory map, of 128 MiB with 4 KiB
  /// and 16 KiB pages and 512 MiB with 64 KiB, and for 4 KiB pages one less, because a free block keeps
  /// its order in 4 bits, of whose values one means none. The lower limit is the largest order that
  /// the kernel takes for granted.
  ///
  /// Source: Linux v6.8 `SECTION_SIZE_BITS`, `PAGE_ALLOC_COSTLY_ORDER`.
  public static func largestOrders(_ pageSize: PageSize) -> ClosedRange<Int> {
    let sectionBits = pageSize == .kib64 ? 29 : 27
    return 3...min(14, sectionBits - pageSize.shift)
  }
}

/// Where single free pages are kept.
public enum PageListMode: String, CaseIterable, Sendable {
  /// On lists of the CPU, before the free lists.
  case perCPU = "per-cpu"
  /// On the free lists at once, as with a batch of 1 and a high mark of 0.
  case off
}

/// How much a request takes from pageblocks of another type when its own type has nothing left.
public enum StealingScope: String, CaseIterable, Sendable {
  /// The free memory of a whole pageblock, and the pageblock itself, where the kernel's rules allow it.
  case pageblock
  /// The one free block that serves the request: no pageblock is moved or converted, and no mark is
  /// raised. It is what the allocator would be without its defence against fragmentation.
  case block
}

/// What decides how large a pageblock is, the unit of migrate types and of CMA areas.
public enum PageblockSize: String, CaseIterable, Sendable {
  /// A huge page, as with `CONFIG_HUGETLB_PAGE`.
  case hugePage = "huge-page"
  /// The largest block, as without it.
  case largestBlock = "largest-block"
}
