// SPDX-License-Identifier: Apache-2.0

public import Containers

/// All Tag Blocks of a machine, on the list that their pages are handed out from.
///
/// Block *b* has the 33 frames from `firstFrame` + 33*b* on, of which the last is for tags. Frames behind
/// the last whole block are untagged for ever; here they are one block more, which is never full.
///
/// Source: specification of tag storage, section 15.6.
public struct InterleavedBlocks: ~Copyable, InvariantChecks {
  /// The number of blocks, the incomplete one left out.
  public let count: Int
  /// The first frame of the first block.
  public let firstFrame: Int
  /// Blocks whose last page holds tags, or could.
  public private(set) var taggedBlocks = 0
  /// Pages that were handed out to be tagged.
  public private(set) var taggedPages = 0
  /// Pages for tags that are free.
  public private(set) var freeTagPages = 0

  private var blocks: FlatStorage<InterleavedBlock>
  private var lists: CellLists

  /// The lists: whole blocks, untagged ones by free pages and full ones, tagged ones and full ones.
  private static let whole = 0
  private static let untagged = 1..<5
  private static let fullUntagged = 5
  private static let partTagged = 6
  private static let fullTagged = 7
  private static let listCount = 8

  /// Creates untagged blocks without free pages.
  ///
  /// - Precondition: 0 <= `firstFrame` <= `frameCount`.
  /// - Complexity: O(`frameCount`).
  public init(frameCount: Int, firstFrame: Int) {
    count = (frameCount - firstFrame) / InterleavedBlock.pages
    self.firstFrame = firstFrame
    // One more for the frames that make no whole block; and none at all without frames.
    let all = frameCount > 0 ? count + 1 : 0
    blocks = FlatStorage(repeating: InterleavedBlock(), count: all)
    lists = CellLists(listCount: Self.listCount, cellCount: all)
  }

  /// The first frame of blocks such that a frame that must be tagged at boot is none for tags.
  public static func firstFrame(sparing frame: Int) -> Int {
    frame % InterleavedBlock.pages == InterleavedBlock.coveredPages ? 1 : 0
  }

  /// A block as it is now.
  public subscript(_ block: Int) -> InterleavedBlock { blocks[block] }

  /// The block of a frame, `count` for those that are in no whole block.
  public func block(of frame: Int) -> Int { (frame - firstFrame) / InterleavedBlock.pages }

  /// The frame of a block that is for tags.
  public func tagFrame(of block: Int) -> Int {
    firstFrame + block * InterleavedBlock.pages + InterleavedBlock.coveredPages
  }

  /// Whether a frame can hold a tagged page now.
  public func isTaggable(_ frame: Int) -> Bool {
    let block = block(of: frame)
    return blocks[block].kind == .tagged && frame != tagFrame(of: block)
  }

  // MARK: - Changes

  /// Notes that a frame is free.
  ///
  /// - Precondition: it was not, and is no tag page of a tagged block.
  public mutating func noteFree(_ frame: Int) {
    let (block, bit) = place(of: frame)
    precondition(blocks[block].freeMask & bit == 0, "frame \(frame) is freed and was free")
    change(block) { $0.freeMask |= bit }
  }

  /// Notes that a frame is free no more.
  ///
  /// - Precondition: it was, and its block is not whole.
  public mutating func noteTaken(_ frame: Int) {
    let (block, bit) = place(of: frame)
    precondition(
      blocks[block].freeMask & bit != 0 && blocks[block].kind != .whole,
      "frame \(frame) is taken out of \(blocks[block])"
    )
    change(block) { $0.freeMask &= ~bit }
  }

  private func place(of frame: Int) -> (block: Int, bit: UInt64) {
    let block = block(of: frame)
    let offset = frame - firstFrame - block * InterleavedBlock.pages
    return (block, 1 << UInt64(offset))
  }

  /// Counts one more page that may be tagged.
  ///
  /// - Precondition: the block is tagged and has a page that is neither free nor tagged.
  public mutating func addTagged(in block: Int) {
    let old = blocks[block]
    precondition(
      old.kind == .tagged && old.freePages + Int(old.tagged) < InterleavedBlock.coveredPages,
      "a tagged page more in block \(block), \(old)"
    )
    taggedPages += 1
    change(block) { $0.tagged += 1 }
  }

  /// Counts one page less that may be tagged.
  ///
  /// - Precondition: the block has one.
  public mutating func removeTagged(in block: Int) {
    precondition(blocks[block].tagged > 0, "a tagged page less in block \(block)")
    taggedPages -= 1
    change(block) { $0.tagged -= 1 }
  }

