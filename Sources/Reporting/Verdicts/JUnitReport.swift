// SPDX-License-Identifier: Apache-2.0

/// Verdicts as JUnit XML, which continuous-integration servers read.
///
/// There is no time in it, so that two runs give the same bytes. Cases that fail as their suite expects
/// count as skipped, with the reason.
///
/// Source: the schema of the Jenkins xUnit plugin, `junit-10.xsd`.
public enum JUnitReport {
  /// Writes the verdicts in their order.
  ///
  /// - Returns: the document, which ends in a newline.
  public static func text(_ verdicts: [CaseVerdict]) -> String {
    let totals = VerdictTotals(verdicts)
    let counts =
      "tests=\"\(verdicts.count)\" failures=\"\(totals.failed)\" errors=\"\(totals.unusable)\""
      + " skipped=\"\(totals.skipped + totals.failedAsExpected)\""
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<testsuites name=\"mtesim verify\" \(counts)>",
      "  <testsuite name=\"mtesim verify\" \(counts)>",
    ]
    for verdict in verdicts { lines += testCase(verdict) }
    return (lines + ["  </testsuite>", "</testsuites>"]).joined(separator: "\n") + "\n"
  }

  private static func testCase(_ verdict: CaseVerdict) -> [String] {
    let start = "    <testcase classname=\"mtesim.verify\" name=\"\(escaped(verdict.name))\""
    var inner: [String] = []
    switch verdict.result {
    case .passed: break
    case .failed(let failure):
      let body =
        failure.facts.map { "\($0.name): \($0.value)" }
        + (failure.shrunkPath.map { ["shrunk: \($0)"] } ?? [])
      inner.append(
        "<failure type=\"\(escaped(failure.kind))\" message=\"\(escaped(failure.message))\">"
          + "\(body.map(escaped).joined(separator: "\n"))</failure>"
      )
    case .failedAsExpected(let failure, let reason):
      inner.append(
        "<skipped message=\"\(escaped("fails as expected (\(failure.kind)): \(reason)"))\"/>"
      )
    case .skipped(let reason):
      inner.append("<skipped message=\"\(escaped(reason))\"/>")
    case .unusable(let reason):
      inner.append("<error type=\"unusable\" message=\"\(escaped(reason))\"/>")
    }
    if let checks = verdict.checks {
      inner.append("<system-out>\(escaped(checks.sentence))</system-out>")
    }
    guard !inner.isEmpty else { return ["\(start)/>"] }
    return ["\(start)>"] + inner.map { "      \($0)" } + ["    </testcase>"]
  }

  /// A text as it can stand in an attribute or an element.
  private static func escaped(_ text: String) -> String {
    var shown = ""
    for scalar in printable(text).unicodeScalars {
      switch scalar {
      case "&": shown += "&amp;"
      case "<": shown += "&lt;"
      case ">": shown += "&gt;"
      case "\"": shown += "&quot;"
      // XML 1.0 has no place for these, escaped or not.
      case "\u{fffe}", "\u{ffff}": shown += "?"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
