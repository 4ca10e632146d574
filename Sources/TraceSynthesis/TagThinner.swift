// SPDX-License-Identifier: Apache-2.0

import MemoryModel
public import TraceFormat

/// Which part of a trace's tagged memory stays tagged.
public struct TagShare: Equatable, Sendable {
  /// Hundredths of a percent of the chunks, 0 to ``all``.
  public var hundredthsOfPercent: UInt64
  /// Decides which chunks.
  public var seed: UInt64
  /// Pages of a chunk, at least 1; chunks begin at multiples of their size.
  public var chunkPages: UInt64

  /// All of it.
  public static let all: UInt64 = 10_000

  /// Creates a share, of chunks of 16 pages unless said otherwise.
  public init(hundredthsOfPercent: UInt64, seed: UInt64 = 1, chunkPages: UInt64 = 16) {
    precondition(hundredthsOfPercent <= Self.all, "\(hundredthsOfPercent) hundredths of a percent")
    precondition(chunkPages > 0, "chunks of no page")
    self.hundredthsOfPercent = hundredthsOfPercent
    self.seed = seed
    self.chunkPages = chunkPages
  }

  /// Whether a page stays tagged.
  ///
  /// What stays at some share also stays at any larger one.
  public func keeps(page: UInt64) -> Bool {
    let part = scrambled(page / chunkPages ^ scrambled(seed)) >> 32
    return (part * Self.all) >> 32 < hundredthsOfPercent
  }

  /// A bijection that spreads neighbouring words over all words: the output function of SplitMix64.
  private func scrambled(_ word: UInt64) -> UInt64 {
    // Wrapping is what the function is made of.
    var mixed = word &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

/// What a thinned trace has that the recorded one has not, and the other way round.
public struct TagThinningSummary: Equatable, Sendable {
  /// Pages that were mapped or protected as tagged, counted at each call.
  public var taggedPages = 0
  /// Of these, pages that stay tagged.
  public var keptPages = 0
  /// Expectations and snapshots left out, because they state what was so in the recording.
  public var droppedStatements = 0
}

/// Rewrites a trace so that only a part of its tagged memory is tagged.
///
/// Memory is mapped without `PROT_MTE`, and what stays tagged gets it by `mprotect`; the program does the
/// same besides. Its tag stores to the rest have no effect, as on hardware. "TraceSynthesis" states what
/// is chosen as a whole.
public struct TagThinner {
  private let share: TagShare
  private let pageBytes: UInt64
  /// Addresses that `mremap` takes mappings from or moves them to: it works on one VMA, so that what lies
  /// there must not be divided.
  private var moved = PageSet()
  private var summary = TagThinningSummary()

  private init(_ share: TagShare, pageSize: PageSize) {
    self.share = share
    pageBytes = UInt64(pageSize.bytes)
  }

  /// Thins a trace to a container in memory.
  ///
  /// `open` opens the trace, which is read twice.
  ///
  /// - Throws: where the trace cannot be read.
  /// - Returns: what was written, and what became of its tags.
  public static func thin(
    to share: TagShare,
    level: Int = 1,
    _ open: () throws(TraceError) -> TraceReader
  ) throws(TraceError) -> (written: WrittenTrace, summary: TagThinningSummary) {
    var thinner = try prepared(share, try open())
    let reader = try open()
    let writer = try TraceWriter(header: thinner.header(of: reader.header), level: level)
    return (try thinner.rewrite(reader, to: writer), thinner.summary)
  }

  /// Thins a trace to a file; like ``thin(to:level:_:)`` otherwise.
  public static func thin(
    to share: TagShare,
    path: String,
    level: Int,
    _ open: () throws(TraceError) -> TraceReader
  ) throws(TraceError) -> (written: WrittenTrace, summary: TagThinningSummary) {
    var thinner = try prepared(share, try open())
    let reader = try open()
    let writer = try TraceWriter(
      path: path,
      header: thinner.header(of: reader.header),
      level: level
    )
    return (try thinner.rewrite(reader, to: writer), thinner.summary)
  }

  /// A thinner that knows what is moved in the whole trace.
  private static func prepared(
    _ share: TagShare,
    _ reader: TraceReader
  ) throws(TraceError) -> TagThinner {
    var thinner = TagThinner(share, pageSize: reader.header.pageSize)
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for operation in batch.operations {
        guard
          case .remap(let address, let oldLength, let newLength, _, let new, let result) = operation,
          result ?? 0 >= 0
        else { continue }
        thinner.moved.insert(thinner.pages(address, oldLength))
        let target = result.map { UInt64($0) } ?? (new == 0 ? address : new)
        thinner.moved.insert(thinner.pages(target, newLength))
      }
    }
    return thinner
  }

  private mutating func rewrite(
    _ reader: TraceReader,
    to writer: consuming TraceWriter
  ) throws(TraceError) -> WrittenTrace {
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for record in batch.records {
        if record.kind == .operation {
          try take(batch.operations[Int(record.page)], record.clock, &writer)
        } else {
          let base = reader.pages[Int(record.page)] * pageBytes
          try writer.copy(record, at: base, clock: record.clock)
        }
      }
    }
    return try writer.finish()
  }

