// SPDX-License-Identifier: Apache-2.0

/// What events cost in time, in nanoseconds each: the parameters of a cost model.
///
/// The first seven follow from one published measurement of reference pages; "ReferencePages" says
/// which of them from which figure. No source states the others as numbers: their defaults are assumed
/// orders of magnitude for a phone, and a conclusion should hold for more than one value. On another
/// computer all of them are different.
public struct EventCosts: Equatable, Sendable {
  /// One access of a program to memory that is present.
  public var access: Int = 9
  /// One system call that changes mappings or descriptors.
  public var mappingCall: Int = 11_820
  /// One run of the fault handler, with the allocation of a page and without writing it.
  public var fault: Int = 2_000
  /// One fault handler that gives up and starts again.
  public var faultRetried: Int = 1_500
  /// Zeroing one page.
  public var pageZeroed: Int = 576
  /// Filling one page with a byte, or with zeros and a tag.
  public var pageFilled: Int = 576
  /// Copying one page.
  public var pageCopied: Int = 800
  /// Taking one page away from a program and freeing it.
  public var pageUnmapped: Int = 790
  /// Copying one page-table entry at a fork.
  public var pageForked: Int = 100
  /// Asking for the tag storage of one page.
  public var reserveCall: Int = 50
  /// Taking one tag block from the free lists.
  public var reserveFast: Int = 500
  /// One attempt at a tag block by contiguous allocation, without moving pages.
  public var contiguousAttempt: Int = 20_000
  /// One interrupt that empties the LRU batch of a CPU.
  public var interrupt: Int = 2_000
  /// Migrating one page, without copying it.
  public var pageMigrated: Int = 3_000
  /// Invalidating one data cache line.
  public var dataLine: Int = 5
  /// Invalidating one tag cache line.
  public var tagLine: Int = 5
  /// One entry to direct reclaim, of the machine or of a memory group.
  public var directReclaim: Int = 5_000
  /// Looking at one page on an LRU list.
  public var pageScanned: Int = 200
  /// Unmapping one page for reclaim and freeing it, without writing it.
  public var pageReclaimed: Int = 1_000
  /// Compressing one page into a synchronous swap device.
  public var pageCompressed: Int = 10_000
  /// Reading one page back from a synchronous swap device.
  public var pageDecompressed: Int = 3_500
  /// Writing one page to any other swap device; nobody waits for it.
  public var deviceWrite: Int = 30_000
  /// Reading one page from any other swap device.
  public var deviceRead: Int = 100_000
  /// Reading one page of a file.
  public var fileRead: Int = 100_000
  /// Reading the tags of one page, compressing and storing them.
  public var tagsSaved: Int = 600
  /// Decompressing the tags of one page and writing them.
  public var tagsRestored: Int = 400
  /// Keeping the tags of one page aside.
  public var tagsParked: Int = 400

  /// Creates the default costs.
  public init() {}

  /// What one event of a kind costs, in nanoseconds.
  public subscript(_ parameter: CostParameter) -> Int {
    get { self[keyPath: parameter.path] }
    set { self[keyPath: parameter.path] = newValue }
  }
}

/// A parameter of the cost model; the raw value is the name of its switch behind `cost.`.
public enum CostParameter: String, CaseIterable, Sendable {
  /// ``EventCosts/access``.
  case access
  /// ``EventCosts/mappingCall``.
  case mappingCall = "mapping-call"
  /// ``EventCosts/fault``.
  case fault
  /// ``EventCosts/faultRetried``.
  case faultRetried = "fault-retried"
  /// ``EventCosts/pageZeroed``.
  case pageZeroed = "page-zeroed"
  /// ``EventCosts/pageFilled``.
  case pageFilled = "page-filled"
  /// ``EventCosts/pageCopied``.
  case pageCopied = "page-copied"
  /// ``EventCosts/pageUnmapped``.
  case pageUnmapped = "page-unmapped"
  /// ``EventCosts/pageForked``.
  case pageForked = "page-forked"
  /// ``EventCosts/reserveCall``.
  case reserveCall = "reserve-call"
  /// ``EventCosts/reserveFast``.
  case reserveFast = "reserve-fast"
  /// ``EventCosts/contiguousAttempt``.
  case contiguousAttempt = "contiguous-attempt"
  /// ``EventCosts/interrupt``.
  case interrupt
  /// ``EventCosts/pageMigrated``.
  case pageMigrated = "page-migrated"
  /// ``EventCosts/dataLine``.
  case dataLine = "data-line"
  /// ``EventCosts/tagLine``.
  case tagLine = "tag-line"
  /// ``EventCosts/directReclaim``.
  case directReclaim = "direct-reclaim"
  /// ``EventCosts/pageScanned``.
  case pageScanned = "page-scanned"
  /// ``EventCosts/pageReclaimed``.
  case pageReclaimed = "page-reclaimed"
  /// ``EventCosts/pageCompressed``.
  case pageCompressed = "page-compressed"
  /// ``EventCosts/pageDecompressed``.
  case pageDecompressed = "page-decompressed"
  /// ``EventCosts/deviceWrite``.
  case deviceWrite = "device-write"
  /// ``EventCosts/deviceRead``.
  case deviceRead = "device-read"
  /// ``EventCosts/fileRead``.
  case fileRead = "file-read"
  /// ``EventCosts/tagsSaved``.
  case tagsSaved = "tags-saved"
  /// ``EventCosts/tagsRestored``.
  case tagsRestored = "tags-restored"
  /// ``EventCosts/tagsParked``.
  case tagsParked = "tags-parked"

  /// The name of the switch: `cost.page-copied`.
  public var key: String { "cost.\(rawValue)" }

  /// Whether the default follows from a published measurement; otherwise it is assumed.
  public var isMeasured: Bool {
    switch self {
    case .access, .mappingCall, .fault, .pageZeroed, .pageFilled, .pageCopied, .pageUnmapped: true
    default: false
    }
  }

  /// The largest cost that a machine may have: a second.
  public static let largestNanoseconds = 1_000_000_000

  /// Where the value is.
  fileprivate var path: WritableKeyPath<EventCosts, Int> {
    switch self {
    case .access: \.access
    case .mappingCall: \.mappingCall
    case .fault: \.fault
    case .faultRetried: \.faultRetried
    case .pageZeroed: \.pageZeroed
    case .pageFilled: \.pageFilled
    case .pageCopied: \.pageCopied
    case .pageUnmapped: \.pageUnmapped
    case .pageForked: \.pageForked
    case .reserveCall: \.reserveCall
    case .reserveFast: \.reserveFast
    case .contiguousAttempt: \.contiguousAttempt
    case .interrupt: \.interrupt
    case .pageMigrated: \.pageMigrated
    case .dataLine: \.dataLine
    case .tagLine: \.tagLine
    case .directReclaim: \.directReclaim
    case .pageScanned: \.pageScanned
    case .pageReclaimed: \.pageReclaimed
    case .pageCompressed: \.pageCompressed
    case .pageDecompressed: \.pageDecompressed
    case .deviceWrite: \.deviceWrite
    case .deviceRead: \.deviceRead
    case .fileRead: \.fileRead
    case .tagsSaved: \.tagsSaved
    case .tagsRestored: \.tagsRestored
    case .tagsParked: \.tagsParked
    }
  }
}
