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

  @Test func wrongUseAndWrongInputHaveTheirExitCodes() throws {
    try harness.write([UInt8](repeating: 0, count: 130), "short")
    try harness.write("", "empty")
    #expect(try harness.tags("stats").code == 64)
    #expect(try harness.tags("stats short").code == 64)
    #expect(try harness.tags("stats --trace a --page-size 4096").code == 64)
    #expect(try harness.tags("stats --trace a --every 0").code == 64)
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
