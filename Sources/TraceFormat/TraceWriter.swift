// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What a writer wrote.
public struct WrittenTrace: Sendable {
  /// The container's bytes, for a writer to memory; empty for a writer to a file.
  public let bytes: [UInt8]
  /// The container's length in bytes.
  public let byteCount: UInt64
  /// The container's digest: 32 hexadecimal digits.
  public let digest: String
  /// What the trace adds up to.
  public let totals: TraceTotals
}

/// Writes a trace container, event by event, to memory or to a file.
///
/// Events name virtual addresses; the writer ignores their top byte, splits what crosses a page end
/// and numbers pages in the order of their first appearance. A file gets its name only in
/// `finish()`; a writer that is dropped before leaves nothing behind.
///
/// Clocks must not decrease; all processes of a trace share one clock.
public struct TraceWriter: ~Copyable {
  private let pageSize: PageSize
  private let level: Int32
  private var encoder: BlockEncoder
  private var hash = StreamingHash()
  private var file: OutputFile?
  private var memory: [UInt8] = []
  private var offset: UInt64 = 0
  private var entries: [BlockEntry] = []
  private var recordsBefore: UInt64 = 0
  private var identifiers: [UInt64: PageIdentifier] = [:]
  private var pages: [UInt64] = []
  private var lastPage: (number: UInt64, identifier: PageIdentifier)?
  private var clock: UInt64 = 0
  private var totals = TraceTotals()

  /// Creates a writer to memory.
  ///
  /// - Precondition: `level` is 1 to 22, and the header's strings are below 64 KiB each.
  public init(header: TraceHeader, level: Int = 3) throws(TraceError) {
    try self.init(header: header, level: level, file: nil)
  }

  /// Creates a writer to a file.
  ///
  /// - Precondition: `level` is 1 to 22, and the header's strings are below 64 KiB each.
  /// - Throws: where the file cannot be created or written.
  public init(path: String, header: TraceHeader, level: Int = 3) throws(TraceError) {
    try self.init(header: header, level: level, file: try OutputFile(path: path))
  }

  private init(header: TraceHeader, level: Int, file: consuming OutputFile?) throws(TraceError) {
    precondition(level >= 1 && level <= 22, "compression level \(level) is not in 1...22")
    pageSize = header.pageSize
    self.level = Int32(level)
    self.file = file
    encoder = BlockEncoder(pageSize: header.pageSize)
    try write(header.encoded())
  }

  /// Records of the trace so far.
  public var recordCount: UInt64 { recordsBefore + UInt64(encoder.count) }

  /// Adds a touch of the page at `address`; counts above 65,535 are saturated.
  ///
  /// - Precondition: at least one access.
  public mutating func touch(
    _ address: UInt64,
    reads: UInt64,
    writes: UInt64,
    clock: UInt64
  ) throws(TraceError) {
    precondition(reads > 0 || writes > 0, "a touch without an access")
    let record = EventRecord.touch(
      identifier(address),
      reads: UInt16(min(reads, 0xffff)),
      writes: UInt16(min(writes, 0xffff)),
      clock: clock
    )
    try append(record)
  }

  /// Adds an exact access of `size` bytes, one record for each page.
  ///
  /// - Precondition: `size` is at least 1, and the access ends below 2^56.
  public mutating func access(
    address: UInt64,
    size: UInt64,
    isWrite: Bool,
    pointerTag: MemoryTag?,
    clock: UInt64
  ) throws(TraceError) {
    precondition(size > 0, "an access of no bytes")
    var argument: UInt8 = isWrite ? EventRecord.accessIsWrite : 0
    if let pointerTag { argument |= EventRecord.accessHasTag | pointerTag.rawValue }
    var start = VirtualPageNumber.untagged(address)
    precondition(
      size <= 1 << 56 - start,
      "an access of \(size) bytes at \(start) leaves user space"
    )
    var left = size
    while left > 0 {
      let offset = start & UInt64(pageSize.bytes - 1)
      // A record's count has 16 bits, which a whole 64 KiB page would overflow by one.
      let piece = min(left, UInt64(pageSize.bytes) - offset, 0xffff)
      let record = EventRecord(
        kind: .access,
        page: identifier(start),
        detail: UInt16(offset),
        argument: argument,
        count: UInt16(piece),
        clock: clock
      )
      try append(record)
      start += piece
      left -= piece
    }
  }

