// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

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

  /// The line that `/proc/buddyinfo` prints for the zone, with its line end.
  public var buddyinfo: String {
    var text = "Node 0, zone " + Self.right(ZoneLayout.zoneName, 8) + " "
    for blocks in freeListCounts { text += Self.right("\(blocks)", 6) + " " }
    return text + "\n"
  }

  /// What `/proc/pagetypeinfo` prints for the zone.
  public var pagetypeinfo: String {
    let zone = Self.right(ZoneLayout.zoneName, 8)
    var text = "Page block order: \(pageblockOrder)\n"
    text += "Pages per block:  \(1 << pageblockOrder)\n\n"
    text += Self.left("Free pages count per migrate type at order", 43) + " "
    for order in 0...maxOrder { text += Self.right("\(order)", 6) + " " }
    text += "\n"
    for type in MigrateType.allCases {
      text += "Node    0, zone \(zone), type " + Self.right(type.name, 12) + " "
      for order in 0...maxOrder {
        let blocks = freeBlocks(order: order, type: type)
        // The kernel stops counting a list here, to not hold its lock for long.
        let isLong = blocks >= 100_000
        text += (isLong ? ">" : "") + Self.right("\(isLong ? 100_000 : blocks)", 6) + " "
      }
      text += "\n"
    }
    text += "\n" + Self.left("Number of blocks type ", 23)
    for type in MigrateType.allCases { text += Self.right(type.name, 12) + " " }
    text += "\nNode 0, zone \(zone) "
    var pageblocks = [Int](repeating: 0, count: MigrateType.count)
    for pageblock in 0..<pageblockCount { pageblocks[pageblockTypes[pageblock].index] += 1 }
    for count in pageblocks { text += Self.right("\(count)", 12) + " " }
    return text + "\n"
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
