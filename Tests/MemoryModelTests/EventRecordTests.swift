// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

/// Events in two words.
@Suite struct EventRecordTests {
  @Test func recordTakes16Bytes() {
    #expect(MemoryLayout<EventRecord>.size == 16)
    #expect(MemoryLayout<EventRecord>.stride == 16)
  }

  @Test func fieldsLieWhereThePictureSays() {
    let record = EventRecord(
      kind: .access,
      page: 0x8765_4321,
      detail: 0xabcd,
      argument: 0xc5,
      count: 0xfedc,
      clock: 0x1234_5678_9abc
    )
    #expect(record.word0 == 0x8765_4321_abcd_c501)
    #expect(record.word1 == 0xfedc_1234_5678_9abc)
  }

  @Test func boundariesComeBack() {
    for kind in EventKind.allCases {
      for page in [0, 1, .max] as [PageIdentifier] {
        for detail in [0, 1, .max] as [UInt16] {
          for argument in [0, 1, .max] as [UInt8] {
            for count in [0, 1, .max] as [UInt16] {
              for clock in [0, 1, EventRecord.largestClock] {
                check(kind, page, detail, argument, count, clock)
              }
            }
          }
        }
      }
    }
  }

  @Test func randomFieldsComeBack() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<10_000 {
      check(
        EventKind.allCases[Int(random.next() % 4)],
        PageIdentifier(truncatingIfNeeded: random.next()),
        UInt16(truncatingIfNeeded: random.next()),
        UInt8(truncatingIfNeeded: random.next()),
        UInt16(truncatingIfNeeded: random.next()),
        random.next() & EventRecord.largestClock
      )
    }
  }

  private func check(
    _ kind: EventKind,
    _ page: PageIdentifier,
    _ detail: UInt16,
    _ argument: UInt8,
    _ count: UInt16,
    _ clock: UInt64
  ) {
    let record = EventRecord(
      kind: kind,
      page: page,
      detail: detail,
      argument: argument,
      count: count,
      clock: clock
    )
    let isSame =
      record.kind == kind && record.page == page && record.detail == detail
      && record.argument == argument && record.count == count && record.clock == clock
    #expect(isSame, "\(kind) \(page) \(detail) \(argument) \(count) \(clock)")
  }

  @Test func writesAreKnownByTheirKind() {
    #expect(!EventRecord.touch(7, reads: 3, writes: 0, clock: 3).isWrite)
    #expect(EventRecord.touch(7, reads: 0, writes: 1, clock: 3).isWrite)
    #expect(EventRecord.touch(7, reads: .max, writes: .max, clock: 3).isWrite)
    let tagged = EventRecord.accessHasTag | 15
    #expect(
      !EventRecord(kind: .access, page: 7, argument: tagged, count: 8, clock: 3).isWrite
    )
    #expect(
      EventRecord(
        kind: .access,
        page: 7,
        argument: tagged | EventRecord.accessIsWrite,
        count: 8,
        clock: 3
      ).isWrite
    )
    #expect(EventRecord(kind: .tagRun, page: 7, count: 1, clock: 3).isWrite)
    #expect(!EventRecord(kind: .operation, page: 7, clock: 3).isWrite)
  }

  @Test func clockBeyond48BitsStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      _ = EventRecord(kind: .touch, page: 0, clock: EventRecord.largestClock + 1)
    }
  }

  @Test func operationsLieBesideTheirRecords() {
    var batch = EventBatch()
    batch.append(.thread(3), clock: 10)
    batch.records.append(.touch(1, reads: 1, writes: 0, clock: 11))
    batch.append(.exit(status: 2), clock: 12)
    #expect(batch.records.map(\.kind) == [.operation, .touch, .operation])
    #expect(batch.records.map(\.clock) == [10, 11, 12])
    #expect(batch.operations[Int(batch.records[2].page)] == .exit(status: 2))
    batch.removeAll()
    #expect(batch.records.isEmpty && batch.operations.isEmpty)
  }
}
