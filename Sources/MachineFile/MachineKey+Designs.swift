// SPDX-License-Identifier: Apache-2.0

import MachineModel
import TagStorage

extension MachineKey {
  /// The answers of a design, each of which can be replaced, so that a machine can have any design
  /// between two others.
  static let designAnswers: [MachineKey] = [
    .answer(
      "tag-storage.serves",
      \.designChanges.cmaEligibility,
      meaning: "The movable requests that tag storage may serve.",
      source: "gfp_to_alloc_flags_cma, RFC v2 and v3"
    ),
    .optionalNumber(
      "tag-storage.prefer-above",
      \.designChanges.preferAbovePercent,
      in: 0...100,
      unit: "% of free memory",
      meaning: "The share of free memory above which tag storage serves requests first: 50 as CMA "
        + "does, 0 always, 100 only when the movable lists are empty.",
      source: "__rmqueue; RFC v1 for 100"
    ),
    .answer(
      "tag-storage.page-lists",
      \.designChanges.pageLists,
      meaning: "Whether freed frames of tag storage wait on the lists of a CPU.",
      source: "free_unref_page, RFC v1 for bypassed"
    ),
    .answer(
      "tag-storage.reserve",
      \.designChanges.mode,
      meaning: "What an allocation does about a frame whose tag block cannot be had: use it, take "
        + "another, or not ask at all.",
      source: "prep_new_page, RFC v2; arch_alloc_page, RFC v3"
    ),
    .answer(
      "tag-storage.extent",
      \.designChanges.extent,
      meaning: "What the first tagged page takes: its tag block, or all tag storage for ever.",
      source: "review of RFC v1, 24 August 2023, for everything"
    ),
    .optionalNumber(
      "tag-storage.reserve-attempts",
      \.designChanges.attempts,
      in: 1...16,
      unit: "attempts",
      meaning: "Attempts at a tag block whose pages are busy.",
      source: "RFC v1: 5; RFC v2 and v3: 3"
    ),
    .answer(
      "tag-storage.fast-track",
      \.designChanges.fastTrack,
      meaning: "The tag blocks that are taken without isolating a pageblock when they are free.",
      source: "cma_alloc_range, RFC v2 and v3"
    ),
    .answer(
      "tag-storage.on-reserve-failure",
      \.designChanges.failureAtFault,
      meaning: "What a fault on access does when it cannot reserve.",
      source: "handle_page_missing_tag_storage, RFC v1 to v3"
    ),
    .answer(
      "tag-storage.on-fatal-signal",
      \.designChanges.fatalSignal,
      meaning: "What a reservation that has to migrate reports for a process that is being ended.",
      source: "reserve_tag_storage, RFC v1 to v3"
    ),
    .answer(
      "tag-storage.parked-lookup",
      \.designChanges.parkedLookup,
      meaning: "The sources of a page copy that are searched for tags kept aside.",
      source: "copy_highpage, RFC v1 to v3"
    ),
    .answer(
      "tag-storage.release",
      \.designChanges.releaseCondition,
      meaning: "The freed frames that give their share of a tag block back.",
      source: "free_pages_prepare, RFC v1 to v3"
    ),
    .optionalNumber(
      "tag-storage.replace-attempts",
      \.designChanges.replaceAttempts,
      in: 1...16,
      unit: "attempts",
      meaning: "Attempts at moving a page to a frame that can hold tags.",
      source: "RFC v1 and v2: 5; RFC v3: 3"
    ),
    .optionalNumber(
      "tag-storage.replay-cap",
      \.designChanges.replayCap,
      in: 1...1000,
      unit: "faults",
      meaning: "Faults of one access before it counts as a livelock and is given up.",
      source: "this model; the kernel replays for ever"
    ),
    .answer(
      "tag-storage.boot-failure",
      \.designChanges.bootFailure,
      meaning: "What goes wrong when tag storage is taken into use: nothing, or the last region "
        + "cannot be registered or activated, after which all tag storage stays reserved.",
      source: "mte_enable_tag_storage, RFC v3"
    ),
    .answer(
      "tag-storage.guests",
      \.designChanges.guests,
      meaning: "What guests with MTE get: nothing, tag storage when a page is mapped for them, or "
        + "besides VMAs that are marked, so that the host's allocations ask for it.",
      source: "KVM_CAP_ARM_MTE, RFC v1 and v2; VM_MTE_KVM, RFC v3"
    ),
    .answer(
      "tag-storage.swapped-tags",
      \.designChanges.swappedTags,
      meaning: "Where tags lie in virtual memory, what becomes of those of swapped pages: the "
        + "codec saves them, or they stay.",
      source: "this model"
    ),
    .answer(
      "tag-storage.clients",
      \.designChanges.cellClients,
      meaning:
        "Whose data may lie in the pages of cells: the compressor's, which are those of zram "
        + "or, where its memory does not count, untagged ones; all untagged ones; or nobody's.",
      source: "XNU, claimed tag storage"
    ),
    .optionalNumber(
      "tag-storage.claim-above",
      \.designChanges.claimTargetPercent,
      in: 0...100,
      unit: "% of tag storage",
      meaning: "The share of inactive cells above which they serve for data whatever they cover; "
        + "below it only those that cover at most 8 free pages do.",
      source: "XNU, as many cells as 12 GiB have"
    ),
    .optionalNumber(
      "tag-storage.inline-from",
      \.designChanges.inlineFreePages,
      in: 1...32,
      unit: "free pages",
      meaning: "Free pages that a cell must cover for a request to activate it itself.",
      source: "XNU, inline activation"
    ),
    .optionalNumber(
      "tag-storage.active-at-boot",
      \.designChanges.cellsPerActiveAtBoot,
      in: 1...1000,
      unit: "cells",
      meaning: "One of so many cells is active at boot.",
      source: "XNU"
    ),
    .answer(
      "tag-storage.store-writes",
      \.designChanges.storeWrites,
      meaning: "Whether a page that goes to a store of swapped pages is also written to its swap "
        + "device: back only when tags or others need its place, through at once, so that the copy "
        + "can be dropped. The pages of ramdisk-swap have no other device.",
      source: "specification of tag storage, section 15.8"
    ),
    .answer(
      "tag-storage.store-form",
      \.designChanges.storeForm,
      meaning:
        "What a store holds of a swapped page: the page, or what it compresses to by the keys "
        + "zram.same-filled, zram.incompressible and zram.mean-size.",
      source: "specification of tag storage, sections 15.8, 15.9 and 15.13"
    ),
    .answer(
      "tag-storage.store-when-full",
      \.designChanges.storeWhenFull,
      meaning:
        "What a store of swapped pages does with a page that it has no room for: refuse it, or "
        + "give up the least recently used ones.",
      source: "zswap_store and shrink_worker for reclaim"
    ),
    .optionalNumber(
      "tag-storage.store-slots",
      \.designChanges.storeSlotsPercent,
      in: 10...1000,
      unit: "% of the pages of tag storage",
      meaning: "The slots of the swap device that tag storage is under ramdisk-swap.",
      source: "disksize of zram, of which twice the memory is advised"
    ),
    .answer(
      "tag-storage.store-admits",
      \.designChanges.storeAdmits,
      meaning:
        "The clean pages of files that a store of them takes when they are evicted: every page, or "
        + "those that had been in use.",
      source: "cleancache_store_folio, GCMA v2"
    ),
    .answer(
      "tag-storage.store-after-restore",
      \.designChanges.storeAfterRestore,
      meaning: "What becomes of the copy of a clean page that was read from a store.",
      source: "cleancache_get_page, Linux v5.16, for give-up-copy; GCMA v2 for keep-copy"
    ),
    .answer(
      "tag-storage.tagged-frames",
      \.designChanges.taggedFrames,
      meaning:
        "The frames whose tag blocks are taken, under designs that can drop what tag storage holds: "
        + "those of tagged mappings, or for ever all that were used.",
      source: "kvm_has_mte and sanitise_mte_tags, Linux v6.8, for touched"
    ),
    .answer(
      "tag-storage.collapse",
      \.designChanges.collapse,
      meaning:
        "What MADV_COLLAPSE does in a tagged mapping: it allocates frames that can hold tags, or any and "
        + "keeps the tags aside, or it refuses.",
      source: "khugepaged, RFC v1 to v3"
    ),
  ]
}
