// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A made-up report that keeps every sum rule: three designs on 64 MiB, one of which loses tags.
enum SampleReport {
  static let report = RunReport(
    programVersion: "0.0.0-sample",
    traces: [
      TraceSummary(
        name: "made-up.mtt",
        digest: "00112233445566778899aabbccddeeff",
        commandLine: "./made-up --with \"quotes\" | pipes",
        copies: 4,
        events: 250_000,
        accesses: 31_250_000,
        pages: 4_321
      )
    ],
    machine: MachineSummary(
      ramBytes: 64 << 20,
      pageBytes: 4096,
      tagStorageBytes: 2 << 20,
      blockPages: 1,
      swapDevice: "zram",
      swapBytes: 64 << 20,
      pageCluster: 0,
      limitBytes: 16 << 20,
      settings: [
        MachineSetting(name: "ram", value: "64M", defaultValue: "64M"),
        MachineSetting(name: "vm.swappiness", value: "100", defaultValue: "60"),
        MachineSetting(name: "vm.page-cluster", value: "0", defaultValue: "3"),
        MachineSetting(name: "memory.max", value: "16M", defaultValue: "none"),
        MachineSetting(name: "swap.slot-cache", value: "0", defaultValue: "64"),
      ],
      digest: "ffeeddccbbaa99887766554433221100"
    ),
    designs: [carveOut, dynamic, losing]
  )

  static let carveOut = design("static-carveout") { design in
    use(.tagStorageWithheld, 2 << 20, in: &design)
    use(.free, 3_145_728, in: &design)
  }

  static let dynamic = design("rfc3") { design in
    use(.tagStorageHeld, 348_160, in: &design)
    use(.tagStorageData, 1_200_128, in: &design)
    use(.tagStorageFree, 548_864, in: &design)
    use(.free, 4_894_720, in: &design)
    use(.freeCma, 548_864, in: &design)
    use(.pagesWithTagStorage, 3_481_600, in: &design)
    for (counter, count) in [
      (Counter.reserveCalls, 9_000), (.reserveHits, 8_790), (.reserveFast, 120), (.reserveSlow, 60),
      (.reserveFailBusy, 20), (.reserveFailNomem, 10), (.reserveRetries, 45),
      (.reserveReleases, 95), (.cmaAllocSuccess, 180), (.cmaAllocFail, 30),
      (.cmaAllocSuccessPages, 180), (.cmaAllocFailPages, 30), (.cmaReleaseSuccessPages, 95),
      (.lruDisableIpis, 120), (.foaMarked, 30), (.foaFaults, 28), (.foaResolvedReserve, 18),
      (.foaReplacedOther, 6), (.foaReplay, 24), (.foaRetry, 4), (.cmoDataLines, 11_520),
      (.pgmigrateSuccess, 60), (.pgmigrateContigRange, 54), (.pgmigrateTagStorage, 6),
      (.pagesCopied, 60),
    ] { design.counters.add(counter, count) }
    design.counters.add(.pgfault, 28)
    design.verification.migrations = 60
    // Blocks from the free lists, then by migration, and one at a later attempt.
    for _ in 0..<120 { add(500, .fast, to: &design) }
    for pages in UInt64(0)..<59 {
      add(25_000 + pages * 4_000, .migrated, pages: pages, to: &design)
    }
    add(310_000, .retried, pages: 1, to: &design)
    for _ in 0..<30 { add(60_000, .failed, to: &design) }
  }

  /// Adds a tagged allocation that waited, and the fault that it belongs to.
  private static func add(
    _ nanoseconds: UInt64,
    _ allocationClass: AllocationClass,
    pages: UInt64 = 0,
    to design: inout DesignReport
  ) {
    design.stalls.faults.record(nanoseconds)
    design.stalls.allocations.record(nanoseconds)
    design.stalls.classes[allocationClass.rank].add(nanoseconds, migratedPages: pages)
    design.counters[.stallNanoseconds] = design.stalls.faults.total
  }

  static let losing = design("rfc3-as-posted") { design in
    design.counters = dynamic.counters
    design.stalls = dynamic.stalls
    design.memory = dynamic.memory
    design.tagOverhead = dynamic.tagOverhead
    for (counter, count) in [
      (Counter.tagsLost, 12), (.tagsLostNoMemory, 9), (.tagsLostEncoding, 2),
      (.tagsLostDecoding, 1),
    ] { design.counters.add(counter, count) }
    design.verification.migrations = 60
    design.verification.differences = 12
    design.verification.messages = ["event 4,711: page 0x7f0012345000: tags differ from granule 3"]
    design.contentsDigest = "0badc0de0badc0de0badc0de0badc0de"
  }

