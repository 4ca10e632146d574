// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// All regions of tag storage of a machine, by page frame number.
///
/// Page frame numbers are physical: frame *p* starts at address *p* * page size.
///
/// Source: specification of tag storage, sections 2.3 to 2.5.
public struct TagStorageGeometry: Equatable, Sendable {
  /// The most regions that the kernel keeps.
  public static let largestRegionCount = 32

  /// The regions, in the order of their descriptions; a split region is two neighbours.
  public let regions: [TagStorageRegion]

  /// Creates the geometry of regions that were checked.
  ///
  /// - Precondition: there are at most ``largestRegionCount`` regions.
  public init(regions: [TagStorageRegion]) {
    precondition(regions.count <= Self.largestRegionCount, "\(regions.count) regions")
    self.regions = regions
  }

  /// A tag block: its region and its number in the region.
  public struct Block: Hashable, Sendable {
    /// The index of the region.
    public let region: Int
    /// The index of the block in the region.
    public let index: Int

    /// Creates the name of a block.
    public init(region: Int, index: Int) {
      self.region = region
      self.index = index
    }
  }

  /// The block that holds the tags of a data frame: that of the first region whose memory has it.
  ///
  /// - Returns: `nil` for a frame that no region describes, which a frame of tag storage is, too, and
  ///   for one whose block would end behind the tag range.
  /// - Complexity: O(*n*), where *n* is the number of regions.
  public func block(of frame: PageFrameNumber) -> Block? {
    guard let region = regions.firstIndex(where: { $0.memory.contains(frame.index) }) else {
      return nil
    }
    return regions[region].block(of: frame).map { Block(region: region, index: $0) }
  }

  /// The first frame of a block.
  public func firstFrame(of block: Block) -> PageFrameNumber {
    PageFrameNumber(regions[block.region].frames(ofBlock: block.index).lowerBound)
  }

  /// Whether a frame is one of tag storage.
  public func isTagStorage(_ frame: PageFrameNumber) -> Bool {
    regions.contains { $0.tags.contains(frame.index) }
  }

  /// The blocks that an allocation of 2^`order` frames needs.
  ///
  /// With ``BlockCountFormula/covering`` these are exactly the blocks of its frames. The other formulas
  /// count from the block of the first frame, as the posted versions do.
  ///
  /// - Returns: `nil` where the first frame has no block, or where counting leaves the region.
  public func blocks(
    ofAllocationAt head: PageFrameNumber,
    order: Int,
    formula: BlockCountFormula = .covering
  ) -> [Block]? {
    guard let first = block(of: head) else { return nil }
    let region = regions[first.region]
    if formula == .covering {
      let end = PageFrameNumber(head.index + (1 << order) - 1)
      guard let last = block(of: end), last.region == first.region else { return nil }
      return (first.index...last.index).map { Block(region: first.region, index: $0) }
    }
    let count = formula.blockCount(order: order, blockPages: region.blockPages)
    guard first.index + count <= region.blockCount else { return nil }
    return (0..<count).map { Block(region: first.region, index: first.index + $0) }
  }
}

/// How many tag blocks the kernel takes for an allocation.
///
/// Source: specification of tag storage, section 2.5, and defect D1 of section 14.
public enum BlockCountFormula: String, CaseIterable, Sendable {
  /// The blocks of the allocation's first to last frame.
  case covering
  /// Pages of tags, divided by the pages of a block and rounded up: what RFC v3 means. Equal to
  /// ``covering`` where memory starts at a multiple of the allocation's size.
  case rounded
  /// One block for each page of tags, as RFC v1 and v2: too many where blocks have several pages.
  case blockPerTagPage
  /// One block for every so many needed blocks as a block has pages, as RFC v3 was posted: the end is
  /// counted in blocks and then stepped over in pages.
  case asPosted

  /// The blocks for 2^`order` frames, from the block of the first frame on.
  ///
  /// - Precondition: `blockPages` is above zero.
  public func blockCount(order: Int, blockPages: Int) -> Int {
    let tagPages = max((1 << order) / TagStorageRegion.dataFramesPerTagFrame, 1)
    let rounded = (tagPages + blockPages - 1) / blockPages
    return switch self {
    case .covering, .rounded: rounded
    case .blockPerTagPage: tagPages
    case .asPosted: (rounded + blockPages - 1) / blockPages
    }
  }

  /// What one allocation adds to the count of each block it needs: its frames that lie in the block.
  public static func share(order: Int, blockPages: Int) -> Int {
    min(1 << order, TagStorageRegion.dataFramesPerTagFrame * blockPages)
  }
}
