// SPDX-License-Identifier: Apache-2.0

import Foundation
import TagStorage
import Testing

@Suite struct VerifyCommandTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    try directory.write(ReplayTrace.text, "program.trace")
  }

  private func run(_ arguments: String...) throws -> CommandRun {
    try directory.run(["verify"] + arguments)
  }

  @Test func aTraceThatHoldsSaysHowMuchWasCompared() throws {
    let run = try run("program.trace", "--limit", "512K", "--require-restores", "1")
    #expect(run.code == 0 && run.error.isEmpty, "\(run)")
    #expect(run.output.contains("\(4 * TagStorageDesign.allCases.count) passed, 0 failed;"))
    #expect(try self.run("program.trace", "--limit", "512K", "--require-restores", "1") == run)
  }

  @Test func aRunThatTestedNothingSaysSo() throws {
    let run = try run("program.trace", "--design", "none", "--codec", "raw")
    #expect(run.code == 0)
    #expect(run.output.contains("0 restores"))
    #expect(run.output.contains("1 case restored no tags"))
    let demanding = try self.run("program.trace", "--require-restores", "1")
    #expect(demanding.code == 1)
    #expect(demanding.error.contains("expected 1 or more pages to get their tags back from swap"))
  }

  @Test func aDefectNamesItsGranuleAndLeavesASmallTrace() throws {
    let run = try run(
      "program.trace",
      "--limit",
      "512K",
      "--design",
      "rfc3",
      "--codec",
      "mtecomp",
      "--inject",
      "drop-last-run",
      "--shrink"
    )
    #expect(run.code == 1, "\(run)")
    #expect(run.output.contains("granule"))
    #expect(run.error.split(separator: "\n").count == 1)
    let name = try #require(try directory.names().first { $0.hasPrefix("program-trace-rfc3") })
    let text = String(decoding: try directory.read(name), as: UTF8.self)
    let events = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.dropFirst()
    #expect(events.count <= 5, "\(text)")
    let alone = try self.run(name)
    #expect(alone.code == 1 && alone.error.contains("after swap-in"), "\(alone)")
  }

  @Test func theResultCanGoToAFile() throws {
    for (format, start) in [("tap", "TAP version 14"), ("junit", "<?xml"), ("text", "ok ")] {
      let run = try run("program.trace", "--design", "none", "--format", format, "--output", "out")
      #expect(run.code == 0, "\(run)")
      #expect(String(decoding: try directory.read("out"), as: UTF8.self).hasPrefix(start))
      #expect(run.output.contains("4 passed"))
    }
    #expect(try directory.names() == ["out", "program.trace"])
    let run = try run("program.trace", "--output", "missing/out")
    #expect(run.code == 74, "\(run)")
  }

  @Test func aSuiteFindsItsFilesBesideIt() throws {
    try FileManager.default.createDirectory(
      at: directory.url.appendingPathComponent("sub/traces"),
      withIntermediateDirectories: true
    )
    try directory.write(ReplayTrace.text, "sub/traces/one.trace")
    try directory.write(
      """
      verify:
        - traces: [traces]
          limits: [512K, 1M]
          designs: [rfc3]
          codecs: [raw]
      """,
      "sub/suite.yaml"
    )
    let run = try run("--suite", "sub/suite.yaml")
    #expect(run.code == 0, "\(run)")
    #expect(run.output.contains("one.trace rfc3 raw 4K limit=512K"))
    #expect(run.output.contains("2 passed"))
  }

  @Test func aBrokenSuiteIsNamedWithLineAndColumn() throws {
    try directory.write("verify:\n  - traces: [a]\n    designs: [rfc9]\n", "suite.yaml")
    let broken = try run("--suite", "suite.yaml")
    #expect(broken.code == 65)
    #expect(broken.error == "mtesim: suite.yaml:3:15: expected a design, found rfc9\n")
    let twice = "verify:\n  - traces: [program.trace]\n  - traces: [program.trace]\n"
    try directory.write(twice, "suite.yaml")
    let same = try run("--suite", "suite.yaml")
    #expect(same.code == 65 && same.error.contains("give entries a name"), "\(same)")
    let missing = try run("--suite", "nothing.yaml")
    #expect(missing.code == 66, "\(missing)")
  }

  @Test(
    arguments: [
      ([], "Expected traces or --suite FILE, found neither."),
      (["--suite", "s", "a.trace"], "Expected nothing beside --suite"),
      (["--suite", "s", "--limit", "8M"], "found an option of the machine; set it there."),
      (["a.trace", "--invariants", "often"], "expected never, end, marks, or a number of events"),
      (["a.trace", "--page-size", "8K"], "expected 4K, 16K or 64K, found 8K"),
      (["a.trace", "--codec", "zip"], "--codec"),
    ]
  )
  func wrongArgumentsAreUsage(arguments: [String], message: String) throws {
    let run = try directory.run(["verify"] + arguments)
    #expect(run.code == 64, "\(run)")
    #expect(run.error.contains(message), "\(run)")
    #expect(run.error.contains("mtesim verify --help"), "\(run)")
  }

  @Test func missingTracesAreNotFailures() throws {
    #expect(try run("nothing.trace").code == 66)
    try directory.write("read 0x100000\n", "wrong.trace")
    let wrong = try run("wrong.trace")
    #expect(wrong.code == 65 && wrong.output.contains("ERROR"), "\(wrong)")
    #expect(try run("program.trace", "program.trace").code == 64)
  }
}
