// SPDX-License-Identifier: Apache-2.0

/// Verdicts as TAP, the Test Anything Protocol, version 14.
///
/// Source: https://testanything.org/tap-version-14-specification.html
public enum TAPReport {
  /// Writes the verdicts in their order.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ verdicts: [CaseVerdict]) -> String {
    var lines = ["TAP version 14", "1..\(verdicts.count)"]
    for (index, verdict) in verdicts.enumerated() {
      let point = "\(index + 1) - \(description(verdict.name))"
      switch verdict.result {
      case .passed:
        lines.append("ok \(point)")
        if let checks = verdict.checks { lines += block([("checks", checks.sentence)]) }
      case .failed(let failure):
        lines.append("not ok \(point)")
        lines += block(facts(failure))
      case .failedAsExpected(let failure, let reason):
        lines.append("not ok \(point) # TODO \(directive(reason))")
        lines += block(facts(failure))
      case .skipped(let reason):
        lines.append("ok \(point) # SKIP \(directive(reason))")
      case .unusable(let reason):
        lines.append("not ok \(point)")
        lines += block([("message", reason)])
      }
    }
    lines += VerdictTotals(verdicts).sentences.map { "# \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func facts(_ failure: CaseFailure) -> [(String, String)] {
    var facts = [("message", failure.message), ("kind", failure.kind)]
    facts += failure.facts.map { ($0.name, $0.value) }
    if let path = failure.shrunkPath { facts.append(("shrunk", path)) }
    return facts
  }

  /// A name without what would begin a directive or a new line; every `#` and `\` is escaped.
  private static func description(_ text: String) -> String {
    printable(text).replacing("\\", with: "\\\\").replacing("#", with: "\\#")
  }

  private static func directive(_ text: String) -> String { printable(text) }

  /// A YAML block with one text for each key.
  private static func block(_ entries: [(key: String, text: String)]) -> [String] {
    ["  ---"] + entries.map { "  \($0.key): \(quoted($0.text))" } + ["  ..."]
  }

  /// A text in double quotes, as YAML reads it.
  private static func quoted(_ text: String) -> String {
    let safe = printable(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(safe)\""
  }
}
