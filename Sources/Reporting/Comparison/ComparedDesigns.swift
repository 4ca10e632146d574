// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MemoryModel
import Synchronization

/// The designs of a comparison before they are sections: who is compared with whom.
struct ComparedDesigns: Sendable {
  let base: RunReport
  let news: [RunReport]
  let pairings: [DesignPairing]
  /// What the base calls its designs, and each new report its own.
  let headings: [String]
  let otherHeadings: [[String]]
  private let context: RowContext
  private let otherContexts: [RowContext]
  private let selection: Comparison.Selection

  /// Designs that one core takes at a time.
  private static let chunk = 512

  init(_ base: RunReport, _ news: [RunReport], _ selection: Comparison.Selection) {
    self.base = base
    self.news = news
    self.selection = selection
    pairings = news.map { DesignPairing(base, $0) }
    headings = ReportRows.headings(base)
    otherHeadings = news.map { ReportRows.headings($0) }
    context = RowContext(base)
    otherContexts = news.map { RowContext($0) }
  }

  /// One section for each design of the base that another report has, in the base's order.
  ///
  /// Designs are compared on all cores, since none has to do with another.
  ///
  /// - Complexity: O(designs of the base * reports * rows).
  var sections: [ComparisonSection] {
    let starts = Array(stride(from: 0, to: base.designs.count, by: Self.chunk))
    let parts = Mutex([[ComparisonSection]](repeating: [], count: starts.count))
    DispatchQueue.concurrentPerform(iterations: starts.count) { index in
      let end = min(starts[index] + Self.chunk, base.designs.count)
      let part = sections(of: starts[index]..<end)
      parts.withLock { $0[index] = part }
    }
    return parts.withLock { $0.flatMap(\.self) }
  }

  private func sections(of designs: Range<Int>) -> [ComparisonSection] {
    // Most designs have the same size classes, and so the same rows.
    var definitions: (classes: [Int], groups: [GroupDefinition])?
    return designs.compactMap { design in
      let partners = pairings.map { $0.partners[design] }
      guard partners.contains(where: { $0 != nil }) else { return nil }
      let side = ComparisonSide(context, design, heading: headings[design])
      let sides = zip(news.indices, partners).map { new, partner in
        partner.map { ComparisonSide(otherContexts[new], $0, heading: otherHeadings[new][$0]) }
      }
      let classes = ReportRows.classes(
        of: ([side] + sides.compactMap(\.self)).map { $0.design.savedTags }
      )
      if definitions?.classes != classes {
        definitions = (classes, GroupDefinition.all(classes: classes))
      }
      return ComparisonSection(
        title: headings[design],
        base: side,
        news: sides,
        definitions: definitions?.groups ?? [],
        selection
      )
    }
  }
}
