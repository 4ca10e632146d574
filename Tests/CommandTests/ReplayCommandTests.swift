// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `mtesim replay` as a user runs it, where all goes well or a check fails.
@Suite struct ReplayCommandTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    try directory.write(ReplayTrace.text, "p.trace")
  }

  private func replay(_ arguments: String...) throws -> CommandRun {
    try directory.run(["replay", "p.trace"] + ReplayTrace.shortage + arguments)
  }

  /// The cells of a row of a CSV report, by the row's name.
  private func cells(_ csv: String) -> [String: [String]] {
    var cells: [String: [String]] = [:]
    for line in csv.split(separator: "\n") {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      cells[fields[0]] = Array(fields.dropFirst(2))
    }
    return cells
  }

  @Test func tableEndsWithTheVerdict() throws {
    let run = try replay()
    #expect(run.code == 0)
    #expect(run.error.isEmpty)
    #expect(run.output.hasPrefix("mtesim 0.1.0\ntrace        p.trace: "))
    #expect(run.output.contains("limit        512 KiB for each process\n"))
    #expect(
      run.output.hasSuffix(
        "\nNo tag was lost under static-carveout, rfc3: 1,593 comparisons, 0 differences.\n"
      )
    )
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(try directory.names() == ["p.trace"])
  }

  @Test func tagsTravelThroughSwapAndFork() throws {
    let csv = cells(try replay("--format", "csv").output)
    #expect(csv["name"] == ["static-carveout", "rfc3"])
    #expect(csv["tags_lost"] == ["0", "0"])
    for name in ["pswpin", "tags_restored_swap", "tags_saved_swap", "fault_copy_on_write"] {
      let numbers = (csv[name] ?? []).compactMap { UInt64($0) }
      #expect(numbers.count == 2 && numbers.allSatisfy { $0 >= 100 }, "\(name): \(numbers)")
    }
  }

  @Test func everyFormHasItsRows() throws {
    let short = try replay().output
    let full = try replay("--all-rows").output
    let markdown = try replay("--format", "markdown").output
    let csv = try replay("--format", "csv").output
    let json = try replay("--format", "json").output
    #expect(short.contains("--all-rows shows all"))
    #expect(!short.contains("reserved already"))
    #expect(full.contains("  reserved already"))
    #expect(full.split(separator: "\n").count > short.split(separator: "\n").count + 30)
    #expect(markdown.hasPrefix("# mtesim 0.1.0\n"))
    #expect(markdown.contains("| total | "))
    #expect(csv.split(separator: "\n").count > 150)
    #expect(json.hasPrefix("{\n"))
    // Programs get all rows whatever people asked for.
    #expect(try replay("--format", "csv", "--all-rows").output == csv)
    #expect(try replay("--format", "json", "--all-rows").output == json)
  }

  @Test func reportFileIsTheJSONOfTheRun() throws {
    let run = try replay("--format", "json", "--report", "r.json")
    #expect(run.code == 0)
    #expect(String(decoding: try directory.read("r.json"), as: UTF8.self) == run.output)
    #expect(try directory.names() == ["p.trace", "r.json"])
    // Another run replaces it as a whole.
    try directory.write(String(repeating: "x", count: 100_000), "r.json")
    #expect(try replay("--report", "r.json").code == 0)
    #expect(String(decoding: try directory.read("r.json"), as: UTF8.self) == run.output)
  }

  @Test func pageAndTimelineAreWrittenBesideTheSameTable() throws {
    let plain = try replay()
    let run = try replay("--html", "r.html", "--timeline", "r.pftrace")
    #expect(run == plain)
    #expect(try directory.names() == ["p.trace", "r.html", "r.pftrace"])
    let page = String(decoding: try directory.read("r.html"), as: UTF8.self)
    #expect(page.hasPrefix("<!DOCTYPE html>\n") && page.hasSuffix("</html>\n"))
    #expect(try replay("--format", "html").output == page)
    let timeline = try directory.read("r.pftrace")
    // The first packet: field 1 of the trace.
    #expect(timeline.first == 0x0a)
    for name in ["rfc3: machine", "rfc3: p.trace, process 1", "swap in"] {
      #expect(timeline.firstRange(of: Array(name.utf8)) != nil, "\(name)")
    }
    #expect(try replay("--timeline", "again").code == 0)
    #expect(try directory.read("again") == timeline)
  }

  @Test func runsAreRepeatableAlsoAsOneAmongMany() throws {
    let names = ["static-carveout", "rfc3", "none"]
    let all = try replay(
      "--format=csv",
      "--design",
      names[0],
      "--design",
      names[1],
      "--design",
      names[2]
    )
    #expect(all.code == 0)
    for _ in 0..<3 {
      #expect(
        try replay(
          "--format=csv",
          "--design",
          names[0],
          "--design",
          names[1],
          "--design",
          names[2]
        ) == all
      )
    }
    let together = cells(all.output)
    for (index, name) in names.enumerated() {
      let alone = cells(try replay("--format", "csv", "--design", name).output)
      // What compares designs has nothing to compare with, and RAM's tag storage is that of the run.
      for (row, values) in alone where !row.contains("change") && !row.contains("percent") {
        #expect(together[row]?[index] == values[0], "\(row) of \(name)")
      }
    }
  }

  @Test func containerGivesTheSameAsItsText() throws {
    #expect(try directory.run("trace", "build", "p.trace", "-o", "p.mtt").code == 0)
    let text = try replay("--format", "csv").output
    let container = try directory.run(
      ["replay", "p.mtt", "--format", "csv"] + ReplayTrace.shortage
    )
    #expect(container.output == text)
  }

  @Test func copiesRunTogether() throws {
    let csv = cells(try replay("--format", "csv", "--copies", "3").output)
    let alone = cells(try replay("--format", "csv").output)
    #expect(csv["tags_lost"] == ["0", "0"])
    #expect(
      csv["events"]?.compactMap { UInt64($0) }
        == alone["events"]?.compactMap { UInt64($0).map { 3 * $0 } }
    )
  }

  /// Each broken mechanism must be noticed, and the message say where.
  @Test(arguments: [
    (
      "drop-restore",
      "p.trace:record 481:+45: after swap-in, page 0x100000 of process 0: granule 0: expected tag 1,"
        + " found 0"
    ),
    (
      "swap-granules",
      "p.trace:record 481:+45: after swap-in, page 0x100000 of process 0: granule 0: expected tag 1,"
        + " found 8"
    ),
    (
      "drop-copied-tags",
      "p.trace:record 643:+45: after swap-in, page 0x100000 of process 1: granule 0: expected tag 1,"
        + " found 0"
    ),
    (
      "drop-data",
      "p.trace:record 481:+45: after swap-in, page 0x100000 of process 0: expected the data of event"
        + " 2, found those of event 0"
    ),
  ])
  func injectedFaultIsNoticed(fault: String, message: String) throws {
    for design in ["static-carveout", "rfc3"] {
      let run = try replay("--inject", fault, "--design", design, "--report", "r.json")
      #expect(run.code == 1, "\(fault)")
      #expect(run.error == "mtesim: \(design): \(message)\n")
      #expect(run.output.contains("\nTAGS WERE NOT KEPT under \(design): "))
      // The report is written all the same: it is what one looks at next.
      #expect(try directory.names() == ["p.trace", "r.json"])
    }
  }

  @Test func refusedSwapOutLosesNothing() throws {
    let run = try replay("--inject", "fail-tag-allocation", "--format", "csv")
    #expect(run.code == 0)
    let refused = cells(run.output)["swapout_refused_tags"]?.compactMap { UInt64($0) } ?? []
    #expect(refused.count == 2 && refused.allSatisfy { $0 > 0 })
  }

  @Test func tagsThatTheCodecLosesAreNamedWithTheirCause() throws {
    let run = try replay(
      "--inject",
      "fail-tag-allocation",
      "--codec",
      "mtecomp-v5",
      "--design",
      "static-carveout"
    )
    #expect(run.code == 1)
    let cause = #/ pages lost their tags \([0-9]+ for want of memory\), /#
    #expect(run.output.contains(cause), "\(run.output)")
    #expect(run.error.contains("after swap-in, page 0x"), "\(run.error)")
  }

  @Test func withoutTheOracleNothingIsClaimed() throws {
    let run = try replay("--no-verify")
    #expect(run.code == 0)
    #expect(
      run.output.hasSuffix(
        "Nothing was compared under static-carveout, rfc3: no tag is known to be lost, and none to"
          + " be kept.\n"
      )
    )
  }
}
