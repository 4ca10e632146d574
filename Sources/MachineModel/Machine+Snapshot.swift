// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

extension Machine {
  /// What the machine's kernel would show of its memory now.
  ///
  /// - Complexity: O(frames + processes).
  public var snapshot: MachineSnapshot {
    let zones = buddy.snapshots(processors: configuration.processors)
    var snapshot = MachineSnapshot(pageSize: pageSize, zones: zones)
    snapshot.totalReservePages = ZoneSize.totalReserve(
      of: buddy.sizes,
      highMarks: zones.map(\.high)
    )
    for group in 0..<groups.count {
      let active = activePages(of: group)
      snapshot.inactiveAnonymousPages += pagesOnLists(of: group) - active
      snapshot.activeAnonymousPages += active
      snapshot.inactiveFilePages += groups[group].inactiveFilePages
      snapshot.activeFilePages += groups[group].activeFilePages
    }
    for frame in 0..<presentPages where frames[frame].flags.contains(.inSwapCache) {
      snapshot.swapCachedPages += 1
    }
    snapshot.hasFilePages = hasFilePages
    snapshot.filePages = filePages.cachedPages
    for frame in 0..<presentPages where frames[frame].use == .file {
      snapshot.mappedPages += mapCount(PageFrameNumber(frame)) > 0 ? 1 : 0
      snapshot.dirtyPages += isDirtyFilePage(PageFrameNumber(frame)) ? 1 : 0
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
    snapshot.savedTags = savedTagClasses
    if reservation != nil {
      snapshot.tagBlocks = TagBlockSnapshot(
        pagesOfBlock: TagStorageRegion.dataFramesPerTagFrame * region.blockPages,
        now: blocks.occupancy,
        atPeak: blocks.peakOccupancy
      )
    }
    snapshot.hasKswapdGivenUp = kswapdFailures >= Self.kswapdFailureLimit
    snapshot.hasLimitedGroups = configuration.groupLimitBytes != nil
    snapshot.tellsAims = tellsAims
    snapshot.counters = counters
    countListedPages(&snapshot)
    return snapshot
  }

  /// Counts the pages on lists and under write-out zone by zone.
  private func countListedPages(_ snapshot: inout MachineSnapshot) {
    var places = [Int](repeating: 0, count: ZoneKind.allCases.count)
    for (index, extent) in buddy.extents.enumerated() { places[extent.kind.rawValue] = index }
    for number in 0..<presentPages {
      let flags = frames[number].flags
      guard flags.contains(.onList) else { continue }
      let place = places[buddy.zone(of: PageFrameNumber(number)).rawValue]
      if flags.contains(.active) && !flags.contains(.swapBacked) {
        snapshot.zones[place].activeFilePages += 1
      } else if isActive(PageFrameNumber(number)) {
        snapshot.zones[place].activeAnonymousPages += 1
      } else if flags.contains(.swapBacked) {
        snapshot.zones[place].inactiveAnonymousPages += 1
      } else {
        snapshot.zones[place].inactiveFilePages += 1
      }
    }
    for frame in pendingWrites {
      let place = places[buddy.zone(of: PageFrameNumber(rawValue: frame)).rawValue]
      snapshot.zones[place].writePendingPages += 1
    }
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
}
