// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// Source: Linux v6.8 `mm/vmstat.c`, `zoneinfo_show_print`.
extension KernelView {
  static func zoneinfo(_ snapshot: MachineSnapshot) -> String {
    var isFirstPopulated = true
    return snapshot.zones.map { zone in
      var lines = ["Node 0, zone \(right(zone.name, 8))"]
      if zone.managedPages > 0 && isFirstPopulated {
        isFirstPopulated = false
        lines.append("  per-node stats")
        lines += nodeStatistics(snapshot).map(statistic)
      }
      lines += pageLines(zone)
      if zone.managedPages > 0 {
        lines += zoneStatistics([zone], of: snapshot).map(statistic)
        lines.append("  pagesets")
        for (cpu, list) in zone.perCPULists.enumerated() {
          lines += [
            "    cpu: \(cpu)",
            "              count: \(list.count)",
            "              high:  \(list.high)",
            "              batch: \(list.batch)",
          ]
        }
        lines.append("  node_unreclaimable:  \(snapshot.hasKswapdGivenUp ? 1 : 0)")
        lines.append("  start_pfn:           \(zone.startFrame)")
      }
      return lines.joined(separator: "\n") + "\n"
    }.joined()
  }

  /// The marks are printed with the boost, as the kernel compares them.
  private static func pageLines(_ zone: ZoneSnapshot) -> [String] {
    [
      "  pages free     \(zone.freePages)",
      "        boost    \(zone.boost)",
      "        min      \(zone.min + zone.boost)",
      "        low      \(zone.low + zone.boost)",
      "        high     \(zone.high + zone.boost)",
      "        spanned  \(zone.spannedPages)",
      "        present  \(zone.presentPages)",
      "        managed  \(zone.managedPages)",
      "        cma      \(zone.managedCMAPages)",
      "        protection: (\(zone.protection.map(String.init).joined(separator: ", ")))",
    ]
  }

  private static func statistic(_ line: (name: String, value: Int)) -> String {
    "      \(left(line.name, 12)) \(line.value)"
  }

  /// The statistics of zones, added up, for which the model has a value, in the kernel's order.
  static func zoneStatistics(
    _ zones: [ZoneSnapshot],
    of snapshot: MachineSnapshot
  ) -> [(name: String, value: Int)] {
    func sum(_ pages: (ZoneSnapshot) -> Int) -> Int { zones.reduce(0) { $0 + pages($1) } }
    return modelled(
      [
        ("nr_free_pages", sum(\.freePages)),
        ("nr_zone_inactive_anon", sum(\.inactiveAnonymousPages)),
        ("nr_zone_active_anon", sum(\.activeAnonymousPages)),
        ("nr_zone_inactive_file", sum(\.inactiveFilePages)),
        ("nr_zone_active_file", sum(\.activeFilePages)),
        ("nr_zone_write_pending", sum(\.writePendingPages)),
        ("nr_free_cma", sum(\.freeCMAPages)),
      ],
      of: snapshot
    )
  }

  /// The node's statistics for which the model has a value, in the kernel's order.
  static func nodeStatistics(_ snapshot: MachineSnapshot) -> [(name: String, value: Int)] {
    func count(_ counter: Counter) -> Int { Int(snapshot.counters[counter]) }
    return modelled(
      [
        ("nr_inactive_anon", snapshot.inactiveAnonymousPages),
        ("nr_active_anon", snapshot.activeAnonymousPages),
        ("nr_inactive_file", snapshot.inactiveFilePages),
        ("nr_active_file", snapshot.activeFilePages),
        ("nr_slab_reclaimable", snapshot.reclaimableSlabPages),
        ("nr_slab_unreclaimable", snapshot.unreclaimableSlabPages),
        ("nr_isolated_anon", 0),
        ("workingset_refault_anon", count(.workingsetRefaultAnon)),
        ("workingset_refault_file", count(.workingsetRefaultFile)),
        ("workingset_activate_anon", count(.workingsetActivateAnon)),
        ("workingset_activate_file", count(.workingsetActivateFile)),
        ("workingset_restore_anon", count(.workingsetRestoreAnon)),
        ("workingset_restore_file", count(.workingsetRestoreFile)),
        ("nr_anon_pages", snapshot.anonymousPages),
        ("nr_mapped", snapshot.mappedPages),
        ("nr_file_pages", snapshot.filePages + snapshot.swapCachedPages),
        ("nr_dirty", snapshot.dirtyPages),
        ("nr_writeback", snapshot.writebackPages),
        ("nr_page_table_pages", snapshot.pageTablePages),
        ("nr_swapcached", snapshot.swapCachedPages),
      ],
      of: snapshot
    )
  }

  /// Leaves out the lines that have a value only where pages of files have frames.
  private static func modelled(
    _ lines: [(name: String, value: Int)],
    of snapshot: MachineSnapshot
  ) -> [(name: String, value: Int)] {
    let ofFiles = [
      "nr_zone_active_file", "nr_active_file", "workingset_refault_file",
      "workingset_activate_file", "workingset_restore_file", "nr_mapped", "nr_file_pages",
      "nr_dirty",
    ]
    return snapshot.hasFilePages ? lines : lines.filter { !ofFiles.contains($0.name) }
  }
}
