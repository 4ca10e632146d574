// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// Source: Linux v6.8 `mm/vmstat.c`, `frag_show_print` and `pagetypeinfo_show`.
extension KernelView {
  /// All migrate types together, isolated blocks included.
  static func buddyinfo(_ snapshot: MachineSnapshot) -> String {
    populated(snapshot).map { zone in
      var line = "Node 0, zone \(right(zone.name, 8)) "
      for order in 0..<orders(of: zone) {
        let blocks = zone.types.reduce(0) { $0 + $1.freeBlocks[order] }
        line += right("\(blocks)", 6) + " "
      }
      return line + "\n"
    }.joined()
  }

  static func pagetypeinfo(_ snapshot: MachineSnapshot) -> String {
    let zones = populated(snapshot)
    guard let first = zones.first else { return "" }
    var text = "Page block order: \(first.pageblockOrder)\n"
    text += "Pages per block:  \(1 << first.pageblockOrder)\n\n"
    text += left("Free pages count per migrate type at order", 43) + " "
    for order in 0..<orders(of: first) { text += right("\(order)", 6) + " " }
    text += "\n"
    for zone in zones {
      for type in zone.types {
        text += "Node    0, zone \(right(zone.name, 8)), type \(right(type.name, 12)) "
        for blocks in type.freeBlocks {
          // The kernel stops counting a list here, to not hold its lock for long.
          let isLong = blocks >= 100_000
          text += (isLong ? ">" : "") + right("\(isLong ? 100_000 : blocks)", 6) + " "
        }
        text += "\n"
      }
    }
    text += "\n" + left("Number of blocks type ", 23)
    for type in first.types { text += right(type.name, 12) + " " }
    text += "\n"
    for zone in zones {
      text += "Node 0, zone \(right(zone.name, 8)) "
      for type in zone.types { text += right("\(type.pageblocks)", 12) + " " }
      text += "\n"
    }
    return text
  }

  private static func orders(of zone: ZoneSnapshot) -> Int {
    zone.types.first?.freeBlocks.count ?? 0
  }
}
