// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension SwapSpace {
  /// XArray nodes of the swap cache, which holds pages and shadows.
  public var swapCacheNodes: Int { nodes.count }

  /// Bytes of the maps of slots, one for each slot of a device that is on, its header included.
  public var mapBytes: Int { uses.reduce(0) { $0 + $1.totalSlots + 1 } }

  /// Bytes of the cluster tables, 8 for each cluster; rotational devices have none.
  public var clusterBytes: Int {
    uses.reduce(0) {
      $0 + ($1.kind == .disk ? 0 : clusters.clusters(of: area($1.type)).count * 8)
    }
  }

  /// Bytes of the heads of the swap-cache trees: 200 for each 16,384 slots, by field layout.
  public var cacheTreeBytes: Int {
    let slotsPerTree = Int(Self.slotsPerCacheTree)
    return uses.reduce(0) { $0 + ($1.totalSlots + slotsPerTree) / slotsPerTree * 200 }
  }

  /// Bytes of the two slot caches of the one CPU.
  public var slotCacheBytes: Int { 2 * slotCacheSize * 8 }
}
