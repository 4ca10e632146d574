// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What verification found out about one case: a trace, a machine, a design, a codec and a page size.
public struct CaseVerdict: Equatable, Sendable {
  /// How a case ended.
  public enum Result: Equatable, Sendable {
    /// Everything that was checked holds.
    case passed
    /// Something does not hold.
    case failed(CaseFailure)
    /// Something does not hold, as the suite says it should not, for the reason in its own words.
    case failedAsExpected(CaseFailure, reason: String)
    /// The case says nothing, for this reason.
    case skipped(String)
    /// The case could not be run at all: its trace or its machine is wrong.
    case unusable(String)
  }

  /// The name, different for every case of a run.
  public var name: String
  /// How it ended.
  public var result: Result
  /// What was compared and counted, `nil` where nothing ran.
  public var checks: CaseChecks?

  /// Creates a verdict.
  public init(name: String, result: Result, checks: CaseChecks?) {
    self.name = name
    self.result = result
    self.checks = checks
  }

  /// Whether the case is no reason to refuse a change.
  public var isAcceptable: Bool {
    switch result {
    case .passed, .failedAsExpected, .skipped: true
    case .failed, .unusable: false
    }
  }

  /// Whether it ran and put no page's tags back, so that it says nothing about restored tags.
  public var restoredNothing: Bool { checks?.restores == 0 }
}

/// What one case compared and counted.
public struct CaseChecks: Equatable, Sendable {
  /// Events performed.
  public var events: UInt64
  /// Pages whose tags were put back after they had been swapped out.
  public var restores: UInt64
  /// Pages compared with the oracle, granule by granule.
  public var pages: UInt64
  /// Recorded tag snapshots compared.
  public var snapshots: UInt64
  /// Expectations of the trace that were checked.
  public var expectations: UInt64

  /// Creates the sums of a replay.
  public init(_ report: DesignReport) {
    let verification = report.verification
    events = report.counters[.events]
    restores = report.counters[.tagsRestoredSwap]
    pages =
      verification.swapIns + verification.migrations + verification.copies
      + verification.finalPages
    snapshots = verification.snapshots
    expectations = verification.expectations
  }

  /// The sums in words.
  public var sentence: String {
    var parts = ["\(grouped(restores)) restores", "\(grouped(pages)) pages compared"]
    if snapshots > 0 { parts.append("\(grouped(snapshots)) snapshots") }
    if expectations > 0 { parts.append("\(grouped(expectations)) expectations") }
    return parts.joined(separator: ", ")
  }
}

/// The first thing that does not hold in a case.
public struct CaseFailure: Equatable, Sendable {
  /// What kind of promise it is.
  public var kind: String
  /// Everything on one line.
  public var message: String
  /// Where it was noticed, in this order and under these names: event, place, process, page, granule,
  /// expected, found; those that do not apply are left out.
  public var facts: [(name: String, value: String)]
  /// The file with a smaller trace that fails in the same way, `nil` if none was made.
  public var shrunkPath: String?

  /// Creates a failure.
  public init(kind: String, message: String, facts: [(name: String, value: String)] = []) {
    self.kind = kind
    self.message = message
    self.facts = facts
  }

  /// Compares everything.
  public static func == (left: CaseFailure, right: CaseFailure) -> Bool {
    left.kind == right.kind && left.message == right.message
      && left.shrunkPath == right.shrunkPath
      && left.facts.elementsEqual(right.facts) { $0 == $1 }
  }
}

/// How many cases ended in which way.
public struct VerdictTotals: Equatable, Sendable {
  /// Cases in which everything holds.
  public private(set) var passed = 0
  /// Cases that failed.
  public private(set) var failed = 0
  /// Cases that failed as their suite says.
  public private(set) var failedAsExpected = 0
  /// Cases that were left out.
  public private(set) var skipped = 0
  /// Cases that could not be run.
  public private(set) var unusable = 0
  /// Pages whose tags were put back, over all cases.
  public private(set) var restores: UInt64 = 0
  /// Cases that ran and put back no tags.
  public private(set) var withoutRestores = 0

  /// Counts verdicts.
  public init(_ verdicts: [CaseVerdict]) {
    for verdict in verdicts {
      switch verdict.result {
      case .passed: passed += 1
      case .failed: failed += 1
      case .failedAsExpected: failedAsExpected += 1
      case .skipped: skipped += 1
      case .unusable: unusable += 1
      }
      restores += verdict.checks?.restores ?? 0
      if verdict.restoredNothing { withoutRestores += 1 }
    }
  }

  /// The counts in words, those that are 0 left out apart from passed and failed.
  public var sentences: [String] {
    var counts = ["\(passed) passed", "\(failed) failed"]
    if failedAsExpected > 0 { counts.append("\(failedAsExpected) failed as expected") }
    if skipped > 0 { counts.append("\(skipped) skipped") }
    if unusable > 0 { counts.append("\(unusable) could not be run") }
    var sentences = [
      "\(counts.joined(separator: ", ")); \(grouped(restores)) pages got their tags back from swap."
    ]
    if withoutRestores > 0 {
      let cases = withoutRestores == 1 ? "1 case" : "\(withoutRestores) cases"
      sentences.append(
        "\(cases) restored no tags and say nothing about swap: make memory shorter (--limit), or fail"
          + " with --require-restores 1."
      )
    }
    return sentences
  }
}
