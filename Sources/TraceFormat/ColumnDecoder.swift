// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Decodes the decompressed columns of one block into records.
///
/// The bytes come from outside: every number is checked before it is used.
struct ColumnDecoder {
  /// Records of the block that have not been decoded yet.
  var remaining = 0
  /// The clock of the last decoded record.
  private(set) var lastClock: UInt64 = 0

  private var cursors: [ByteCursor] = []
  private var lastTagEnd: Int64 = 0
  private let pageSize: PageSize
  private let pageCount: UInt64

  init(pageSize: PageSize, pageCount: UInt64) {
    self.pageSize = pageSize
    self.pageCount = pageCount
  }

  /// Begins a block whose columns lie at these places.
  mutating func start(records: Int, clock: UInt64, ranges: [Range<Int>]) {
    precondition(ranges.count == ContainerLayout.columns, "\(ranges.count) columns")
    cursors = ranges.map { ByteCursor($0) }
    remaining = records
    lastClock = clock
    lastTagEnd = 0
  }

  /// Appends the next records of the block, at most `limit`, to an empty batch.
  ///
  /// - Throws: at the first record that is not valid; the batch then holds those before it.
  /// - Complexity: O(*n*), where *n* is the number of records, at most 16,384.
  mutating func next(
    _ bytes: Span<UInt8>,
    into batch: inout EventBatch,
    atMost limit: Int
  ) throws(Malformed) {
    // Cursors live in locals for the loop: in the array each step would be a checked store.
    var lead = cursors[Column.lead]
    var clock = cursors[Column.clock]
    var page = cursors[Column.page]
    var tagValue = cursors[Column.tagValue]
    var tagDistance = cursors[Column.tagDistance]
    var tagLength = cursors[Column.tagLength]
    let wanted = min(remaining, limit)
    for _ in 0..<wanted {
      let first = try lead.byte(bytes)
      try advanceClock(UInt64(first >> 2), &clock, bytes)
      switch first & 3 {
      case Lead.oneRead:
        let page = try identifier(&page, bytes)
        batch.records.append(.touch(page, reads: 1, writes: 0, clock: lastClock))
      case Lead.oneWrite:
        let page = try identifier(&page, bytes)
        batch.records.append(.touch(page, reads: 0, writes: 1, clock: lastClock))
      case Lead.tagRun:
        let tag = try tagValue.byte(bytes)
        guard tag <= 15 else { throw Malformed(expected: "a tag up to 15", found: "\(tag)") }
        let start = try tagStart(try tagDistance.byte(bytes), bytes)
        batch.records.append(try tagRun(tag, start, count: tagLength.varint(bytes)))
      default:
        try detailed(&page, bytes, into: &batch)
      }
    }
    cursors[Column.lead] = lead
    cursors[Column.clock] = clock
    cursors[Column.page] = page
    cursors[Column.tagValue] = tagValue
    cursors[Column.tagDistance] = tagDistance
    cursors[Column.tagLength] = tagLength
    remaining -= wanted
    if remaining == 0, let left = cursors.first(where: { !$0.isAtEnd }) {
      throw Malformed(
        expected: "the end of the block",
        found: "\(left.end - left.position) more bytes in a column"
      )
    }
  }

  @inline(__always)
  private mutating func advanceClock(
    _ short: UInt64,
    _ column: inout ByteCursor,
    _ bytes: Span<UInt8>
  ) throws(Malformed) {
    var advance = short
    if short == Lead.longAdvance {
      let room = EventRecord.largestClock - Lead.longAdvance
      advance += try column.varint(bytes, atMost: room, "a clock's advance")
    }
    // Both terms are below 2^48, so the sum cannot overflow.
    let clock = lastClock &+ advance
    guard clock <= EventRecord.largestClock else {
      throw Malformed(expected: "a clock below 2^48", found: "\(clock)")
    }
    lastClock = clock
  }

