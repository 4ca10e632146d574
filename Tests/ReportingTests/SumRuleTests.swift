// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// The sums that every report keeps.
@Suite struct SumRuleTests {
  @Test func soundReportHasNoViolations() {
    #expect(checkSums(SampleReport.report) == [])
  }

  /// A way to break one rule: the rule and a change of the second design of the sample.
  private struct Breakage {
    let rule: SumRule
    let change: (inout DesignReport) -> Void
  }

  private func add(_ rule: SumRule, _ counter: Counter, _ amount: Int) -> Breakage {
    Breakage(rule: rule) { $0.counters[counter] = UInt64(Int($0.counters[counter]) + amount) }
  }

  private func use(
    _ rule: SumRule,
    _ category: MemoryCategory,
    _ change: @escaping (inout MemoryUse) -> Void
  ) -> Breakage {
    Breakage(rule: rule) { change(&$0.memory[category.rawValue]) }
  }

  private var breakages: [Breakage] {
    [
      Breakage(rule: .tagOverhead) { $0.tagOverhead.mean -= 2 },
      Breakage(rule: .tagOverhead) { $0.tagOverhead.mean += 13 },
      Breakage(rule: .tagOverhead) { $0.tagOverhead.last -= 1 },
      Breakage(rule: .tagOverhead) { $0.tagOverhead.peak = 1_000 },
      use(.tagStorage, .tagStorageFree) { $0.last = 2 << 20 },
      use(.frames, .anonymous) { $0.last = 64 << 20 },
      use(.tagStorage, .pagesWithTagStorage) { $0.last = 33 * 348_160 },
      use(.frames, .freeCma) { $0.last = 5 << 20 },
      use(.statistics, .pageTables) { $0.peak = $0.mean - 1 },
      use(.statistics, .swapUsed) { $0.last = $0.peak + 1 },
      add(.faults, .pgfault, 200), add(.faults, .pgfault, -20_000),
      add(.faults, .faultZeroFill, 60_000),
      add(.faults, .thpFaultAlloc, 20_000), add(.faults, .thpFaultFallback, 200_000),
      add(.majorFaults, .pgmajfault, 1), add(.fileReads, .faultFileRead, 1),
      add(.swapReads, .pswpinSync, 1), add(.zram, .pswpoutSync, 1),
      add(.stalls, .stallNanoseconds, 1), add(.stalls, .pgallocTagged, -8_000),
      Breakage(rule: .stalls) { $0.stalls.classes[1].count += 1 },
      Breakage(rule: .stalls) { $0.stalls.classes[2].total += 1 },
      Breakage(rule: .stalls) { design in
        for _ in 0..<10_000 { design.stalls.faults.recordNothing() }
      },
      add(.swapReads, .swapRa, 1), add(.swapReads, .swapRaHit, 1),
      use(.zram, .zramSame) { $0.last = 1 }, use(.zram, .zramHuge) { $0.last = 1 },
      use(.zram, .zramComprData) { $0.last = 1 },
      add(.zram, .swapoutRefusedZramMemory, 1_000_000),
      use(.frames, .zramTable) { $0.last = 64 << 20 },
      add(.store, .storeStored, 1), add(.store, .storeWritten, 1),
      use(.store, .storeMemUsed) { $0.last = 4096 },
      add(.scans, .pgscanAnon, 1), add(.scans, .pgscanKswapd, 1),
      add(.steals, .pgstealAnon, 1), add(.steals, .pgstealDirect, 1),
      add(.steals, .pgstealKswapd, 3_001), add(.steals, .pglazyfreed, 1),
      add(.refaults, .workingsetRestoreAnon, 20_000),
      add(.refaults, .workingsetActivateAnon, 50_000),
      Breakage(rule: .savedTags) { $0.savedTags[0].frees = 200_000 },
      Breakage(rule: .savedTags) { $0.savedTags[0].frees = 0 },
      Breakage(rule: .savedTags) { $0.savedTags[0].peak = 118_278 },
      Breakage(rule: .savedTags) { $0.savedTags[3].frees -= 1 },
      Breakage(rule: .savedTags) { $0.savedTags[3].peak = 20_999 },
      add(.savedTags, .tagsInvalidated, 4_001),
      add(.parkedTags, .tagsParkedRestored, 1),
      add(.parkedTags, .tagsLeaked, 100_000),
      add(.lostTags, .tagsLost, 1), add(.lostTags, .tagsLostUnsaved, 1),
      add(.reservations, .reserveFailLongest, 1_000),
      add(.reservations, .reserveFailIntr, 1), add(.reservations, .reserveHeld, 1),
      add(.reservations, .reserveHits, 1), add(.reservations, .reserveCalls, 1),
      add(.tagBlocks, .reserveReleases, 100),
      use(.tagBlocks, .tagStorageHeld) { $0.last += 4096 },
      add(.tagBlocks, .cmaReleaseSuccessPages, 100),
      add(.tagBlocks, .cmaAllocSuccessPages, 1),
      add(.cells, .cellActivations, 1_000_000), add(.cells, .cellDeactivations, 1),
      add(.cells, .cellReclaims, 1), add(.cells, .cellReclaimFail, 1),
      add(.cells, .cellPoolRelocations, 1), add(.cells, .cellReclaimFailPinned, 1),
      add(.tagPages, .tagPagesTaken, 1), add(.tagPages, .tagPagesFreed, 1),
      use(.tagPages, .tagPages) { $0.last = 4096 },
      add(.tagPages, .blockTagPagesMoved, 1_000_000), add(.tagPages, .blockHarvests, 1_000_000),
      add(.faultsOnAccess, .foaResolvedReserve, 10),
      add(.guests, .s2Reserve, 1), add(.guests, .s2ReplaceFail, 1),
      add(.migrations, .pgmigrateContigRange, 1), add(.migrations, .pgmigrateLongterm, 1),
      add(.copies, .pgmigrateSuccess, 1), add(.copies, .faultReferenceFill, 50_000),
      add(.references, .refpageReleased, 1), add(.references, .pagesZeroedTwice, 1),
      add(.pins, .nrFollPinReleased, 1),
      add(.tagChecks, .tagMismatches, 1), add(.tagChecks, .tagMismatchesReported, 1),
      add(.tagChecks, .tagCheckFaultsSync, 1), add(.tagChecks, .tagCheckFaultsLatched, 1),
      add(.tagChecks, .tagCheckFaultsAsync, 1),
      Breakage(rule: .verification) { $0.verification.differences = 65_295 },
      Breakage(rule: .verification) { $0.verification.failedExpectations = 1 },
      add(.performed, .events, -1), add(.performed, .accesses, 1),
      Breakage(rule: .contents) { $0.contentsDigest = "00" },
    ]
  }