  /// A design with what all three have in common, changed by `change`.
  private static func design(
    _ name: String,
    _ change: (inout DesignReport) -> Void
  ) -> DesignReport {
    var design = DesignReport(
      design: name,
      codec: "mtecomp",
      counters: counters,
      memory: MemoryCategory.allCases.map { _ in MemoryUse() },
      tagOverhead: MemoryUse(mean: 0, peak: 0, last: 0),
      savedTags: [
        SavedTagClass(bytes: 8, allocations: 118_277, frees: 16_089, peak: 110_000),
        SavedTagClass(bytes: 16, allocations: 10_762, frees: 6_738, peak: 5_000),
        SavedTagClass(bytes: 32, allocations: 0, frees: 0, peak: 0),
        SavedTagClass(bytes: 128, allocations: 68_375, frees: 47_378, peak: 21_000),
      ],
      stalls: stalls,
      verification: VerificationReport(),
      contentsDigest: "c0ffee00c0ffee00c0ffee00c0ffee00"
    )
    design.counters[.stallNanoseconds] = stalls.faults.total
    design.verification.swapIns = 61_234
    design.verification.finalPages = 4_000
    for (category, bytes) in [
      (MemoryCategory.savedTagSlack, UInt64(8_192)), (.savedTagNodes, 65_536),
      (.pageTables, 262_144),
      (.structPages, 1 << 20), (.anonymous, 50 << 20), (.swapCache, 40_960), (.swapUsed, 20 << 20),
    ] { use(category, bytes, in: &design) }
    design.memory[MemoryCategory.savedTags16.rawValue] =
      MemoryUse(mean: 60_001, peak: 80_000, last: 64_384)
    design.memory[MemoryCategory.savedTags128.rawValue] =
      MemoryUse(mean: 2_500_001, peak: 2_688_000, last: 2_687_616)
    change(&design)
    let uses = MemoryCategory.tagOverhead.map { design[$0] }
    design.tagOverhead = MemoryUse(
      // One byte more than the sum of the means, which were each rounded down.
      mean: uses.reduce(1) { $0 + $1.mean },
      peak: uses.reduce(0) { $0 + $1.last } + 300,
      last: uses.reduce(0) { $0 + $1.last }
    )
    return design
  }

  /// Waits of all three designs: swap-ins, some behind reclaim, and plain allocations.
  private static let stalls: StallReport = {
    var stalls = StallReport()
    for _ in 0..<37_000 { stalls.faults.record(0) }
    for index in UInt64(0)..<58_000 {
      stalls.faults.record(3_900); if index % 20 == 0 { stalls.faults.record(400_000 + index * 16) }
    }
    for _ in 0..<8_000 { stalls.allocations.record(0) }
    stalls.classes[0].count = 8_000
    return stalls
  }()

  /// Lets `category` be `bytes` at the end, 1,000 less on average and 4,096 more at its peak.
  private static func use(
    _ category: MemoryCategory,
    _ bytes: UInt64,
    in design: inout DesignReport
  ) {
    design.memory[category.rawValue] =
      MemoryUse(mean: bytes - 1_000, peak: bytes + 4_096, last: bytes)
  }

  private static let counters: CounterSet = {
    var counters = CounterSet()
    for (counter, count) in [
      (Counter.pgfault, 98_765), (.pgmajfault, 61_000), (.faultZeroPage, 1_000),
      (.faultZeroFill, 17_284), (.faultSwapCache, 234), (.faultSwapDevice, 61_000),
      (.pgreuse, 19_350),
      (.pgallocNormal, 81_000), (.pgfree, 70_000), (.pageoutrun, 12), (.pgscanKswapd, 5_000),
      (.pgscanDirect, 190_000), (.pgscanAnon, 195_000), (.pgstealKswapd, 2_000),
      (.pgstealDirect, 63_000), (.pgstealAnon, 65_000), (.pgactivate, 400), (.pgdeactivate, 300),
      (.pgrefill, 450), (.workingsetRefaultAnon, 61_000), (.workingsetActivateAnon, 20_000),
      (.workingsetRestoreAnon, 500), (.memcgCharges, 3_000), (.pswpin, 61_000),
      (.pswpinSync, 61_000), (.pswpout, 65_000), (.pswpoutSync, 65_000), (.tagsSavedSwap, 64_000),
      (.tagsRestoredSwap, 61_234),
      (.tagsInvalidated, 60_000), (.granulesTagged, 1_234_567), (.events, 1_000_000),
      (.accesses, 125_000_000), (.pgallocTagged, 8_990),
    ] { counters.add(counter, count) }
    return counters
  }()
}
