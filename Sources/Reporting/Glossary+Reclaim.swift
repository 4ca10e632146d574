// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of reclaim.
  static let reclaimCounters: [GlossaryEntry] = [
    counter(.pageoutrun, "runs of kswapd", .runs, "Runs of kswapd."),
    counter(
      .pgscanKswapd,
      "scanned by kswapd",
      .pages,
      "Pages that kswapd looked at on inactive lists.",
      sum: .scans
    ),
    counter(
      .pgscanDirect,
      "scanned by direct reclaim",
      .pages,
      "Pages that direct and memory-group reclaim looked at on inactive lists.",
      sum: .scans
    ),
    counter(
      .pgscanAnon,
      "scanned, anonymous",
      .pages,
      "Anonymous pages looked at on inactive lists.",
      sum: .scans
    ),
    counter(
      .pgscanFile,
      "scanned, of files",
      .pages,
      "Pages of files looked at on inactive lists.",
      sum: .scans
    ),
    counter(
      .pgstealKswapd,
      "freed by kswapd",
      .pages,
      "Pages that kswapd freed.",
      sum: .steals
    ),
    counter(
      .pgstealDirect,
      "freed by direct reclaim",
      .pages,
      "Pages that direct and memory-group reclaim freed.",
      sum: .steals
    ),
    counter(
      .pgstealAnon,
      "freed, anonymous",
      .pages,
      "Anonymous pages that reclaim freed.",
      sum: .steals
    ),
    counter(
      .pgstealFile,
      "freed, of files",
      .pages,
      "Pages of files that reclaim freed.",
      sum: .steals
    ),
    counter(
      .pgactivate,
      "activated",
      .pages,
      "Pages moved to an active list, or to the youngest generation."
    ),
    counter(
      .pgdeactivate,
      "deactivated",
      .pages,
      "Pages moved from an active to an inactive list."
    ),
    counter(
      .pgrefill,
      "scanned on active lists",
      .pages,
      "Pages looked at on active lists, or moved on between generations."
    ),
    counter(
      .pgrotated,
      "rotated after write-out",
      .pages,
      "Pages moved to the tail of an inactive list when their write-out ended."
    ),
    counter(
      .pgskipDma,
      "skipped in CMA, DMA",
      .pages,
      "Pages of the zone DMA that reclaim skipped because they lie in CMA pageblocks."
    ),
    counter(
      .pgskipDma32,
      "skipped in CMA, DMA32",
      .pages,
      "Pages of the zone DMA32 that reclaim skipped because they lie in CMA pageblocks."
    ),
    counter(
      .pgskipNormal,
      "skipped in CMA",
      .pages,
      "Pages that direct reclaim skipped because they lie in CMA pageblocks; of the zone Normal, which "
        + "is all of memory where there is one zone."
    ),
    counter(
      .pgskipMovable,
      "skipped in Movable",
      .pages,
      "Pages of the zone Movable that reclaim skipped because they lie in CMA pageblocks, or because "
        + "the request in need cannot use the zone."
    ),
    counter(
      .pglazyfree,
      "made droppable",
      .pages,
      "Pages that MADV_FREE made droppable.",
      sum: .steals
    ),
    counter(
      .pglazyfreed,
      "droppable pages freed",
      .pages,
      "Droppable pages that reclaim freed.",
      sum: .steals
    ),
    counter(
      .workingsetRefaultAnon,
      "refaults",
      .pages,
      "Swapped pages that came back with a shadow.",
      sum: .refaults
    ),
    counter(
      .workingsetRefaultFile,
      "refaults, of files",
      .pages,
      "Evicted pages of files that came back.",
      sum: .refaults
    ),
    counter(
      .workingsetActivateAnon,
      "refaults made active",
      .pages,
      "Refaults that went straight to the active list, or of the oldest generation.",
      sum: .refaults
    ),
    counter(
      .workingsetActivateFile,
      "refaults made active, of files",
      .pages,
      "Refaults of pages of files that went straight to the active list.",
      sum: .refaults
    ),
    counter(
      .workingsetRestoreAnon,
      "refaults of the working set",
      .pages,
      "Refaults of pages that had been in the working set.",
      sum: .refaults
    ),
    counter(
      .workingsetRestoreFile,
      "refaults of the working set, files",
      .pages,
      "Refaults of pages of files that had been in the working set.",
      sum: .refaults
    ),
    counter(
      .oomKill,
      "killed for lack of memory",
      .processes,
      "Processes ended by the out-of-memory killer."
    ),
    counter(
      .memcgCharges,
      "limits met",
      .calls,
      "Times a memory group's limit was met and its pages were reclaimed.",
      source: Source.kernel
    ),
  ]
}
