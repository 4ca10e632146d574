// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite struct CompareCommandTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    let sample = CommandDirectory.packageRoot
      .appendingPathComponent("Tests/ReportingTests/Golden/sample.json")
    let text = try String(contentsOf: sample, encoding: .utf8)
    try directory.write(text, "base.json")
    // The overhead of one design grows by two percent.
    guard let mean = text.firstMatch(of: /"tag_overhead": \{ "mean": (\d+)/)?.1,
      let bytes = Int(mean)
    else {
      Issue.record("the sample has no overhead")
      return
    }
    let grown = text.replacingOccurrences(
      of: "\"tag_overhead\": { \"mean\": \(bytes),",
      with: "\"tag_overhead\": { \"mean\": \(bytes + bytes / 50),"
    )
    try directory.write(grown, "grown.json")
  }

  @Test func twoPercentMoreOverheadFailsAThresholdOfOne() throws {
    let kept = try directory.run(
      "compare",
      "base.json",
      "grown.json",
      "--fail-if",
      "tag_overhead.mean>+2%"
    )
    #expect(kept.code == 0)
    #expect(kept.error == "")
    let run = try directory.run(
      "compare",
      "base.json",
      "grown.json",
      "--fail-if",
      "tag_overhead.mean>+1%"
    )
    #expect(run.code == 1)
    #expect(
      run.error.hasPrefix(
        "mtesim: 1 of 3 thresholds not kept: static-carveout: tag_overhead.mean is"
      )
    )
    #expect(run.error.split(separator: "\n").count == 1)
    #expect(run.output.contains("  FAILED  static-carveout: tag_overhead.mean"))
  }

  @Test func thresholdsComeFromAFileToo() throws {
    try directory.write("# limits\n\ntag_overhead.mean>+1%  # one\npswpin>+0\n", "limits")
    let run = try directory.run("compare", "base.json", "grown.json", "--thresholds", "limits")
    #expect(run.code == 1)
    #expect(run.error.hasPrefix("mtesim: 1 of 6 thresholds not kept"))
    try directory.write("pswpin>+0\npswpin>oops\n", "limits")
    let bad = try directory.run("compare", "base.json", "grown.json", "--thresholds", "limits")
    #expect(bad.code == 65)
    #expect(
      bad.error
        == "mtesim: limits:2: threshold \"pswpin>oops\": expected a bound such as +1%, -20 or 0\n"
    )
    let missing = try directory.run("compare", "base.json", "grown.json", "--thresholds", "none")
    #expect(missing.code == 66)
  }

  @Test func wrongInputIsNamed() throws {
    try directory.write("{}", "empty.json")
    try directory.write("", "nothing.json")
    let bytes = try directory.read("base.json")
    try directory.write(Array(bytes.prefix(bytes.count / 2)), "half.json")
    let vectors: [(arguments: [String], code: Int32, part: String)] = [
      (["base.json"], 64, "Missing expected argument '<new> ...'"),
      (["base.json", "none.json"], 66, "none.json: expected a readable file"),
      (["base.json", "empty.json"], 65, "empty.json:1:+0: expected "),
      (["base.json", "nothing.json"], 65, "nothing.json:1:+0: expected "),
      (["base.json", "half.json"], 65, "half.json:"),
      (["base.json", "grown.json", "--fail-if", "pswpim>1"], 64, "did you mean pswpin?"),
      (["base.json", "grown.json", "--fail-if", "xnu:pswpin>1"], 64, "no design called xnu"),
    ]
    for vector in vectors {
      let run = try directory.run(["compare"] + vector.arguments)
      #expect(run.code == vector.code, "\(vector.arguments)")
      #expect(run.error.contains(vector.part), "\(run.error)")
      #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
      #expect(run.output == "", "\(vector.arguments)")
    }
  }

  @Test func everyFormIsTheSameTwice() throws {
    for form in ["table", "markdown", "csv", "json", "html"] {
      let arguments = ["compare", "base.json", "grown.json", "--format", form]
      let first = try directory.run(arguments)
      #expect(first.code == 0)
      #expect(first.output.contains("static-carveout"), "\(form)")
      let second = try directory.run(arguments)
      #expect(second == first, "\(form)")
    }
  }
}
