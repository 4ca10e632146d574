// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagStorage
import TestSupport
import Testing

/// Look-ups over several regions, against the tables of the specification (section 19) and a search
/// through all blocks.
@Suite struct TagStorageGeometryTests {
  /// The layout of the authors' model board: two regions, tag storage at the end.
  private func board(blockPages: Int) -> TagStorageGeometry {
    TagStorageGeometry(regions: [
      TagStorageRegion(
        memory: 0x80000..<0x10_0000,
        tags: 0x8f_8000..<0x8f_c000,
        blockPages: blockPages
      ),
      TagStorageRegion(
        memory: 0x88_0000..<0x8f_8000,
        tags: 0x8f_c000..<0x8f_fc00,
        blockPages: blockPages
      ),
    ])
  }

  @Test(arguments: [
    (0x8000_0000, 1, 0x8_f800_0000), (0x8002_0000, 1, 0x8_f800_1000),
    (0xffff_f000, 1, 0x8_fbff_f000), (0x8002_0000, 2, 0x8_f800_0000),
    (0x8004_0000, 2, 0x8_f800_2000), (0x8_f7ff_f000, 1, 0x8_ffbf_f000),
  ])
  func blocksOfTheBoard(address: Int, blockPages: Int, start: Int) throws {
    let geometry = board(blockPages: blockPages)
    let block = try #require(geometry.block(of: PageFrameNumber(address / 4096)))
    #expect(geometry.firstFrame(of: block).index * 4096 == start)
    #expect(geometry.isTagStorage(geometry.firstFrame(of: block)))
  }

  @Test(arguments: [1, 2, 4]) func tagStorageHasNoBlock(blockPages: Int) {
    let geometry = board(blockPages: blockPages)
    for address in [0x8_f800_0000, 0x8_fc00_0000, 0x7fff_f000, 0x9_0000_0000] {
      #expect(geometry.block(of: PageFrameNumber(address / 4096)) == nil, "\(address)")
    }
    #expect(!geometry.isTagStorage(PageFrameNumber(0x80000)))
  }

  /// Order, block pages, blocks as meant, share of each, blocks as posted in v3, blocks in v1 and v2.
  @Test(arguments: [
    (0, 1, 1, 1, 1, 1), (3, 1, 1, 8, 1, 1), (5, 1, 1, 32, 1, 1), (9, 1, 16, 32, 16, 16),
    (6, 2, 1, 64, 1, 2), (7, 2, 2, 64, 1, 4), (9, 2, 8, 64, 4, 16), (9, 4, 4, 128, 1, 16),
    (10, 3, 11, 96, 4, 32),
  ])
  func countsOfOneAllocation(
    order: Int,
    blockPages: Int,
    blocks: Int,
    share: Int,
    posted: Int,
    perTagPage: Int
  ) throws {
    func count(_ formula: BlockCountFormula) -> Int {
      formula.blockCount(order: order, blockPages: blockPages)
    }
    #expect(count(.rounded) == blocks && count(.covering) == blocks)
    #expect(count(.asPosted) == posted && count(.blockPerTagPage) == perTagPage)
    #expect(BlockCountFormula.share(order: order, blockPages: blockPages) == share)
  }

