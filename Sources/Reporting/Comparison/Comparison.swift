// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Reports beside a base report: for each design, what every number became and by how much it changed.
///
/// Rows are matched by name and designs by name and codec. Where the base and a new report have one
/// design each, these two are compared whatever they are called, so that two designs that ran apart
/// can stand side by side. Tables, Markdown, CSV and JSON are rendered from it, so that they cannot
/// disagree.
public struct Comparison: Equatable, Sendable {
  /// One of the reports.
  public struct Input: Equatable, Sendable {
    /// What tables call the report, such as its file name.
    public var name: String
    /// The report.
    public var report: RunReport

    /// Names a report.
    public init(name: String, report: RunReport) {
      self.name = name
      self.report = report
    }
  }

  /// Which rows there are; groups without a row are left out.
  public enum Selection: Sendable {
    /// Rows that changed anywhere, and the ones that decide: what is given up for tags, and whether
    /// tags were lost.
    case changed
    /// All rows but optional ones that are zero everywhere.
    case occurring
    /// All rows, for a program that wants the same ones every time.
    case all
  }

  /// What the numbers are compared with.
  public let base: Input
  /// The reports that are compared with it, in the order of the command line.
  public let news: [Input]
  /// What else than the design sets the reports apart, one line each: program, traces, machine.
  public let conditions: [String]
  /// One section for each design of the base that another report has, too.
  public let sections: [ComparisonSection]
  /// Designs that only one side has, one line each.
  public let unmatched: [String]

  /// Compares `news` with `base`.
  ///
  /// - Complexity: O(designs of the base * reports * rows).
  public init(base: Input, news: [Input], _ selection: Selection) {
    self.base = base
    self.news = news
    conditions = news.flatMap { ComparisonConditions.lines(base, $0) }
    let designs = ComparedDesigns(base.report, news.map(\.report), selection)
    sections = designs.sections
    var unmatched: [String] = []
    for (number, (new, pairing)) in zip(news, designs.pairings).enumerated() {
      for design in base.report.designs.indices where pairing.partners[design] == nil {
        unmatched.append("\(printable(designs.headings[design])) is not in \(printable(new.name))")
      }
      // Only asked what it holds, so its order reaches nothing.
      let paired = Set(pairing.partners.compactMap(\.self))
      for design in new.report.designs.indices where !paired.contains(design) {
        unmatched.append(
          "\(printable(designs.otherHeadings[number][design])) is only in \(printable(new.name))"
        )
      }
    }
    self.unmatched = unmatched
  }
}

/// One design of one report.
///
/// A reference, since a design is some kilobytes of counters and every row looks at it.
final class ComparisonSide: Sendable {
  private let context: RowContext
  /// The design.
  let design: DesignReport
  /// What the report calls the design.
  let heading: String

  init(_ context: RowContext, _ place: Int, heading: String) {
    self.context = context
    design = context.report.designs[place]
    self.heading = heading
  }

  /// What the row states there.
  func cell(_ value: RowValue) -> ReportCell { value.cell(of: design, in: context) }
}

/// Which design of another report each design of the base is compared with.
struct DesignPairing {
  /// A place in the other report for each design of the base, `nil` without a partner.
  let partners: [Int?]

  init(_ base: RunReport, _ other: RunReport) {
    if base.designs.count == 1 && other.designs.count == 1 {
      partners = [0]
      return
    }
    // Only looked up, so that their order reaches nothing.
    let places = Dictionary(grouping: other.designs.indices) { other.designs[$0].design }
    let counts = Dictionary(base.designs.map { ($0.design, 1) }, uniquingKeysWith: +)
    partners = base.designs.map { design in
      let sameName = places[design.design] ?? []
      let isOnly = counts[design.design] == 1
      return sameName.first { other.designs[$0].codec == design.codec }
        ?? (isOnly && sameName.count == 1 ? sameName.first : nil)
    }
  }
}
