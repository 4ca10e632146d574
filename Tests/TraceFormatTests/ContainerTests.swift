// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TraceFormat

@Suite struct ContainerTests {
  @Test func hashesMatchTheirPublishedVectors() {
    #expect(XXH3.hash64([]) == 0x2d06_8005_38d3_94c2)
    #expect(XXH3.hash64(Array("abc".utf8)) == 0x78af_5f94_892f_3950)
    #expect(hexadecimal(StreamingHash().digest()) == "99aa06d3014798d86001c324468d497f")
    var pieces = StreamingHash()
    var whole = StreamingHash()
    let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    whole.update(bytes)
    for start in stride(from: 0, to: 5000, by: 613) {
      pieces.update(bytes[start..<min(start + 613, 5000)])
    }
    #expect(pieces.digest() == whole.digest())
  }

  /// A container that is copied event by event has the same bytes.
  @Test(arguments: PageSize.allCases)
  func everyRecordKindIsCopiedAsItIs(_ pageSize: PageSize) throws {
    let original = try everything(pageSize)
    let reader = try TraceReader(bytes: original, name: "t")
    var writer = try TraceWriter(header: reader.header)
    for event in try events(reader) {
      if let operation = event.operation {
        try writer.operation(operation, clock: event.clock)
      } else if let record = event.record {
        let address = reader.pages[Int(record.page)] << UInt64(pageSize.shift)
        try writer.copy(record, at: address, clock: event.clock)
      }
    }
    #expect(try writer.finish().bytes == original)
  }

