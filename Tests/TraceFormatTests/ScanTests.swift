// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TraceFormat

@Suite struct ScanTests {
  private func scan(_ text: String) throws -> TraceScan {
    let built = try TextTrace.container(text: Array(text.utf8), name: "t")
    return try TraceScan(try TraceReader(bytes: built.bytes, name: "t"))
  }

  @Test func aScanAddsUpWhatTheTraceHolds() throws {
    let scan = try scan(
      """
      mapped 0x1000 4K rw anon inferred
      read 0x1000 x5
      touch 0x1000 reads 1 writes 2
      tag 0x1000 64 5
      tag 0x1000 16 0
      thread 4
      fork 1
      """
    )
    #expect(scan.reads == 6)
    #expect(scan.writes == 2)
    #expect(scan.granulesByTag[5] == 4)
    #expect(scan.granulesByTag[0] == 1)
    #expect(scan.lastThread == 4)
    #expect(scan.processes == 2)
    #expect(scan.inferredMappings == 1)
    #expect(scan.impossibleEvents == 0)
    #expect(scan.totals.accesses == 8)
  }

  @Test(arguments: [
    ("read 0x1000", "t:record 0:+33: expected a page in a mapping, found 0x1000"),
    (
      "map 0x1000 4K r\nread 0x1000\nwrite 0x1000",
      "record 2:+33: expected a writable page, found 0x1000"
    ),
    ("map 0x1000 4K none\nread 0x1000", "record 1:+33: expected a readable page, found 0x1000"),
    ("map 0x1000 4K rw = -12\nread 0x1000", "expected a page in a mapping, found 0x1000"),
    ("map 0x1000 8K rw\nunmap 0x1000 1\nread 0x2000\nread 0x1000", "record 3"),
    ("map 0x1000 8K rw\nread 0x1000\nunmap 0x1000 1\nread 0x1000", "record 3"),
    ("map 0x1000 4K rw\ncopyout 0x1fff 2", "expected a page in a mapping, found 0x2000"),
    ("map 0x1000 4K r\ncopyout 0x1fff 1", "expected a writable page, found 0x1fff"),
    ("map 0x1000 4K rw\nexec\nread 0x1000", "expected a page in a mapping, found 0x1000"),
    ("map 0x1000 4K rw\nexit 0\nread 0x1000", "expected a process that is alive, found process 0"),
    ("process 1", "expected a process that was forked, found process 1"),
    ("brk 0 = 0x5000\nread 0x5000", "expected a page in a mapping, found 0x5000"),
    ("map 0x1000 4K rw\nremap 0x1000 4K 4K maymove = 0x9000\nread 0x1000", "found 0x1000"),
    ("map 0x1000 4K rw\nread 0x3000 => zero-page", "found 0x3000"),
  ])
  func impossibleEventsAreFound(text: String, message: String) throws {
    let scan = try scan(text)
    #expect(scan.impossibleEvents == 1)
    #expect(scan.firstImpossibleEvent?.description.contains(message) == true, "\(scan)")
  }

  @Test(arguments: [
    "read 0x1000 => unmapped",
    "map 0x1000 4K r\nwrite 0x1000 => protected",
    "map 0x1000 4K w\nread 0x1000",
    "map 0x1000 4K rw\nfork 1\nprocess 1\nread 0x1000\nunmap 0x1000 4K\nprocess 0\nread 0x1000",
    "brk 0 = 0x5010\nbrk 0x6010 = 0x6010\nwrite 0x6000",
    "brk 0 = 0x5000\nbrk 0x9000 = 0x9000\nbrk 0x6000 = 0x6000\nwrite 0x5000\nwrite 0x6000 => unmapped",
    "map 0x1000 4K rw\nremap 0x1000 4K 8K maymove = 0x9000\nwrite 0xa000",
    "map 0x1000 12K r\nprotect 0x2000 4K rw\nwrite 0x2000\nwrite 0x3000 => protected",
  ])
  func possibleAndExpectedEventsAreNotReported(text: String) throws {
    #expect(try scan(text).impossibleEvents == 0)
  }

  @Test func wrongTotalsAreFound() throws {
    var columns: [[UInt8]] = Array(repeating: [], count: 10)
    columns[0] = [3]
    columns[3] = [2]
    columns[9] = [11]
    let reader = try TraceReader(bytes: container(columns: columns, count: 1, pages: []), name: "t")
    #expect(throws: TraceError.self) { try TraceScan(reader) }
  }

  @Test func pagesMustBeNumberedByFirstTouch() throws {
    var columns: [[UInt8]] = Array(repeating: [], count: 10)
    columns[0] = [0, 0]
    columns[2] = [1, 0]
    let bytes = container(columns: columns, count: 2, pages: [5, 6])
    let reader = try TraceReader(bytes: bytes, name: "t")
    do throws(TraceError) {
      _ = try TraceScan(reader)
      Issue.record("accepted")
    } catch {
      #expect(error.description == "t:record 0:+33: expected page identifier 0, found 1")
    }
  }
}

@Suite struct MappedRangesTests {
  /// Random calls against a map of single pages.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func mappedRangesAgreeWithAPageByPageModel(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var ranges = MappedRanges(pageSize: .kib4)
    var model: [(protection: Protection, flags: MappingFlags)?] = Array(repeating: nil, count: 64)
    for step in 0..<400 {
      let first = Int(random.below(60))
      let count = 1 + Int(random.below(4))
      let address = UInt64(first) << 12
      // One byte less than whole pages must round up.
      let length = UInt64(count) << 12 - random.below(2)
      let protection = Protection(rawValue: UInt8([0, 1, 3, 0x23][Int(random.below(4))]))
      let pages = first..<first + count
      switch random.below(4) {
      case 0, 1:
        let request = MappingRequest(
          address: address,
          length: length,
          protection: protection,
          flags: random.below(2) == 0 ? .anonymous : []
        )
        _ = ranges.apply(.map(request, result: Int64(address)))
        for page in pages { model[page] = (protection, request.flags) }
      case 2:
        _ = ranges.apply(.unmap(address: address, length: length, result: 0))
        for page in pages { model[page] = nil }
      default:
        _ = ranges.apply(
          .protect(address: address, length: length, protection: protection, result: nil)
        )
        for page in pages {
          guard let old = model[page] else { continue }
          model[page] = (protection.union(old.protection.intersection(.mte)), old.flags)
        }
      }
      for page in model.indices {
        let found = ranges.lookup(UInt64(page) << 12 + random.below(4096))
        #expect(found?.protection == model[page]?.protection, "seed \(seed), step \(step)")
        #expect(found?.flags == model[page]?.flags, "seed \(seed), step \(step)")
      }
      for (left, right) in zip(ranges.mappings, ranges.mappings.dropFirst()) {
        #expect(left.end <= right.start, "seed \(seed), step \(step)")
      }
    }
  }

  @Test func hugeRequestsDoNotOverflow() {
    var ranges = MappedRanges(pageSize: .kib64)
    let request = MappingRequest(address: 1 << 55, length: .max, protection: [], flags: .heap)
    _ = ranges.apply(.map(request, result: .max))
    _ = ranges.apply(.brk(address: .max, result: nil))
    _ = ranges.apply(.unmap(address: 5, length: .max, result: nil))
    #expect(ranges.mappings.isEmpty)
  }
}
