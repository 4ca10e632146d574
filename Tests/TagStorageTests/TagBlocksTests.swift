// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagStorage
import TestSupport
import Testing

/// How many reserved frames each tag block serves.
@Suite struct TagBlocksTests {
  private func blocks(blockPages: Int) throws -> TagBlocks {
    TagBlocks(
      region: try TagStorageRegion(
        ramPages: 32 * 512,
        pageSize: .kib4,
        blockBytes: blockPages * 4096,
        asCMA: true
      )
    )
  }

  /// The kernel's reference counts after a page of some order was reserved; each is one above the
  /// number of frames that the block serves.
  @Test(arguments: [
    (order: 0, blockPages: 1, blocks: 1, references: 2),
    (order: 3, blockPages: 1, blocks: 1, references: 9),
    (order: 5, blockPages: 1, blocks: 1, references: 33),
    (order: 9, blockPages: 1, blocks: 16, references: 33),
    (order: 6, blockPages: 2, blocks: 1, references: 65),
    (order: 7, blockPages: 2, blocks: 2, references: 65),
    (order: 9, blockPages: 4, blocks: 4, references: 129),
  ])
  func countsAreTheKernels(order: Int, blockPages: Int, blocks: Int, references: Int) throws {
    var counted = try self.blocks(blockPages: blockPages)
    for frame in 512..<(512 + 1 << order) {
      let block = try #require(counted.region.block(of: PageFrameNumber(frame)))
      counted.addShare(toBlock: block)
    }
    let first = try #require(counted.region.block(of: PageFrameNumber(512)))
    #expect(counted.reservedBlocks == blocks)
    #expect(counted.reservedFrames == 1 << order)
    for block in first..<(first + blocks) {
      let count = counted.count(ofBlock: block)
      #expect(count + 1 == references)
    }
    counted.checkInvariants()
  }

  @Test func lastFrameGivesTheBlockBack() throws {
    var counted = try blocks(blockPages: 1)
    counted.addShare(toBlock: 3)
    counted.addShare(toBlock: 3)
    var isLast = counted.removeShare(fromBlock: 3)
    #expect(!isLast)
    var isReserved = counted.isReserved(3)
    #expect(isReserved)
    isLast = counted.removeShare(fromBlock: 3)
    isReserved = counted.isReserved(3)
    #expect(isLast && !isReserved)
    #expect(counted.reservedBlocks == 0)
    #expect(counted.peakReservedBlocks == 1)
    counted.checkInvariants()
  }

  /// Blocks by what they serve follow every change, and the peak keeps what they were then.
  @Test func occupancyFollowsTheBlocks() throws {
    var counted = try blocks(blockPages: 1)
    func filled(_ occupancy: [Int]) -> [Int: Int] {
      Dictionary(
        uniqueKeysWithValues: occupancy.enumerated().filter { $0.element != 0 }.map { ($0, $1) }
      )
    }
    for block in [3, 3, 3, 4, 5] { counted.addShare(toBlock: block) }
    counted.hold(6)
    #expect(filled(counted.occupancy) == [0: 1, 1: 2, 3: 1])
    #expect(filled(counted.peakOccupancy) == [0: 1, 1: 2, 3: 1])
    _ = counted.removeShare(fromBlock: 3)
    _ = counted.removeShare(fromBlock: 5)
    counted.leakShare(ofBlock: 4)
    counted.letGo(6)
    #expect(filled(counted.occupancy) == [0: 1, 2: 1])
    #expect(filled(counted.peakOccupancy) == [0: 1, 1: 2, 3: 1])
    counted.hold(3)
    _ = counted.removeShare(fromBlock: 3)
    _ = counted.removeShare(fromBlock: 3)
    #expect(filled(counted.occupancy) == [0: 2])
    counted.checkInvariants()
  }

  @Test func releasingTooOftenStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var counted = TagBlocks(
        region: try TagStorageRegion(
          ramPages: 32 * 512,
          pageSize: .kib4,
          blockBytes: 4096,
          asCMA: true
        )
      )
      _ = counted.removeShare(fromBlock: 0)
    }
  }

  /// Random frames come and go, against a list of the reserved ones.
  @Test(arguments: [1, 2, 4], 0..<5 as Range<UInt64>)
  func randomSharesAgreeWithAList(blockPages: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var counted = try blocks(blockPages: blockPages)
    var reserved: Set<Int> = []
    for step in 0..<2000 {
      let frame = random.below(400)
      let block = try #require(counted.region.block(of: PageFrameNumber(frame)))
      if reserved.contains(frame) {
        reserved.remove(frame)
        let others = reserved.contains { $0 / (32 * blockPages) == block }
        let isLast = counted.removeShare(fromBlock: block)
        #expect(isLast == !others, "seed \(seed), step \(step)")
      } else {
        reserved.insert(frame)
        counted.addShare(toBlock: block)
      }
      let isReserved = counted.isReserved(block)
      #expect(
        isReserved == reserved.contains { $0 / (32 * blockPages) == block },
        "seed \(seed), step \(step)"
      )
    }
    #expect(counted.reservedFrames == reserved.count)
    #expect(
      counted.reservedBlocks == Set(reserved.map { $0 / (32 * blockPages) }).count,
      "seed \(seed)"
    )
    counted.checkInvariants()
  }
}
