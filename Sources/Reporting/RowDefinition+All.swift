// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension GroupDefinition {
  /// The groups of a report whose designs have saved tags in objects of the sizes `classes`.
  static func all(classes: [Int]) -> [GroupDefinition] {
    memory + [savedTags(classes)] + activity + costs + [verification]
  }

  private static let memory: [GroupDefinition] = [
    GroupDefinition(title: "Design", rows: [.always(.codec)]),
    GroupDefinition(
      title: "Memory given up for tags, mean over the run, KiB",
      rows: overhead(.mean)
        + [
          .always(.tagOverheadChange(.mean)),
          .always(.tagOverheadChangePercent(.mean)),
        ]
    ),
    GroupDefinition(title: "Memory given up for tags, peak, KiB", rows: overhead(.peak)),
    GroupDefinition(
      title: "Tag storage given back, mean over the run, KiB",
      rows: [
        .always(.memory(.tagStorageData, .mean)), .always(.memory(.tagStorageFree, .mean)),
        .always(.givenBack(.mean)), .always(.givenBackPercent(.mean)),
      ]
    ),
    GroupDefinition(
      title: "Tag storage given back, peak, KiB",
      rows: [.ifAny(.memory(.tagStorageData, .peak)), .ifAny(.memory(.tagStorageFree, .peak))]
    ),
    GroupDefinition(
      title: "Cost of paging, mean over the run, KiB",
      rows: [
        .always(.memory(.pageTables, .mean)), .always(.memory(.structPages, .mean)),
        .ifAny(.memory(.referencePages, .mean)),
      ]
    ),
    GroupDefinition(
      title: "Use of the frames and of swap, mean over the run, KiB",
      rows: [.always(.memory(.anonymous, .mean)), .always(.memory(.swapCache, .mean))]
        + [.ifAny(.memory(.filePages, .mean))]
        + [MemoryCategory.free, .freeCma, .swapUsed].map { .always(.memory($0, .mean)) }
        + [.ifAny(.memory(.pagesWithTagStorage, .mean))]
    ),
    GroupDefinition(
      title: "Store of copies in tag storage, mean over the run, KiB",
      rows: [MemoryCategory.storeOrigData, .storeComprData, .storeMemUsed].map {
        .ifAny(.memory($0, .mean))
      }
    ),
    GroupDefinition(
      title: "Use of swap, peak, KiB",
      rows: [.ifAny(.memory(.swapUsed, .peak))]
    ),
    GroupDefinition(
      title: "Memory of zram, mean over the run, KiB",
      rows: zram.map { .ifAny(.memory($0, .mean)) }
    ),
    GroupDefinition(
      title: "Memory of zram, peak, KiB",
      rows: zram.map { .ifAny(.memory($0, .peak)) }
    ),
  ]

  private static let zram: [MemoryCategory] = [
    .zramOrigData, .zramSame, .zramHuge, .zramComprData, .zramMemUsed, .zramTable,
  ]

  private static func overhead(_ statistic: MemoryStatistic) -> [RowDefinition] {
    // The two answers to where tags live are always shown, what swap adds only where there is any.
    let kept: [MemoryCategory] = [.tagStorageWithheld, .tagStorageHeld]
    return MemoryCategory.tagOverhead.map {
      RowDefinition(value: .memory($0, statistic), isKept: kept.contains($0))
    } + [.always(.tagOverhead(statistic)), .always(.tagOverheadPercent(statistic))]
  }

  private static func savedTags(_ classes: [Int]) -> GroupDefinition {
    GroupDefinition(
      title: "Saved tags by size class",
      rows: classes.flatMap { bytes in
        SavedTagField.allCases.map { .ifAny(.savedTagClass(bytes: bytes, $0)) }
      } + [
        .ifAny(.savedTagsUncompressed), .ifAny(.savedTagsCompressed),
        .ifAny(.savedTagMemory(.mean), "slabs and map, mean over the run, KiB"),
      ]
    )
  }

  private static func counters(_ title: String, _ counters: Counter...) -> GroupDefinition {
    GroupDefinition(title: title, rows: counters.map { .ifAny(.counter($0)) })
  }

  private static let activity: [GroupDefinition] = [
    GroupDefinition(
      title: "Faults by kind",
      rows: [.always(.counter(.pgfault)), .always(.counter(.pgmajfault))]
        + [
          Counter.faultZeroPage, .faultZeroFill, .faultCopyOnWrite, .pgreuse, .faultSwapCache,
          .faultSwapDevice, .faultFile, .faultFileRead, .faultSignal, .faultReferencePage,
          .faultReferenceFill,
        ].map { .ifAny(.counter($0)) }
    ),
    counters(
      "Page allocator",
      .pgallocDma,
      .pgallocDma32,
      .pgallocNormal,
      .pgallocMovable,
      .pgallocTagged,
      .pgfreeTagged,
      .pgfree,
      .allocstallNormal,
      .allocstallMovable,
      .thpFaultAlloc,
      .thpFaultFallback,
      .thpCollapseAlloc,
      .thpCollapseAllocFailed,
      .thpPagesZeroed
    ),
    counters(
      "Reclaim",
      .pageoutrun,
      .pgscanKswapd,
      .pgscanDirect,
      .pgscanAnon,
      .pgscanFile,
      .pgstealKswapd,
      .pgstealDirect,
      .pgstealAnon,
      .pgstealFile,
      .pgactivate,
      .pgdeactivate,
      .pgrefill,
      .pgrotated,
      .pgskipDma,
      .pgskipDma32,
      .pgskipNormal,
      .pgskipMovable,
      .pglazyfree,
      .pglazyfreed,
      .workingsetRefaultAnon,
      .workingsetRefaultFile,
      .workingsetActivateAnon,
      .workingsetActivateFile,
      .workingsetRestoreAnon,
      .workingsetRestoreFile,
      .memcgCharges,
      .oomKill
    ),
    counters(
      "Swap traffic",
      .pswpin,
      .pswpinSync,
      .pswpout,
      .pswpoutSync,
      .swapRa,
      .swapRaHit,
      .swapoutRefusedSlots,
      .swapoutRefusedTags,
      .swapoutRefusedZramLimit,
      .swapoutRefusedZramMemory
    ),
    counters("Traffic of files", .filePagesRead, .filePagesWritten),
    counters(
      "Migration and contiguous memory",
      .pgmigrateSuccess,
      .pgmigrateContigRange,
      .pgmigrateTagStorage,
      .pgmigrateLongterm,
      .pgmigrateFail,
      .migratePinned,
      .cleanPagesDropped,
      .nrFollPinAcquired,
      .nrFollPinReleased,
      .pagesCopied,
      .cmaAllocSuccess,
      .cmaAllocFail,
      .cmaAllocSuccessPages,
      .cmaAllocFailPages,
      .cmaReleaseSuccessPages,
      .lruDisableIpis
    ),
    counters(
      "Reservation of tag storage",
      .reserveCalls,
      .reserveHits,
      .reserveFast,
      .reserveSlow,
      .reserveRetries,
      .reserveFailBusy,
      .reserveFailNomem,
      .reserveFailInvalid,
      .reserveFailIsolated,
      .reserveFailIntr,
      .reserveFailExists,
      .reserveFailLongest,
      .reserveRefused,
      .reserveHeld,
      .reserveBurstMigrated,
      .reserveSharesLeaked,
      .storageWarnings,
      .reserveReleases,
      .cmoDataLines,
      .cmoTagLines
    ),
    counters(
      "Cells of tag storage",
      .cellActivations,
      .cellDeactivations,
      .cellClaims,
      .cellRefills,
      .cellRefillSteps,
      .cellReclaims,
      .cellReclaimFail,
      .cellReclaimFailPinned,
      .cellPoolRelocations,
      .cellPinRelocations,
      .cellGrabUntagged,
      .cellWaits
    ),
    counters(
      "Other places for tags",
      .tagPagesTaken,
      .tagPagesFreed,
      .tagsKeptResident,
      .filterSkipped,
      .blockDividedUntagged,
      .blockHarvests,
      .blockBorrowed,
      .blockTagPagesMoved,
      .blockTagPagesStuck,
      .blockWaits
    ),
    counters(
      "Store of copies in tag storage",
      .storeStored,
      .storeSkipped,
      .storeRestored,
      .storeMissed,
      .storeReclaimed,
      .storeRecalled,
      .storeInvalidated,
      .storeRelocated,
      .storeWritten
    ),
    counters(
      "Fault on access",
      .foaMarked,
      .foaFaults,
      .foaResolvedReserve,
      .foaRetry,
      .foaReplacedTsp,
      .foaReplacedOther,
      .foaReplacedFail,
      .foaReplay,
      .doubleMigrations,
      .livelocks
    ),
    counters(
      "Guests with MTE",
      .s2Fault,
      .s2Reserve,
      .s2Replace,
      .s2ReplaceFail,
      .s2Efault,
      .vmaFlagSet
    ),
    counters(
      "Reference pages",
      .refpageCreated,
      .refpageReleased,
      .refpageUntaggedSource,
      .pagesFilled,
      .pagesZeroedTwice
    ),
    counters(
      "The run",
      .events,
      .accesses,
      .mappingCalls,
      .pagesUnmapped,
      .pagesForked,
      .hiwaterRss
    ),
    GroupDefinition(
      title: "Tags",
      rows: [
        Counter.granulesTagged, .tagChecks, .tagMismatches, .tagMismatchesReported,
        .tagCheckFaultsSync, .tagCheckFaultsLatched, .tagCheckFaultsAsync, .tagsSavedSwap,
        .tagsRestoredSwap,
        .tagsInvalidated, .tagsParked, .tagsParkedRestored, .tagsParkedMoved, .tagsParkedAtomic,
        .tagBuffersLeaked, .tagsLeaked, .tagsCopied, .dataOverwritten,
      ].map { .ifAny(.counter($0)) } + [.always(.counter(.tagsLost))]
        + [
          Counter.tagsLostNoMemory, .tagsLostEncoding, .tagsLostDecoding, .tagsLostCopying,
          .tagsLostUnsaved, .tagsLostOverwritten,
        ].map { .ifAny(.counter($0)) }
    ),
  ]

  private static let verification = GroupDefinition(
    title: "Verification",
    rows: [
      .ifAny(.verification(.swapIns)), .ifAny(.verification(.migrations)),
      .ifAny(.verification(.copies)), .ifAny(.verification(.finalPages)),
      .ifAny(.verification(.snapshots)), .always(.comparisons),
      .always(.verification(.differences)), .ifAny(.verification(.expectations)),
      .ifAny(.verification(.failedExpectations)),
    ]
  )
}
