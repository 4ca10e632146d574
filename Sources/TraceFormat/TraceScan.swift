// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What one pass over all events of a trace finds.
public struct TraceScan: Sendable {
  /// What the events add up to.
  public private(set) var totals = TraceTotals()
  /// Reads and writes that touches stand for; saturated counts are counted as they are.
  public private(set) var reads: UInt64 = 0
  /// See `reads`.
  public private(set) var writes: UInt64 = 0
  /// Granules by the tag that was stored.
  public private(set) var granulesByTag: [UInt64] = Array(repeating: 0, count: 16)
  /// Mappings in the header and in events that nobody recorded.
  public private(set) var inferredMappings = 0
  /// Processes that events belong to.
  public private(set) var processes = 1
  /// The highest thread number.
  public private(set) var lastThread: UInt32 = 0
  /// Events that the recorded process cannot have performed, such as touches of unmapped addresses.
  public private(set) var impossibleEvents: UInt64 = 0
  /// The first of them.
  public private(set) var firstImpossibleEvent: TraceError?

  private let name: String
  private let pageSize: PageSize
  private let pages: [UInt64]
  private var spaces: [UInt32: MappedRanges] = [:]
  private var ended: Set<UInt32> = []
  private var space: MappedRanges
  private var process: UInt32 = 0
  /// For each page the generation of mappings for which it was last found readable and writable.
  private var readable: [UInt32]
  private var writable: [UInt32]
  private var generation: UInt32 = 1
  private var nextPage: PageIdentifier = 0
  private var pending: TraceError?
  /// The mappings before the last operation, for when the trace says that it was refused.
  private var spaceIfRefused: MappedRanges?

