// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import PhysicalMemory

/// All states of a very small zone.
@Suite struct BuddyExhaustiveTests {
  /// Every subset of 8 frames in use, made by taking frames out and by giving frames back.
  @Test func everySubsetOfEightFramesMergesAsFarAsPossible() {
    for inUse in 0..<256 {
      let used = (0..<8).filter { inUse >> $0 & 1 != 0 }
      let taken = Zone(frameCount: 8)
      taken.release(0..<8, as: .unmovable)
      for frame in used { #expect(taken.takeFree(frame)) }
      taken.check()
      #expect(blocks(taken) == maximalBlocks(inUse), "in use \(used)")
      #expect(taken.freePages == 8 - used.count)

      let freed = Zone(frameCount: 8)
      freed.release(0..<8, as: .unmovable)
      for _ in 0..<8 { #expect(freed.allocate(0) != nil) }
      for frame in (0..<8).reversed() where !used.contains(frame) { freed.free(frame, 0) }
      freed.check()
      #expect(blocks(freed) == maximalBlocks(inUse), "in use \(used)")
      // The next request of each order is served exactly if a block is there.
      for order in 0...3 {
        let served = Zone(frameCount: 8)
        served.release(0..<8, as: .unmovable)
        for frame in used { #expect(served.takeFree(frame)) }
        let isPossible = maximalBlocks(inUse).contains { $0.order >= order }
        #expect((served.allocate(order) != nil) == isPossible, "in use \(used) order \(order)")
        served.check()
      }
    }
  }

  /// Every division of memory of up to 20 frames given at boot.
  @Test func everyBootRangeBecomesAlignedBlocks() {
    for first in 0..<20 {
      for last in first...20 {
        let zone = Zone(frameCount: 20)
        zone.release(first..<last)
        zone.check()
        #expect(zone.freePages == last - first && zone.managedPages == last - first)
        for frame in 0..<20 { #expect(zone.isFree(frame) == (first..<last).contains(frame)) }
      }
    }
  }

  private struct Block: Equatable {
    var start: Int
    var order: Int
  }

  private func blocks(_ zone: Zone) -> [Block] {
    var blocks: [Block] = []
    for order in 0...10 {
      for type in MigrateType.allCases {
        blocks += zone.list(order, type).map { Block(start: $0, order: order) }
      }
    }
    return blocks.sorted { $0.start < $1.start }
  }

  /// The largest aligned free runs, from their definition.
  private func maximalBlocks(_ inUse: Int) -> [Block] {
    var blocks: [Block] = []
    var start = 0
    while start < 8 {
      let order = (0...3).reversed().first { order in
        start % (1 << order) == 0
          && (start..<start + 1 << order).allSatisfy { inUse >> $0 & 1 == 0 }
      }
      if let order { blocks.append(Block(start: start, order: order)) }
      start += order.map { 1 << $0 } ?? 1
    }
    return blocks
  }
}
