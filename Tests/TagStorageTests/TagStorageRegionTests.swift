// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagStorage
import Testing

/// Where the tags of a frame live.
@Suite struct TagStorageRegionTests {
  private func region(
    _ ramBytes: Int,
    _ size: PageSize = .kib4,
    block: Int = 4096,
    asCMA: Bool = true
  ) throws(TagStorageError) -> TagStorageRegion {
    try TagStorageRegion(
      ramPages: ramBytes / size.bytes,
      pageSize: size,
      blockBytes: block,
      asCMA: asCMA
    )
  }

  /// The layout that the authors of the series used, in addresses relative to the two ranges:
  /// a frame's distance from the start of its memory, its block size in pages, and the distance of its
  /// tag block from the start of the tag storage.
  @Test(arguments: [
    (0x8000_0000 - 0x8000_0000, 1, 0x8_f800_0000 - 0x8_f800_0000),
    (0x8002_0000 - 0x8000_0000, 1, 0x8_f800_1000 - 0x8_f800_0000),
    (0xffff_f000 - 0x8000_0000, 1, 0x8_fbff_f000 - 0x8_f800_0000),
    (0x8002_0000 - 0x8000_0000, 2, 0x8_f800_0000 - 0x8_f800_0000),
    (0x8004_0000 - 0x8000_0000, 2, 0x8_f800_2000 - 0x8_f800_0000),
    (0x8_f7ff_f000 - 0x8_8000_0000, 1, 0x8_ffbf_f000 - 0x8_fc00_0000),
  ])
  func blocksAreThoseOfThePostedLayout(data: Int, blockPages: Int, start: Int) throws {
    let region = try region(4 << 30, block: blockPages * 4096)
    #expect(region.blockPages == blockPages)
    let block = try #require(region.block(of: PageFrameNumber(data / 4096)))
    let frames = region.frames(ofBlock: block)
    #expect((frames.lowerBound - region.tags.lowerBound) * 4096 == start)
    #expect(frames.count == blockPages)
    #expect(region.coveredFrames(ofBlock: block).contains(data / 4096))
  }

  @Test func tagStorageItselfHasNoTags() throws {
    let region = try region(64 << 20)
    #expect(region.tags == 15_872..<16_384)
    #expect(region.memory == 0..<15_872)
    #expect(region.block(of: PageFrameNumber(15_871)) == 495)
    for frame in [15_872, 16_383, 16_384, 1 << 28] {
      #expect(region.block(of: PageFrameNumber(frame)) == nil, "\(frame)")
    }
  }

  /// Every frame of small machines, against the definition.
  @Test(arguments: PageSize.allCases, [1, 2, 4, 16])
  func everyFrameIsCoveredOnce(size: PageSize, blockPages: Int) throws {
    let region = try TagStorageRegion(
      ramPages: 32 * 64,
      pageSize: size,
      blockBytes: blockPages * size.bytes,
      asCMA: false
    )
    var covered = [Int](repeating: 0, count: region.memory.count)
    for block in 0..<region.blockCount {
      for frame in region.coveredFrames(ofBlock: block) {
        covered[frame] += 1
        #expect(region.block(of: PageFrameNumber(frame)) == block)
        let start = region.tags.lowerBound + frame / 32 / blockPages * blockPages
        #expect(region.frames(ofBlock: block) == start..<(start + blockPages))
      }
    }
    #expect(covered.allSatisfy { $0 == 1 })
    #expect(region.blockCount * blockPages == region.tags.count)
  }

  /// Pages above 4 KiB and blocks of other sizes share the least common multiple.
  @Test func blocksAreWholePages() throws {
    #expect(try region(1 << 30, .kib16, block: 4096).blockPages == 1)
    #expect(try region(1 << 30, .kib16, block: 32_768).blockPages == 2)
    #expect(try region(16 << 30, .kib64, block: 4096).blockPages == 1)
    #expect(
      try TagStorageRegion(
        ramPages: 32 * 12,
        pageSize: .kib16,
        blockBytes: 12_288,
        asCMA: false
      ).blockPages == 3
    )
  }

  @Test func smallestMachinesWithCMA() throws {
    for (size, bytes) in [(PageSize.kib4, 64 << 20), (.kib16, 1 << 30), (.kib64, 16 << 30)] {
      #expect(TagStorageError.smallestRAMBytes(pageSize: size) == bytes)
      #expect(try region(bytes, size).tags.count == size.pagesPerPageblock)
      #expect(throws: TagStorageError.self) { try region(bytes / 2, size) }
      #expect(throws: TagStorageError.self) { try region(bytes * 3 / 2, size) }
      #expect(try region(bytes / 2, size, asCMA: false).tags.count == size.pagesPerPageblock / 2)
    }
  }

  @Test func impossibleRegionsSayWhatWouldWork() {
    #expect(throws: TagStorageError.blockSize(bytes: 0)) { try region(64 << 20, block: 0) }
    #expect(throws: TagStorageError.blockSize(bytes: 6144)) { try region(64 << 20, block: 6144) }
    #expect(throws: TagStorageError.notWholePages(ramPages: 33, pageSize: .kib4)) {
      try region(33 * 4096, asCMA: false)
    }
    #expect(throws: TagStorageError.notWholePages(ramPages: 0, pageSize: .kib4)) {
      try region(0, asCMA: false)
    }
    #expect(
      throws: TagStorageError.notWholeBlocks(tagPages: 512, blockPages: 3, pageSize: .kib4)
    ) { try region(64 << 20, block: 12_288) }
    let error = TagStorageError.notPageblockAligned(
      ramPages: 25_600,
      pageSize: .kib4,
      pageblockPages: 512
    )
    #expect(throws: error) { try region(100 << 20) }
    #expect(
      error.description.hasSuffix(
        "found 100M; the smallest RAM that works is 64M, the next above this one 128M"
      )
    )
  }
}
