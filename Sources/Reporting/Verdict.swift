// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The answer of a report in words: whether tags were lost, under which designs, and how it is
/// known.
public struct Verdict: Equatable, Sendable {
  /// Whether every design kept every tag and every comparison and expectation held.
  public let isClean: Bool
  /// One sentence for each kind of answer, the worst last, where a terminal shows it.
  public let sentences: [String]

  /// Judges a report.
  public init(_ report: RunReport) {
    let columns = ReportRows.headings(report)
    var bad: [String] = []
    var unverified: [String] = []
    var good: [String] = []
    var comparisons: UInt64 = 0
    for (name, design) in zip(columns.map(printable), report.designs) {
      let faults = Self.faults(design)
      if !faults.isEmpty {
        bad.append("\(name): \(faults.joined(separator: ", "))")
      } else if design.verification.comparisons == 0 {
        unverified.append(name)
      } else {
        good.append(name)
        comparisons += design.verification.comparisons
      }
    }
    isClean = bad.isEmpty
    var sentences: [String] = []
    if !good.isEmpty {
      sentences.append(
        "No tag was lost under \(good.joined(separator: ", ")): \(grouped(comparisons)) "
          + "comparisons, 0 differences."
      )
    }
    if !unverified.isEmpty {
      sentences.append(
        "Nothing was compared under \(unverified.joined(separator: ", ")): no tag is known to be "
          + "lost, and none to be kept."
      )
    }
    if !bad.isEmpty {
      sentences.append("TAGS WERE NOT KEPT under \(bad.joined(separator: "; under ")).")
    }
    self.sentences = sentences
  }

  private static func faults(_ design: DesignReport) -> [String] {
    let verification = design.verification
    var faults: [String] = []
    if design.counters[.tagsLost] > 0 {
      let causes = [
        (Counter.tagsLostNoMemory, "for want of memory"), (.tagsLostEncoding, "in encoding"),
        (.tagsLostDecoding, "in decoding"), (.tagsLostCopying, "in copying"),
        (.tagsLostUnsaved, "at swap-out"), (.tagsLostOverwritten, "under data"),
      ].filter { design.counters[$0.0] > 0 }.map { "\(grouped(design.counters[$0.0])) \($0.1)" }
      faults.append(
        "\(grouped(design.counters[.tagsLost])) pages lost their tags"
          + (causes.isEmpty ? "" : " (\(causes.joined(separator: ", ")))")
      )
    }
    if design.counters[.tagsLeaked] > 0 {
      faults.append("\(grouped(design.counters[.tagsLeaked])) pages got tags of another owner")
    }
    if design.counters[.dataOverwritten] > 0 {
      faults.append("\(grouped(design.counters[.dataOverwritten])) pages lost their data to tags")
    }
    if verification.differences > 0 {
      faults.append(
        "\(grouped(verification.differences)) of \(grouped(verification.comparisons)) comparisons "
          + "differ"
      )
    }
    if verification.failedExpectations > 0 {
      faults.append(
        "\(grouped(verification.failedExpectations)) of \(grouped(verification.expectations)) "
          + "expectations failed"
      )
    }
    return faults
  }
}