  /// The header, with a note, and with initial mappings that are tagged as a whole or not at all.
  private mutating func header(of recorded: TraceHeader) -> TraceHeader {
    var header = recorded
    let percent = share.hundredthsOfPercent
    let note = "\(percent / 100).\(percent / 10 % 10)\(percent % 10) % of tagged memory left tagged"
    header.note = header.note.isEmpty ? note : "\(header.note); \(note)"
    for index in header.initialMappings.indices
    where header.initialMappings[index].protection.contains(.mte) {
      let mapping = header.initialMappings[index]
      let range = pages(mapping.address, mapping.length)
      let kept = share.keeps(page: range.lowerBound) ? [range] : []
      if kept.isEmpty { header.initialMappings[index].protection.remove(.mte) }
      count(range, kept)
    }
    return header
  }

  private mutating func take(
    _ operation: MemoryOperation,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    switch operation {
    case .map(var request, let result) where request.protection.contains(.mte) && result ?? 0 >= 0:
      let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
      let address = result.map { UInt64($0) } ?? (isFixed ? request.address : nil)
      let range = pages(address ?? request.address, request.length)
      // Without an address nobody knows where the memory will lie.
      let kept = address == nil ? wholeIfKept(range) : kept(of: range)
      count(range, kept)
      guard kept != [range] else { return try writer.operation(operation, clock: clock) }
      let protection = request.protection
      request.protection.remove(.mte)
      try writer.operation(.map(request, result: result), clock: clock)
      try protect(kept, protection, clock, &writer)
    case .protect(let address, let length, let protection, let result)
    where protection.contains(.mte) && result ?? 0 >= 0:
      let range = pages(address, length)
      let kept = kept(of: range)
      count(range, kept)
      guard kept != [range] else { return try writer.operation(operation, clock: clock) }
      try writer.operation(
        .protect(
          address: address,
          length: length,
          protection: protection.subtracting(.mte),
          result: result
        ),
        clock: clock
      )
      try protect(kept, protection, clock, &writer)
    case .tagSnapshot, .expectTags, .expect:
      guard share.hundredthsOfPercent == TagShare.all || explains(operation) else {
        summary.droppedStatements += 1
        return
      }
      try writer.operation(operation, clock: clock)
    default:
      try writer.operation(operation, clock: clock)
    }
  }

  private func protect(
    _ kept: [Range<UInt64>],
    _ protection: Protection,
    _ clock: UInt64,
    _ writer: inout TraceWriter
  ) throws(TraceError) {
    for range in kept {
      try writer.operation(
        .protect(
          address: range.lowerBound * pageBytes,
          length: UInt64(range.count) * pageBytes,
          protection: protection,
          result: 0
        ),
        clock: clock
      )
    }
  }

  /// Whether a statement explains a signal or a refused call that has nothing to do with tags.
  private func explains(_ operation: MemoryOperation) -> Bool {
    guard case .expect(.outcome(let outcome)) = operation else { return false }
    return outcome.errorNumber != nil || !outcome.isDisjoint(with: [.unmapped, .protected])
  }

  // MARK: What stays

  /// The parts of a range that stay tagged, in order; none of them touch.
  private func kept(of range: Range<UInt64>) -> [Range<UInt64>] {
    guard moved.parts(of: range).isEmpty else { return wholeIfKept(range) }
    var kept: [Range<UInt64>] = []
    var page = range.lowerBound
    while page < range.upperBound {
      let end = min(range.upperBound, (page / share.chunkPages + 1) * share.chunkPages)
      if share.keeps(page: page) {
        if let last = kept.last, last.upperBound == page {
          kept[kept.count - 1] = last.lowerBound..<end
        } else {
          kept.append(page..<end)
        }
      }
      page = end
    }
    return kept
  }

  private func wholeIfKept(_ range: Range<UInt64>) -> [Range<UInt64>] {
    share.keeps(page: range.lowerBound) ? [range] : []
  }

  private mutating func count(_ range: Range<UInt64>, _ kept: [Range<UInt64>]) {
    summary.taggedPages += range.count
    summary.keptPages += kept.reduce(0) { $0 + $1.count }
  }

  /// The pages that an address and a length cover.
  private func pages(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    PageSet.pages(address, length, pageBytes: pageBytes)
  }
}
