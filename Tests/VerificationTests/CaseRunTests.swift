// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Replay
import Reporting
import TagCompression
import TagStorage
import Testing
import TraceFormat
import Verification

@Suite struct CaseRunTests {
  private func cases(
    _ options: String = "--limit 512K",
    _ change: (inout CaseMatrix) -> Void = { _ in }
  ) throws -> [CaseRun] {
    let files = try TraceFiles()
    var matrix = CaseMatrix(tracePaths: [try files.write(program(pages: 160, options: options))])
    change(&matrix)
    return VerificationRun.results(of: try matrix.cases()) { _, _ in }
  }

  @Test func everyDesignAndLosslessCodecIsACase() throws {
    let runs = try cases { $0.requiredRestores = 1 }
    #expect(runs.count == TagStorageDesign.allCases.count * 4)
    for run in runs {
      #expect(run.verdict.result == .passed, "\(run.verdict)")
      #expect(run.verdict.checks?.restores ?? 0 > 0)
      #expect(!run.verdict.name.contains("mtecomp-v5"))
    }
    #expect(Set(runs.map(\.verdict.name)).count == runs.count)
  }

  @Test func whatATraceIsForIsNotVaried() throws {
    let runs = try cases("--limit 512K --design rfc3 --codec xnu-rle")
    #expect(runs.map(\.verdict.name) == ["program.trace rfc3 xnu-rle 4K"])
  }

  @Test func otherThingsThanATraceIsForAreSkipped() throws {
    let runs = try cases("--design rfc3 --codec raw") {
      $0.designs = [.none, .rfc3]
      $0.pageSizes = [.kib4, .kib16]
      $0.codecs = [.raw, .mtecomp]
    }
    let skipped = runs.filter { if case .skipped = $0.verdict.result { true } else { false } }
    #expect(runs.count == 8 && skipped.count == 7)
  }

  @Test func aRunWithoutSwapProvesNothing() throws {
    let runs = try cases("--limit none") { $0.designs = [.none] }
    let allSaySo = runs.allSatisfy { $0.verdict.restoredNothing }
    #expect(allSaySo)
    let demanding = try cases("--limit none") {
      $0.designs = [.none]
      $0.requiredRestores = 1
    }
    for run in demanding {
      guard case .failed(let failure) = run.verdict.result else {
        Issue.record("\(run.verdict)")
        continue
      }
      #expect(failure.kind == "restores" && failure.message.contains("found 0"))
    }
  }

  @Test func expectedFailuresAreNoFailures() throws {
    func result(_ faults: [InjectedFault]) throws -> CaseVerdict.Result? {
      try cases("--limit 512K --design none --codec raw") {
        $0.injections = faults.map(Injection.fault)
        $0.expectedFailure = "because"
      }.first?.verdict.result
    }
    guard case .failedAsExpected(_, "because") = try result([.dropRestore]) else {
      Issue.record("\(String(describing: try result([.dropRestore])))")
      return
    }
    guard case .failed(let failure) = try result([]) else {
      Issue.record("a success that was not expected is no failure")
      return
    }
    #expect(failure.kind == "unexpected success")
  }

  @Test func twoRunsOfOneCaseAreEqual() throws {
    for run in try cases("--limit 512K --codec mtecomp", { $0.runsTwice = true }) {
      #expect(run.verdict.result == .passed)
    }
  }

  /// Tags of an earlier owner in a page that nobody wrote are seen although no event concerns them.
  @Test func lostTagsAreSeenWithoutASwapIn() throws {
    let files = try TraceFiles()
    let path = try files.write(
      """
      # options: --design none --codec raw --inject drop-last-run
      map 0x100000 4K rw mte anon fixed
      tag 0x100000 64 5
      advise 0x100000 4K pageout
      mark swapped
      """
    )
    var matrix = CaseMatrix(tracePaths: [path])
    matrix.invariants = .marks
    let item = try #require(try matrix.cases().first)
    let finding = try #require(CaseRun(item).finding)
    #expect(finding.kind == .difference(after: "a check of all pages"))
    #expect(finding.event == 4 && finding.granule == 4 && finding.page == 0x100000)
  }

  @Test func aTraceThatContradictsItselfIsUnusable() throws {
    let files = try TraceFiles()
    let item = try #require(
      try CaseMatrix(tracePaths: [try files.write("read 0x100000\n")]).cases().first
    )
    guard case .unusable(let message) = CaseRun(item).verdict.result else {
      Issue.record("an access to nothing is no contradiction")
      return
    }
    #expect(message.contains("expected an access to mapped memory"))
  }

  @Test(
    arguments: [
      ("# options: --limit", "a value for --limit"),
      ("# options: --colour red", "an option of a machine"),
      ("# options: --design rfc9", "a design"),
      ("# options: --inject nothing", "a fault to inject"),
      ("# options: --limit much", "a setting of the machine"),
      ("# options: --set ram", "KEY=VALUE after --set"),
      ("# counters: pswpin", "COUNTER=VALUE"),
      ("# differences: few", "a number of differences"),
    ]
  )
  func brokenDirectivesHaveAPlace(line: String, expected: String) throws {
    let error = #expect(throws: TraceError.self) {
      try TraceDirectives(text: "page-size 4K\n\(line)\n", "some.trace")
    }
    #expect(
      error?.description.hasPrefix("some.trace:2:+13: expected \(expected)") == true,
      "\(line)"
    )
  }
}
