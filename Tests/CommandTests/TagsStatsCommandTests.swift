// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Swap
import TagCompression
import Testing

/// `mtesim tags stats` as a user runs it.
@Suite struct TagsStatsCommandTests {
  private let harness: TagsHarness

  init() throws { harness = try TagsHarness() }

  /// The cells of the line that starts with these words.
  private func cells(_ output: String, _ words: String...) -> [String] {
    for line in output.split(separator: "\n") {
      let cells = line.split(separator: " ").map(String.init)
      if cells.starts(with: words) { return Array(cells.dropFirst(words.count)) }
    }
    return []
  }

  @Test func runsAndClassesOfAFileAreCounted() throws {
    // 3 and 253 granules are three runs for a codec that takes the high nibble first.
    let pages = [
      tagPage([(0, 256)]), tagPage([(1, 3), (2, 253)]), tagPage(runs: 7, granules: 256),
      tagPage(runs: 256, granules: 256),
    ]
    try harness.write(pages.flatMap { $0 }, "pages")
    let stats = try harness.tags("stats --page-size 4096 pages")
    #expect(stats.code == 0, "\(stats.error)")
    let output = stats.output
    let piped = try harness.tags("stats --page-size 4K -", input: "pages").output
    #expect(piped == output.replacing("pages\npage size", with: "standard input\npage size"))
    #expect(cells(output, "tag", "pages") == ["4"])
    #expect(cells(output, "bytes") == ["512"])
    #expect(cells(output, "mean", "runs") == ["66.5"])
    #expect(cells(output, "1") == ["8", "1", "25.0", "1", "25.0"])
    #expect(cells(output, "2-6") == ["8", "1", "25.0", "1", "25.0"])
    #expect(cells(output, "7-11", "16").prefix(2) == ["1", "25.0"])
    #expect(cells(output, "47-256") == ["128", "1", "25.0", "1", "25.0"])
    #expect(cells(output, "mtecomp", "8") == ["2", "50.0"])
    #expect(cells(output, "mtecomp", "16") == ["1", "25.0"])
    #expect(cells(output, "mtecomp", "128") == ["1", "25.0"])
    #expect(cells(output, "mtecomp", "144") == ["36.0", "3.6", "24576", "6144.0", "0.8"])
    #expect(cells(output, "raw", "512").prefix(2) == ["128.0", "1.0"])
    #expect(cells(output, "mtecomp-v5", "loses") == ["0", "pages"])
  }

  @Test func theOtherCompressorsStandBesideTheCodecs() throws {
    // LZ4 and zstd compress equal tags, but not noise, which then counts as it is.
    let noise = (0..<128).map { UInt8(truncatingIfNeeded: ($0 &* 167) ^ ($0 &* $0 &* 29)) }
    try harness.write([UInt8](repeating: 0x55, count: 128) + noise, "pages")
    let output = try harness.tags("stats --page-size 4096 pages").output
    for name in [["lz4"], ["zstd", "-1"]] {
      let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        .filter { $0.starts(with: name) }.map { $0.dropFirst(name.count) }
      // One page in a small class and one whole, the totals, and the exact bytes.
      #expect(lines.count == 4, "\(output)")
      #expect(lines.contains { $0.prefix(2) == ["128", "1"] }, "\(lines)")
      let exact = try #require(lines.last?.first.flatMap { Int($0) })
      #expect(exact > 128 && exact < 128 + 40, "\(exact)")
    }
  }

  @Test func pagesThatThePostedCodecLosesAreCounted() throws {
    let pages = [
      tagPage([(3, 128), (9, 128)], posted: true), tagPage([(3, 127), (9, 129)], posted: true),
      tagPage([(1, 1), (2, 1), (3, 1), (4, 1), (5, 112), (6, 140)], posted: true),
    ]
    try harness.write(pages.flatMap { $0 }, "pages")
    let output = try harness.tags("stats --page-size 4096 pages").output
    #expect(cells(output, "mtecomp-v5", "loses") == ["2", "pages"])
  }

  /// Real bytes are those of a store that has saved the same pages.
  @Test(arguments: PageSize.allCases, [1, 63, 64, 200])
  func realBytesAreThoseOfATagStore(pageSize: PageSize, count: Int) throws {
    var pages: [UInt8] = []
    var stores: [TagCodec: UInt64] = [:]
    for index in 0..<count {
      pages += tagPage(runs: 1 + index * 7 % 70, granules: pageSize.granules)
    }
    for codec in TagCodec.allCases {
      var store = TagStore(codec: codec, pageSize: pageSize, processors: 4)
      for index in 0..<count {
        let bytes = pageSize.tagBytes
        try store.save(
          pages.span.extracting(index * bytes..<(index + 1) * bytes),
          for: SwapEntry(type: 0, offset: UInt64(index + 1))
        )
      }
      stores[codec] = UInt64(store.realBytes)
    }
    try harness.write(pages, "pages")
    let output = try harness.tags("stats --page-size \(pageSize.bytes) pages").output
    for codec in TagCodec.allCases {
      let totals = output.split(separator: "\n").drop { !$0.contains("class bytes") }
        .map { $0.split(separator: " ").map(String.init) }
        .first { $0.first == codec.rawValue }
      #expect(totals?.dropFirst(4).first == stores[codec].map { "\($0)" }, "\(codec)")
    }
  }

