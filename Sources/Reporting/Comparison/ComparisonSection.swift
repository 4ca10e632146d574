// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// One design in all reports of a comparison.
public struct ComparisonSection: Equatable, Sendable {
  /// The design, as the base names it.
  public let title: String
  /// The design in each new report where it has another name there, `nil` where it has the same.
  public let otherTitles: [String?]
  /// The rows by subject.
  public let groups: [ComparisonGroup]
  /// What the change of each total is made of.
  public let causes: [ChangeCauses]

  init(
    title: String,
    base: ComparisonSide,
    news: [ComparisonSide?],
    definitions: [GroupDefinition],
    _ selection: Comparison.Selection
  ) {
    self.title = title
    otherTitles = news.map { side in
      guard let side else { return nil }
      return side.heading == title ? nil : side.heading
    }
    groups = definitions.compactMap { definition in
      let rows = definition.rows.compactMap { row in
        Self.row(row, base, news, selection)
      }
      return rows.isEmpty ? nil : ComparisonGroup(title: definition.title, rows: rows)
    }
    causes = ChangeCauses.all(base: base, news: news)
  }

  private static func row(
    _ definition: RowDefinition,
    _ base: ComparisonSide,
    _ news: [ComparisonSide?],
    _ selection: Comparison.Selection
  ) -> ComparisonRow? {
    // What a report states against its own first design says nothing about another report.
    guard !definition.value.isAgainstFirstDesign else { return nil }
    let cell = base.cell(definition.value)
    let changes = news.map { side in
      side.map { ComparisonChange(from: cell, to: $0.cell(definition.value)) }
    }
    let isShown =
      switch selection {
      case .all: true
      case .occurring:
        definition.isKept || !cell.isZero
          || changes.contains { $0.map { !$0.value.isZero } ?? false }
      case .changed:
        definition.value.isDecisive || changes.contains { $0.map { $0.value != cell } ?? false }
      }
    guard isShown else { return nil }
    return ComparisonRow(
      ReportRow(value: definition.value, title: definition.title, cells: [cell]),
      changes: changes
    )
  }
}

/// The rows of one subject.
public struct ComparisonGroup: Equatable, Sendable {
  /// The subject, with the unit where all rows share it.
  public let title: String
  /// The rows, at least one.
  public let rows: [ComparisonRow]
}

/// One number of one design in all reports.
public struct ComparisonRow: Equatable, Sendable {
  /// The name in CSV, which ``Glossary/entry(for:)`` explains.
  public let name: String
  /// The name in tables.
  public let title: String
  /// The unit.
  public let unit: GlossaryUnit
  /// What the base states.
  public let base: ReportCell
  /// What each new report states, `nil` where it has no such design.
  public let changes: [ComparisonChange?]

  init(_ row: ReportRow, changes: [ComparisonChange?]) {
    name = row.name
    title = row.title
    unit = row.unit
    base = row.cells[0]
    self.changes = changes
  }
}

/// What a number became.
public struct ComparisonChange: Equatable, Sendable {
  /// The new number.
  public let value: ReportCell
  /// The new number less the old one; nothing for names.
  public let delta: ReportCell
  /// The change as a part of the old number; nothing where that is zero or already a percentage.
  public let percent: ReportCell

  init(from old: ReportCell, to new: ReportCell) {
    value = new
    guard let before = old.amount, let after = new.amount else {
      delta = .none
      percent = .none
      return
    }
    let isDecrease = after < before
    let amount = isDecrease ? before - after : after - before
    delta =
      switch new {
      case .bytes: .byteChange(amount, isDecrease: isDecrease)
      case .nanoseconds: .nanosecondChange(amount, isDecrease: isDecrease)
      case .percent: .percentChange(amount, isDecrease: isDecrease)
      default: .countChange(amount, isDecrease: isDecrease)
      }
    if case .percent = new {
      percent = .none
    } else {
      percent =
        hundredthsOfPercent(amount, of: before).map {
          .percentChange($0, isDecrease: isDecrease)
        } ?? .none
    }
  }
}

extension RowValue {
  /// Whether the row compares a design with the first one of its own report.
  var isAgainstFirstDesign: Bool {
    switch self {
    case .tagOverheadChange, .tagOverheadChangePercent: true
    default: false
    }
  }

  /// Whether the row is part of every comparison, changed or not.
  var isDecisive: Bool {
    switch self {
    case .tagOverhead, .counter(.tagsLost), .verification(.differences): true
    default: false
    }
  }
}