  @inline(__always)
  private func identifier(
    _ column: inout ByteCursor,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> PageIdentifier {
    let page = try column.varint(bytes)
    guard page < pageCount else {
      throw Malformed(expected: "a page identifier below \(pageCount)", found: "\(page)")
    }
    return PageIdentifier(truncatingIfNeeded: page)
  }

  /// The first granule of a tag run, counted over all pages by identifier.
  @inline(__always)
  private mutating func tagStart(
    _ distance: UInt8,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> Int64 {
    if distance != TagDistance.far {
      // Both terms are far below 2^62.
      return lastTagEnd &+ (Int64(distance >> 1) ^ -Int64(distance & 1))
    }
    let page = try cursors[Column.tagPage].varint(bytes)
    guard page < pageCount else {
      throw Malformed(expected: "a page identifier below \(pageCount)", found: "\(page)")
    }
    let last = UInt64(pageSize.granules - 1)
    let granule = try cursors[Column.tagGranule].varint(bytes, atMost: last, "a granule")
    return Int64(page) * Int64(pageSize.granules) + Int64(granule)
  }

  @inline(__always)
  private mutating func tagRun(
    _ tag: UInt8,
    _ start: Int64,
    count: UInt64
  ) throws(Malformed) -> EventRecord {
    let granules = Int64(pageSize.granules)
    guard start >= 0, UInt64(start / granules) < pageCount else {
      throw Malformed(expected: "a tag run in \(pageCount) pages", found: "granule \(start)")
    }
    let granule = start % granules
    guard count >= 1, count <= UInt64(granules - granule) else {
      throw Malformed(
        expected: "a tag run of 1 to \(granules - granule) granules",
        found: "\(count)"
      )
    }
    lastTagEnd = start + Int64(count)
    return EventRecord(
      kind: .tagRun,
      page: PageIdentifier(start / granules),
      detail: UInt16(granule),
      argument: tag,
      count: UInt16(count),
      clock: lastClock
    )
  }

  @inline(never)
  private mutating func detailed(
    _ page: inout ByteCursor,
    _ bytes: Span<UInt8>,
    into batch: inout EventBatch
  ) throws(Malformed) {
    var detail = cursors[Column.detail]
    let kind = try detail.byte(bytes)
    switch kind {
    case Detail.touch:
      let reads = UInt16(try detail.varint(bytes, atMost: 0xffff, "reads"))
      let writes = UInt16(try detail.varint(bytes, atMost: 0xffff, "writes"))
      guard reads | writes != 0 else {
        throw Malformed(expected: "a touch of at least one access", found: "none")
      }
      let page = try identifier(&page, bytes)
      batch.records.append(.touch(page, reads: reads, writes: writes, clock: lastClock))
    case Detail.access:
      batch.records.append(try access(&detail, try identifier(&page, bytes), bytes))
    case Detail.operation:
      var column = cursors[Column.operation]
      batch.append(try column.operation(bytes, pageSize: pageSize), clock: lastClock)
      cursors[Column.operation] = column
    default:
      throw Malformed(expected: "a record kind up to 2", found: "\(kind)")
    }
    cursors[Column.detail] = detail
  }

  private func access(
    _ detail: inout ByteCursor,
    _ page: PageIdentifier,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> EventRecord {
    let argument = try detail.byte(bytes)
    let isTagKnown = argument & EventRecord.accessHasTag != 0
    guard argument & ~EventRecord.accessArgumentBits == 0, isTagKnown || argument & 15 == 0 else {
      throw Malformed(expected: "flags of an access", found: "\(argument)")
    }
    let last = UInt64(pageSize.bytes - 1)
    let offset = try detail.varint(bytes, atMost: last, "an offset in the page")
    let size = try detail.varint(bytes, atMost: 0xffff, "a size")
    guard size >= 1, size <= last + 1 - offset else {
      throw Malformed(expected: "an access of 1 to \(last + 1 - offset) bytes", found: "\(size)")
    }
    return EventRecord(
      kind: .access,
      page: page,
      detail: UInt16(offset),
      argument: argument,
      count: UInt16(size),
      clock: lastClock
    )
  }
}