  @Test func theTagsOfATraceAreFollowed() throws {
    try harness.write(
      """
      map 0x10000 0x4000 rw mte
      write 0x10000
      tag 0x10000 16 5
      write 0x11000
      write 0x12000
      tag 0x12000 48 7
      tag 0x12030 4048 7
      map 0x20000 0x1000 rw
      write 0x20000
      write 0x13000
      advise 0x13000 0x1000 dontneed
      read 0x10000
      unmap 0x12000 0x1000
      read 0x11000
      read 0x10000

      """,
      "a.trace"
    )
    // Samples after 2, 4, 6 and 8 touches, of 2, 3 (page 0x20000 is untagged), 3 and 2 pages: the
    // page that was dropped and the one that was unmapped are no more.
    let stats = try harness.tags("stats --trace a.trace --every 2")
    #expect(stats.code == 0, "\(stats.error)")
    #expect(cells(stats.output, "samples") == ["4,", "one", "every", "2", "page", "events"])
    #expect(cells(stats.output, "tag", "pages") == ["10"])
    #expect(cells(stats.output, "1").prefix(2) == ["8", "6"])
    #expect(cells(stats.output, "2-6").prefix(2) == ["8", "4"])
    #expect(cells(stats.output, "47-256").prefix(2) == ["128", "0"])
  }

  /// The pages taken at swap-out are those whose tags a replay saves.
  @Test func pagesAreTakenAsTheyAreSwappedOut() throws {
    try harness.write(ReplayTrace.text, "p.trace")
    let stats = try harness.tags("stats --trace p.trace --at-swap-out --limit 512K")
    #expect(stats.code == 0, "\(stats.error)")
    let replay = try harness.run(
      ["replay", "p.trace", "--design", "static-carveout", "--format", "csv", "--ram", "256M"]
        + ReplayTrace.shortage
    )
    let saved = replay.output.split(separator: "\n").first { $0.hasPrefix("tags_saved_swap,") }?
      .split(separator: ",").last.map(String.init)
    #expect(cells(stats.output, "tag", "pages") == [saved])
    #expect(cells(stats.output, "samples").first == "each")
    // Every page has three runs, or two where its two tags are equal.
    #expect(cells(stats.output, "2-6").dropFirst().first == saved)
    // Objects of 128 bytes and map nodes for the tags as they are; nodes alone for those in handles.
    let totals = stats.output.split(separator: "\n").drop { !$0.contains("most bytes") }
      .map { $0.split(separator: " ").map(String.init) }
    let raw = try #require(
      totals.first { $0.first == "raw" }?.dropFirst(4).first.flatMap { Int($0) }
    )
    let runs = try #require(
      totals.first { $0.first == "mtecomp" }?.dropFirst(4).first.flatMap { Int($0) }
    )
    #expect(raw > runs && runs > 0 && runs % 4096 == 0, "\(stats.output)")
    #expect(try harness.tags("stats --trace p.trace --at-swap-out --limit 512K") == stats)
    let unlimited = try harness.tags("stats --trace p.trace --at-swap-out")
    #expect(cells(unlimited.output, "tag", "pages") == ["0"])
  }

  @Test func wrongUseAndWrongInputHaveTheirExitCodes() throws {
    try harness.write([UInt8](repeating: 0, count: 130), "short")
    try harness.write("", "empty")
    #expect(try harness.tags("stats").code == 64)
    #expect(try harness.tags("stats short").code == 64)
    #expect(try harness.tags("stats --trace a --page-size 4096").code == 64)
    #expect(try harness.tags("stats --trace a --every 0").code == 64)
    #expect(try harness.tags("stats --trace a --every 5 --at-swap-out").code == 64)
    #expect(try harness.tags("stats --page-size 4096 --at-swap-out short").code == 64)
    #expect(try harness.tags("stats --page-size 4096 --limit 1M short").code == 64)
    #expect(try harness.tags("stats --trace none").code == 66)
    let short = try harness.tags("stats --page-size 4096 short")
    #expect(short.code == 65)
    #expect(short.error == "mtesim: short:+128: expected a tag page of 128 bytes, found 2\n")
    #expect(
      try harness.tags("stats --page-size 4096 empty").error
        == "mtesim: empty:+0: expected a tag page of 128 bytes, found the end of the file\n"
    )
  }
}
