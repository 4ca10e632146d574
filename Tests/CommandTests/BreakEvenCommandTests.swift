// SPDX-License-Identifier: Apache-2.0

import Testing

/// `break-even` and `trace thin` as a user runs them.
@Suite struct BreakEvenCommandTests {
  private func directory() throws -> CommandDirectory {
    let directory = try CommandDirectory()
    try directory.write(ReplayTrace.text, "program.trace")
    return directory
  }

  private static let designs = ["--design", "rfc3", "--design", "static-carveout"]

  @Test func taggedShareWithoutABreakEvenPoint() throws {
    let run = try directory().run(
      ["break-even", "program.trace", "--over", "tagged-share", "--metric", "memory"]
        + ["--points", "3"] + Self.designs
    )
    #expect(run.code == 0 && run.error.isEmpty, "\(run.error)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 6)
    #expect(
      lines.last
        == "By memory, rfc3 is better at all 3 values of tagged-share tried, from 0.00 % to 100.00 %: there is no break-even point."
    )
  }

  /// A cost is varied without further replays: the point is exact to the nanosecond, and replays beside
  /// it agree.
  @Test func breakEvenPointOfACostIsWhereReplaysChangeTheirOrder() throws {
    let directory = try directory()
    // Disks cost the design with fewer reads less, fast blocks the other one.
    let machine = ReplayTrace.shortage + ["--set", "cost.page-decompressed=0"]
    let run = try directory.run(
      ["break-even", "program.trace", "--over", "cost.reserve-fast", "--metric", "price"]
        + ["--price", "5000000", "--from", "0", "--to", "1M", "--format", "csv"] + Self.designs
        + machine
    )
    #expect(run.code == 0, "\(run.error)")
    let rows = run.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    let worse = try #require(rows.firstIndex { $0.last == "static-carveout" })
    try #require(worse > 0, "\(run.output)")
    let better = try #require(rows.lastIndex { $0.last == "rfc3" })
    let last = try #require(Int(rows[better][0]))
    // Where both designs have the same price at a cost that was tried, that is the point, and the search
    // ends there; otherwise it ends with neighbours.
    let even = rows.first { !["rfc3", "static-carveout"].contains($0.last) }.flatMap { Int($0[0]) }
    let least = try #require(Int(rows[worse][0]))
    #expect(even.map { last < $0 && $0 < least } ?? (least == last + 1), "\(run.output)")
    for (cost, isCheaper) in [((even ?? least) - 1, true), ((even ?? last) + 1, false)] {
      let replayed = try directory.run(
        ["replay", "program.trace", "--no-verify", "--format", "csv"] + Self.designs + machine
          + ["--set", "cost.reserve-fast=\(cost)"]
      )
      func numbers(_ name: String) -> [Int] {
        replayed.output.split(separator: "\n").first { $0.hasPrefix("\(name),") }?
          .split(separator: ",").compactMap { Int($0) } ?? []
      }
      let (time, memory) = (numbers("time.total"), numbers("tag_overhead.mean"))
      let prices = zip(time, memory).map { $0 + ($1 * 5_000_000) >> 20 }
      #expect(prices.count == 2 && (prices[0] < prices[1]) == isCheaper, "\(cost): \(prices)")
    }
  }

  @Test func keyThatHasToBeReplayed() throws {
    let run = try directory().run(
      [
        "break-even", "program.trace", "--over", "cost.page-scanned", "--metric",
        "fault_stall.total",
      ]
        + ["--from", "0", "--to", "2", "--step", "1", "--format", "json", "--verify"] + Self.designs
        + ReplayTrace.shortage
    )
    #expect(run.code == 0, "\(run.error)")
    #expect(run.output.contains("\"over\": \"cost.page-scanned\""))
    #expect(run.output.contains("\"value\": 2"))
  }

  @Test(
    arguments: [
      (["--metric", "memory"], "Missing expected argument '--over <tagged-share|key>'"),
      (["--over", "tagged-share"], "Missing expected argument '--metric <name>'"),
      (["--over", "cost.interupt", "--metric", "time"], "cost.interrupt is near"),
      (["--over", "cost.interrupt", "--metric", "time"], "Expected --from and --to"),
      (
        ["--over", "cost.interrupt", "--metric", "time", "--from", "2", "--to", "1"],
        "Expected --from below --to"
      ), (["--over", "tagged-share", "--metric", "pswpins"], "pswpin is near"),
      (["--over", "tagged-share", "--metric", "price"], "Expected --price"),
      (["--over", "tagged-share", "--metric", "memory", "--price", "1"], "Expected --price"),
      (["--over", "tagged-share", "--metric", "memory", "--to", "100.01"], "expected 0 to 100"),
      (["--over", "tagged-share", "--metric", "memory", "--step", "0"], "positive --step"),
      (["--over", "tagged-share", "--metric", "memory", "--points", "1"], "2 to 1000 points"),
      (["--over", "tagged-share", "--metric", "memory", "--share-chunk", "0"], "--share-chunk"),
    ]
  ) func wrongCommandLines(arguments: [String], message: String) throws {
    let run = try directory().run(["break-even", "program.trace"] + Self.designs + arguments)
    #expect(run.code == 64 && run.output.isEmpty)
    #expect(run.error.contains(message), "\(run.error)")
    #expect(run.error.split(separator: "\n").count == 1)
  }

  @Test func designsAreTwo() throws {
    for designs in [[], ["--design", "rfc3"], ["--design", "rfc3", "--design", "rfc3"]] {
      let run = try directory().run(
        ["break-even", "program.trace", "--over", "tagged-share", "--metric", "time"] + designs
      )
      #expect(run.code == 64 && run.error.contains("Expected --design twice"))
    }
  }

  @Test func valueThatTheSwitchCannotHave() throws {
    let run = try directory().run(
      ["break-even", "program.trace", "--over", "vm.swappiness", "--metric", "time"]
        + ["--from", "0", "--to", "1000"] + Self.designs
    )
    #expect(run.code == 64 && run.error.contains("--over vm.swappiness"), "\(run.error)")
  }

  @Test func thinnedTraceReplays() throws {
    let directory = try directory()
    let thinned = try directory.run(
      "trace",
      "thin",
      "program.trace",
      "--tagged-share",
      "50",
      "-o",
      "half.mtt"
    )
    #expect(thinned.code == 0 && thinned.output.contains("tagged pages: 160 mapped, "))
    let replayed = try directory.run(["replay", "half.mtt"] + ReplayTrace.shortage)
    #expect(replayed.code == 0, "\(replayed.error)")
    #expect(replayed.output.contains("No tag was lost"))
    let wrong = try directory.run("trace", "thin", "half.mtt", "--tagged-share", "5.001", "-o", "x")
    #expect(wrong.code == 64)
  }
}
