// SPDX-License-Identifier: Apache-2.0

import MemoryModel
public import TraceFormat

/// Rewrites a recorded trace as if the program's allocator had initialised its heap.
///
/// What the program did is left as it was; added is what the allocator would have done: stores that
/// write a pattern, or calls that map memory from a reference page. "TraceSynthesis" states the rules by
/// which memory counts as heap.
public struct HeapRewriter {
  private let model: HeapModel
  private let pageSize: PageSize
  /// The process that events belong to.
  private var space: HeapSpace
  private var current: UInt32 = 0
  /// The other processes.
  private var others: [UInt32: HeapSpace] = [:]
  /// The clock of the last event in the recording.
  private var clock: UInt64 = 0
  /// Accesses that were added so far.
  private var added: UInt64 = 0
  private var summary = HeapRewriteSummary()

  private init(_ model: HeapModel, _ header: TraceHeader) {
    self.model = model
    pageSize = header.pageSize
    space = HeapSpace(pageSize: header.pageSize)
    for mapping in header.initialMappings { space.addInitial(mapping) }
  }

  /// Rewrites a trace from its first event to its last.
  ///
  /// - Throws: where the trace cannot be read or the new one not be written; nothing is left of that then.
  /// - Returns: what was written, and what it has that the recording has not.
  public static func rewrite(
    _ reader: TraceReader,
    as model: HeapModel,
    to path: String,
    level: Int
  ) throws(TraceError) -> (written: WrittenTrace, summary: HeapRewriteSummary) {
    var header = reader.header
    let note = "heap initialised by \(model.method.rawValue)"
    header.note = header.note.isEmpty ? note : "\(header.note); \(note)"
    var rewriter = HeapRewriter(model, header)
    var writer = try TraceWriter(path: path, header: header, level: level)
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for record in batch.records {
        if record.kind == .operation {
          try rewriter.take(batch.operations[Int(record.page)], record.clock, &writer)
        } else {
          try rewriter.take(record, page: reader.pages[Int(record.page)], &writer)
        }
      }
    }
    return (try writer.finish(), rewriter.summary)
  }

  // MARK: Events

  /// Copies a touch, access or tag store, behind the initialisation of its page where that is due.
  private mutating func take(
    _ record: EventRecord,
    page: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    try prepare(page..<page + 1, &writer)
    clock = record.clock
    try writer.copy(record, at: page * UInt64(pageSize.bytes), clock: clock + added)
  }

  private mutating func take(
    _ operation: MemoryOperation,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    // What goes before the operation has the clock of the event before.
    defer { self.clock = clock }
    switch operation {
    case .map(let request, let result):
      try takeMap(request, result, clock, &writer)
    case .brk(let address, let result):
      try takeBreak(address, result, clock, &writer)
    case .expect, .expectTags, .tagSnapshot:
      guard !isDropped(operation) else {
        summary.droppedStatements += 1
        return
      }
      try writer.operation(operation, clock: clock + added)
    case .kernelCopy(let address, let length, _):
      try prepare(space.pages(address, length + address % space.pageBytes), &writer)
      try writer.operation(operation, clock: clock + added)
    case .tagInstruction(let instruction):
      if let stored = instruction.stored {
        let offset = stored.address % space.pageBytes
        try prepare(space.pages(stored.address, stored.bytes + offset), &writer)
      } else if instruction.opcode == .ldg {
        try prepare(space.pages(instruction.pointer, 1), &writer)
      }
      try writer.operation(operation, clock: clock + added)
    case .peekTags(let address, _), .pokeTags(let address, _):
      try prepare(space.pages(address, 1), &writer)
      try writer.operation(operation, clock: clock + added)
    case .guest(let access):
      try prepare(space.pages(access.address, 1), &writer)
      try writer.operation(operation, clock: clock + added)
    case .process(let number):
      others[current] = space
      space = others[number] ?? HeapSpace(pageSize: pageSize)
      current = number
      try writer.operation(operation, clock: clock + added)
    case .fork(let child):
      others[child] = space
      try writer.operation(operation, clock: clock + added)
    default:
      try writer.operation(operation, clock: clock + added)
      try follow(operation, clock, &writer)
    }
  }

  /// Follows a call that was copied, and initialises what it made writable.
  private mutating func follow(
    _ operation: MemoryOperation,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    switch operation {
    case .unmap(let address, let length, let result) where result ?? 0 >= 0:
      space.removeHeap(space.pages(address, length))
      _ = space.mapped.apply(operation)
    case .protect(let address, let length, _, let result) where result ?? 0 >= 0:
      _ = space.mapped.apply(operation)
      try writeAll(space.pages(address, length), clock, &writer)
    case .advise(let address, let length, let advice, let result) where result ?? 0 >= 0:
      guard advice == .dontNeed || advice == .free else { return }
      space.forget(space.pages(address, length))
    case .remap(let address, let oldLength, let newLength, _, let newAddress, let result)
    where result ?? 0 >= 0:
      _ = space.mapped.apply(operation)
      let target = result.map { UInt64($0) } ?? (newAddress == 0 ? address : newAddress)
      let destination = space.pages(target, newLength)
      space.move(space.pages(address, oldLength), to: destination)
      try writeAll(destination, clock, &writer)
    case .exec:
      space.startAnew(pageSize: pageSize)
    default:
      break
    }
  }

  /// Whether a statement of the recording need not hold any more: what an access led to, which depends on
  /// what lay there before, and tags where untouched memory has another one.
  ///
  /// What explains a signal or a refused call stays.
  private func isDropped(_ operation: MemoryOperation) -> Bool {
    switch operation {
    case .expect(.outcome(let outcome)):
      outcome.isDisjoint(with: Self.explained) && outcome.errorNumber == nil
    case .expect(.value), .expectTags, .tagSnapshot: model.tag != nil
    default: false
    }
  }

  private static let explained: Outcome = [
    .unmapped, .protected, .tagCheckFault, .asyncTagFault, .misaligned, .undefined,
  ]

  // MARK: New memory

  private mutating func takeMap(
    _ request: MappingRequest,
    _ result: Int64?,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    let operation = MemoryOperation.map(request, result: result)
    let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
    let address = isFixed ? request.address : result.map { UInt64($0) } ?? request.address
    let range = space.pages(address, request.length)
    // Without an address nobody knows where the memory will lie.
    guard result ?? 0 >= 0, address != 0,
      model.isHeap(request, isInsideHeap: isFixed && space.heap.contains(range))
    else {
      try writer.operation(operation, clock: clock + added)
      if result ?? 0 >= 0, address != 0 { space.removeHeap(range) }
      _ = space.mapped.apply(operation)
      return
    }
    if model.method.isByProgram {
      try writer.operation(operation, clock: clock + added)
    } else {
      let descriptor = try reference(at: address, clock, &writer)
      try writer.operation(
        .mapReference(request, descriptor: descriptor, offset: address, result: result),
        clock: clock + added
      )
    }
    _ = space.mapped.apply(operation)
    try addHeap(range, clock, &writer)
  }

  /// Memory that `brk` gives or takes.
  ///
  /// A heap from a reference page is mapped over what `brk` gives, and plain memory over what it takes,
  /// since it takes nothing else.
  private mutating func takeBreak(
    _ address: UInt64,
    _ result: Int64?,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    let operation = MemoryOperation.brk(address: address, result: result)
    let end = result.map { UInt64(bitPattern: $0) } ?? address
    let pages = (
      old: space.roundedUp(space.breakEnd ?? end), new: space.roundedUp(end)
    )
    let isMove = space.breakEnd != nil && end != 0
    if isMove, pages.new < pages.old {
      if !model.method.isByProgram {
        for part in space.heap.parts(of: pages.new..<pages.old) {
          let plain = plainMemory(part)
          try writer.operation(
            .map(plain, result: Int64(plain.address)),
            clock: clock + added
          )
        }
      }
      space.removeHeap(pages.new..<pages.old)
    }
    try writer.operation(operation, clock: clock + added)
    _ = space.mapped.apply(operation)
    if end != 0 { space.setBreak(end) }
    guard isMove, pages.new > pages.old else { return }
    let range = pages.old..<pages.new
    if !model.method.isByProgram {
      let descriptor = try reference(at: range.lowerBound * space.pageBytes, clock, &writer)
      let request = plainMemory(range)
      try writer.operation(
        .mapReference(
          request,
          descriptor: descriptor,
          offset: request.address,
          result: Int64(request.address)
        ),
        clock: clock + added
      )
    }
    try addHeap(range, clock, &writer)
  }

  private func plainMemory(_ range: Range<UInt64>) -> MappingRequest {
    MappingRequest(
      address: range.lowerBound * UInt64(pageSize.bytes),
      length: UInt64(range.count * pageSize.bytes),
      protection: [.read, .write],
      flags: [.anonymous, .fixed]
    )
  }

  private mutating func addHeap(
    _ range: Range<UInt64>,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    summary.heapMappings += 1
    summary.heapPages += range.count
    space.addHeap(range)
    try writeAll(range, clock, &writer)
  }

  /// The descriptor of the process's reference page, made where the first heap is going to be: the content
  /// is written to a page there, which is given back at once.
  private mutating func reference(
    at address: UInt64,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) -> UInt32 {
    if let known = space.descriptor { return known }
    let number: UInt32 = 3
    let page = address / space.pageBytes
    var request = plainMemory(page..<page + 1)
    if model.tag != nil { request.protection.insert(.mte) }
    try writer.operation(
      .map(request, result: Int64(request.address)),
      clock: clock + added
    )
    added += 1
    try writer.touch(request.address, reads: 0, writes: 1, clock: clock + added)
    if let tag = model.tag {
      try writer.tagRun(address: request.address, granules: 1, tag: tag, clock: clock + added)
    }
    try writer.operation(
      .createReference(model.reference(at: request.address), result: Int64(number)),
      clock: clock + added
    )
    try writer.operation(
      .unmap(address: request.address, length: request.length, result: 0),
      clock: clock + added
    )
    summary.referencePages += 1
    space.descriptor = number
    return number
  }

  // MARK: Initialisation by the program

  /// Initialises all of a range that is due, for an allocator that does so at once.
  private mutating func writeAll(
    _ range: Range<UInt64>,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    guard model.method == .memset else { return }
    try write(range, clock: clock, &writer)
  }

  /// Initialises pages that are about to be used.
  private mutating func prepare(
    _ range: Range<UInt64>,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    guard model.method.isByProgram else { return }
    try write(range, clock: clock, &writer)
  }

  private mutating func write(
    _ range: Range<UInt64>,
    clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    for page in space.uninitialized(in: range) {
      let address = page * space.pageBytes
      let accesses = UInt64(pageSize.bytes / HeapModel.bytesPerAccess)
      added += accesses
      try writer.touch(address, reads: 0, writes: accesses, clock: clock + added)
      if let tag = model.tag, space.mapped.lookup(address)?.protection.contains(.mte) ?? false {
        try writer.tagRun(
          address: address,
          granules: UInt64(pageSize.granules),
          tag: tag,
          clock: clock + added
        )
      }
      space.markInitialized(page..<page + 1)
      summary.writtenPages += 1
    }
  }
}
