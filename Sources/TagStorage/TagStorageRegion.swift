// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// One range of frames whose tags live in another range of frames.
///
/// The tags of 32 * `blockPages` consecutive data frames lie in one tag block of `blockPages`
/// frames. Data frame *p* belongs to the block that starts at
/// `tags.lowerBound + roundDown((p - memory.lowerBound) / 32, blockPages)`.
///
/// Source: dynamic tag storage RFC v3, device-tree binding and `arch/arm64/kernel/mte_tag_storage.c`
/// as described in the specification of tag storage, section 2.
public struct TagStorageRegion: Equatable, Sendable {
  /// Data frames whose tags one frame of tag storage holds.
  public static let dataFramesPerTagFrame = 32

  /// The frames that can be tagged, half-open.
  public let memory: Range<Int>
  /// The frames that hold tags or data, half-open.
  public let tags: Range<Int>
  /// Frames in a tag block.
  public let blockPages: Int

  /// Lays out the tag storage of a machine at the top of its RAM.
  ///
  /// All of RAM below the tag range can be tagged. The tag range is 1/32 of RAM, so the last 1/32 of
  /// the tag range itself covers no data and is never needed for tags. Where RAM consists of several
  /// ranges, frame numbers run on from one to the next, and so do tags: a range that is whole tag
  /// blocks has its own, as if it were a region.
  ///
  /// `pageblockPages` are those of the zone, `nil` for the default of the page size.
  ///
  /// - Throws: ``TagStorageError`` where 1/32 of RAM is not whole pages and blocks, or where `asCMA`
  ///   is set and the range cannot be a CMA area.
  public init(
    ramPages: Int,
    pageSize: PageSize,
    blockBytes: Int,
    pageblockPages: Int? = nil,
    asCMA: Bool
  ) throws(TagStorageError) {
    guard blockBytes > 0, blockBytes % 4096 == 0 else {
      throw .blockSize(bytes: blockBytes)
    }
    blockPages = Self.pages(ofBlockBytes: blockBytes, pageSize: pageSize)
    let tagPages = ramPages / Self.dataFramesPerTagFrame
    guard ramPages % Self.dataFramesPerTagFrame == 0, tagPages > 0 else {
      throw .notWholePages(ramPages: ramPages, pageSize: pageSize)
    }
    guard tagPages % blockPages == 0 else {
      throw .notWholeBlocks(tagPages: tagPages, blockPages: blockPages, pageSize: pageSize)
    }
    let pageblockPages = pageblockPages ?? pageSize.pagesPerPageblock
    if asCMA, tagPages % pageblockPages != 0 {
      throw .notPageblockAligned(
        ramPages: ramPages,
        pageSize: pageSize,
        pageblockPages: pageblockPages
      )
    }
    memory = 0..<(ramPages - tagPages)
    tags = (ramPages - tagPages)..<ramPages
  }

  /// No tag storage in RAM.
  public static let empty = TagStorageRegion(memory: 0..<0, tags: 0..<0, blockPages: 1)

  /// Creates a region as it is described; ``TagStorageGeometry`` says whether it can be used.
  ///
  /// - Precondition: `blockPages` is above zero.
  public init(memory: Range<Int>, tags: Range<Int>, blockPages: Int) {
    precondition(blockPages > 0, "tag blocks of \(blockPages) pages")
    self.memory = memory
    self.tags = tags
    self.blockPages = blockPages
  }

  /// The same tag range, most of which can be tagged itself: its last blocks hold the tags of the
  /// others.
  ///
  /// The memory range is then everything below the tag blocks that hold tags of tag storage, the first
  /// of which is ``TagStorageRegion/firstBlockOfTagStorage``.
  public func coveringTagStorage() -> TagStorageRegion {
    let used = memory.count / Self.dataFramesPerTagFrame / blockPages * blockPages
    return TagStorageRegion(
      memory: memory.lowerBound..<(tags.lowerBound + used),
      tags: tags,
      blockPages: blockPages
    )
  }

  /// The first tag block that holds tags of tag storage, ``blockCount`` where no block can.
  public var firstBlockOfTagStorage: Int {
    memory.upperBound > tags.lowerBound
      ? (memory.upperBound - tags.lowerBound) / blockPages : blockCount
  }

  /// The tag block that a frame of tag storage belongs to.
  ///
  /// - Precondition: the frame lies in the tag range.
  public func block(holding frame: PageFrameNumber) -> Int {
    precondition(tags.contains(frame.index), "frame \(frame.index) is not tag storage")
    return (frame.index - tags.lowerBound) / blockPages
  }

