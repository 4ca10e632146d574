// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Reads a trace, one batch of events at a time.
///
/// Opening checks everything but the contents of the blocks: the digest of the whole file, the
/// header, the page dictionary, the index and the totals. Blocks are checked as they are read. The
/// memory used does not depend on the number of records.
///
/// A class, because it owns an open file and the position in it: two holders of a reader must see
/// the same position, and a copy would not.
public final class TraceReader {
  /// The trace's name: the path as given.
  public let name: String
  /// What the trace says about its recording.
  public let header: TraceHeader
  /// The virtual page number of each page identifier.
  public let pages: [UInt64]
  /// What the trace adds up to.
  public let totals: TraceTotals
  /// The digest of the whole container: 32 hexadecimal digits.
  public let digest: String
  /// The container's length in bytes.
  public let byteCount: UInt64
  /// The number of blocks.
  public var blockCount: Int { entries.count }

  private let source: TraceSource
  private let entries: [BlockEntry]
  private let blocksEnd: UInt64
  private var decoder: BlockDecoder
  private var block: [UInt8] = []
  /// Index of the block to load next.
  private var nextBlock = 0
  private var nextRecord: UInt64 = 0

  /// Opens a container.
  ///
  /// - Throws: where the file is missing, unreadable or not a valid container.
  /// - Complexity: O(*n*), where *n* is the length of the file.
  public convenience init(path: String) throws(TraceError) {
    try self.init(source: .file(try InputFile(path: path)), name: path)
  }

  /// Opens a container in memory.
  ///
  /// - Throws: where `bytes` are not a valid container.
  public convenience init(bytes: [UInt8], name: String) throws(TraceError) {
    try self.init(source: .memory(bytes), name: name)
  }

  private init(source: consuming TraceSource, name: String) throws(TraceError) {
    let opened = try OpenedContainer(source, name: name)
    self.source = source
    self.name = name
    header = opened.header
    pages = opened.pages
    totals = opened.totals
    digest = opened.digest
    byteCount = opened.byteCount
    entries = opened.entries
    blocksEnd = opened.blocksEnd
    decoder = BlockDecoder(
      pageSize: opened.header.pageSize,
      pageCount: UInt64(opened.pages.count)
    )
  }

  /// Opens a trace in either form: a file that starts with the magic is a container, any other is
  /// text, from which a container is built in memory.
  ///
  /// - Throws: where the file is missing, unreadable, or valid in neither form.
  /// - Complexity: O(*n*), where *n* is the length of the file.
  public static func open(path: String) throws(TraceError) -> TraceReader {
    if try isContainer(path: path) { return try TraceReader(path: path) }
    let built = try TextTrace.container(text: try readWhole(path: path), name: path)
    return try TraceReader(bytes: built.bytes, name: path)
  }

  /// Whether the file starts with the magic of a container.
  ///
  /// - Throws: where the file is missing or unreadable.
  public static func isContainer(path: String) throws(TraceError) -> Bool {
    let file = try InputFile(path: path)
    var start: [UInt8] = []
    let count = min(file.byteCount, UInt64(ContainerLayout.magic.count))
    try file.read(Int(count), at: 0, into: &start, path: path)
    return start == ContainerLayout.magic
  }

  /// The bytes of a text file.
  ///
  /// - Throws: where the file is missing, unreadable, or larger than 256 MiB, which no text trace
  ///   is, but which some other file given by mistake may well be.
  public static func readWhole(path: String) throws(TraceError) -> [UInt8] {
    let file = try InputFile(path: path)
    guard file.byteCount <= 1 << 28 else {
      throw .bad(
        path,
        .wholeFile,
        expected: "a trace container, or text of at most 256 MiB",
        found: "\(file.byteCount) other bytes"
      )
    }
    var bytes: [UInt8] = []
    try file.read(Int(file.byteCount), at: 0, into: &bytes, path: path)
    return bytes
  }

