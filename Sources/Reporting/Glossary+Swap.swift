// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of swap, migration and contiguous memory.
  static let swapCounters: [GlossaryEntry] = [
    counter(
      .pswpin,
      "pages read from swap",
      .pages,
      "Pages read from a swap device.",
      sum: .swapReads
    ),
    counter(
      .pswpinSync,
      "of these from zram",
      .pages,
      "Pages read from a swap device that is memory itself, as zram is.",
      sum: .swapReads,
      source: Source.model
    ),
    counter(
      .pswpout,
      "pages written to swap",
      .pages,
      "Pages written to a swap device, those that zram refused included.",
      sum: .zram
    ),
    counter(
      .pswpoutSync,
      "of these to zram",
      .pages,
      "Pages written to a swap device that is memory itself, those that it refused included.",
      sum: .zram,
      source: Source.model
    ),
    counter(.swapRa, "read ahead", .pages, "Pages read ahead of their fault.", sum: .swapReads),
    counter(
      .swapRaHit,
      "read ahead and used",
      .pages,
      "Pages read ahead that were then used.",
      sum: .swapReads
    ),
    counter(
      .swapoutRefusedSlots,
      "refused for lack of slots",
      .pages,
      "Swap-outs refused because no slot was free.",
      source: Source.model
    ),
    counter(
      .swapoutRefusedTags,
      "refused for lack of room for tags",
      .pages,
      "Swap-outs refused because their tags could not be saved.",
      source: Source.kernel
    ),
    counter(
      .swapoutRefusedZramLimit,
      "refused at the limit of zram",
      .pages,
      "Swap-outs refused because the pool of a zram device was at its limit.",
      sum: .zram,
      source: Source.kernel
    ),
    counter(
      .swapoutRefusedZramMemory,
      "refused, no frames for zram",
      .pages,
      "Swap-outs refused because the pool of a zram device got no frame.",
      sum: .zram,
      source: Source.kernel
    ),
    counter(
      .filePagesRead,
      "pages of files read",
      .pages,
      "Pages of files read from their disk.",
      sum: .fileReads,
      source: Source.model
    ),
    counter(
      .filePagesWritten,
      "pages of files written back",
      .pages,
      "Dirty pages of files written back to their disk.",
      source: Source.model
    ),
    counter(
      .pgmigrateSuccess,
      "pages migrated",
      .pages,
      "Pages migrated.",
      sum: .copies
    ),
    counter(
      .pgmigrateContigRange,
      "migrated for tag blocks",
      .pages,
      "Pages moved because a tag block needed their frames.",
      sum: .migrations
    ),
    counter(
      .pgmigrateTagStorage,
      "migrated for their tags",
      .pages,
      "Pages moved because a fault needed a frame that can hold tags.",
      sum: .migrations
    ),
    counter(
      .pgmigrateLongterm,
      "migrated for pins",
      .pages,
      "Pages moved out of CMA memory and Movable because a device was to use them for long.",
      sum: .migrations
    ),
    counter(
      .pgmigrateFail,
      "migrations failed",
      .pages,
      "Pages whose migration failed for good."
    ),
    counter(
      .migratePinned,
      "not migrated, pinned",
      .pages,
      "Pages that contiguous allocation left where they were because they were pinned.",
      source: Source.model
    ),
    counter(
      .cleanPagesDropped,
      "clean pages of files dropped",
      .pages,
      "Clean pages of files that contiguous allocation dropped instead of moving them.",
      source: Source.storage
    ),
    counter(
      .nrFollPinAcquired,
      "pins taken",
      .pages,
      "Pins taken, in pages.",
      sum: .pins
    ),
    counter(
      .nrFollPinReleased,
      "pins given back",
      .pages,
      "Pins given back, in pages.",
      sum: .pins
    ),
    counter(
      .cmaAllocSuccess,
      "contiguous allocations",
      .calls,
      "Contiguous allocations that succeeded, in calls as Linux v6.8 counts them."
    ),
    counter(
      .cmaAllocFail,
      "contiguous allocations failed",
      .calls,
      "Contiguous allocations that failed, in calls as Linux v6.8 counts them."
    ),
    counter(
      .cmaAllocSuccessPages,
      "pages allocated contiguously",
      .pages,
      "Pages allocated contiguously, as the tag-storage series counts them.",
      sum: .tagBlocks,
      source: Source.storage
    ),
    counter(
      .cmaAllocFailPages,
      "pages failed contiguously",
      .pages,
      "Pages whose contiguous allocation failed, as the tag-storage series counts them.",
      source: Source.storage
    ),
    counter(
      .cmaReleaseSuccessPages,
      "pages given back to CMA",
      .pages,
      "Pages given back to a CMA area.",
      sum: .tagBlocks,
      source: Source.storage
    ),
    counter(
      .lruDisableIpis,
      "interrupts to empty LRU batches",
      .interrupts,
      "Interrupts sent to other CPUs to empty their LRU batches.",
      source: Source.kernel
    ),
  ]
}
