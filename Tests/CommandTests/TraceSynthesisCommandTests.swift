// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing

/// `trace rewrite`, `trace generate` and `replay --costs` as a user runs them.
@Suite struct TraceSynthesisCommandTests {
  @Test func aGeneratedBenchmarkReplays() throws {
    let directory = try CommandDirectory()
    let generated = try directory.run(
      "trace",
      "generate",
      "refpage",
      "--touch-size",
      "8192",
      "--map-size",
      "40K",
      "--rounds",
      "3",
      "--method",
      "reference-pages",
      "-o",
      "small.mtt"
    )
    #expect(generated.code == 0 && generated.output.hasPrefix("small.mtt: 17 records, "))
    let replayed = try directory.run(
      "replay",
      "small.mtt",
      "--design",
      "rfc3",
      "--costs",
      "--set",
      "cost.page-filled=1000"
    )
    #expect(replayed.code == 0, "\(replayed.error)")
    #expect(replayed.output.contains("Time by the cost model, microseconds"))
    let filled = replayed.output.split(separator: "\n").first { $0.hasPrefix("  pages filled ") }
    #expect(filled?.hasSuffix(" 6") ?? false, "\(replayed.output)")
  }

  /// The report's settings are what the estimate knows of the costs.
  @Test func everyCostCanBeSet() throws {
    let directory = try CommandDirectory()
    try directory.write(Array(ReplayTrace.text.utf8), "program.trace")
    let settings = CostParameter.allCases.flatMap { ["--set", "\($0.key)=0"] }
    let free = try directory.run(
      ["replay", "program.trace", "--design", "none", "--costs"] + settings
    )
    let lines = free.output.split(separator: "\n")
    let table = lines.drop { !$0.hasPrefix("Time by the cost model") }
    #expect(table.dropFirst().first?.hasPrefix("  all of it  ") ?? false, "\(free.output)")
    #expect(table.dropFirst().first?.hasSuffix(" 0") ?? false, "\(free.output)")
    #expect(table.contains { $0.hasPrefix("  longest ") && $0.hasSuffix(" 0") })
  }

  /// The guest's tags go through swap, and are what the program's were.
  @Test func aGuestReplays() throws {
    let directory = try CommandDirectory()
    let whole = ReplayTrace.text
    let end = try #require(whole.range(of: "fork 1"))
    try directory.write(Array(whole[..<end.lowerBound].utf8), "program.trace")
    let guest = try directory.run("trace", "guest", "program.trace", "-o", "guest.mtt")
    #expect(guest.code == 0 && guest.output.contains("memory of the guest: "), "\(guest.error)")
    for mark in ["flagged", "stage-2"] {
      let replayed = try directory.run(
        ["replay", "guest.mtt", "--set", "tag-storage.guests=\(mark)"] + ReplayTrace.shortage
      )
      #expect(replayed.code == 0, "\(replayed.error)")
      #expect(replayed.output.contains("No tag was lost"), "\(replayed.output)")
      #expect(!replayed.output.contains("accesses of guests refused"), "\(replayed.output)")
    }
    try directory.write(Array("fork 1\n".utf8), "fork.trace")
    let refused = try directory.run("trace", "guest", "fork.trace", "-o", "x.mtt")
    #expect(refused.code == 65 && refused.error.contains("found fork"), "\(refused.error)")
    #expect(try !directory.names().contains("x.mtt"))
  }

  @Test func aRewrittenTraceReplays() throws {
    let directory = try CommandDirectory()
    try directory.write(
      Array("map 0x100000 65536 rw anon = 0x100000\nread 0x100000 => zero-page\n".utf8),
      "program.trace"
    )
    let rewritten = try directory.run(
      "trace",
      "rewrite",
      "program.trace",
      "--heap",
      "reference-pages",
      "-o",
      "new.mtt"
    )
    #expect(
      rewritten.output == """
        new.mtt: 6 records
          heap: 1 mappings, 16 pages
          written by the program: 0 pages
          reference pages: 1
          statements of the recording left out: 1

        """
    )
    let printed = try directory.run("trace", "print", "new.mtt")
    #expect(
      printed.output == """
        page-size 4K
        note heap initialised by reference-pages
        map 0x100000 0x1000 rw anon fixed = 0x100000
        write 0x100000
        refpage_create 0x100000 0x1 bytes 0xaa = 3
        unmap 0x100000 0x1000 = 0
        map 0x100000 0x10000 rw anon refpage 3 offset 0x100000 = 0x100000
        read 0x100000

        """
    )
    #expect(try directory.run("replay", "new.mtt").code == 0)
  }

  @Test(
    arguments: [
      ["trace", "rewrite", "a", "--heap", "memset", "-o", "a"],
      ["trace", "rewrite", "a", "--heap", "memset", "--tag", "16", "-o", "b"],
      ["trace", "rewrite", "a", "--heap", "other", "-o", "b"],
      ["trace", "generate", "refpage", "--method", "tag-hint", "-o", "b"],
      ["trace", "generate", "refpage", "--touch-size", "8K", "--map-size", "4K", "-o", "b"],
      ["trace", "generate", "refpage", "--rounds", "0", "-o", "b"],
      ["replay", "a", "--costs", "--format", "json"],
    ]
  )
  func wrongUseIsTold(arguments: [String]) throws {
    let result = try CommandDirectory().run(arguments)
    #expect(result.code == 64 && result.output.isEmpty, "\(result)")
  }

  @Test func aMissingTraceIsTold() throws {
    let directory = try CommandDirectory()
    let result = try directory.run(
      "trace",
      "rewrite",
      "none.mtt",
      "--heap",
      "memset",
      "-o",
      "new.mtt"
    )
    #expect(result.code == 66, "\(result)")
  }
}
