// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension KernelView {
  /// `/proc/swaps`; devices have the names that they usually have, numbered by the machine's list.
  ///
  /// Source: Linux v6.8 `mm/swapfile.c`, `swap_show`.
  static func swaps(_ snapshot: MachineSnapshot) -> String {
    let kibibytesPerPage = snapshot.pageSize.bytes / 1024
    var text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    for device in snapshot.swapDevices {
      let name = fileName(of: device)
      let size = device.totalPages * kibibytesPerPage
      let used = device.usedPages * kibibytesPerPage
      text += left(name, 40) + "partition\t"
      text += "\(size)\t\(size < 10_000_000 ? "\t" : "")"
      text += "\(used)\t\(used < 10_000_000 ? "\t" : "")\(device.priority)\n"
    }
    return text
  }

  /// The line of `mm_stat` of each zram device whose memory is modelled, behind its name.
  ///
  /// Source: Linux v6.8 `drivers/block/zram/zram_drv.c`, `mm_stat_show`.
  static func zram(_ snapshot: MachineSnapshot) -> String {
    let page = snapshot.pageSize.bytes
    var text = ""
    for device in snapshot.swapDevices {
      guard let zram = device.zram else { continue }
      let columns: [(value: Int, width: Int)] = [
        (zram.storedPages * page, 8), (zram.compressedBytes, 8), (zram.poolPages * page, 8),
        (zram.limitPages * page, 8), (zram.mostPoolPages * page, 8), (zram.samePages, 8),
        (0, 8), (zram.hugePages, 8), (zram.hugePagesSince, 8),
      ]
      let line = columns.map { right("\($0.value)", $0.width) }.joined(separator: " ")
      text += "\(fileName(of: device)): \(line)\n"
    }
    return text
  }

  /// What the mtecomp patch counts, a line for each size class; tags inside a handle count as 8 bytes
  /// allocated and as none in use.
  ///
  /// Classes that another codec has are printed in the same way.
  ///
  /// Source: mtecomp v5, debugfs file `stats`.
  static func mtecomp(_ snapshot: MachineSnapshot) -> String {
    let classes = snapshot.savedTags
    let live = classes.reduce(0) { $0 + $1.live }
    let compressed = classes.reduce(0) { $0 + ($1.bytes == 8 ? 0 : $1.live * UInt64($1.bytes)) }
    return classes.map {
      "\($0.bytes) bytes: \($0.allocations) allocations, \($0.frees) deallocations\n"
    }.joined()
      + "uncompressed tag storage size: \(live * UInt64(snapshot.pageSize.tagBytes))\n"
      + "compressed tag storage size: \(compressed)\n"
  }

  private static func fileName(of device: SwapDeviceSnapshot) -> String {
    switch device.kind {
    case "zram": "/dev/zram\(device.number)"
    case "ramdisk": "/dev/ram\(device.number)"
    case "ssd": "/dev/nvme\(device.number)n1"
    default: "/dev/sd\(device.number)"
    }
  }
}
