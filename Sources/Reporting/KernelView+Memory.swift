// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension KernelView {
  /// Source: Linux v6.8 `fs/proc/meminfo.c`, `si_mem_available`.
  static func meminfo(_ snapshot: MachineSnapshot) -> String {
    func sum(_ pages: (ZoneSnapshot) -> Int) -> Int { snapshot.zones.reduce(0) { $0 + pages($1) } }
    let slab = snapshot.reclaimableSlabPages + snapshot.unreclaimableSlabPages
    var lines: [(label: String, pages: Int)] = [
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
    func insert(_ added: (label: String, pages: Int), before label: String) {
      guard let place = lines.firstIndex(where: { $0.label == label }) else { return }
      lines.insert(added, at: place)
    }
    if snapshot.hasFilePages {
      insert(("Cached:", snapshot.filePages), before: "SwapCached:")
      insert(("Active(file):", snapshot.activeFilePages), before: "Inactive(file):")
      insert(("Dirty:", snapshot.dirtyPages), before: "Writeback:")
      insert(("Mapped:", snapshot.mappedPages), before: "KReclaimable:")
    }
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
    let filePages = snapshot.inactiveFilePages + snapshot.activeFilePages
    return max(
      0,
      free + droppable(filePages) + droppable(snapshot.reclaimableSlabPages)
    )
  }

  /// Source: Linux v6.8 `mm/vmstat.c`, `vmstat_text`.
  static func vmstat(_ snapshot: MachineSnapshot) -> String {
    var lines = zoneStatistics(populated(snapshot), of: snapshot)
    lines += nodeStatistics(snapshot)
    lines += [Event(.pswpin), Event(.pswpout)].map { $0.line(snapshot) }
    for group in zoneEvents(snapshot) {
      for zone in snapshot.zones {
        let counter = group.counters[zone.name]
        let name = "\(group.stem)_\(zone.name.lowercased())"
        lines.append((name, counter.map { Int(snapshot.counters[$0]) } ?? 0))
      }
    }
    for event in events where !event.isOfFiles || snapshot.hasFilePages {
      if snapshot.hasLimitedGroups && event.countsGroups { continue }
      lines.append(event.line(snapshot))
    }
    return lines.map { "\($0.name) \($0.value)\n" }.joined()
  }

  /// Events that the kernel counts zone by zone: the counters by the names of zones.
  ///
  /// No request aims at a zone below Normal, so that no direct reclaim is counted there.
  /// On a machine with one zone nothing tells direct reclaim of requests for Movable from others, and
  /// there is no line for either.
  private static func zoneEvents(
    _ snapshot: MachineSnapshot
  ) -> [(stem: String, counters: [String: Counter])] {
    var events: [(stem: String, counters: [String: Counter])] = [
      (
        "pgalloc",
        [
          "DMA": .pgallocDma, "DMA32": .pgallocDma32, "Normal": .pgallocNormal,
          "Movable": .pgallocMovable,
        ]
      )
    ]
    if snapshot.tellsAims {
      events.append(("allocstall", ["Normal": .allocstallNormal, "Movable": .allocstallMovable]))
    }
    events.append(
      (
        "pgskip",
        [
          "DMA": .pgskipDma, "DMA32": .pgskipDma32, "Normal": .pgskipNormal,
          "Movable": .pgskipMovable,
        ]
      )
    )
    return events
  }

  /// A counter that the kernel has too.
  private struct Event {
    let counter: Counter
    /// Whether the counter includes the reclaim of memory groups at their limit, which the kernel's
    /// leaves out; with limits, the model has no value for the line.
    var countsGroups = false

    init(_ counter: Counter, countsGroups: Bool = false) {
      self.counter = counter
      self.countsGroups = countsGroups
    }

    /// Whether it is about pages of files, and has a value only where these have frames.
    var isOfFiles: Bool { counter == .pgscanFile || counter == .pgstealFile }

    func line(_ snapshot: MachineSnapshot) -> (name: String, value: Int) {
      (counter.name, Int(snapshot.counters[counter]))
    }
  }

  /// The events behind those of zones, in the kernel's order.
  private static let events: [Event] = [
    Event(.pgfree), Event(.pgactivate), Event(.pgdeactivate), Event(.pglazyfree),
    Event(.pgfault), Event(.pgmajfault), Event(.pglazyfreed),
    Event(.pgrefill, countsGroups: true), Event(.pgreuse),
    Event(.pgstealKswapd), Event(.pgstealDirect, countsGroups: true),
    Event(.pgscanKswapd), Event(.pgscanDirect, countsGroups: true),
    Event(.pgscanAnon), Event(.pgscanFile), Event(.pgstealAnon), Event(.pgstealFile),
    Event(.pageoutrun), Event(.pgrotated), Event(.oomKill),
    Event(.pgmigrateSuccess), Event(.pgmigrateFail),
    Event(.cmaAllocSuccess), Event(.cmaAllocFail),
    Event(.swapRa), Event(.swapRaHit),
  ]
}
