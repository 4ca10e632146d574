// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of faults and of the page allocator.
  static let faultCounters: [GlossaryEntry] = [
    counter(
      .pgfault,
      "faults",
      .faults,
      "Completed runs of the fault handler; accesses that end in SIGSEGV never reach it.",
      sum: .faults
    ),
    counter(
      .pgmajfault,
      "major faults",
      .faults,
      "Faults that had to read their page from a swap device or from a file.",
      sum: .majorFaults
    ),
    counter(
      .faultZeroPage,
      "zero page mapped",
      .faults,
      "Read faults that mapped the zero page.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .faultZeroFill,
      "zero-filled frame",
      .faults,
      "Write faults that got a zeroed frame.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .faultCopyOnWrite,
      "copy on write",
      .faults,
      "Write faults that copied a shared page.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .pgreuse,
      "reused in place",
      .faults,
      "Write faults that made a page writable because nobody else used it any more.",
      sum: .faults
    ),
    counter(
      .faultSwapCache,
      "found in the swap cache",
      .faults,
      "Swap faults that found their page in the swap cache.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .faultSwapDevice,
      "read from a swap device",
      .faults,
      "Swap faults that read their page from a device.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .faultFile,
      "page of a file mapped",
      .faults,
      "Faults that mapped a page of a file, whether these have frames or are outside the model.",
      sum: .faults,
      source: Source.model
    ),
    counter(
      .faultFileRead,
      "page of a file not in memory",
      .faults,
      "Faults on pages of files that were not in memory.",
      sum: .majorFaults,
      source: Source.kernel
    ),
    counter(
      .faultSignal,
      "ended in SIGSEGV",
      .accesses,
      "Accesses that ended in SIGSEGV.",
      sum: .faults,
      source: Source.kernel
    ),
    counter(
      .faultReferencePage,
      "reference page mapped",
      .faults,
      "Read faults that mapped a reference page.",
      sum: .faults,
      source: Source.references
    ),
    counter(
      .faultReferenceFill,
      "filled from a reference page",
      .faults,
      "Faults that got a frame with the content of a reference page.",
      sum: .faults,
      source: Source.references
    ),
    counter(
      .pgallocDma,
      "pages allocated, DMA",
      .pages,
      "Pages handed out by the zone DMA."
    ),
    counter(
      .pgallocDma32,
      "pages allocated, DMA32",
      .pages,
      "Pages handed out by the zone DMA32."
    ),
    counter(
      .pgallocNormal,
      "pages allocated",
      .pages,
      "Pages handed out by the zone Normal, which is all of memory where there is one zone."
    ),
    counter(
      .pgallocMovable,
      "pages allocated, Movable",
      .pages,
      "Pages handed out by the zone Movable."
    ),
    counter(
      .pgfree,
      "pages freed",
      .pages,
      "Pages given back to the page allocator."
    ),
    counter(
      .allocstallNormal,
      "entries to direct reclaim",
      .calls,
      "Entries to direct reclaim of the whole machine by requests that aim at the zone Normal; where "
        + "there is one zone, by all requests."
    ),
    counter(
      .allocstallMovable,
      "direct reclaim for user memory",
      .calls,
      "Entries to direct reclaim of the whole machine by requests that aim at the zone Movable, which "
        + "are those of user memory; counted where there is more than one zone to aim at."
    ),
    counter(
      .thpFaultAlloc,
      "faults with a huge page",
      .faults,
      "Write faults that got a huge page.",
      sum: .faults
    ),
    counter(
      .thpFaultFallback,
      "faults without a huge page",
      .faults,
      "Write faults that asked for a huge page and got a single one, because no block of its size was "
        + "free, could be charged, or could get its tag storage.",
      sum: .faults
    ),
    counter(
      .thpCollapseAlloc,
      "collapses with a huge page",
      .calls,
      "Huge pages allocated to collapse pages into, also where the collapse was refused afterwards."
    ),
    counter(
      .thpCollapseAllocFailed,
      "collapses without a huge page",
      .calls,
      "Huge pages that could not be allocated to collapse pages into."
    ),
    counter(
      .thpPagesZeroed,
      "pages zeroed with huge pages",
      .pages,
      "Pages of huge pages that were zeroed beside the one that a fault was for: at faults all others, in "
        + "a collapse those that were absent.",
      source: Source.kernel
    ),
  ]
}
