// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// The files of /proc, in the kernel's own layout.
@Suite struct KernelViewTests {
  /// Numbers that differ from each other, so that a swapped line shows.
  static let snapshot: MachineSnapshot = {
    var normal = ZoneSnapshot(name: "Normal", pageblockOrder: 9)
    let names = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"]
    normal.types = names.enumerated().map { row, name in
      ZoneSnapshot.TypeRow(
        name: name,
        freeBlocks: (0...10).map { row == 3 ? 0 : 10 * row + $0 },
        pageblocks: 100 + row
      )
    }
    normal.types[1].freeBlocks[0] = 100_000
    normal.types[2].freeBlocks[0] = 99_999
    (normal.freePages, normal.freeCMAPages, normal.boost) = (12_345, 678, 512)
    (normal.min, normal.low, normal.high) = (1024, 1286, 1548)
    (normal.spannedPages, normal.presentPages) = (262_144, 262_143)
    (normal.managedPages, normal.managedCMAPages) = (258_047, 8192)
    normal.protection = [0, 0]
    (normal.inactiveAnonymousPages, normal.activeAnonymousPages) = (101, 102)
    (normal.inactiveFilePages, normal.writePendingPages) = (103, 106)
    normal.perCPULists = [
      ZoneSnapshot.PerCPUList(count: 5, high: 378, batch: 63),
      ZoneSnapshot.PerCPUList(count: 0, high: 0, batch: 1),
    ]
    var movable = ZoneSnapshot(name: "Movable", pageblockOrder: 9)
    (movable.min, movable.low, movable.high) = (32, 32, 32)
    movable.protection = [0, 0]
    var snapshot = MachineSnapshot(pageSize: .kib4, zones: [normal, movable])
    snapshot.totalReservePages = 1548
    snapshot.inactiveAnonymousPages = 101
    snapshot.activeAnonymousPages = 102
    snapshot.inactiveFilePages = 103
    snapshot.anonymousPages = 104
    snapshot.swapCachedPages = 105
    snapshot.writebackPages = 106
    snapshot.reclaimableSlabPages = 7000
    snapshot.unreclaimableSlabPages = 108
    snapshot.pageTablePages = 109
    snapshot.swapTotalPages = 65_535
    snapshot.swapFreePages = 60_000
    snapshot.swapDevices = [
      SwapDeviceSnapshot(
        number: 0,
        kind: "zram",
        totalPages: 65_535,
        usedPages: 5_535,
        priority: 100
      ),
      SwapDeviceSnapshot(number: 1, kind: "ssd", totalPages: 3_000_000, usedPages: 0, priority: -2),
      SwapDeviceSnapshot(
        number: 2,
        kind: "disk",
        totalPages: 4_000_000,
        usedPages: 2_700_000,
        priority: -3
      ),
    ]
    snapshot.swapDevices[0].zram = ZramSnapshot(
      storedPages: 5_000,
      compressedBytes: 9_012_345,
      poolPages: 2_300,
      limitPages: 25_600,
      mostPoolPages: 2_400,
      samePages: 501,
      hugePages: 252,
      hugePagesSince: 1_003
    )
    // Those that the v5 patch shows for an Android device.
    snapshot.savedTags = [
      (8, 118_277, 16_089), (16, 10_762, 6_738), (32, 10_748, 6_823), (64, 10_510, 6_644),
      (128, 68_375, 47_378),
    ].map { bytes, allocations, frees in
      SavedTagClass(bytes: bytes, allocations: allocations, frees: frees, peak: allocations)
    }
    snapshot.tagBlocks = TagBlockSnapshot(
      pagesOfBlock: 32,
      now: [1, 2, 0, 0, 4] + [Int](repeating: 0, count: 28),
      atPeak: [1, 0, 3] + [Int](repeating: 0, count: 29) + [10]
    )
    snapshot.hasKswapdGivenUp = true
    for (index, counter) in Counter.allCases.enumerated() {
      snapshot.counters.add(counter, 1000 + index)
    }
    return snapshot
  }()

  @Test(arguments: KernelView.allCases)
  func filesAreTheStoredOnes(_ view: KernelView) throws {
    try expectGolden(
      view.text(Self.snapshot),
      "Tests/ReportingTests/Golden/\(view.rawValue).txt"
    )
  }

  @Test func blocksOfAllTypesAreAddedUp() {
    var snapshot = Self.snapshot
    for row in snapshot.zones[0].types.indices {
      snapshot.zones[0].types[row].freeBlocks = [row, 0, 0, 0, 0, 0, 0, 0, 0, 1, 100_000]
    }
    #expect(
      KernelView.buddyinfo.text(snapshot)
        == "Node 0, zone   Normal     15      0      0      0      0      0      0      0      0"
        + "      6 600000 \n"
    )
  }

  /// As `%6lu ` and `%s` print them: the mark of a long list widens the field.
  @Test func longListsAreMarked() {
    let lines = KernelView.pagetypeinfo.text(Self.snapshot).split(separator: "\n")
    #expect(lines[4].contains("type      Movable >100000     11     12 "))
    #expect(lines[5].contains("type  Reclaimable  99999     21     22 "))
  }

  @Test func everyLineHasTheKernelsWidths() {
    for line in KernelView.meminfo.text(Self.snapshot).split(separator: "\n") {
      let label = line.prefix { $0 != " " }
      #expect(label.hasSuffix(":") && line.hasSuffix(" kB") && line.count == 27, "\(line)")
    }
    for line in KernelView.vmstat.text(Self.snapshot).split(separator: "\n") {
      #expect(line.split(separator: " ", omittingEmptySubsequences: false).count == 2, "\(line)")
    }
  }

  /// Free pages 12,345 less 1,548; half of 103 can be dropped, and all but the low marks
  /// of the slabs: 7000 - 1286 - 512 - 32.
  @Test func availableMemoryLeavesOutReservesAndLowMarks() {
    let text = KernelView.meminfo.text(Self.snapshot)
    let pages: Int = 12_345 - 1548 + 52 + 5170
    #expect(text.contains("MemAvailable:      \(pages * 4) kB\n"), "\(text)")
    var empty = Self.snapshot
    empty.zones[0].freePages = 0
    empty.inactiveFilePages = 0
    empty.reclaimableSlabPages = 0
    #expect(KernelView.meminfo.text(empty).contains("MemAvailable:          0 kB\n"))
  }

  /// The kernel leaves the reclaim of memory groups out of these, and the model cannot tell it apart.
  @Test func countersThatGroupsDistortAreLeftOut() {
    func names(_ snapshot: MachineSnapshot) -> Set<Substring> {
      Set(KernelView.vmstat.text(snapshot).split(separator: "\n").map { $0.prefix { $0 != " " } })
    }
    var limited = Self.snapshot
    limited.hasLimitedGroups = true
    #expect(
      names(Self.snapshot).subtracting(names(limited)) == [
        "pgrefill", "pgscan_direct", "pgsteal_direct",
      ]
    )
  }

  @Test func sizesFollowThePageSize() {
    var snapshot = Self.snapshot
    snapshot.pageSize = .kib64
    #expect(KernelView.meminfo.text(snapshot).hasPrefix("MemTotal:       16515008 kB\n"))
  }
}