  @Test func everyRecordKindComesBackAsItWas() throws {
    let reader = try TraceReader(bytes: try everything(), name: "t")
    #expect(reader.header == fullHeader)
    let all = try events(reader)
    let operations = all.compactMap(\.operation)
    #expect(operations == everyOperation + [snapshot(page: 9, .kib4)])
    let clock = UInt64(1) << 40 + UInt64(everyOperation.count)
    #expect(
      all.compactMap(\.record) == [
        .touch(0, reads: 1, writes: 0, clock: 1),
        .touch(1, reads: 0, writes: 1, clock: 64),
        .touch(1, reads: 7, writes: 0xffff, clock: 127),
        .touch(2, reads: 0, writes: 3, clock: 1 << 40),
        EventRecord(
          kind: .access,
          page: 1,
          detail: 0xff9,
          argument: 0x80,
          count: 7,
          clock: clock + 1
        ),
        EventRecord(kind: .access, page: 2, argument: 0x80, count: 9, clock: clock + 1),
        EventRecord(kind: .access, page: 1, argument: 0x49, count: 1, clock: clock + 2),
        EventRecord(kind: .tagRun, page: 3, detail: 255, argument: 5, count: 1, clock: clock + 2),
        EventRecord(kind: .tagRun, page: 4, detail: 0, argument: 5, count: 2, clock: clock + 2),
        EventRecord(kind: .tagRun, page: 0, count: 1, clock: EventRecord.largestClock),
      ]
    )
    #expect(reader.pages == [0x1, 0x8, 0x9, 0x100, 0x101])
    var totals = TraceTotals()
    totals.touches = 4
    totals.exactAccesses = 3
    totals.tagRuns = 3
    totals.operations = UInt64(everyOperation.count + 1)
    totals.accesses = EventRecord.largestClock
    totals.taggedGranules = 4
    totals.pages = 5
    totals.tagSnapshots = 1
    #expect(reader.totals == totals)
    #expect(reader.digest.count == 32)
  }

  @Test func anEmptyTraceIsATrace() throws {
    let bytes = try TraceWriter(header: TraceHeader()).finish().bytes
    let reader = try TraceReader(bytes: bytes, name: "t")
    #expect(try events(reader).isEmpty)
    #expect(reader.totals == TraceTotals())
    try reader.seek(toRecord: 0)
    #expect(try events(reader).isEmpty)
  }

  @Test(arguments: PageSize.allCases)
  func longEventsAreSplitAtPageEnds(pageSize: PageSize) throws {
    let page = UInt64(pageSize.bytes)
    var writer = try TraceWriter(header: TraceHeader(pageSize: pageSize))
    let top: UInt64 = 0xab << 56
    try writer.tagRun(
      address: top | (3 * page - 16),
      granules: UInt64(pageSize.granules) + 2,
      tag: MemoryTag(truncating: 3),
      clock: 1
    )
    try writer.access(
      address: top | (page - 1),
      size: page + 2,
      isWrite: false,
      pointerTag: nil,
      clock: 2
    )
    let reader = try TraceReader(bytes: try writer.finish().bytes, name: "t")
    #expect(reader.pages == [2, 3, 4, 0, 1])
    let records = try events(reader).compactMap(\.record)
    let runs = records.filter { $0.kind == .tagRun }
    #expect(runs.map { Int($0.count) } == [1, pageSize.granules, 1])
    #expect(runs.map { Int($0.detail) } == [pageSize.granules - 1, 0, 0])
    let accesses = records.filter { $0.kind == .access }
    // The largest page has one byte more than a record can count.
    let middle = pageSize == .kib64 ? [65535, 1] : [pageSize.bytes]
    #expect(accesses.map { Int($0.count) } == [1] + middle + [1])
    #expect(readingError(try everything(pageSize)) == nil)
  }

  @Test func longTracesKeepTheirOrderThroughBlocksAndBatches() throws {
    var random = SplitMix64(seed: 7)
    var writer = try TraceWriter(header: TraceHeader(), level: 1)
    let count = ContainerLayout.largestBlockRecords + 20_000
    var clock: UInt64 = 0
    var expected: [EventRecord] = []
    expected.reserveCapacity(count)
    var seen: [UInt64: UInt32] = [:]
    for index in 0..<count {
      clock += random.below(100)
      let page: UInt64 = random.below(1 << (4 + random.below(8)))
      let identifier = seen[page] ?? UInt32(seen.count)
      seen[page] = identifier
      if index % 3 == 0 {
        let first: UInt64 = random.below(256)
        let granules = 1 + random.below(256 - first)
        let tag = MemoryTag(truncating: UInt8(random.below(16)))
        try writer.tagRun(
          address: page << 12 + first << 4,
          granules: granules,
          tag: tag,
          clock: clock
        )
        expected.append(
          EventRecord(
            kind: .tagRun,
            page: identifier,
            detail: UInt16(first),
            argument: tag.rawValue,
            count: UInt16(granules),
            clock: clock
          )
        )
      } else {
        let isWrite = index % 2
        try writer.touch(
          page << 12,
          reads: UInt64(1 - isWrite),
          writes: UInt64(isWrite),
          clock: clock
        )
        expected.append(
          .touch(identifier, reads: UInt16(1 - isWrite), writes: UInt16(isWrite), clock: clock)
        )
      }
    }
    let reader = try TraceReader(bytes: try writer.finish().bytes, name: "t")
    #expect(reader.blockCount == 2)
    let all = try events(reader).compactMap(\.record)
    #expect(all == expected, "seed 7")

    let last = UInt64(count)
    for target in [
      0, 1, 16_383, 16_384, 16_385, 100_000, UInt64(ContainerLayout.largestBlockRecords) - 1,
      UInt64(ContainerLayout.largestBlockRecords), last - 1,
    ] {
      try reader.seek(toRecord: target)
      var batch = EventBatch()
      #expect(try reader.next(into: &batch))
      #expect(batch.firstRecordNumber == target)
      #expect(batch.records.first == expected[Int(target)])
    }
    for target in [last, last + 1, .max] {
      try reader.seek(toRecord: target)
      var batch = EventBatch()
      #expect(try !reader.next(into: &batch))
      #expect(batch.records.isEmpty)
    }
    reader.rewind()
    var batch = EventBatch()
    #expect(try reader.next(into: &batch))
    #expect(batch.records.first == expected.first)
  }

  @Test func manyLargeOperationsCloseTheirBlock() throws {
    var writer = try TraceWriter(header: TraceHeader(pageSize: .kib64), level: 1)
    for page in 0..<1100 {
      try writer.operation(snapshot(page: UInt64(page), .kib64), clock: 0)
    }
    let reader = try TraceReader(bytes: try writer.finish().bytes, name: "t")
    #expect(reader.blockCount == 2)
    #expect(try events(reader).count == 1100)
    #expect(reader.totals.tagSnapshots == 1100)
  }

  @Test func theSameEventsGiveTheSameBytes() throws {
    #expect(try everything() == everything())
  }

  @Test func randomVarintsComeBack() throws {
    var random = SplitMix64(seed: 99)
    for step in 0..<2000 {
      let value = random.next() >> random.below(64)
      var bytes: [UInt8] = []
      bytes.append(varint: value)
      bytes.append(zigzag: Int64(bitPattern: value))
      var cursor = ByteCursor(0..<bytes.count)
      #expect(try cursor.varint(bytes.span) == value, "seed 99, step \(step)")
      #expect(try cursor.zigzag(bytes.span) == Int64(bitPattern: value), "seed 99, step \(step)")
      #expect(cursor.isAtEnd)
    }
    for bytes: [UInt8] in [
      Array(repeating: 0xff, count: 9) + [0x02], Array(repeating: 0x80, count: 10) + [0x00],
    ] {
      var cursor = ByteCursor(0..<bytes.count)
      let expected = Malformed(expected: "a number below 2^64", found: "a longer one")
      #expect(throws: expected) { try cursor.varint(bytes.span) }
    }
  }
}