  /// The pages of a tag block: the least common multiple of page and `blockBytes`, in pages.
  ///
  /// - Precondition: `blockBytes` is above zero.
  ///
  /// Source: specification of tag storage, section 2.2.
  public static func pages(ofBlockBytes blockBytes: Int, pageSize: PageSize) -> Int {
    leastCommonMultiple(pageSize.bytes, blockBytes) / pageSize.bytes
  }

  /// The number of tag blocks.
  public var blockCount: Int { tags.count / blockPages }

  /// The index of the tag block of a data frame.
  ///
  /// - Returns: `nil` for a frame outside the memory range, such as one of tag storage, and for one
  ///   whose block would end behind the tag range.
  public func block(of frame: PageFrameNumber) -> Int? {
    guard memory.contains(frame.index) else { return nil }
    let block = (frame.index - memory.lowerBound) / (Self.dataFramesPerTagFrame * blockPages)
    return block < blockCount ? block : nil
  }

  /// The frames of a tag block.
  ///
  /// - Precondition: 0 <= `block` < ``blockCount``.
  public func frames(ofBlock block: Int) -> Range<Int> {
    precondition(block >= 0 && block < blockCount, "tag block \(block) of \(blockCount)")
    let first = tags.lowerBound + block * blockPages
    return first..<(first + blockPages)
  }

  /// The data frames that a tag block covers.
  public func coveredFrames(ofBlock block: Int) -> Range<Int> {
    let span = Self.dataFramesPerTagFrame * blockPages
    let first = memory.lowerBound + block * span
    return min(first, memory.upperBound)..<min(first + span, memory.upperBound)
  }
}

/// Why a machine cannot have the tag storage it was asked for.
public enum TagStorageError: Error, Equatable, CustomStringConvertible {
  /// The block size is not a positive multiple of 4 KiB.
  case blockSize(bytes: Int)
  /// 1/32 of RAM is not a whole number of pages.
  case notWholePages(ramPages: Int, pageSize: PageSize)
  /// Tag storage is not a whole number of tag blocks.
  case notWholeBlocks(tagPages: Int, blockPages: Int, pageSize: PageSize)
  /// Tag storage cannot be a CMA area, because CMA manages whole pageblocks.
  case notPageblockAligned(ramPages: Int, pageSize: PageSize, pageblockPages: Int)

  /// One line that says what was expected, what was found, and what would work.
  public var description: String {
    switch self {
    case .blockSize(let bytes):
      "expected a tag block of a positive multiple of 4096 bytes, found \(bytes)"
    case .notWholePages(let ramPages, let pageSize):
      "expected RAM of a multiple of \(pageSize.bytes * 32 / 1024) KiB, so that 1/32 of it is whole"
        + " pages, found \(Self.size(ramPages * pageSize.bytes))"
    case .notWholeBlocks(let tagPages, let blockPages, _):
      "expected tag storage of whole blocks of \(blockPages) pages, found \(tagPages) pages"
    case .notPageblockAligned(let ramPages, let pageSize, let pageblockPages):
      Self.pageblockMessage(
        ramBytes: ramPages * pageSize.bytes,
        unit: Self.smallestRAMBytes(pageSize: pageSize, pageblockPages: pageblockPages)
      )
    }
  }

  private static func pageblockMessage(ramBytes ram: Int, unit: Int) -> String {
    let above = (ram + unit - 1) / unit * unit
    return
      "expected RAM of a multiple of \(mebibytes(unit)), so that 1/32 of it is whole pageblocks"
      + " of \(mebibytes(unit / 32)) and can be a CMA area, found \(size(ram)); the smallest"
      + " RAM that works is \(mebibytes(unit)), the next above this one \(mebibytes(above))"
  }

  /// The smallest RAM whose 1/32 is one pageblock: 64 MiB, 1 GiB or 16 GiB by page size, unless
  /// pageblocks are of another size than the default.
  public static func smallestRAMBytes(pageSize: PageSize, pageblockPages: Int? = nil) -> Int {
    let pageblockPages = pageblockPages ?? pageSize.pagesPerPageblock
    return TagStorageRegion.dataFramesPerTagFrame * pageblockPages * pageSize.bytes
  }

  private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20)M" }

  /// A size as an option writes it, where it is whole mebibytes.
  private static func size(_ bytes: Int) -> String {
    bytes % (1 << 20) == 0 ? mebibytes(bytes) : "\(bytes / 1024) KiB"
  }
}

private func leastCommonMultiple(_ left: Int, _ right: Int) -> Int {
  var (a, b) = (left, right)
  while b != 0 { (a, b) = (b, a % b) }
  return left / a * right
}
