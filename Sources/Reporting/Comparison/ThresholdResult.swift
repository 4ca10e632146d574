// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What became of a threshold for one design of one report.
public struct ThresholdResult: Equatable, Sendable {
  /// The threshold as it was written.
  public let threshold: String
  /// The design, as the base names it.
  public let design: String
  /// The new report.
  public let report: String
  /// The name of the number.
  public let name: String
  /// What the base states.
  public let base: ReportCell
  /// What the new report states.
  public let change: ComparisonChange
  /// Whether the number is beyond its bound.
  public let isExceeded: Bool

  /// The result in words: `rfc3: pswpin 100 -> 102 (+2.00 %), limit pswpin>+1%`.
  public var sentence: String {
    let part = change.percent == .none ? "" : ", \(change.percent.forReading) %"
    let unit = Glossary.entry(for: name)?.unit == .bytes ? " KiB" : ""
    return "\(design): \(name) is \(change.value.forReading)\(unit), was \(base.forReading)\(unit) "
      + "(\(change.delta.isZero ? "0" : change.delta.forReading)\(part)); "
      + "\(isExceeded ? "exceeds" : "keeps") \(threshold)"
  }
}

extension Comparison {
  /// Holds the comparison against `thresholds`.
  ///
  /// - Returns: one result for each threshold, design and new report, in this order.
  /// - Throws: ``ThresholdError`` for a threshold whose design is in no section.
  public func results(of thresholds: [Threshold]) throws(ThresholdError) -> [ThresholdResult] {
    let pairings = news.map { DesignPairing(base.report, $0.report) }
    let headings = ReportRows.headings(base.report)
    let contexts = news.map { RowContext($0.report) }
    let baseContext = RowContext(base.report)
    var results: [ThresholdResult] = []
    for threshold in thresholds {
      let count = results.count
      for (place, design) in base.report.designs.enumerated() {
        guard
          threshold.design ?? design.design == design.design || threshold.design == headings[place]
        else { continue }
        let before = threshold.value.cell(of: design, in: baseContext)
        for ((new, pairing), context) in zip(zip(news, pairings), contexts) {
          guard let partner = pairing.partners[place] else { continue }
          let after = threshold.value.cell(of: new.report.designs[partner], in: context)
          results.append(
            ThresholdResult(
              threshold: threshold.text,
              design: headings[place],
              report: new.name,
              name: threshold.value.name,
              base: before,
              change: ComparisonChange(from: before, to: after),
              isExceeded: threshold.isExceeded(from: before.amount ?? 0, to: after.amount ?? 0)
            )
          )
        }
      }
      guard results.count > count else {
        let wanted = threshold.design.map { "no design called \($0)" } ?? "no design"
        throw ThresholdError(threshold.text, "\(wanted) is in both reports")
      }
    }
    return results
  }
}

extension Threshold {
  /// Whether a number that was `before` and is `after` is beyond the bound.
  func isExceeded(from before: UInt64, to after: UInt64) -> Bool {
    let change = Int128(after) - Int128(before)
    switch bound {
    case .value(let limit):
      return isUpperBound ? after > limit : after < limit
    case .change(let amount, let isDecrease):
      let limit = isDecrease ? -Int128(amount) : Int128(amount)
      return isUpperBound ? change > limit : change < limit
    case .percentChange(let hundredths, let isDecrease):
      // Multiplied out, so that nothing is rounded; a number that was zero changed beyond any part.
      let limit = Int128(before) * Int128(isDecrease ? -Int128(hundredths) : Int128(hundredths))
      return isUpperBound ? change * 10_000 > limit : change * 10_000 < limit
    }
  }
}
