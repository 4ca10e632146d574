// SPDX-License-Identifier: Apache-2.0

import MemoryModel
public import TraceFormat

/// What became of a program that runs as a guest.
public struct GuestSummary: Equatable, Sendable {
  /// Memory slots that its monitor made.
  public var slots = 0
  /// Pages in them, counted at each slot.
  public var pages = 0
  /// Events that the guest performs.
  public var events = 0
  /// Statements about outcomes left out, because they state what was so in the recording.
  public var droppedStatements = 0
}

/// Rewrites the trace of a program as that of a virtual machine monitor whose guest does what the program did.
///
/// The monitor maps the program's private anonymous memory, untagged and for reading and writing, and gives
/// each mapping to the guest as a memory slot. What the program did there becomes what the guest does;
/// everything else stays the monitor's. "TraceSynthesis" states the rules as a whole.
public struct GuestRewriter {
  private let pageBytes: UInt64
  private let name: String
  /// Memory of the guest.
  private var given = PageSet()
  /// Memory that the program has tagged: the guest's stage 1.
  private var tagged = PageSet()
  private var slots: [(number: UInt32, pages: Range<UInt64>)] = []
  private var heap: Range<UInt64>?
  private var summary = GuestSummary()

  private init(_ reader: TraceReader) {
    pageBytes = UInt64(reader.header.pageSize.bytes)
    name = reader.name
  }

  /// Rewrites a trace to a container in memory.
  ///
  /// - Throws: where the trace cannot be read, or is one of several processes.
  /// - Returns: what was written, and what became of the program.
  public static func rewrite(
    _ reader: TraceReader,
    level: Int = 1
  ) throws(TraceError) -> (written: WrittenTrace, summary: GuestSummary) {
    var rewriter = GuestRewriter(reader)
    let writer = try TraceWriter(header: rewriter.header(of: reader.header), level: level)
    return (try rewriter.rewrite(reader, to: writer), rewriter.summary)
  }

  /// Rewrites a trace to a file; like ``rewrite(_:level:)`` otherwise.
  public static func rewrite(
    _ reader: TraceReader,
    path: String,
    level: Int
  ) throws(TraceError) -> (written: WrittenTrace, summary: GuestSummary) {
    var rewriter = GuestRewriter(reader)
    let writer = try TraceWriter(
      path: path,
      header: rewriter.header(of: reader.header),
      level: level
    )
    return (try rewriter.rewrite(reader, to: writer), rewriter.summary)
  }

  /// The header, with a note; what was mapped when recording began is the monitor's, and untagged.
  private mutating func header(of recorded: TraceHeader) -> TraceHeader {
    var header = recorded
    let note = "private anonymous memory given to a guest with MTE"
    header.note = header.note.isEmpty ? note : "\(header.note); \(note)"
    for index in header.initialMappings.indices where isGivable(header.initialMappings[index]) {
      noteMemory(header.initialMappings[index])
      header.initialMappings[index].protection = [.read, .write]
    }
    return header
  }

