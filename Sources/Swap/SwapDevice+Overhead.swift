// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension SwapDevice {
  /// XArray nodes of the swap cache, which holds pages and shadows.
  public var swapCacheNodes: Int { nodes.count }

  /// Bytes of the map of slots, one for each.
  public var mapBytes: Int { slots }

  /// Bytes of the cluster table, 8 for each cluster.
  public var clusterBytes: Int { clusters.count * 8 }

  /// Bytes of the heads of the swap-cache trees: 200 for each 16,384 slots, by field layout.
  public var cacheTreeBytes: Int {
    let slotsPerTree = Int(Self.slotsPerCacheTree)
    return (slots + slotsPerTree - 1) / slotsPerTree * 200
  }

  /// Bytes of the zram table, 16 for each slot; 0 for a disk.
  public var deviceTableBytes: Int { kind == .zram ? slots * 16 : 0 }

  /// Bytes of the two slot caches of the one CPU.
  public var slotCacheBytes: Int { 2 * slotCacheSize * 8 }
}
