// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension GroupDefinition {
  /// The rows of the short table, in the order of a reader's questions.
  ///
  /// What does a design give up,
  /// what does it give back, what does that cost, and were tags lost?
  ///
  /// Counters that a reader would look up in `/proc/vmstat` state their name there.
  static let essential: [GroupDefinition] = [
    GroupDefinition(
      title: "Memory given up for tags, mean over the run, KiB",
      rows: [
        .always(.memory(.tagStorageWithheld, .mean)), .ifAny(.memory(.tagStorageIdle, .mean)),
        .always(.memory(.tagStorageHeld, .mean)),
        .ifAny(.memory(.tagPages, .mean)),
        .ifAny(.savedTagMemory(.mean), "saved tags of swapped pages"),
        .ifAny(.memory(.parkedTags, .mean)), .always(.tagOverhead(.mean)),
        .always(.tagOverheadPercent(.mean)), .ifAny(.tagOverheadChange(.mean)),
        .ifAny(.tagOverheadChangePercent(.mean)),
        .always(.tagOverhead(.peak), "total, peak instead of mean"),
      ]
    ),
    GroupDefinition(
      title: "Tag storage that serves as ordinary memory, KiB",
      rows: [
        .always(.memory(.tagStorageData, .mean), "holds data, mean"),
        .always(.memory(.tagStorageData, .peak), "holds data, peak"),
        .always(.memory(.tagStorageFree, .mean), "on the free lists, mean"),
        .always(.givenBackPercent(.mean), "both, mean, % of tag storage"),
      ]
    ),
    GroupDefinition(
      title: "Paging",
      rows: [
        .always(.counter(.pgfault), "faults (pgfault)"),
        .always(.counter(.pgmajfault), "major faults (pgmajfault)"),
        .always(.counter(.pswpin), "pages read from swap (pswpin)"),
        .always(.counter(.pswpout), "pages written to swap (pswpout)"),
        .ifAny(.memory(.swapUsed, .peak), "swap in use, peak, KiB"),
        .ifAny(.counter(.memcgCharges)), .ifAny(.counter(.allocstallNormal)),
        .ifAny(.counter(.allocstallMovable)),
        .ifAny(.counter(.swapoutRefusedSlots), "swap-outs refused for slots"),
        .ifAny(.counter(.swapoutRefusedTags), "swap-outs refused for tags"),
        .ifAny(.counter(.oomKill), "processes killed (oom_kill)"),
      ]
    ),
    GroupDefinition(
      title: "Price of tag storage that comes and goes",
      rows: [
        Counter.reserveFast, .reserveSlow, .reserveReleases, .pgmigrateSuccess, .pgmigrateFail,
      ].map { .ifAny(.counter($0)) } + [
        .ifAny(.counter(.reserveFailBusy), "reservations failed: busy"),
        .ifAny(.counter(.reserveFailNomem), "reservations failed: no memory"),
        .ifAny(.counter(.reserveRefused)), .ifAny(.counter(.reserveBurstMigrated)),
        .ifAny(.counter(.cellClaims)), .ifAny(.counter(.cellReclaims)),
        .ifAny(.counter(.cellWaits)), .ifAny(.counter(.blockHarvests)),
        .ifAny(.counter(.blockTagPagesMoved)), .ifAny(.counter(.blockWaits)),
        .ifAny(.counter(.tagPagesTaken)), .ifAny(.counter(.filterSkipped)),
        .ifAny(.counter(.foaFaults)),
        .ifAny(.counter(.foaReplacedTsp), "pages of tag storage replaced"),
        .ifAny(.counter(.foaReplacedOther)), .ifAny(.counter(.foaReplacedFail)),
        .ifAny(.counter(.s2Reserve)), .ifAny(.counter(.s2Replace)),
        .ifAny(.counter(.s2Efault)),
        .ifAny(.counter(.livelocks)), .ifAny(.counter(.lruDisableIpis)),
        .ifAny(.counter(.cmoDataLines)), .ifAny(.counter(.cmoTagLines)),
      ]
    ),
    GroupDefinition(
      title: "Tags of pages",
      rows: [
        .ifAny(.counter(.tagsSavedSwap)), .ifAny(.counter(.tagsRestoredSwap)),
        .ifAny(.counter(.tagsCopied)), .ifAny(.counter(.tagsParked)),
        .ifAny(.counter(.tagsLeaked)), .ifAny(.counter(.dataOverwritten)),
        .always(.counter(.tagsLost)), .always(.comparisons, "pages compared with the oracle"),
        .always(.verification(.differences)), .ifAny(.verification(.failedExpectations)),
      ]
    ),
  ]
}
