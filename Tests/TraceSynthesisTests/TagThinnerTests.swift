// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat
import Testing

@testable import TraceSynthesis

@Suite struct TagThinnerTests {
  private static let program = """
    page-size 4K
    mapped 0x80000 8192 rw mte anon
    map 0x100000 1048576 rw mte anon = 0x100000
    tag 0x100000 4096 3
    snapshot 0x100000 => 3*256
    map 0x400000 262144 rw anon = 0x400000
    protect 0x400000 262144 rw mte = 0
    map 0x600000 262144 rw mte anon = 0x600000
    remap 0x600000 262144 524288 maymove to 0x800000 = 0x800000
    map 0xa00000 4096 rw anon = 0xa00000
    read 0xb00000 => unmapped
    exit 0

    """

  /// The lines of the trace after its header, as its text form says them.
  private func lines(_ share: TagShare) throws -> (lines: [String], summary: TagThinningSummary) {
    let recorded = try TextTrace.container(text: Array(Self.program.utf8), name: "program").bytes
    let thinned = try TagThinner.thin(to: share) { () throws(TraceError) in
      try TraceReader(bytes: recorded, name: "program")
    }
    return (try printedLines(thinned.written.bytes), thinned.summary)
  }

  @Test func allIsTheRecording() throws {
    let all = try lines(TagShare(hundredthsOfPercent: TagShare.all))
    #expect(all.lines.count { $0.contains("mte") } == 4)
    #expect(all.lines.contains { $0.contains("snapshot") })
    #expect(all.summary.keptPages == all.summary.taggedPages)
    #expect(all.summary.taggedPages == 2 + 256 + 64 + 64 && all.summary.droppedStatements == 0)
  }

  @Test func nothingIsLeftTagged() throws {
    let none = try lines(TagShare(hundredthsOfPercent: 0))
    #expect(!none.lines.contains { $0.contains("mte") || $0.contains("snapshot") })
    #expect(none.lines.contains { $0.contains("unmapped") }, "what explains a signal stays")
    #expect(none.summary.keptPages == 0 && none.summary.droppedStatements == 1)
    // Tag stores stay, without effect.
    #expect(none.lines.contains { $0.contains("tag 0x100000") })
  }

  @Test func partsOfMappingsStayAndMovedOnesAreWhole() throws {
    var wasWhole = [false, false]
    for seed in UInt64(1)...12 {
      let half = try lines(TagShare(hundredthsOfPercent: 5_000, seed: seed))
      let mapped = half.lines.first { $0.contains("map 0x100000") }
      #expect(mapped?.contains("mte") == false, "seed \(seed): some of 16 chunks go")
      let parts = half.lines.filter { $0.contains("protect 0x1") && $0.contains("mte") }
      #expect(!parts.isEmpty, "seed \(seed): some of 16 chunks stay")
      let moved = half.lines.contains { $0.contains("map 0x600000") && $0.contains("mte") }
      #expect(!half.lines.contains { $0.contains("protect 0x6") }, "seed \(seed)")
      wasWhole[moved ? 1 : 0] = true
    }
    #expect(wasWhole == [true, true], "what moves is tagged for some seeds and not for others")
  }

  /// Larger shares keep everything that smaller ones keep, and as much as they say.
  @Test func sharesAreNestedAndAsLargeAsTheySay() {
    for seed in UInt64(1)...4 {
      var before = 0
      for share in stride(from: UInt64(0), through: TagShare.all, by: 500) {
        let choice = TagShare(hundredthsOfPercent: share, seed: seed, chunkPages: 1)
        let smaller = TagShare(
          hundredthsOfPercent: share - min(share, 500),
          seed: seed,
          chunkPages: 1
        )
        let kept = (0..<UInt64(10_000)).count { page in
          #expect(!smaller.keeps(page: page) || choice.keeps(page: page), "seed \(seed), \(share)")
          return choice.keeps(page: page)
        }
        #expect(kept >= before && abs(kept - Int(share)) < 250, "seed \(seed): \(kept) at \(share)")
        before = kept
      }
      #expect(before == 10_000)
    }
  }

  @Test func chunksStayTogether() {
    let share = TagShare(hundredthsOfPercent: 5_000, chunkPages: 64)
    for page in UInt64(0)..<6_400 {
      #expect(share.keeps(page: page) == share.keeps(page: page / 64 * 64))
    }
  }
}
