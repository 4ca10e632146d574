// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Collects the records of one block in columns.
///
/// Columns are compressed one by one: touches, clocks and tags repeat each in their own way, and
/// mixed with each other took 14 to 18 % more space for the recordings at hand.
struct BlockEncoder {
  /// Records so far.
  private(set) var count = 0
  /// The clock of the first record.
  private(set) var firstClock: UInt64 = 0

  private var columns: [[UInt8]] = Array(repeating: [], count: ContainerLayout.columns)
  private var lastClock: UInt64 = 0
  private var lastTagEnd: Int64 = 0
  private let granules: Int64

  init(pageSize: PageSize) {
    granules = Int64(pageSize.granules)
  }

  /// Whether the block must be written before another record is added.
  var isFull: Bool {
    count == ContainerLayout.largestBlockRecords
      || columns[Column.operation].count >= ContainerLayout.fullRareColumnBytes
  }

  /// Adds a record that is no operation.
  ///
  /// - Precondition: the clock is not below that of the record before.
  mutating func append(_ record: EventRecord) {
    switch record.kind {
    case .touch:
      switch (record.detail, record.count) {
      case (1, 0): appendLead(Lead.oneRead, record.clock)
      case (0, 1): appendLead(Lead.oneWrite, record.clock)
      default:
        appendLead(Lead.detailed, record.clock)
        columns[Column.detail].append(Detail.touch)
        columns[Column.detail].append(varint: UInt64(record.detail))
        columns[Column.detail].append(varint: UInt64(record.count))
      }
      appendPage(record.page)
    case .access:
      appendLead(Lead.detailed, record.clock)
      columns[Column.detail].append(Detail.access)
      columns[Column.detail].append(record.argument)
      columns[Column.detail].append(varint: UInt64(record.detail))
      columns[Column.detail].append(varint: UInt64(record.count))
      appendPage(record.page)
    case .tagRun:
      appendLead(Lead.tagRun, record.clock)
      columns[Column.tagValue].append(record.argument)
      appendTagStart(Int64(record.page) * granules + Int64(record.detail), record)
      columns[Column.tagLength].append(varint: UInt64(record.count))
    case .operation:
      preconditionFailure("an operation without its contents")
    }
  }

  /// Adds an operation.
  ///
  /// - Precondition: the clock is not below that of the record before.
  mutating func append(_ operation: MemoryOperation, clock: UInt64) {
    appendLead(Lead.detailed, clock)
    columns[Column.detail].append(Detail.operation)
    columns[Column.operation].append(operation)
  }

  private mutating func appendLead(_ shape: UInt8, _ clock: UInt64) {
    if count == 0 {
      firstClock = clock
      lastClock = clock
    }
    precondition(clock >= lastClock, "clock \(clock) after clock \(lastClock)")
    let advance = clock - lastClock
    lastClock = clock
    count += 1
    columns[Column.lead].append(shape | UInt8(min(advance, Lead.longAdvance)) << 2)
    if advance >= Lead.longAdvance {
      columns[Column.clock].append(varint: advance - Lead.longAdvance)
    }
  }

  /// Runs follow each other closely or not at all; far distances are as good as random, and took
  /// half as much space again as pages and granules do.
  private mutating func appendTagStart(_ start: Int64, _ record: EventRecord) {
    let distance = start - lastTagEnd
    let zigzag = UInt64(bitPattern: (distance << 1) ^ (distance >> 63))
    if zigzag < TagDistance.far {
      columns[Column.tagDistance].append(UInt8(zigzag))
    } else {
      columns[Column.tagDistance].append(TagDistance.far)
      columns[Column.tagPage].append(varint: UInt64(record.page))
      columns[Column.tagGranule].append(varint: UInt64(record.detail))
    }
    lastTagEnd = start + Int64(record.count)
  }

  private mutating func appendPage(_ page: PageIdentifier) {
    // The identifier itself: differences to the page before took a seventh more space, because they
    // spread the few pages that a program keeps returning to over many values.
    columns[Column.page].append(varint: UInt64(page))
  }

  /// The block's bytes; the encoder is empty afterwards.
  mutating func finish(level: Int32) -> [UInt8] {
    var header: [UInt8] = []
    header.append(littleEndian: ContainerLayout.blockMark)
    header.append(littleEndian: UInt32(count))
    header.append(littleEndian: firstClock)
    var payload: [UInt8] = []
    for column in columns.indices {
      let before = payload.count
      // An empty column takes no bytes at all, not even those of an empty frame.
      if !columns[column].isEmpty {
        Zstandard.compress(columns[column], level: level, into: &payload)
      }
      header.append(littleEndian: UInt32(columns[column].count))
      header.append(littleEndian: UInt32(payload.count - before))
      columns[column].removeAll(keepingCapacity: true)
    }
    header.append(littleEndian: blockChecksum(header: header, payload: payload))
    count = 0
    lastTagEnd = 0
    return header + payload
  }
}

/// The checksum of a block: XXH3-64 of its payload, seeded with XXH3-64 of its header's bytes before
/// the checksum, so that one number covers both without joining them in memory.
func blockChecksum(
  header: some Collection<UInt8>,
  payload: some Collection<UInt8>
) -> UInt64 {
  XXH3.hash64(payload, seed: XXH3.hash64(header))
}
