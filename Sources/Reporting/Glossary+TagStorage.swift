// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of tag storage: reservations, and faults on access.
  static let tagStorageCounters: [GlossaryEntry] =
    reservationCounters + cellCounters + otherPlaceCounters + storeCounters
    + faultOnAccessCounters + guestCounters

  static func storage(
    _ counter: Counter,
    _ title: String,
    _ unit: GlossaryUnit,
    _ meaning: String,
    sum: SumRule? = nil
  ) -> GlossaryEntry {
    self.counter(counter, title, unit, meaning, sum: sum, source: Source.storage)
  }

  private static let reservationCounters: [GlossaryEntry] = [
    storage(
      .reserveCalls,
      "reservations",
      .calls,
      "Calls that asked for the tag storage of a page, or for one tag block of a huge page.",
      sum: .reservations
    ),
    storage(
      .reserveHits,
      "reserved already",
      .calls,
      "Reservations whose tag blocks were all reserved already.",
      sum: .reservations
    ),
    storage(
      .reserveFast,
      "tag blocks from the free lists",
      .blocks,
      "Tag blocks whose frames were all free and taken straight from the free lists.",
      sum: .reservations
    ),
    storage(
      .reserveSlow,
      "tag blocks by migration",
      .blocks,
      "Tag blocks taken by contiguous allocation, or by emptying frames of a store.",
      sum: .reservations
    ),
    storage(
      .reserveRetries,
      "further attempts",
      .calls,
      "Further attempts at a tag block that was busy."
    ),
    storage(
      .reserveFailBusy,
      "failed: page cannot move",
      .calls,
      "Reservations that failed because a page of the tag block could not be moved.",
      sum: .reservations
    ),
    storage(
      .reserveFailNomem,
      "failed: no frame to migrate to",
      .calls,
      "Reservations that failed because no frame was free to migrate to.",
      sum: .reservations
    ),
    storage(
      .reserveFailInvalid,
      "failed: outside tagged memory",
      .calls,
      "Reservations asked for a frame outside every tagged memory range.",
      sum: .reservations
    ),
    storage(
      .reserveFailIsolated,
      "met an isolated pageblock",
      .calls,
      "Reservations that met an isolated pageblock.",
      sum: .reservations
    ),
    storage(
      .reserveFailIntr,
      "failed: process being ended",
      .calls,
      "Reservations given up because their process was being ended.",
      sum: .reservations
    ),
    storage(
      .reserveFailExists,
      "failed: block marked as taken",
      .calls,
      "Reservations that found their tag block still marked as taken.",
      sum: .reservations
    ),
    storage(
      .reserveFailLongest,
      "failed: longest for one block",
      .calls,
      "The most reservations of one tag block that failed in a row, since it was had last.",
      sum: .reservations
    ),
    storage(
      .reserveRefused,
      "frames given back",
      .pages,
      "Frames given back by an allocation because their tag block could not be had."
    ),
    storage(
      .reserveHeld,
      "tag blocks taken ahead",
      .blocks,
      "Tag blocks taken ahead of any reservation.",
      sum: .reservations
    ),
    storage(
      .reserveBurstMigrated,
      "pages migrated in one burst",
      .pages,
      "Pages migrated to take all tag storage at once."
    ),
    storage(
      .reserveSharesLeaked,
      "shares leaked",
      .pages,
      "Shares of tag blocks that were never given back."
    ),
    storage(
      .storageWarnings,
      "warnings of the kernel",
      .events,
      "Warnings of the kernel about tags and tag storage that do not go together."
    ),
    storage(
      .reserveReleases,
      "tag blocks given back",
      .blocks,
      "Tag blocks given back when their last tagged page was freed.",
      sum: .tagBlocks
    ),
  ]

  private static let faultOnAccessCounters: [GlossaryEntry] = [
    storage(
      .foaMarked,
      "entries marked",
      .pages,
      "Page-table entries written as fault on access."
    ),
    storage(
      .foaFaults,
      "faults on access",
      .faults,
      "Faults on access to pages without tag storage.",
      sum: .faultsOnAccess
    ),
    storage(
      .foaResolvedReserve,
      "resolved by reserving",
      .faults,
      "Faults on access that ended by reserving tag storage.",
      sum: .faultsOnAccess
    ),
    storage(
      .foaRetry,
      "gave up once and retried",
      .faults,
      "Faults on access that gave up once and were retried."
    ),
    storage(
      .foaReplacedTsp,
      "tag storage pages replaced",
      .pages,
      "Pages of tag storage replaced because a tagged mapping used them.",
      sum: .faultsOnAccess
    ),
    storage(
      .foaReplacedOther,
      "other pages replaced",
      .pages,
      "Other pages replaced because their tag storage could not be reserved.",
      sum: .faultsOnAccess
    ),
    storage(
      .foaReplacedFail,
      "replacements failed",
      .pages,
      "Replacements that failed.",
      sum: .faultsOnAccess
    ),
    storage(
      .foaReplay,
      "accesses replayed",
      .accesses,
      "Accesses replayed after a fault on access."
    ),
    storage(
      .doubleMigrations,
      "replaced in vain",
      .pages,
      "Pages that were replaced and again landed where no tags can be held."
    ),
    storage(
      .livelocks,
      "livelocks",
      .accesses,
      "Accesses given up after the replay cap."
    ),
    storage(
      .cmoDataLines,
      "data cache lines invalidated",
      .cacheLines,
      "Data cache lines invalidated when frames began to hold tags."
    ),
    storage(
      .cmoTagLines,
      "tag cache lines invalidated",
      .cacheLines,
      "Tag cache lines invalidated when frames stopped being tagged."
    ),
    storage(
      .pgallocTagged,
      "tagged pages allocated",
      .pages,
      "Pages asked for with the tagged flag."
    ),
    storage(
      .pgfreeTagged,
      "tagged pages freed",
      .pages,
      "Pages freed that were tagged or had tag storage."
    ),
  ]

  private static let guestCounters: [GlossaryEntry] = [
    storage(
      .s2Fault,
      "pages mapped for guests",
      .faults,
      "Faults of guests with MTE on pages that the host had not mapped for them.",
      sum: .guests
    ),
    storage(
      .s2Reserve,
      "resolved by reserving",
      .faults,
      "Faults of guests that reserved the tag storage of their page.",
      sum: .guests
    ),
    storage(
      .s2Replace,
      "pages replaced for guests",
      .pages,
      "Pages replaced by others that can hold tags before a guest could have them.",
      sum: .guests
    ),
    storage(
      .s2ReplaceFail,
      "replacements for guests failed",
      .pages,
      "Such replacements that failed; the guest's access is replayed.",
      sum: .guests
    ),
    storage(
      .s2Efault,
      "accesses of guests refused",
      .accesses,
      "Accesses of guests to memory that the host cannot map for them, which leave KVM_RUN with EFAULT; all "
        + "of them where the design hides MTE from guests."
    ),
    storage(
      .vmaFlagSet,
      "VMAs marked for guests",
      .areas,
      "VMAs that were marked as memory of a guest with MTE (VM_MTE_KVM)."
    ),
  ]
}