  /// Any allocation of any region, against the set of blocks of its frames.
  @Test(arguments: [1, 2, 3, 4]) func allocationsCoverTheBlocksOfTheirFrames(blockPages: Int) {
    let tagPages = 48 * blockPages
    // Memory that starts at an odd place, where counting from the first block is wrong.
    let geometry = TagStorageGeometry(regions: [
      TagStorageRegion(
        memory: 16..<(16 + 32 * tagPages),
        tags: 1_000_000..<(1_000_000 + tagPages),
        blockPages: blockPages
      )
    ])
    var random = SplitMix64(seed: UInt64(blockPages))
    var differences = 0
    for _ in 0..<2000 {
      let order = Int.random(in: 0...9, using: &random)
      let head = Int.random(in: 0..<(32 * tagPages), using: &random) & ~((1 << order) - 1)
      let frames = head..<(head + (1 << order))
      let each = frames.map { geometry.block(of: PageFrameNumber($0)) }
      let found = geometry.blocks(ofAllocationAt: PageFrameNumber(head), order: order)
      guard let first = each.first ?? nil, let last = each.last ?? nil else {
        #expect(found == nil, "frame \(head), order \(order)")
        continue
      }
      let expected = Array(Set((first.index...last.index).map { $0 })).sorted()
      #expect(found?.map(\.index) == expected, "frame \(head), order \(order)")
      let rounded = geometry.blocks(
        ofAllocationAt: PageFrameNumber(head),
        order: order,
        formula: .rounded
      )
      differences += rounded == found ? 0 : 1
    }
    #expect(differences > 0, "memory at frame 16 shows no difference of the formulas")
  }

  /// Ten tag frames and a boundary: the specification's own numbers.
  @Test func splitsAsMeantAndAsPosted() {
    let region = TagStorageRegion(memory: 0..<640, tags: 1000..<1020, blockPages: 1)
    let meant = region.split(at: [1010])
    #expect(meant.map(\.memory) == [0..<320, 320..<640])
    #expect(meant.map(\.tags) == [1000..<1010, 1010..<1020])
    let posted = region.split(at: [1010], asPosted: true)
    #expect(posted.map(\.memory) == [0..<289, 289..<640])
    #expect(posted.map(\.tags) == [1000..<1010, 1010..<1020])
    #expect(region.split(at: []) == [region])
    // A split as meant changes no look-up; as posted it does for every frame above the boundary.
    let whole = TagStorageGeometry(regions: [region])
    let halves = TagStorageGeometry(regions: meant)
    let shifted = TagStorageGeometry(regions: posted)
    for frame in 0..<640 {
      let name = PageFrameNumber(frame)
      let place = whole.block(of: name).map(whole.firstFrame)
      #expect(halves.block(of: name).map(halves.firstFrame) == place, "\(frame)")
      let isShifted = shifted.block(of: name).map(shifted.firstFrame) != place
      #expect(!isShifted || frame >= 289, "\(frame)")
      if frame == 320 - 31 { #expect(isShifted) }
    }
  }

  /// The worked example of 16 GiB (section 2.7).
  @Test func tagsOfTagsOnSixteenGibibytes() throws {
    let best = try #require(TagOfTagsLayout(ramBytes: 16 << 30, pageSize: .kib4))
    #expect(best.base == 0x3_e006_0000 && best.reusable.end == 0x3_ff06_3000)
    #expect(best.reusablePages == 126_979 && best.lostPages == 3_997)
    let naive = try #require(
      TagOfTagsLayout(ramBytes: 16 << 30, pageSize: .kib4, base: 0x3_e000_0000)
    )
    #expect(naive.lostPages == 4096)
    #expect(TagOfTagsLayout(ramBytes: 16 << 30, pageSize: .kib4, base: 4096) == nil)
    #expect(TagOfTagsLayout(ramBytes: 1 << 16, pageSize: .kib4) == nil)
  }

  /// The tag of the last reusable byte lies in RAM, and with the next base it would not.
  @Test(arguments: PageSize.allCases) func basesAreTheHighestThatWork(size: PageSize) throws {
    for gibibytes in [1, 2, 3, 5, 8, 12, 24, 64] as [UInt64] {
      let ram = gibibytes << 30
      let layout = try #require(TagOfTagsLayout(ramBytes: ram, pageSize: size))
      func fits(_ base: UInt64) -> Bool { (base + base / 32 - 1) / 32 + base < ram }
      #expect(fits(layout.base), "\(gibibytes)")
      #expect(!fits(layout.base + UInt64(32 * size.bytes)), "\(gibibytes)")
    }
  }
}
