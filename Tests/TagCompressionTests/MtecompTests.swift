// SPDX-License-Identifier: Apache-2.0

import CodecModel
import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

@Suite struct MtecompTests {
  private let codec = TagCodec.mtecomp

  @Test(arguments: PageSize.allCases)
  func capacitiesAreThoseOfTheSpecification(pageSize: PageSize) {
    let table: [PageSize: (inline: Int, objects: [Int])] = [
      .kib4: (6, [11, 23, 46]),
      .kib16: (5, [9, 19, 39, 78, 157]),
      .kib64: (4, [8, 17, 34, 68, 136, 273, 546]),
    ]
    let layout = RunLayout(pageSize)
    #expect(layout.inlineCapacity == table[pageSize]?.inline)
    #expect(
      layout.objectClasses.map { layout.capacity(bytes: $0.bytes) } == table[pageSize]?.objects
    )
    #expect(codec.sizeClasses(pageSize: pageSize).last?.bytes == pageSize.tagBytes)
  }

  @Test(arguments: PageSize.allCases)
  func aPageOfEachRunCountTakesTheSmallestClass(pageSize: PageSize) throws {
    var random = SplitMix64(seed: 42)
    let layout = RunLayout(pageSize)
    for runs in 1...layout.maxRuns + 1 {
      let page = pageSize.randomPage(runs: runs, using: &random)
      let stored = codec.stored(page, pageSize)
      var expected = 8
      let model = try codec.model(pageSize)
      while expected < pageSize.tagBytes && model.capacity(bytes: expected) < runs { expected *= 2 }
      #expect(stored.encoded.sizeClass.bytes == expected, "\(runs) runs")
      #expect(try codec.restored(stored, pageSize) == page, "\(runs) runs")
    }
  }

  @Test(arguments: PageSize.allCases)
  func boundariesOfTheFormat(pageSize: PageSize) throws {
    let granules = pageSize.granules
    let half = granules / 2
    let cases: [[(tag: UInt8, size: Int)]] = [
      [(0, granules)], [(15, granules)],
      [(3, half), (9, half)], [(0, half), (15, half)], [(15, half), (0, half)],
      [(3, half - 1), (9, half + 1)], [(3, half + 1), (9, half - 1)],
      [(7, granules - 1), (8, 1)], [(7, 1), (8, granules - 1)],
      [(1, 1), (2, half), (3, half - 1)], [(1, half), (2, half / 2), (3, half / 2)],
      [(1, half / 2), (2, half / 2), (1, half)], [(15, half), (14, half - 1), (15, 1)],
    ]
    for runs in cases {
      let tags = page(runs)
      let stored = codec.stored(tags, pageSize)
      #expect(stored.encoded.sizeClass == .inline, "\(runs)")
      #expect(try codec.restored(stored, pageSize) == tags, "\(runs)")
    }
  }

  @Test func handlesAsTheLayoutIsDrawn() {
    #expect(codec.inlineHandle(page([(0, 256)]), .kib4) == 0)
    #expect(codec.inlineHandle(page([(5, 256)]), .kib4) == 5 << 35)
    // Two halves: the second one is split, and the first is the longest.
    let halves: UInt64 = (3 | 9 << 4 | 9 << 8) << 35 | 64 | 64 << 7
    #expect(codec.inlineHandle(page([(3, 128), (9, 128)]), .kib4) == halves)
    #expect(
      codec.inlineHandle(page([(3, 127), (9, 129)]), .kib4) == 1 << 59 | (3 | 9 << 4) << 35 | 127
    )
    // The page whose handle v5 takes for a pointer.
    let runs: [(tag: UInt8, size: Int)] = [
      (1, 1), (2, 1), (3, 1), (4, 1), (5, 112), (6, 140),
    ]
    let sizes: UInt64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 112 << 28
    #expect(codec.inlineHandle(page(runs), .kib4) == 5 << 59 | 0x654321 << 35 | sizes)
  }

  @Test(arguments: [TagCodec.raw, .mtecomp, .mtecompV11, .xnuRunLength], PageSize.allCases)
  func everyPageComesBack(codec: TagCodec, pageSize: PageSize) throws {
    let seed = UInt64(pageSize.rawValue) + 99
    var random = SplitMix64(seed: seed)
    var page = [UInt8](repeating: 0, count: pageSize.tagBytes)
    var payload = page
    var restored = page
    var classes: Set<Int> = []
    for step in 0..<pageSize.share(of: randomPages) {
      pageSize.quickPage(&page, using: &random)
      var room = payload.mutableSpan
      let encoded = codec.encode(page.span, pageSize: pageSize, payload: &room)
      var output = restored.mutableSpan
      switch encoded {
      case .inline(let handle):
        try codec.decode(handle, pageSize: pageSize, into: &output)
        guard codec != .mtecomp || !handle.looksLikeAddress else {
          Issue.record("seed \(seed), step \(step): handle \(handle) looks like an address")
          return
        }
      case .object(let sizeClass):
        let object = payload.span.extracting(first: sizeClass.bytes)
        try codec.decode(payload: object, pageSize: pageSize, into: &output)
      }
      guard restored == page else {
        Issue.record("seed \(seed), step \(step): \(encoded), \(page)")
        return
      }
      classes.insert(encoded.sizeClass.bytes)
    }
    // The generator has to reach every class, or the test says less than it seems to.
    let known = codec.sizeClasses(pageSize: pageSize).count
    #expect(classes.count >= min(8, known * 3 / 4))
  }

  @Test func allPagesOfUpToThreeRuns() throws {
    var buffer = [UInt8](repeating: 0, count: 128)
    var tags = [UInt8](repeating: 0, count: 256)
    var restored = buffer
    for first in 1...255 {
      for second in first...255 {
        // Tags that differ in one bit, in all bits, and from case to case.
        let seed = UInt8(truncatingIfNeeded: first &* 7 &+ second)
        let runTags = [seed & 15, (seed & 15) ^ 15, (seed >> 4) ^ (seed & 15) ^ 1]
        for granule in 0..<256 {
          tags[granule] = runTags[granule < first ? 0 : granule < second ? 1 : 2]
        }
        let page = ModelPage.bytes(tags)
        var room = buffer.mutableSpan
        let encoded = codec.encode(page.span, pageSize: .kib4, payload: &room)
        guard case .inline(let handle) = encoded else {
          Issue.record("boundaries \(first), \(second): \(encoded)")
          return
        }
        var output = restored.mutableSpan
        try codec.decode(handle, pageSize: .kib4, into: &output)
        guard restored == page, !handle.looksLikeAddress else {
          Issue.record("boundaries \(first), \(second): handle \(handle)")
          return
        }
      }
    }
  }
}
