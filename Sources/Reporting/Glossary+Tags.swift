// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of tags and of the run as a whole.
  static let tagCounters: [GlossaryEntry] = [
    counter(
      .tagsSavedSwap,
      "saved at swap-out",
      .pages,
      "Pages whose tags were saved at swap-out.",
      sum: .savedTags,
      source: Source.kernel
    ),
    counter(
      .tagsRestoredSwap,
      "restored at swap-in",
      .pages,
      "Pages whose saved tags were restored at swap-in.",
      source: Source.kernel
    ),
    counter(
      .tagsInvalidated,
      "dropped with their slot",
      .pages,
      "Saved tags dropped with their swap slot.",
      sum: .savedTags,
      source: Source.kernel
    ),
    counter(
      .tagsParked,
      "kept aside",
      .pages,
      "Tags kept aside for a frame without tag storage.",
      sum: .parkedTags,
      source: Source.storage
    ),
    counter(
      .tagsParkedRestored,
      "kept aside and restored",
      .pages,
      "Tags kept aside that reached their frame.",
      sum: .parkedTags,
      source: Source.storage
    ),
    counter(
      .tagsParkedMoved,
      "kept aside and moved",
      .pages,
      "Tags kept aside that moved along with their page.",
      source: Source.storage
    ),
    counter(
      .tagsParkedAtomic,
      "kept aside in atomic context",
      .pages,
      "Tags kept aside, or to be kept aside, where memory cannot be waited for.",
      source: Source.storage
    ),
    counter(
      .tagBuffersLeaked,
      "kept aside for nobody",
      .pages,
      "Tags kept aside that nobody owns any more.",
      source: Source.storage
    ),
    counter(
      .tagsLeaked,
      "shown to another owner",
      .pages,
      "Pages that got tags of a former owner of their frame.",
      source: Source.model
    ),
    counter(
      .tagsCopied,
      "copied to another frame",
      .pages,
      "Pages whose tags were copied to another frame.",
      source: Source.kernel
    ),
    counter(
      .tagsLost,
      "lost",
      .pages,
      "Pages whose tags were lost.",
      sum: .lostTags,
      source: Source.model
    ),
    counter(
      .tagsLostNoMemory,
      "lost for want of memory",
      .pages,
      "Pages whose tags were lost because nothing was stored for want of memory.",
      sum: .lostTags,
      source: "mtecomp v5 as posted"
    ),
    counter(
      .tagsLostEncoding,
      "lost in encoding",
      .pages,
      "Pages whose tags were lost because what was stored is the form of other tags.",
      sum: .lostTags,
      source: "mtecomp v5 as posted"
    ),
    counter(
      .tagsLostDecoding,
      "lost in decoding",
      .pages,
      "Pages whose tags were lost because what was stored could not be read back.",
      sum: .lostTags,
      source: "mtecomp v5 as posted"
    ),
    counter(
      .tagsLostCopying,
      "lost in copying",
      .pages,
      "Pages whose tags were lost because a copy did not take them along.",
      sum: .lostTags,
      source: Source.storage
    ),
    counter(
      .tagsLostUnsaved,
      "lost at swap-out",
      .pages,
      "Pages whose tags were lost because a swap-out did not save them.",
      sum: .lostTags,
      source: Source.storage
    ),
    counter(
      .tagsLostOverwritten,
      "lost under data",
      .pages,
      "Pages whose tags were lost because data were stored in their place.",
      sum: .lostTags,
      source: Source.storage
    ),
    counter(
      .dataOverwritten,
      "data lost under tags",
      .pages,
      "Pages whose data were lost because tags were stored in their place.",
      source: Source.storage
    ),
    counter(
      .tagChecks,
      "tag checks",
      .accesses,
      "Exact accesses whose pointer tag was compared with the tags of tagged memory.",
      sum: .tagChecks,
      source: "Arm Architecture Reference Manual, chapter D10"
    ),
    counter(
      .tagMismatches,
      "tag mismatches",
      .accesses,
      "Accesses whose pointer tag differed from a granule's tag.",
      sum: .tagChecks,
      source: "Arm Architecture Reference Manual, chapter D10"
    ),
    counter(
      .tagMismatchesReported,
      "tag mismatches, only reported",
      .accesses,
      "Mismatches that were only reported.",
      sum: .tagChecks,
      source: Source.model
    ),
    counter(
      .tagCheckFaultsSync,
      "synchronous tag check faults",
      .accesses,
      "Mismatches after which the access was not performed: SEGV_MTESERR.",
      sum: .tagChecks,
      source: Source.kernel
    ),
    counter(
      .tagCheckFaultsLatched,
      "tag check faults latched",
      .accesses,
      "Mismatches after which the access was performed and the fault latched.",
      sum: .tagChecks,
      source: Source.kernel
    ),
    counter(
      .tagCheckFaultsAsync,
      "asynchronous tag faults delivered",
      .events,
      "Latched faults that were delivered: SEGV_MTEAERR.",
      sum: .tagChecks,
      source: Source.kernel
    ),
    counter(
      .granulesTagged,
      "granules tagged",
      .granules,
      "Granules whose tag was stored.",
      source: "Arm Architecture Reference Manual, chapter D10"
    ),
    counter(
      .events,
      "events",
      .events,
      "Events of the traces that were performed.",
      sum: .performed,
      source: Source.model
    ),
    counter(
      .accesses,
      "data accesses",
      .accesses,
      "Data accesses that the traces stand for.",
      sum: .performed,
      source: Source.model
    ),
    counter(
      .pagesCopied,
      "pages copied",
      .pages,
      "Pages whose data were copied, for any reason.",
      sum: .copies,
      source: Source.model
    ),
    counter(
      .stallNanoseconds,
      "counted by the machine",
      .nanoseconds,
      "What accesses had to wait beyond a plain fault, by the cost model.",
      sum: .stalls,
      source: Source.model
    ),
  ]
}
