// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing
import TraceFormat

/// The recorded traces of the project against counts that an independent reader of the original
/// recordings printed.
@Suite struct RecordedTracesTests {
  struct Expected: Sendable {
    var name: String
    var touches: UInt64
    var writes: UInt64
    var operations: UInt64
    var accesses: UInt64
    var pages: UInt64
    var snapshots: UInt64
    var granules: [UInt64]
    var kernelRead: UInt64
    var kernelWritten: UInt64
  }

  static let all = [
    Expected(
      name: "sqlite-glibc",
      touches: 920_898,
      writes: 435_524,
      operations: 207 + 5_068 + 5_924,
      accesses: 561_238_204,
      pages: 7_141,
      snapshots: 5_924,
      granules: [
        4_987_953, 317_459, 299_507, 409_066, 313_692, 301_681, 491_792, 308_572, 340_880, 307_906,
        326_277, 476_522, 307_413, 344_779, 312_089, 375_887,
      ],
      kernelRead: 10_320_179,
      kernelWritten: 10_328_276
    ),
    Expected(
      name: "lua-glibc",
      touches: 1_250_961,
      writes: 454_701,
      operations: 147 + 7 + 3_028,
      accesses: 498_654_084,
      pages: 5_815,
      snapshots: 3_028,
      granules: [
        1_508_213, 116_806, 94_744, 132_422, 109_696, 359_599, 168_438, 95_956, 197_627, 99_745,
        98_548, 284_169, 117_080, 107_928, 103_929, 98_403,
      ],
      kernelRead: 19,
      kernelWritten: 4_493
    ),
    Expected(
      name: "python-pymalloc-glibc",
      touches: 2_006_395,
      writes: 784_893,
      operations: 174 + 52 + 3_511,
      accesses: 784_749_932,
      pages: 15_553,
      snapshots: 3_511,
      granules: [
        6_559_451, 482_170, 784_000, 535_450, 526_728, 774_759, 599_438, 643_302, 662_557, 591_400,
        543_206, 735_637, 831_106, 800_141, 651_615, 439_249,
      ],
      kernelRead: 18,
      kernelWritten: 2_916_944
    ),
    Expected(
      name: "redis-jemalloc-untagged",
      touches: 804_654,
      writes: 277_696,
      // 187 calls without 10 of prctl and 5 of clone, four events for the fork, 16 threads.
      operations: 187 - 10 - 5 + 4 + 16 + 636,
      accesses: 389_357_525,
      pages: 1_947,
      snapshots: 0,
      granules: Array(repeating: 0, count: 16),
      kernelRead: 1_627_913,
      kernelWritten: 4_625_489
    ),
  ]

  @Test(arguments: all)
  func recordedTracesHoldWhatWasRecorded(expected: Expected) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let path = root.appendingPathComponent("Traces/recorded/\(expected.name).mtt").path
    let reader = try TraceReader(path: path)
    #expect(reader.totals.touches == expected.touches)
    #expect(reader.totals.operations == expected.operations)
    #expect(reader.totals.accesses == expected.accesses)
    #expect(reader.totals.pages == expected.pages)
    #expect(reader.totals.tagSnapshots == expected.snapshots)
    #expect(reader.totals.taggedGranules == expected.granules.reduce(0, +))
    #if DEBUG
    // Reading all seven million records takes a minute without optimisation. The digest, which
    // opening checks, says that they are those that the same test read in a release build.
    guard expected.name == "redis-jemalloc-untagged" else { return }
    #endif
    let scan = try TraceScan(reader)
    #expect(scan.reads == expected.touches - expected.writes)
    #expect(scan.writes == expected.writes)
    #expect(scan.granulesByTag == expected.granules)
    #expect(scan.impossibleEvents == 0)
    #expect(scan.inferredMappings == 0)

    // Snapshots must be what the tag stores add up to, less what unmapping dropped; the copies must
    // add up as well.
    var replay = TagReplay(reader)
    try replay.run(reader)
    #expect(replay.kernelRead == expected.kernelRead)
    #expect(replay.kernelWritten == expected.kernelWritten)
    #expect(replay.snapshots == expected.snapshots)
    #expect(replay.differences == 0)
  }
}

/// The slow and obvious way to know the tags of every page.
private struct TagReplay {
  var tags: [UInt64: [UInt8]] = [:]
  var kernelRead: UInt64 = 0
  var kernelWritten: UInt64 = 0
  var snapshots: UInt64 = 0
  var differences = 0
  private let pages: [UInt64]

  init(_ reader: TraceReader) { pages = reader.pages }

  mutating func run(_ reader: TraceReader) throws {
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for record in batch.records {
        if record.kind == .tagRun {
          let first = Int(record.detail)
          let range = first..<first + Int(record.count)
          tags[pages[Int(record.page)], default: Self.untagged].replaceSubrange(
            range,
            with: repeatElement(record.argument, count: range.count)
          )
        } else if record.kind == .operation {
          take(batch.operations[Int(record.page)])
        }
      }
    }
  }

  private static let untagged: [UInt8] = Array(repeating: 0, count: 256)

  private mutating func take(_ operation: MemoryOperation) {
    switch operation {
    case .kernelCopy(_, let length, let intoUser):
      if intoUser { kernelWritten += length } else { kernelRead += length }
    case .map(let request, let result):
      drop(UInt64(max(result ?? 0, 0)), request.length)
    case .unmap(let address, let length, _): drop(address, length)
    case .advise(let address, let length, .dontNeed, _): drop(address, length)
    case .remap(let address, let oldLength, _, _, let newAddress, _):
      for offset in stride(from: 0, to: oldLength, by: 4096) where address != newAddress {
        tags[(newAddress + offset) >> 12] = tags.removeValue(forKey: (address + offset) >> 12)
      }
    case .tagSnapshot(let page, let packed):
      snapshots += 1
      let expected = packed.flatMap { [$0 & 15, $0 >> 4] }
      if tags[page] ?? Self.untagged != expected { differences += 1 }
    default: break
    }
  }

  private mutating func drop(_ address: UInt64, _ length: UInt64) {
    for page in address >> 12..<(address + length + 4095) >> 12 { tags[page] = nil }
  }
}
