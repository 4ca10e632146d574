// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as rows: one column for each design, the same rows for all of them.
///
/// Tables, Markdown and CSV are rendered from it, so that they cannot disagree.
public struct ReportRows: Equatable, Sendable {
  /// Which rows there are; groups without a row are left out.
  public enum Selection: Sendable {
    /// What a reader asks first: what a design gives up and gives back, what that costs, and whether
    /// tags were lost.
    case essential
    /// Everything that happened: all rows but optional ones that are zero for every design.
    case occurring
    /// What events cost in time, and how long accesses and allocations had to wait.
    case costs
    /// All rows, for a program that wants the same ones every time.
    case all
  }

  /// The headings of the columns: the designs, with their codecs where a design occurs twice.
  public let columns: [String]
  /// The rows by subject.
  public let groups: [ReportGroup]

  /// Derives the rows of a report.
  public init(_ report: RunReport, _ selection: Selection) {
    columns = Self.headings(report)
    let definitions =
      switch selection {
      case .essential: GroupDefinition.essential
      case .costs: GroupDefinition.costs
      case .occurring, .all:
        GroupDefinition.all(classes: Self.classes(of: report.designs.map(\.savedTags)))
      }
    let context = RowContext(report)
    groups = definitions.compactMap { definition in
      var rows: [ReportRow] = []
      for row in definition.rows {
        let cells = report.designs.map { row.value.cell(of: $0, in: context) }
        guard row.isKept || selection == .all || !cells.allSatisfy(\.isZero) else { continue }
        rows.append(ReportRow(value: row.value, title: row.title, cells: cells))
      }
      return rows.isEmpty ? nil : ReportGroup(title: definition.title, rows: rows)
    }
  }

  /// The headings of the columns.
  static func headings(_ report: RunReport) -> [String] {
    // Only looked up, so that its order reaches nothing.
    let counts = Dictionary(report.designs.map { ($0.design, 1) }, uniquingKeysWith: +)
    return report.designs.map { design in
      counts[design.design] == 1 ? design.design : "\(design.design)/\(design.codec)"
    }
  }

  /// The size classes of any design, smallest first.
  ///
  /// It is given their saved tags alone, since a design is some kilobytes to copy.
  static func classes(of designs: [[SavedTagClass]]) -> [Int] {
    var classes: [Int] = []
    for savedTags in designs.joined() where !classes.contains(savedTags.bytes) {
      classes.append(savedTags.bytes)
    }
    return classes.sorted()
  }
}

/// The rows of one subject.
public struct ReportGroup: Equatable, Sendable {
  /// The subject, with the unit where all rows share it.
  public let title: String
  /// The rows, at least one.
  public let rows: [ReportRow]
}

/// One number of every design.
public struct ReportRow: Equatable, Sendable {
  /// The name in CSV, which ``Glossary/entry(for:)`` explains.
  public let name: String
  /// The name in tables.
  public let title: String
  /// The unit of all cells.
  public let unit: GlossaryUnit
  /// One cell for each design.
  public let cells: [ReportCell]

  /// Creates a row; a title of its own replaces that of the glossary.
  ///
  /// - Precondition: the glossary has an entry for `value`.
  init(value: RowValue, title: String?, cells: [ReportCell]) {
    guard let entry = Glossary.entry(for: value.name) else {
      preconditionFailure("no glossary entry for \(value.name)")
    }
    name = value.name
    unit = entry.unit
    self.cells = cells
    self.title =
      if let title {
        title
      } else if case .allocationClass(let allocationClass, _) = value {
        "\(allocationClass.title), \(entry.title)"
      } else if case .savedTagClass(let bytes, _) = value {
        bytes == 8 ? "in the handle, \(entry.title)" : "\(grouped(UInt64(bytes))) B, \(entry.title)"
      } else {
        entry.title
      }
  }
}
