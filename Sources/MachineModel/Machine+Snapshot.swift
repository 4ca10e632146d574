// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap

extension Machine {
  /// What the machine's kernel would show of its memory now.
  ///
  /// - Complexity: O(frames + processes).
  public var snapshot: MachineSnapshot {
    let zones = snapshotZones()
    var snapshot = MachineSnapshot(pageSize: pageSize, zones: zones)
    snapshot.totalReservePages = ZoneSize.totalReserve(
      of: Self.sizes(of: zones),
      highMarks: zones.map(\.high)
    )
    for group in 0..<groups.count {
      snapshot.inactiveAnonymousPages += groups[group].inactivePages
      snapshot.activeAnonymousPages += groups[group].activePages
      snapshot.inactiveFilePages += groups[group].lazyFreePages
    }
    for frame in 0..<presentPages where frames[frame].flags.contains(.inSwapCache) {
      snapshot.swapCachedPages += 1
    }
    snapshot.anonymousPages = Int(bytes(of: .anonymous)) / pageSize.bytes
    snapshot.writebackPages = pendingWrites.count
    let nodePages = min(tagStore.nodeSlabBytes / pageSize.bytes, kernelFrames.count)
    snapshot.reclaimableSlabPages = nodePages
    snapshot.unreclaimableSlabPages = kernelFrames.count - nodePages
    snapshot.pageTablePages = processes.reduce(0) { $0 + $1.tableFrames.count }
    snapshot.swapTotalPages = device.totalSlots
    snapshot.swapFreePages = device.freeSlots
    snapshot.swapDevices = snapshotSwapDevices()
    snapshot.hasKswapdGivenUp = kswapdFailures >= Self.kswapdFailureLimit
    snapshot.hasLimitedGroups = configuration.groupLimitBytes != nil
    snapshot.counters = counters
    return snapshot
  }

  /// The devices that are on, with the memory of zram where it counts.
  private func snapshotSwapDevices() -> [SwapDeviceSnapshot] {
    device.uses.map { use in
      var snapshot = SwapDeviceSnapshot(
        number: use.type,
        kind: use.kind.rawValue,
        totalPages: use.totalSlots,
        usedPages: use.usedSlots,
        priority: use.priority
      )
      if let number = zramNumbers[use.type] {
        let store = zramStores[number]
        snapshot.zram = ZramSnapshot(
          storedPages: store.storedPages,
          compressedBytes: store.compressedBytes,
          poolPages: store.pool.pages,
          limitPages: (configuration.zram.limitBytes ?? 0) / pageSize.bytes,
          mostPoolPages: store.mostPages,
          samePages: store.samePages,
          hugePages: store.hugePages,
          hugePagesSince: store.hugePagesSince
        )
      }
      return snapshot
    }
  }

  /// The zone with memory and the empty Movable above it, as a kernel without DMA zones has them.
  private func snapshotZones() -> [ZoneSnapshot] {
    var normal = buddy.snapshot(
      presentPages: presentPages,
      processors: configuration.processors
    )
    var movable = ZoneSnapshot(
      name: ZoneKind.movable.name,
      pageblockOrder: normal.pageblockOrder
    )
    let marks = Watermarks(
      managedPages: 0,
      kind: .movable,
      lowMemoryPages: buddy.managedPages,
      pageSize: pageSize,
      parameters: configuration.zone
    )
    (movable.min, movable.low, movable.high) = (marks.min, marks.low, marks.high)
    let reserves = ZoneSize.lowMemoryReserves(of: Self.sizes(of: [normal, movable]))
    normal.protection = reserves[0]
    movable.protection = reserves[1]
    return [normal, movable]
  }

  private static func sizes(of zones: [ZoneSnapshot]) -> [ZoneSize] {
    zones.map {
      ZoneSize(
        $0.name == ZoneKind.movable.name ? .movable : .normal,
        managedPages: $0.managedPages
      )
    }
  }
}