  @Test func everyRuleNoticesWhenItIsBroken() {
    for (index, breakage) in breakages.enumerated() {
      var report = SampleReport.report
      breakage.change(&report.designs[1])
      let violations = checkSums(report)
      #expect(
        violations.contains { $0.hasPrefix("rfc3: \(breakage.rule.rawValue): ") },
        "breakage \(index) of \(breakage.rule.rawValue): \(violations)"
      )
      #expect(!violations.contains { $0.hasPrefix("static-carveout") })
    }
    for rule in SumRule.allCases {
      #expect(breakages.contains { $0.rule == rule }, "nothing breaks the rule \(rule.rawValue)")
    }
  }

  @Test func swapFaultThatCopiesItsPageIsOneFault() {
    var design = SampleReport.carveOut
    design.counters = CounterSet()
    design.counters.add(.pgfault, 10)
    design.counters.add(.faultSwapDevice, 10)
    design.counters.add(.faultCopyOnWrite, 10)
    var check = SumCheck(design: design, report: SampleReport.report)
    check.run(.faults)
    #expect(check.violations == [])
    design.counters.add(.faultCopyOnWrite)
    check = SumCheck(design: design, report: SampleReport.report)
    check.run(.faults)
    #expect(
      check.violations == ["faults: the least number of faults by kind is 11, above pgfault = 10"]
    )
  }

  @Test func killedProcessesAndDroppablePagesLoosenTheirRules() {
    var report = SampleReport.report
    report.designs = [SampleReport.carveOut]
    report.designs[0].counters.add(.oomKill)
    report.designs[0].counters.add(.pgfault, 1_000)
    report.designs[0].counters[.events] -= 10
    report.designs[0].counters.add(.pglazyfree, 5)
    report.designs[0].counters.add(.pglazyfreed, 5)
    report.designs[0].counters.add(.pgstealDirect, 5)
    report.designs[0].counters.add(.pgscanDirect, 7)
    #expect(checkSums(report) == [])
  }
}
