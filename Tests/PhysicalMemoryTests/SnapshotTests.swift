// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

/// What the allocator tells about itself, and allocators with switches other than the kernel's.
@Suite struct SnapshotTests {
  @Test func snapshotsCountBlocksAndPageblocks() {
    let zone = Zone(pageblocks: [.movable, .movable, .movable, .movable, .unmovable, .cma])
    #expect(zone.isolate(5 * 512..<6 * 512))
    let snapshot = zone.snapshot
    #expect(
      snapshot.types.map(\.name)
        == ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"]
    )
    #expect(snapshot.types.map(\.pageblocks) == [1, 4, 0, 0, 0, 1])
    #expect(snapshot.types[1].freeBlocks == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
    #expect(snapshot.types[5].freeBlocks == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    #expect(snapshot.freePages == 5 * 512 && snapshot.freeCMAPages == 0)
    #expect(snapshot.managedPages == 6 * 512 && snapshot.managedCMAPages == 512)
    #expect(snapshot.name == "Normal" && snapshot.pageblockOrder == 9)
    // The high mark of the one CPU starts at the low watermark.
    let list = ZoneSnapshot.PerCPUList(count: 0, high: snapshot.low, batch: 1)
    #expect(snapshot.perCPULists == [list])
  }

  /// Memory behind what the kernel knows is in no pageblock of its.
  @Test func pageblocksThatTheKernelDoesNotKnowAreNotCounted() {
    let zone = Zone(frameCount: 8 * 512)
    zone.release(0..<6 * 512)
    let known = zone.buddy.snapshot(presentPages: 6 * 512, processors: 2)
    #expect(known.types.map(\.pageblocks) == [0, 6, 0, 0, 0, 0])
    #expect(known.presentPages == 6 * 512 && known.spannedPages == 6 * 512)
    #expect(known.perCPULists.count == 2)
    // An incomplete pageblock is one.
    let partial = zone.buddy.snapshot(presentPages: 6 * 512 + 1, processors: 1)
    #expect(partial.types.map(\.pageblocks) == [0, 7, 0, 0, 0, 0])
  }

  private func parameters(_ stealing: StealingScope) -> ZoneParameters {
    var parameters = ZoneParameters()
    parameters.stealing = stealing
    return parameters
  }

  @Test func stealingOfSingleBlocksConvertsNothing() {
    for stealing in StealingScope.allCases {
      let zone = Zone(frameCount: 8 * 512, parameters: parameters(stealing))
      zone.release(0..<8 * 512)
      #expect(zone.allocate(0, .unmovable) != nil)
      let converts = stealing == .pageblock
      #expect(zone.snapshot.types[0].pageblocks == (converts ? 2 : 0), "\(stealing)")
      #expect(zone.fallbackCounts.wholeBlocks == (converts ? 1 : 0), "\(stealing)")
      #expect(zone.fallbackCounts.single == (converts ? 0 : 1), "\(stealing)")
      #expect(zone.watermarks.boost == 0)
      zone.check()
    }
  }

  @Test func stealingOfSingleBlocksKeepsTheInvariants() {
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      let zone = Zone(frameCount: 8 * 512, parameters: parameters(.block))
      zone.release(0..<8 * 512)
      var blocks: [(frame: Int, order: Int)] = []
      for _ in 0..<600 {
        if random.below(3) > 0 || blocks.isEmpty {
          let order = random.below(6)
          let type: MigrateType = [.unmovable, .movable, .reclaimable][random.below(3)]
          if let frame = zone.allocate(order, type) { blocks.append((frame, order)) }
        } else {
          let block = blocks.remove(at: random.below(blocks.count))
          zone.free(block.frame, block.order)
        }
      }
      zone.check()
      #expect(zone.snapshot.types.map(\.pageblocks) == [0, 8, 0, 0, 0, 0], "seed \(seed)")
      for block in blocks { zone.free(block.frame, block.order) }
      zone.check()
      #expect(zone.freePages == 8 * 512, "seed \(seed)")
      #expect(zone.freeListCounts.last == 4, "seed \(seed)")
    }
  }
}
