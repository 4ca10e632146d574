// SPDX-License-Identifier: Apache-2.0

/// A kind of event that takes time: which counters count it, and what one costs.
///
/// The kinds are disjoint, so that their times add up to that of a run. The raw value is the name in
/// reports, behind `time.`.
public enum CostKind: String, CaseIterable, Sendable {
  /// Accesses of programs.
  case accesses
  /// System calls about mappings and descriptors.
  case systemCalls = "system_calls"
  /// Runs of the fault handler, and of the host's for its guests.
  case faults
  /// Fault handlers that started again.
  case faultsRetried = "faults_retried"
  /// Pages zeroed.
  case pagesZeroed = "pages_zeroed"
  /// Pages filled.
  case pagesFilled = "pages_filled"
  /// Pages copied on write.
  case copiesOnWrite = "copies_on_write"
  /// Pages copied by migration.
  case copiesByMigration = "copies_by_migration"
  /// Pages copied for any other reason.
  case otherCopies = "other_copies"
  /// Pages unmapped.
  case pagesUnmapped = "pages_unmapped"
  /// Page-table entries copied at forks.
  case pagesForked = "pages_forked"
  /// Calls that asked for tag storage.
  case reserveCalls = "reserve_calls"
  /// Tag blocks from the free lists.
  case reserveFast = "reserve_fast"
  /// Attempts at a tag block by contiguous allocation, or by emptying frames of a store.
  case contiguousAttempts = "contiguous_attempts"
  /// Interrupts.
  case interrupts
  /// Migrations, with those that failed.
  case migrations
  /// Data cache lines invalidated.
  case dataLines = "data_lines"
  /// Tag cache lines invalidated.
  case tagLines = "tag_lines"
  /// Entries to direct reclaim.
  case directReclaims = "direct_reclaims"
  /// Pages looked at by reclaim.
  case pagesScanned = "pages_scanned"
  /// Pages freed by reclaim.
  case pagesReclaimed = "pages_reclaimed"
  /// Pages written to synchronous devices.
  case pagesCompressed = "pages_compressed"
  /// Pages read from synchronous devices.
  case pagesDecompressed = "pages_decompressed"
  /// Pages written to other devices.
  case deviceWrites = "device_writes"
  /// Pages read from other devices.
  case deviceReads = "device_reads"
  /// Pages of files read.
  case fileReads = "file_reads"
  /// Pages whose tags were saved.
  case tagsSaved = "tags_saved"
  /// Pages whose tags were restored.
  case tagsRestored = "tags_restored"
  /// Pages whose tags were kept aside.
  case tagsParked = "tags_parked"

  /// The counters whose sum, less that of ``subtracted``, is the number of events.
  public var added: [Counter] {
    switch self {
    case .accesses: [.accesses]
    case .systemCalls: [.mappingCalls]
    case .faults: [.pgfault, .s2Fault]
    case .faultsRetried: [.foaRetry]
    case .pagesZeroed: [.faultZeroFill, .thpPagesZeroed, .pagesZeroedTwice]
    case .pagesFilled: [.pagesFilled]
    case .copiesOnWrite: [.faultCopyOnWrite]
    case .copiesByMigration: [.pgmigrateSuccess]
    case .otherCopies: [.pagesCopied]
    case .pagesUnmapped: [.pagesUnmapped]
    case .pagesForked: [.pagesForked]
    case .reserveCalls: [.reserveCalls]
    case .reserveFast: [.reserveFast]
    // A block that is had at the first attempt counts as slow, any further one as a retry, and a failure
    // had its first attempt, too.
    case .contiguousAttempts: [.reserveSlow, .reserveRetries, .reserveFailBusy, .reserveFailNomem]
    case .interrupts: [.lruDisableIpis]
    case .migrations: [.pgmigrateSuccess, .pgmigrateFail]
    case .dataLines: [.cmoDataLines]
    case .tagLines: [.cmoTagLines]
    case .directReclaims: [.allocstallNormal, .allocstallMovable, .memcgCharges]
    case .pagesScanned: [.pgscanKswapd, .pgscanDirect, .pgrefill]
    case .pagesReclaimed: [.pgstealKswapd, .pgstealDirect]
    case .pagesCompressed: [.pswpoutSync]
    case .pagesDecompressed: [.pswpinSync]
    case .deviceWrites: [.pswpout]
    case .deviceReads: [.pswpin]
    case .fileReads: [.filePagesRead]
    case .tagsSaved: [.tagsSavedSwap]
    case .tagsRestored: [.tagsRestoredSwap]
    case .tagsParked: [.tagsParked]
    }
  }

  /// The counters that ``added`` has too much of.
  public var subtracted: [Counter] {
    switch self {
    case .otherCopies: [.pgmigrateSuccess, .faultCopyOnWrite]
    case .deviceWrites: [.pswpoutSync]
    case .deviceReads: [.pswpinSync]
    default: []
    }
  }

  /// What one event costs.
  public var parameter: CostParameter {
    switch self {
    case .accesses: .access
    case .systemCalls: .mappingCall
    case .faults: .fault
    case .faultsRetried: .faultRetried
    case .pagesZeroed: .pageZeroed
    case .pagesFilled: .pageFilled
    case .copiesOnWrite, .copiesByMigration, .otherCopies: .pageCopied
    case .pagesUnmapped: .pageUnmapped
    case .pagesForked: .pageForked
    case .reserveCalls: .reserveCall
    case .reserveFast: .reserveFast
    case .contiguousAttempts: .contiguousAttempt
    case .interrupts: .interrupt
    case .migrations: .pageMigrated
    case .dataLines: .dataLine
    case .tagLines: .tagLine
    case .directReclaims: .directReclaim
    case .pagesScanned: .pageScanned
    case .pagesReclaimed: .pageReclaimed
    case .pagesCompressed: .pageCompressed
    case .pagesDecompressed: .pageDecompressed
    case .deviceWrites: .deviceWrite
    case .deviceReads: .deviceRead
    case .fileReads: .fileRead
    case .tagsSaved: .tagsSaved
    case .tagsRestored: .tagsRestored
    case .tagsParked: .tagsParked
    }
  }

  /// Whether an access that meets such an event has to wait for it beyond a plain fault.
  ///
  /// Not waited for is what a plain fault has, too, and what a device does by itself.
  public var isWaitedFor: Bool {
    switch self {
    case .faults, .faultsRetried, .copiesByMigration, .reserveFast, .contiguousAttempts,
      .interrupts, .migrations, .dataLines, .tagLines, .directReclaims, .pagesScanned,
      .pagesReclaimed, .pagesCompressed, .pagesDecompressed, .deviceReads, .fileReads,
      .tagsSaved, .tagsRestored, .tagsParked:
      true
    case .accesses, .systemCalls, .pagesZeroed, .pagesFilled, .copiesOnWrite, .otherCopies,
      .pagesUnmapped, .pagesForked, .reserveCalls, .deviceWrites:
      false
    }
  }
}
