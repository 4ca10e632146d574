// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A file under `/proc` or `/sys` that the kernel of a simulated machine would show, in the kernel's own layout, so
/// that it can be compared with a device's.
///
/// One of them is no kernel's: how full tag blocks are, in the manner of these files.
///
/// A line is printed only where the model has its value. What is outside the model has no lines, pages of
/// files among them where they have no frames; a line that is 0 is 0 on the simulated machine.
public enum KernelView: String, CaseIterable, Sendable {
  /// Free blocks by order.
  case buddyinfo
  /// Free blocks and pageblocks by migrate type.
  case pagetypeinfo
  /// Zones with their marks.
  case zoneinfo
  /// Memory in KiB.
  case meminfo
  /// Counters.
  case vmstat
  /// Swap devices: `/proc/swaps`.
  case swaps
  /// The memory of each zram device: `/sys/block/zram*/mm_stat`.
  case zram
  /// Saved tags by size class: the file `stats` that the mtecomp patch has in debugfs.
  case mtecomp
  /// Reserved tag blocks by how many pages have their tags in them; no kernel has this file.
  case tagblocks

  /// The file's text.
  public func text(_ snapshot: MachineSnapshot) -> String {
    switch self {
    case .buddyinfo: Self.buddyinfo(snapshot)
    case .pagetypeinfo: Self.pagetypeinfo(snapshot)
    case .zoneinfo: Self.zoneinfo(snapshot)
    case .meminfo: Self.meminfo(snapshot)
    case .vmstat: Self.vmstat(snapshot)
    case .swaps: Self.swaps(snapshot)
    case .zram: Self.zram(snapshot)
    case .mtecomp: Self.mtecomp(snapshot)
    case .tagblocks: Self.tagblocks(snapshot)
    }
  }

  /// The zones with memory, which are all that some files show.
  static func populated(_ snapshot: MachineSnapshot) -> [ZoneSnapshot] {
    snapshot.zones.filter { $0.managedPages > 0 }
  }

  /// `text` at the right end of `width` columns, as `%8s` prints it.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  /// `text` at the left end of `width` columns, as `%-8s` prints it.
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
