// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What a trace says about its recording before the first event.
public struct TraceHeader: Equatable, Sendable {
  /// The page size of the recorded machine; page identifiers count pages of this size.
  public var pageSize: PageSize
  /// The program that recorded the trace, with its version.
  public var recorder: String
  /// The recorded program's command line.
  public var commandLine: String
  /// Anything else worth knowing, such as the allocator; may be empty.
  public var note: String
  /// Accesses after which the recorder forgot which pages it had reported; 0 means that it reported
  /// every access, or that the trace was written by hand.
  public var filterWindowAccesses: UInt64
  /// Pages that the recorder remembered within a window; 0 where there was no filter.
  public var filterEntries: UInt64
  /// What was mapped when recording began, in ascending order of addresses.
  public var initialMappings: [MappingRequest]

  /// Creates a header.
  public init(
    pageSize: PageSize = .kib4,
    recorder: String = "",
    commandLine: String = "",
    note: String = "",
    filterWindowAccesses: UInt64 = 0,
    filterEntries: UInt64 = 0,
    initialMappings: [MappingRequest] = []
  ) {
    self.pageSize = pageSize
    self.recorder = recorder
    self.commandLine = commandLine
    self.note = note
    self.filterWindowAccesses = filterWindowAccesses
    self.filterEntries = filterEntries
    self.initialMappings = initialMappings
  }
}

/// What a trace adds up to.
public struct TraceTotals: Equatable, Sendable {
  /// Records of kind touch.
  public var touches: UInt64 = 0
  /// Records of kind access.
  public var exactAccesses: UInt64 = 0
  /// Records of kind tag run.
  public var tagRuns: UInt64 = 0
  /// Records of kind operation.
  public var operations: UInt64 = 0
  /// Data accesses that the trace stands for: the clock of the last record.
  public var accesses: UInt64 = 0
  /// Granules whose tag was stored, once for each store.
  public var taggedGranules: UInt64 = 0
  /// Different virtual pages that records name.
  public var pages: UInt64 = 0
  /// Tag snapshots among the operations.
  public var tagSnapshots: UInt64 = 0

  /// Creates totals of nothing.
  public init() {}

  /// All records; `nil` where the sum does not fit, which only a damaged file can cause.
  var recordSum: UInt64? {
    var sum: UInt64 = 0
    for part in [touches, exactAccesses, tagRuns, operations] {
      let (next, overflow) = sum.addingReportingOverflow(part)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// All records.
  ///
  /// - Precondition: the totals come from a reader or a writer, which checked that the sum fits.
  public var records: UInt64 { touches + exactAccesses + tagRuns + operations }

  /// Counts one record.
  mutating func count(_ record: EventRecord) {
    switch record.kind {
    case .touch: touches += 1
    case .access: exactAccesses += 1
    case .tagRun:
      tagRuns += 1
      taggedGranules += UInt64(record.count)
    case .operation: operations += 1
    }
    accesses = record.clock
  }
}
