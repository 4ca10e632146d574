// SPDX-License-Identifier: Apache-2.0

import Containers
public import MemoryModel

extension BuddyAllocator {
  /// The number of free blocks on the list of one order and type.
  public func freeBlocks(order: Int, type: MigrateType) -> Int {
    Int(lists[order * MigrateType.count + type.index].count)
  }

  /// The number of free blocks of each order from 0, all types together, isolated ones included.
  public var freeListCounts: [Int] {
    var counts: [Int] = []
    for order in 0...maxOrder {
      var blocks = 0
      for type in MigrateType.allCases { blocks += freeBlocks(order: order, type: type) }
      counts.append(blocks)
    }
    return counts
  }

  /// What the kernel would show of the zone now.
  ///
  /// `presentPages` is the number of frames, from the zone's first, that the kernel knows at all:
  /// pageblocks behind them are not counted. Where they lie is for the caller to say. The per-CPU lists are those of the first CPU; the others, and all where they
  /// are off, are shown as the kernel shows unused ones, with a batch of 1 and a high mark of 0. The
  /// protection of the zone from requests for others is left empty.
  ///
  /// - Complexity: O(*p*), where *p* is the number of pageblocks.
  public func snapshot(presentPages: Int, processors: Int) -> ZoneSnapshot {
    precondition(
      presentPages >= managedPages && presentPages <= endFrame - firstFrame,
      "\(presentPages) present pages, \(managedPages) managed, \(endFrame - firstFrame) frames"
    )
    var zone = ZoneSnapshot(name: kind.name, pageblockOrder: pageblockOrder)
    var pageblocks = [Int](repeating: 0, count: MigrateType.count)
    let presentPageblocks = (presentPages + 1 << pageblockOrder - 1) >> pageblockOrder
    for pageblock in self.pageblocks.prefix(presentPageblocks) {
      pageblocks[pageblockTypes[pageblock].index] += 1
    }
    zone.types = MigrateType.allCases.map { type in
      ZoneSnapshot.TypeRow(
        name: type.name,
        freeBlocks: freeBlockCounts(of: type),
        pageblocks: pageblocks[type.index]
      )
    }
    zone.freePages = freePages
    zone.freeCMAPages = freeCMAPages
    zone.boost = watermarks.boost
    zone.min = watermarks.min
    zone.low = watermarks.low
    zone.high = watermarks.high
    zone.spannedPages = presentPages
    zone.presentPages = presentPages
    zone.managedPages = managedPages
    zone.managedCMAPages = managedCMAPages
    zone.perCPULists = Array(
      repeating: ZoneSnapshot.PerCPUList(count: 0, high: 0, batch: 1),
      count: processors
    )
    if pageLists.batch > 0 && processors > 0 {
      zone.perCPULists[0] = ZoneSnapshot.PerCPUList(
        count: pageLists.count,
        high: pageLists.high,
        batch: pageLists.batch
      )
    }
    return zone
  }

  private func freeBlockCounts(of type: MigrateType) -> [Int] {
    var counts: [Int] = []
    for order in 0...maxOrder { counts.append(freeBlocks(order: order, type: type)) }
    return counts
  }
}