  /// Replaces the contents of `batch` by the next events, at most 16,384.
  ///
  /// - Returns: `false` at the end of the trace; `batch` is empty then.
  /// - Throws: at a block or record that is not valid, named in the error; `batch` holds the records
  ///   before it, and the reader must be rewound before it is used again.
  /// - Complexity: O(*n*), where *n* is the number of records of the batch; every 16th batch costs
  ///   the decompression of a block as well.
  public func next(into batch: inout EventBatch) throws(TraceError) -> Bool {
    batch.removeAll()
    if decoder.remaining == 0 {
      guard nextBlock < entries.count else {
        batch.firstRecordNumber = nextRecord
        batch.fileOffset = blocksEnd
        return false
      }
      try loadBlock()
    }
    batch.firstRecordNumber = nextRecord
    batch.fileOffset = entries[nextBlock - 1].offset
    do throws(Malformed) {
      try decoder.next(into: &batch)
    } catch {
      let record = nextRecord + UInt64(batch.records.count)
      decoder.clear()
      throw .bad(name, .record(record, byteOffset: batch.fileOffset), error)
    }
    nextRecord += UInt64(batch.records.count)
    if decoder.remaining == 0 { try checkEndOfBlock() }
    return true
  }

  /// Returns to the first event.
  public func rewind() {
    nextBlock = 0
    nextRecord = 0
    decoder.clear()
  }

  /// Moves to the batch that starts with the record of this number, counted from 0.
  ///
  /// A number at or beyond the end of the trace moves to the end.
  ///
  /// - Throws: where the block that holds the record is not valid.
  /// - Complexity: O(log *b* + *r*), where *b* is the number of blocks and *r* the number of records
  ///   of one block.
  public func seek(toRecord record: UInt64) throws(TraceError) {
    rewind()
    guard record < totals.records else {
      nextBlock = entries.count
      nextRecord = totals.records
      return
    }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].firstRecord <= record { low = middle + 1 } else { high = middle }
    }
    nextBlock = low - 1
    nextRecord = entries[low - 1].firstRecord
    if record == nextRecord { return }
    try loadBlock()
    var skipped = EventBatch()
    while nextRecord < record {
      skipped.removeAll()
      let wanted = min(record - nextRecord, UInt64(ContainerLayout.largestBatchRecords))
      do throws(Malformed) {
        try decoder.next(into: &skipped, atMost: Int(wanted))
      } catch {
        let offset = entries[nextBlock - 1].offset
        let number = nextRecord + UInt64(skipped.records.count)
        decoder.clear()
        throw .bad(name, .record(number, byteOffset: offset), error)
      }
      nextRecord += UInt64(skipped.records.count)
    }
  }

  /// Reads, checks and decompresses the next block.
  private func loadBlock() throws(TraceError) {
    let entry = entries[nextBlock]
    let next = nextBlock + 1
    let end = next < entries.count ? entries[next].offset : blocksEnd
    let lastRecord = next < entries.count ? entries[next].firstRecord : totals.records
    let place = TraceError.Location.record(entry.firstRecord, byteOffset: entry.offset)
    let largest =
      ContainerLayout.blockHeaderBytes
      + ContainerLayout.columns * ContainerLayout.largestPacked(ContainerLayout.largestColumnBytes)
    guard end - entry.offset <= UInt64(largest) else {
      throw .bad(
        name,
        place,
        expected: "a block of at most \(largest) bytes",
        found: "\(end - entry.offset)"
      )
    }
    try source.read(Int(end - entry.offset), at: entry.offset, into: &block, name: name)
    do throws(Malformed) {
      try decoder.load(block, firstClock: entry.firstClock)
    } catch {
      throw .bad(name, place, error)
    }
    guard UInt64(decoder.remaining) == lastRecord - entry.firstRecord else {
      let found = decoder.remaining
      decoder.clear()
      throw .bad(
        name,
        place,
        expected: "\(lastRecord - entry.firstRecord) records in the block",
        found: "\(found)"
      )
    }
    nextBlock = next
  }

  /// Compares the clock at the end of a block with what follows.
  private func checkEndOfBlock() throws(TraceError) {
    let isLast = nextBlock == entries.count
    let limit = isLast ? totals.accesses : entries[nextBlock].firstClock
    let clock = decoder.lastClock
    guard isLast ? clock == limit : clock <= limit else {
      throw .bad(
        name,
        .record(nextRecord - 1, byteOffset: entries[nextBlock - 1].offset),
        expected: isLast ? "the last clock to be \(limit)" : "a clock up to \(limit)",
        found: "\(clock)"
      )
    }
  }
}
