// SPDX-License-Identifier: Apache-2.0

import MemoryModel
public import Replay
public import Reporting
import MachineFile

/// What came of one case, with what is needed to go on from there.
public struct CaseRun: Sendable {
  /// The verdict.
  public var verdict: CaseVerdict
  /// What was found first, where the case failed on a finding of its replay.
  public let finding: ReplayFinding?
  /// Why the case could not be run.
  public let error: ReplayError?

  /// Runs a case.
  ///
  /// `progress` is told the number of events performed so far; it cannot change the result.
  public init(_ item: VerificationCase, progress: (UInt64) -> Void = { _ in }) {
    var checks: CaseChecks?
    var failure: CaseFailure?
    var finding: ReplayFinding?
    var error: ReplayError?
    do throws(ReplayError) {
      if item.skipReason == nil {
        let outcome = try Self.replay(item, progress)
        checks = CaseChecks(outcome.design)
        finding = item.directives.differences > 0 ? nil : outcome.finding
        failure =
          finding.map(CaseFailure.init) ?? Self.failure(of: outcome, item)
        if failure == nil && item.runsTwice {
          failure = Self.difference(outcome, try Self.replay(item, { _ in }))
        }
      }
    } catch ReplayError.invariant(let broken) {
      finding = broken
      failure = CaseFailure(broken)
    } catch let caught {
      error = caught
    }
    self.finding = finding
    self.error = error
    let result: CaseVerdict.Result =
      if let reason = item.skipReason {
        .skipped(reason)
      } else if let error {
        .unusable(error.description)
      } else {
        Self.result(failure, expected: item.expectedFailure)
      }
    verdict = CaseVerdict(name: item.name, result: result, checks: checks)
  }

  private static func result(_ failure: CaseFailure?, expected: String?) -> CaseVerdict.Result {
    switch (failure, expected) {
    case (nil, nil): .passed
    case (let failure?, nil): .failed(failure)
    case (let failure?, let reason?): .failedAsExpected(failure, reason: reason)
    case (nil, let reason?):
      .failed(
        CaseFailure(
          kind: "unexpected success",
          message: "expected a failure (\(reason)), found that everything holds"
        )
      )
    }
  }

  /// One replay: the design's part of the report, all of it, and what was found first.
  private struct Outcome {
    let design: DesignReport
    let report: RunReport
    let finding: ReplayFinding?
  }

  private static func replay(
    _ item: VerificationCase,
    _ progress: (UInt64) -> Void
  ) throws(ReplayError) -> Outcome {
    var session = try ReplaySession.open(item.plan)
    let design = try session.run(progress: progress)
    return Outcome(
      design: design,
      report: RunReport(
        programVersion: "",
        traces: session.traceSummaries,
        machine: session.machineSummary(settings: MachineKey.settings(of: item.machine)),
        designs: [design]
      ),
      finding: session.firstFinding
    )
  }

  /// What does not hold at the end of a replay that found nothing on its way.
  private static func failure(of outcome: Outcome, _ item: VerificationCase) -> CaseFailure? {
    let verification = outcome.design.verification
    let expected = item.directives.differences
    if verification.failedExpectations > 0 || verification.differences != expected {
      return CaseFailure(
        kind: "number of differences",
        message: verification.messages.first
          ?? "expected \(expected) differences, found \(verification.differences)"
      )
    }
    let lost = outcome.design.counters[.tagsLost]
    let isExpected = item.directives.counters.contains { $0.counter == .tagsLost }
    if lost > 0 && expected == 0 && !isExpected {
      return CaseFailure(kind: "lost tags", message: "\(lost) pages lost their tags")
    }
    for (counter, value) in item.directives.counters {
      let found = outcome.design.counters[counter]
      guard found != value else { continue }
      return CaseFailure(
        kind: "counter",
        message: "expected \(counter.name)=\(value), found \(found)"
      )
    }
    if let violation = checkSums(outcome.report).first {
      return CaseFailure(kind: "sum rule", message: violation)
    }
    let restores = outcome.design.counters[.tagsRestoredSwap]
    if restores < item.requiredRestores {
      return CaseFailure(
        kind: "restores",
        message: "expected \(item.requiredRestores) or more pages to get their tags back from swap,"
          + " found \(restores); shorter memory (--limit) swaps more"
      )
    }
    return nil
  }

  /// I18: the same trace on the same machine gives the same report.
  private static func difference(_ first: Outcome, _ second: Outcome) -> CaseFailure? {
    guard first.report != second.report else { return nil }
    for counter in Counter.allCases {
      let (left, right) = (first.design.counters[counter], second.design.counters[counter])
      guard left != right else { continue }
      return CaseFailure(
        kind: "determinism",
        message: "I18: two runs counted \(counter.name) as \(left) and \(right)"
      )
    }
    return CaseFailure(kind: "determinism", message: "I18: two runs gave different reports")
  }
}

extension CaseFailure {
  /// The failure that a finding of a replay is.
  init(_ finding: ReplayFinding) {
    var facts = [("event", String(finding.event)), ("place", finding.place)]
    if let process = finding.process { facts.append(("process", String(process))) }
    if let page = finding.page { facts.append(("page", "0x\(String(page, radix: 16))")) }
    if let granule = finding.granule { facts.append(("granule", String(granule))) }
    facts += [("expected", finding.expected), ("found", finding.found)]
    self.init(
      kind: finding.kind.description,
      message: finding.description,
      facts: facts.map { (name: $0.0, value: $0.1) }
    )
  }
}
