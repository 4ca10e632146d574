// SPDX-License-Identifier: Apache-2.0

/// Verdicts for people: one line for each case, what failed in full, and a summary.
public enum VerdictText {
  /// Writes the verdicts in their order.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ verdicts: [CaseVerdict]) -> String {
    let width = verdicts.map { printable($0.name).count }.max() ?? 0
    var lines: [String] = []
    for verdict in verdicts {
      let name = padded(printable(verdict.name), to: width)
      lines.append("\(padded(word(verdict), to: 8))  \(name)  \(remark(verdict))")
      lines += details(verdict).map { "          \(printable($0))" }
    }
    if !lines.isEmpty { lines.append("") }
    lines += VerdictTotals(verdicts).sentences
    return lines.joined(separator: "\n") + "\n"
  }

  private static func word(_ verdict: CaseVerdict) -> String {
    switch verdict.result {
    case .passed: "ok"
    case .failed: "FAILED"
    case .failedAsExpected: "expected"
    case .skipped: "skipped"
    case .unusable: "ERROR"
    }
  }

  private static func remark(_ verdict: CaseVerdict) -> String {
    switch verdict.result {
    case .skipped(let reason), .unusable(let reason): printable(reason)
    case .failed(let failure): printable(failure.kind)
    case .failedAsExpected(let failure, let reason): printable("\(failure.kind): \(reason)")
    case .passed: verdict.checks?.sentence ?? ""
    }
  }

  private static func details(_ verdict: CaseVerdict) -> [String] {
    guard case .failed(let failure) = verdict.result else { return [] }
    var lines = [failure.message]
    lines += failure.facts.map { "\(padded($0.name, to: 8)) \($0.value)" }
    if let path = failure.shrunkPath { lines.append("mtesim verify \(path)  fails the same way") }
    return lines
  }
}
