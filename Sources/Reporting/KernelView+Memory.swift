// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension KernelView {
  /// Source: Linux v6.8 `fs/proc/meminfo.c`, `si_mem_available`.
  static func meminfo(_ snapshot: MachineSnapshot) -> String {
    func sum(_ pages: (ZoneSnapshot) -> Int) -> Int { snapshot.zones.reduce(0) { $0 + pages($1) } }
    let slab = snapshot.reclaimableSlabPages + snapshot.unreclaimableSlabPages
    let lines: [(label: String, pages: Int)] = [
      ("MemTotal:", sum(\.managedPages)),
      ("MemFree:", sum(\.freePages)),
      ("MemAvailable:", availablePages(snapshot)),
      ("SwapCached:", snapshot.swapCachedPages),
      ("Active(anon):", snapshot.activeAnonymousPages),
      ("Inactive(anon):", snapshot.inactiveAnonymousPages),
      ("Inactive(file):", snapshot.inactiveFilePages),
      ("SwapTotal:", snapshot.swapTotalPages),
      ("SwapFree:", snapshot.swapFreePages),
      ("Writeback:", snapshot.writebackPages),
      ("AnonPages:", snapshot.anonymousPages),
      ("KReclaimable:", snapshot.reclaimableSlabPages),
      ("Slab:", slab),
      ("SReclaimable:", snapshot.reclaimableSlabPages),
      ("SUnreclaim:", snapshot.unreclaimableSlabPages),
      ("PageTables:", snapshot.pageTablePages),
      ("CmaTotal:", sum(\.managedCMAPages)),
      ("CmaFree:", sum(\.freeCMAPages)),
    ]
    let kibibytesPerPage = snapshot.pageSize.bytes / 1024
    return lines.map {
      left($0.label, 16) + right("\($0.pages * kibibytesPerPage)", 8) + " kB\n"
    }.joined()
  }

  /// What programs could get without swapping: free memory above the reserves, and half of what can be
  /// dropped, or all of it but the low marks where that is more.
  private static func availablePages(_ snapshot: MachineSnapshot) -> Int {
    let low = snapshot.zones.reduce(0) { $0 + $1.low + $1.boost }
    func droppable(_ pages: Int) -> Int { pages - min(pages / 2, low) }
    let free = snapshot.zones.reduce(0) { $0 + $1.freePages } - snapshot.totalReservePages
    return max(
      0,
      free + droppable(snapshot.inactiveFilePages) + droppable(snapshot.reclaimableSlabPages)
    )
  }

  /// Source: Linux v6.8 `mm/vmstat.c`, `vmstat_text`.
  static func vmstat(_ snapshot: MachineSnapshot) -> String {
    var lines: [(name: String, value: Int)] = []
    for zone in populated(snapshot) { lines += zoneStatistics(snapshot, zone) }
    lines += nodeStatistics(snapshot)
    for event in events where !(snapshot.hasLimitedGroups && event.countsGroups) {
      lines.append((event.counter.name, Int(snapshot.counters[event.counter])))
      // Nothing is ever allocated from the empty Movable.
      if let empty = event.nameOfEmptyZone { lines.append((empty, 0)) }
    }
    return lines.map { "\($0.name) \($0.value)\n" }.joined()
  }

  /// A counter that the kernel has too.
  private struct Event {
    let counter: Counter
    /// The line of the zone without memory that follows, `nil` if there is none.
    var nameOfEmptyZone: String?
    /// Whether the counter includes the reclaim of memory groups at their limit, which the kernel's
    /// leaves out; with limits, the model has no value for the line.
    var countsGroups = false

    init(_ counter: Counter, nameOfEmptyZone: String? = nil, countsGroups: Bool = false) {
      self.counter = counter
      self.nameOfEmptyZone = nameOfEmptyZone
      self.countsGroups = countsGroups
    }
  }

  /// The events in the kernel's order.
  ///
  /// `allocstall` is told apart by the zone that a request aims at, which the machine does not count.
  private static let events: [Event] = [
    Event(.pswpin), Event(.pswpout),
    Event(.pgallocNormal, nameOfEmptyZone: "pgalloc_movable"),
    Event(.pgskipNormal, nameOfEmptyZone: "pgskip_movable"),
    Event(.pgfree), Event(.pgactivate), Event(.pgdeactivate), Event(.pglazyfree),
    Event(.pgfault), Event(.pgmajfault), Event(.pglazyfreed),
    Event(.pgrefill, countsGroups: true), Event(.pgreuse),
    Event(.pgstealKswapd), Event(.pgstealDirect, countsGroups: true),
    Event(.pgscanKswapd), Event(.pgscanDirect, countsGroups: true),
    Event(.pgscanAnon), Event(.pgstealAnon),
    Event(.pageoutrun), Event(.pgrotated), Event(.oomKill),
    Event(.pgmigrateSuccess), Event(.pgmigrateFail),
    Event(.cmaAllocSuccess), Event(.cmaAllocFail),
    Event(.swapRa), Event(.swapRaHit),
  ]
}
