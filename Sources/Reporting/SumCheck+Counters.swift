// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension SumCheck {
  mutating func checkFaults() {
    let first = count(
      .faultZeroPage,
      .faultZeroFill,
      .faultReferencePage,
      .faultReferenceFill
    )
    let swap = count(.faultSwapCache, .faultSwapDevice)
    let writes = count(.faultCopyOnWrite, .pgreuse)
    // A swap fault that goes on to copy or reuse its page is one fault and counts in both.
    atMost("the least number of faults by kind", first + max(swap, writes), .pgfault)
    atMost(
      "thp_fault_alloc + thp_fault_fallback",
      count(.thpFaultAlloc, .thpFaultFallback),
      .pgfault
    )
    atMost(.thpFaultAlloc, .faultZeroFill)
    // A fault that ended in the killing of its process has no kind.
    guard count(.oomKill) == 0 else { return }
    let others = count(.foaFaults, .faultFile)
    atMost(
      "pgfault",
      count(.pgfault),
      "the largest number of faults by kind",
      first + swap + writes + others
    )
  }

  mutating func checkStalls() {
    let (faults, allocations) = (design.stalls.faults, design.stalls.allocations)
    equal("fault_stall.total", faults.total, "stall_nanoseconds", count(.stallNanoseconds))
    atMost("fault_stall.count", faults.count, "pgfault + s2_fault", count(.pgfault, .s2Fault))
    atMost("tagged_allocation_stall.count", allocations.count, .pgallocTagged)
    let classes = design.stalls.classes
    equal(
      "the number of tagged allocations by class",
      classes.reduce(0) { clampedSum($0, $1.count) },
      "tagged_allocation_stall.count",
      allocations.count
    )
    guard allocations.total < StallHistogram.largestTotal else { return }
    equal(
      "the waits of tagged allocations by class",
      classes.reduce(0) { clampedSum($0, $1.total) },
      "tagged_allocation_stall.total",
      allocations.total
    )
  }

  mutating func checkScans() {
    let scanned = count(.pgscanKswapd, .pgscanDirect)
    let (name, kinds) = ("pgscan_anon + pgscan_file", count(.pgscanAnon, .pgscanFile))
    if count(.pglazyfree) == 0 {
      equal(name, kinds, "pgscan_kswapd + pgscan_direct", scanned)
    } else {
      atMost(name, kinds, "pgscan_kswapd + pgscan_direct", scanned)
    }
  }

  mutating func checkSteals() {
    let freed = count(.pgstealKswapd, .pgstealDirect)
    let (name, kinds) = ("pgsteal_anon + pgsteal_file", count(.pgstealAnon, .pgstealFile))
    atMost(name, kinds, "pgsteal_kswapd + pgsteal_direct", freed)
    atMost(
      "pgsteal_kswapd + pgsteal_direct",
      freed,
      "\(name) + pglazyfreed",
      kinds + count(.pglazyfreed)
    )
    atMost(.pgstealKswapd, .pgscanKswapd)
    atMost(.pgstealDirect, .pgscanDirect)
    atMost(.pglazyfreed, .pglazyfree)
  }

  mutating func checkReservations() {
    let ended = count(
      .reserveHits,
      .reserveFast,
      .reserveSlow,
      .reserveFailBusy,
      .reserveFailNomem,
      .reserveFailInvalid,
      .reserveFailIntr,
      .reserveFailExists
    )
    let reasons = count(.reserveCalls, .reserveHeld)
    atMost("reservations by result", ended, "reserve_calls + reserve_held", reasons)
    atMost(
      "reserve_calls + reserve_held",
      reasons,
      "reservations by result",
      ended + count(.reserveFailIsolated)
    )
    atMost(
      "reserve_fail_longest",
      count(.reserveFailLongest),
      "failed reservations",
      count(.reserveFailBusy, .reserveFailNomem, .reserveFailIntr, .reserveFailExists)
    )
  }

  mutating func checkTagBlocks() {
    let taken = count(.reserveFast, .reserveSlow)
    atMost("reserve_releases", count(.reserveReleases), "tag blocks taken", taken)
    let blockBytes = clampedProduct(report.machine.blockPages, report.machine.pageBytes)
    equal(
      "bytes of tag blocks taken",
      clampedProduct(taken, blockBytes),
      "bytes of reserve_releases + tag_storage_held.last",
      clampedSum(
        clampedProduct(count(.reserveReleases), blockBytes),
        design[.tagStorageHeld].last
      )
    )
    atMost(.cmaReleaseSuccessPages, .cmaAllocSuccessPages)
    // A design that takes tag blocks in another way has no contiguous allocations at all.
    guard count(.cmaAllocSuccessPages) > 0 else { return }
    equal(
      "cma_alloc_success_pages",
      count(.cmaAllocSuccessPages),
      "tag blocks taken * pages of a block",
      clampedProduct(taken, report.machine.blockPages)
    )
  }

  mutating func checkCells() {
    if count(.cellActivations) > 0 {
      equal("cell_activations", count(.cellActivations), "reserve_held", count(.reserveHeld))
    }
    atMost(.cellDeactivations, .cellActivations)
    atMost(.cellReclaims, .cellClaims)
    atMost(
      "cells reclaimed or not",
      count(.cellReclaims, .cellReclaimFail),
      "cell_refill_steps",
      count(.cellRefillSteps)
    )
    atMost(.cellPoolRelocations, .cellReclaims)
    atMost(.cellReclaimFailPinned, .cellReclaimFail)
  }

  mutating func checkTagPages() {
    equal(
      "bytes of tag_pages_taken",
      clampedProduct(count(.tagPagesTaken), report.machine.pageBytes),
      "bytes of tag_pages_freed + tag_pages.last",
      clampedSum(
        clampedProduct(count(.tagPagesFreed), report.machine.pageBytes),
        design[.tagPages].last
      )
    )
    atMost(.blockTagPagesMoved, .reserveSlow)
    // What is harvested for tags was divided into untagged pages before, or had been given back.
    atMost(
      "block_harvests",
      count(.blockHarvests),
      "block_divided_untagged + 2 * reserve_releases",
      count(.blockDividedUntagged, .reserveReleases, .reserveReleases)
    )
  }

  mutating func checkTagChecks() {
    equal(
      "tag_mismatches",
      count(.tagMismatches),
      "tag mismatches by result",
      count(.tagMismatchesReported, .tagCheckFaultsSync, .tagCheckFaultsLatched)
    )
    atMost(.tagMismatches, .tagChecks)
    atMost(.tagCheckFaultsAsync, .tagCheckFaultsLatched)
  }

  mutating func checkVerification() {
    let verification = design.verification
    atMost("differences", verification.differences, "comparisons", verification.comparisons)
    atMost(
      "failed_expectations",
      verification.failedExpectations,
      "expectations",
      verification.expectations
    )
  }

  mutating func checkPerformed() {
    var events: UInt64 = 0
    var accesses: UInt64 = 0
    for trace in report.traces {
      events = clampedSum(events, clampedProduct(trace.events, UInt64(trace.copies)))
      accesses = clampedSum(accesses, clampedProduct(trace.accesses, UInt64(trace.copies)))
    }
    atMost("accesses", count(.accesses), "accesses of the traces", accesses)
    if count(.oomKill) == 0 {
      equal("events", count(.events), "events of the traces", events)
    } else {
      atMost("events", count(.events), "events of the traces", events)
    }
  }

  mutating func checkContents() {
    func keptAll(_ design: DesignReport) -> Bool {
      design.counters[.tagsLost] == 0 && design.verification.differences == 0
        && design.counters[.oomKill] == 0 && design.counters[.livelocks] == 0
    }
    guard keptAll(design),
      let other = report.designs.first(where: {
        keptAll($0) && $0.counters[.granulesTagged] == count(.granulesTagged)
      }),
      other.contentsDigest != design.contentsDigest
    else { return }
    fail("contents digest is \(design.contentsDigest), \(other.contentsDigest) for \(other.design)")
  }
}