  private mutating func rewrite(
    _ reader: TraceReader,
    to writer: consuming TraceWriter
  ) throws(TraceError) -> WrittenTrace {
    for range in given.ranges { try give(range, clock: 0, &writer) }
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for (place, record) in batch.records.enumerated() {
        if record.kind == .operation {
          let operation = batch.operations[Int(record.page)]
          if let reason = Self.obstacle(operation) {
            throw TraceError(
              kind: .badData,
              path: name,
              location: .record(
                batch.firstRecordNumber + UInt64(place),
                byteOffset: batch.fileOffset
              ),
              expected: "a program of one process",
              found: reason
            )
          }
          try take(operation, record.clock, &writer)
        } else {
          try take(record, on: reader.pages[Int(record.page)], &writer)
        }
      }
    }
    return try writer.finish()
  }

  /// What keeps a program from being a guest, `nil` where nothing does.
  private static func obstacle(_ operation: MemoryOperation) -> String? {
    switch operation {
    case .fork: "fork"
    case .exec: "exec"
    case .process(let number) where number != 0: "process \(number)"
    case .memorySlot, .guest: "a guest"
    default: nil
    }
  }

  // MARK: Accesses

  private mutating func take(
    _ record: EventRecord,
    on page: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    let base = page * pageBytes
    guard given.contains(page) else {
      return try writer.copy(record, at: base, clock: record.clock)
    }
    switch record.kind {
    case .tagRun:
      let tags = [UInt8](repeating: record.argument, count: Int(record.count))
      let address = base + UInt64(record.detail) * UInt64(MemoryTag.granuleBytes)
      try store(tags, at: address, record.clock, &writer)
    case .access:
      let address = base + UInt64(record.detail)
      try perform(record.isWrite ? .write : .read, at: address, record.clock, &writer)
    case .touch, .operation:
      try perform(record.isWrite ? .write : .read, at: base, record.clock, &writer)
    }
  }

  /// Stores tags of one page; memory that the guest itself has not tagged is only touched.
  private mutating func store(
    _ tags: [UInt8],
    at address: UInt64,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    let isTagged = tagged.contains(address / pageBytes)
    try perform(isTagged ? .storeTags(tags) : .write, at: address, clock, &writer)
  }

  private mutating func perform(
    _ kind: GuestAccess.Kind,
    at address: UInt64,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    summary.events += 1
    try writer.operation(.guest(GuestAccess(kind, at: address)), clock: clock)
  }

  // MARK: Operations

  private mutating func take(
    _ operation: MemoryOperation,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    switch operation {
    case .map(var request, let result) where result ?? 0 >= 0:
      if let result { request.address = UInt64(result) }
      // A fixed mapping takes the place of what was there, whoever had it.
      try takeBack(pages(request.address, request.length), clock, &writer)
      guard isGivable(request) else { return try writer.operation(operation, clock: clock) }
      noteMemory(request)
      request.protection = [.read, .write]
      try writer.operation(.map(request, result: result), clock: clock)
      try give(pages(request.address, request.length), clock: clock, &writer)
    case .mapReference(let request, _, _, let result), .mapTagged(let request, _, let result):
      let address = result.map { UInt64(clamping: $0) } ?? request.address
      if result ?? 0 >= 0 { try takeBack(pages(address, request.length), clock, &writer) }
      try writer.operation(operation, clock: clock)
    case .unmap(let address, let length, let result) where result ?? 0 >= 0:
      try takeBack(pages(address, length), clock, &writer)
      try writer.operation(operation, clock: clock)
    case .protect(let address, let length, let protection, let result) where result ?? 0 >= 0:
      let range = pages(address, length)
      if protection.contains(.mte) {
        for part in given.parts(of: range) { tagged.insert(part) }
      }
      // What the program may do with its memory is between the guest and its own page tables.
      guard given.parts(of: range).isEmpty else { return }
      try writer.operation(operation, clock: clock)
    case .remap(let address, let oldLength, let newLength, _, let new, let result)
    where result ?? 0 >= 0:
      try writer.operation(operation, clock: clock)
      let old = pages(address, oldLength)
      let target = pages(result.map { UInt64($0) } ?? (new == 0 ? address : new), newLength)
      guard given.contains(old.lowerBound) else {
        return try takeBack(target, clock, &writer)
      }
      let wasTagged = tagged.contains(old.lowerBound)
      try takeBack(old, clock, &writer)
      try takeBack(target, clock, &writer)
      given.insert(target)
      if wasTagged { tagged.insert(target) }
      try give(target, clock: clock, &writer)
    case .brk(let address, let result):
      try writer.operation(operation, clock: clock)
      try moveBreak(to: result.map { UInt64($0) } ?? address, clock, &writer)
    case .kernelCopy(let address, let length, let intoUser):
      for page in pages(address, address % pageBytes + length) where given.contains(page) {
        try perform(intoUser ? .write : .read, at: page * pageBytes, clock, &writer)
      }
      guard given.parts(of: pages(address, length)).isEmpty else { return }
      try writer.operation(operation, clock: clock)
    case .tagInstruction(let instruction):
      try take(instruction, clock, &writer)
    case .expect, .tagControl, .tagCheckOverride, .peekTags, .pokeTags:
      // The guest's own tag checks, and what the program's kernel said of it, are not the host's.
      if case .expect = operation { summary.droppedStatements += 1 }
    default:
      try writer.operation(operation, clock: clock)
    }
  }

  private mutating func take(
    _ instruction: TagInstruction,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    let granule = UInt64(MemoryTag.granuleBytes)
    guard let stored = instruction.stored, stored.address % granule == 0 else { return }
    // Two granules may lie in two pages.
    let end = stored.address + stored.bytes
    for address in stride(from: stored.address, to: end, by: Int(granule))
    where given.contains(address / pageBytes) {
      try store([stored.tag.rawValue], at: address, clock, &writer)
    }
  }

  private mutating func moveBreak(
    to end: UInt64,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    guard end != 0 else { return }
    let last = (end + pageBytes - 1) / pageBytes
    guard let old = heap else {
      heap = last..<last
      return
    }
    heap = old.lowerBound..<max(old.lowerBound, last)
    if last < old.upperBound {
      try takeBack(max(last, old.lowerBound)..<old.upperBound, clock, &writer)
    }
    if last > old.upperBound {
      given.insert(old.upperBound..<last)
      try give(old.upperBound..<last, clock: clock, &writer)
    }
  }

  // MARK: Memory of the guest

  /// Whether memory can be the guest's: private and anonymous, and no stack, which grows by faults of its own.
  private func isGivable(_ request: MappingRequest) -> Bool {
    request.flags.contains(.anonymous)
      && request.flags.isDisjoint(with: [.shared, .growsDown, .stack])
  }

  private mutating func noteMemory(_ request: MappingRequest) {
    let range = pages(request.address, request.length)
    given.insert(range)
    if request.protection.contains(.mte) { tagged.insert(range) }
  }

  /// Makes a memory slot.
  private mutating func give(
    _ range: Range<UInt64>,
    clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    guard !range.isEmpty else { return }
    var number: UInt32 = 0
    for slot in slots where slot.number == number { number += 1 }
    let place = slots.firstIndex { $0.number > number } ?? slots.count
    slots.insert((number, range), at: place)
    summary.slots += 1
    summary.pages += range.count
    try writer.operation(
      .memorySlot(
        number: number,
        address: range.lowerBound * pageBytes,
        length: UInt64(range.count) * pageBytes
      ),
      clock: clock
    )
  }

  /// Deletes the slots that lie in a range as a whole; the guest loses the rest with its mapping.
  private mutating func takeBack(
    _ range: Range<UInt64>,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    given.remove(range)
    tagged.remove(range)
    for slot in slots where slot.pages.clamped(to: range) == slot.pages {
      try writer.operation(
        .memorySlot(number: slot.number, address: 0, length: 0),
        clock: clock
      )
    }
    slots.removeAll { $0.pages.clamped(to: range) == $0.pages }
  }

  /// The pages that an address and a length cover.
  private func pages(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    PageSet.pages(address, length, pageBytes: pageBytes)
  }
}