  /// Adds a store of `tag` to consecutive granules, one record for each page.
  ///
  /// - Precondition: `address` is a multiple of 16, `granules` at least 1, and the run ends below
  ///   2^56.
  public mutating func tagRun(
    address: UInt64,
    granules: UInt64,
    tag: MemoryTag,
    clock: UInt64
  ) throws(TraceError) {
    let granuleBytes = UInt64(MemoryTag.granuleBytes)
    let first = VirtualPageNumber.untagged(address)
    precondition(first.isMultiple(of: granuleBytes), "a tag run at \(address), inside a granule")
    precondition(granules > 0, "a tag run of no granules")
    var granule = first / granuleBytes
    precondition(
      granules <= 1 << 52 - granule,
      "a tag run of \(granules) granules leaves user space"
    )
    var left = granules
    while left > 0 {
      let inPage = granule % UInt64(pageSize.granules)
      let piece = min(left, UInt64(pageSize.granules) - inPage)
      let record = EventRecord(
        kind: .tagRun,
        page: identifier(granule * granuleBytes),
        detail: UInt16(inPage),
        argument: tag.rawValue,
        count: UInt16(piece),
        clock: clock
      )
      try append(record)
      granule += piece
      left -= piece
    }
  }

  /// Adds a touch, an access or a tag store as another trace has it, to the page at `address`.
  ///
  /// - Precondition: the record is of no operation.
  public mutating func copy(
    _ record: EventRecord,
    at address: UInt64,
    clock: UInt64
  ) throws(TraceError) {
    precondition(record.kind != .operation, "an operation is more than its record")
    try append(
      EventRecord(
        kind: record.kind,
        page: identifier(address),
        detail: record.detail,
        argument: record.argument,
        count: record.count,
        clock: clock
      )
    )
  }

  /// Adds an operation.
  ///
  /// - Precondition: addresses are below 2^56; a kernel copy has at least one byte; a snapshot has
  ///   `PageSize.tagBytes` bytes; a mark has less than 64 KiB; expected tags stay within their page.
  public mutating func operation(_ operation: MemoryOperation, clock: UInt64) throws(TraceError) {
    if let problem = operation.problem(pageSize: pageSize) {
      preconditionFailure("expected \(problem.expected), found \(problem.found) in \(operation)")
    }
    if case .tagSnapshot = operation { totals.tagSnapshots += 1 }
    try makeRoom(clock)
    encoder.append(operation, clock: clock)
    totals.count(EventRecord(kind: .operation, page: 0, clock: clock))
  }

  private mutating func append(_ record: EventRecord) throws(TraceError) {
    try makeRoom(record.clock)
    encoder.append(record)
    totals.count(record)
  }

  private mutating func makeRoom(_ clock: UInt64) throws(TraceError) {
    precondition(clock >= self.clock, "clock \(clock) after clock \(self.clock)")
    precondition(clock <= EventRecord.largestClock, "clock \(clock) is not below 2^48")
    self.clock = clock
    if encoder.isFull { try writeBlock() }
  }

  private mutating func identifier(_ address: UInt64) -> PageIdentifier {
    let number = VirtualPageNumber(address: address, pageSize: pageSize).rawValue
    if let last = lastPage, last.number == number { return last.identifier }
    let identifier: PageIdentifier
    if let known = identifiers[number] {
      identifier = known
    } else {
      identifier = PageIdentifier(pages.count)
      identifiers[number] = identifier
      pages.append(number)
    }
    lastPage = (number, identifier)
    return identifier
  }

  private mutating func writeBlock() throws(TraceError) {
    guard encoder.count > 0 else { return }
    entries.append(
      BlockEntry(offset: offset, firstRecord: recordsBefore, firstClock: encoder.firstClock)
    )
    recordsBefore += UInt64(encoder.count)
    try write(encoder.finish(level: level))
  }

  private mutating func write(_ bytes: [UInt8]) throws(TraceError) {
    hash.update(bytes)
    try writeUndigested(bytes)
  }

  private mutating func writeUndigested(_ bytes: [UInt8]) throws(TraceError) {
    offset += UInt64(bytes.count)
    if file == nil {
      memory.append(contentsOf: bytes)
    } else {
      try file?.write(bytes)
    }
  }

  /// Writes the page dictionary, the index, the totals and the trailer, and names the file.
  ///
  /// - Throws: where the file cannot be written; nothing is left of it then.
  public consuming func finish() throws(TraceError) -> WrittenTrace {
    try writeBlock()
    totals.pages = UInt64(pages.count)
    var trailer: [UInt8] = []
    trailer.append(littleEndian: offset)
    try write(encodedDictionary(pages))
    trailer.append(littleEndian: offset)
    try write(encodedIndex(entries))
    trailer.append(littleEndian: offset)
    try write(totals.encoded())
    trailer.append(littleEndian: UInt64(entries.count))
    trailer.append(littleEndian: UInt64(pages.count))
    trailer.append(littleEndian: recordsBefore)
    try write(trailer)
    let digest = hash.digest()
    try writeUndigested(digest + ContainerLayout.endMagic)
    let written = WrittenTrace(
      bytes: memory,
      byteCount: offset,
      digest: hexadecimal(digest),
      totals: totals
    )
    try file.take()?.finish()
    return written
  }
}

/// Two hexadecimal digits for each byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