  /// Brings a block to another list.
  ///
  /// - Precondition: no page is tagged; a block that becomes whole is free altogether; one that becomes
  ///   tagged has had its tag page taken.
  public mutating func move(_ block: Int, to kind: InterleavedBlock.Kind) {
    let old = blocks[block]
    let fits =
      switch kind {
      case .whole: old.freePages == InterleavedBlock.pages
      case .untagged: true
      case .tagged: !old.hasFreeTagPage
      }
    precondition(block < count && old.tagged == 0 && fits, "block \(block) becomes \(kind): \(old)")
    change(block) { $0.kind = kind }
  }

  /// Puts a block behind the others of its list.
  public mutating func postpone(_ block: Int) {
    lists.move(block, to: nil)
    lists.move(block, to: Self.list(of: blocks[block]))
  }

  private mutating func change(_ number: Int, _ body: (inout InterleavedBlock) -> Void) {
    var block = blocks[number]
    taggedBlocks -= block.kind == .tagged ? 1 : 0
    freeTagPages -= number < count && block.hasFreeTagPage ? 1 : 0
    body(&block)
    taggedBlocks += block.kind == .tagged ? 1 : 0
    freeTagPages += number < count && block.hasFreeTagPage ? 1 : 0
    blocks[number] = block
    lists.move(number, to: Self.list(of: block))
  }

  private static func list(of block: InterleavedBlock) -> Int? {
    guard block.freeMask != 0 else { return nil }
    return switch block.kind {
    case .whole: whole
    case .untagged:
      block.isFullGroup ? fullUntagged : min(4, (block.freePages + 7) / 8)
    case .tagged: block.isFullGroup ? fullTagged : partTagged
    }
  }

  // MARK: - Questions

  /// A frame of the untagged list: of a block with few free pages, so that full groups last.
  public var frameForUntagged: Int? {
    for list in Self.untagged {
      if let block = lists.first(of: list) { return firstFreeFrame(of: block) }
    }
    return lists.first(of: Self.fullUntagged).map { firstFreeFrame(of: $0) }
  }

  /// A frame of the tagged list, of a block that is in use where there is one.
  public var frameForTagged: Int? {
    (lists.first(of: Self.partTagged) ?? lists.first(of: Self.fullTagged))
      .map { firstFreeFrame(of: $0) }
  }

  private func firstFreeFrame(of block: Int) -> Int {
    firstFrame + block * InterleavedBlock.pages + blocks[block].freeMask.trailingZeroBitCount
  }

  /// A whole block.
  public var firstWhole: Int? { lists.first(of: Self.whole) }

  /// A block of which every page is on the untagged list.
  public var firstFullUntagged: Int? { lists.first(of: Self.fullUntagged) }

  /// A block of which every page is on the tagged list.
  public var firstFullTagged: Int? { lists.first(of: Self.fullTagged) }

  /// The untagged block with most free pages that is not the incomplete one, and not full.
  public var bestUntagged: Int? {
    for list in Self.untagged.reversed() {
      var block = lists.first(of: list)
      if block == count { block = lists.next(after: count) }
      if let block { return block }
    }
    return nil
  }

  /// Checks each block, its list, and the sums.
  ///
  /// - Complexity: O(*n*), where *n* is the number of blocks.
  public func verifyInvariants() throws(BrokenInvariant) {
    var (tagged, pages, free) = (0, 0, 0)
    for number in 0..<blocks.count {
      let block = blocks[number]
      let fits =
        switch block.kind {
        case .whole: block.freePages == InterleavedBlock.pages && block.tagged == 0
        case .untagged: block.tagged == 0
        case .tagged:
          !block.hasFreeTagPage
            && block.freePages + Int(block.tagged) <= InterleavedBlock.coveredPages
        }
      try BrokenInvariant.unless(
        fits && lists.list(of: number) == Self.list(of: block),
        "blocks",
        "block \(number), \(block), is what it cannot be, or on the wrong list"
      )
      tagged += block.kind == .tagged ? 1 : 0
      pages += Int(block.tagged)
      free += number < count && block.hasFreeTagPage ? 1 : 0
    }
    try BrokenInvariant.unless(
      tagged == taggedBlocks && pages == taggedPages && free == freeTagPages,
      "blocks",
      "counted \(tagged) tagged blocks with \(pages) tagged pages and \(free) free tag pages, recorded"
        + " \(taggedBlocks), \(taggedPages) and \(freeTagPages)"
    )
  }
}