  /// Scans a trace from its start to its end.
  ///
  /// - Throws: where a block or record is not valid, the events add up to something else than the
  ///   totals, or identifiers are not numbered by first touch.
  /// - Complexity: O(*n*), where *n* is the number of records.
  public init(_ reader: TraceReader) throws(TraceError) {
    name = reader.name
    pageSize = reader.header.pageSize
    pages = reader.pages
    space = MappedRanges(pageSize: pageSize)
    readable = Array(repeating: 0, count: pages.count)
    writable = Array(repeating: 0, count: pages.count)
    for mapping in reader.header.initialMappings {
      space.insert(mapping)
      if mapping.flags.contains(.inferred) { inferredMappings += 1 }
    }
    reader.rewind()
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      var number = batch.firstRecordNumber
      for record in batch.records {
        try take(record, batch, at: .record(number, byteOffset: batch.fileOffset))
        number += 1
      }
    }
    settlePending()
    reader.rewind()
    totals.pages = UInt64(nextPage)
    guard totals == reader.totals else {
      throw .bad(name, .wholeFile, expected: "\(totals)", found: "\(reader.totals)")
    }
  }

  private mutating func take(
    _ record: EventRecord,
    _ batch: EventBatch,
    at place: TraceError.Location
  ) throws(TraceError) {
    totals.count(record)
    guard record.kind != .operation else {
      takeOperation(batch.operations[Int(record.page)], at: place)
      return
    }
    settlePending()
    if record.page >= nextPage {
      guard record.page == nextPage else {
        throw .bad(name, place, expected: "page identifier \(nextPage)", found: "\(record.page)")
      }
      nextPage += 1
    }
    switch record.kind {
    case .touch:
      reads += UInt64(record.detail)
      writes += UInt64(record.count)
    case .tagRun: granulesByTag[Int(record.argument)] += UInt64(record.count)
    default: break
    }
    let isRead = record.kind == .touch ? record.detail > 0 : !record.isWrite
    checkAccess(record.page, isRead: isRead, isWrite: record.isWrite, at: place)
  }

  private mutating func checkAccess(
    _ page: PageIdentifier,
    isRead: Bool,
    isWrite: Bool,
    at place: TraceError.Location
  ) {
    let index = Int(page)
    if (!isWrite || writable[index] == generation) && (!isRead || readable[index] == generation) {
      return
    }
    let address = pages[index] << UInt64(pageSize.shift)
    if let problem = problem(address, isRead: isRead, isWrite: isWrite) {
      impossible(problem, at: place)
      return
    }
    if isWrite { writable[index] = generation }
    if isRead { readable[index] = generation }
  }

  /// What forbids an access to the page at `address`; `nil` where it is allowed.
  private mutating func problem(
    _ address: UInt64,
    isRead: Bool,
    isWrite: Bool
  ) -> Malformed? {
    if !ended.isEmpty, ended.contains(process) {
      return Malformed(expected: "a process that is alive", found: "process \(process)")
    }
    let text = "0x\(String(address, radix: 16))"
    guard let mapping = space.lookup(address) else {
      return Malformed(expected: "a page in a mapping", found: text)
    }
    if isWrite, !mapping.protection.contains(.write) {
      return Malformed(expected: "a writable page", found: text)
    }
    // Whoever may write may read on arm64.
    if isRead, mapping.protection.isDisjoint(with: [.read, .write]) {
      return Malformed(expected: "a readable page", found: text)
    }
    return nil
  }

  private mutating func takeOperation(
    _ operation: MemoryOperation,
    at place: TraceError.Location
  ) {
    // These say more about the event before, which an outcome may follow still.
    switch operation {
    case .expect(.value), .expect(.signal): return
    default: break
    }
    if case .expect(.outcome(let outcome)) = operation {
      // Traces written by hand try what programs must not do, and say that it fails.
      if !outcome.isDisjoint(with: [.unmapped, .protected, .processGone]) { pending = nil }
      settlePending()
      if outcome.errorNumber != nil, let unchanged = spaceIfRefused {
        space = unchanged
        changeMappings()
      }
      spaceIfRefused = nil
      return
    }
    settlePending()
    spaceIfRefused = nil
    switch operation {
    case .tagSnapshot: totals.tagSnapshots += 1
    case .thread(let number): lastThread = max(lastThread, number)
    case .process(let number): switchProcess(to: number, at: place)
    case .fork(let child):
      spaces[child] = space
      ended.remove(child)
      processes += 1
    case .exit: ended.insert(process)
    case .kernelCopy(let address, let length, let intoUser):
      checkCopy(address, length, intoUser: intoUser, at: place)
    case .map(let request, _) where request.flags.contains(.inferred): inferredMappings += 1
    default: break
    }
    let before = space
    guard space.apply(operation) else { return }
    changeMappings()
    // A call that meets a hole has changed what lies before it; any other refusal changes nothing.
    if case .protect = operation { return }
    spaceIfRefused = before
  }

  private mutating func checkCopy(
    _ address: UInt64,
    _ length: UInt64,
    intoUser: Bool,
    at place: TraceError.Location
  ) {
    var next = address
    // Mapping by mapping and not page by page, so that a huge length costs nothing.
    while next < address + length {
      if let problem = problem(next, isRead: !intoUser, isWrite: intoUser) {
        impossible(problem, at: place)
        return
      }
      guard let mapping = space.lookup(next) else { return }
      next = mapping.end
    }
  }

  private mutating func switchProcess(to number: UInt32, at place: TraceError.Location) {
    guard number != process else { return }
    spaces[process] = space
    process = number
    changeMappings()
    if let known = spaces[number] {
      space = known
    } else {
      space = MappedRanges(pageSize: pageSize)
      impossible(
        Malformed(expected: "a process that was forked", found: "process \(number)"),
        at: place
      )
    }
  }

  private mutating func changeMappings() {
    guard generation == UInt32.max else {
      generation += 1
      return
    }
    for index in readable.indices {
      readable[index] = 0
      writable[index] = 0
    }
    generation = 1
  }

  private mutating func impossible(_ problem: Malformed, at place: TraceError.Location) {
    pending = .bad(name, place, problem)
  }

  private mutating func settlePending() {
    guard let error = pending else { return }
    pending = nil
    impossibleEvents += 1
    if firstImpossibleEvent == nil { firstImpossibleEvent = error }
  }
}
