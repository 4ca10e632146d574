// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A number of each design of a report, the smaller the better.
public struct ReportMetric: Equatable, Sendable {
  /// How the number follows from a report.
  private enum Source: Equatable, Sendable {
    case row(String)
    /// Time, and memory at so many nanoseconds for each mebibyte.
    case price(nanosecondsPerMebibyte: UInt64)
  }

  private let source: Source
  /// The name on the command line and in results.
  public let name: String
  /// The unit.
  public let unit: GlossaryUnit

  /// Creates the metric that is called `name`: `memory`, `time`, or a name of the csv form.
  ///
  /// - Returns: `nil` where there is no such number, or it is not a number of one design.
  public init?(_ name: String) {
    let row =
      switch name {
      case "memory": RowValue.tagOverhead(.mean)
      case "time": RowValue.totalTime
      default: RowValue.named(name)
      }
    guard let row, row != .codec, let entry = Glossary.entry(for: row.name) else { return nil }
    source = .row(row.name)
    self.name = name
    unit = entry.unit
  }

  /// Creates the metric that adds to the time what the memory given up for tags is worth.
  public init(nanosecondsPerMebibyte price: UInt64) {
    source = .price(nanosecondsPerMebibyte: price)
    name = "price"
    unit = .nanoseconds
  }

  /// The name of a number that is most like `name`, `nil` where none is.
  public static func nearest(to name: String) -> String? { RowValue.nearest(to: name) }

  /// Whether a run has to be repeated for other costs: only the waits are added up while it lasts.
  public var isMeasuredWhileRunning: Bool {
    guard case .row(let name) = source, let row = RowValue.named(name) else { return false }
    return switch row {
    case .stall, .allocationClass, .counter(.stallNanoseconds): true
    default: false
    }
  }

  /// The number as a cell.
  func cell(_ value: UInt64) -> ReportCell {
    switch unit {
    case .bytes: .bytes(value)
    case .nanoseconds: .nanoseconds(value)
    case .percent: .percent(value)
    default: .count(value)
    }
  }

  /// The number of a design.
  ///
  /// - Precondition: the report has the design.
  public func value(of design: Int, in report: RunReport) -> UInt64 {
    let design = report.designs[design]
    let context = RowContext(report)
    switch source {
    case .row(let name):
      return RowValue.named(name)?.cell(of: design, in: context).amount ?? 0
    case .price(let price):
      let time = RowValue.totalTime.cell(of: design, in: context).amount ?? 0
      let product = design.tagOverhead.mean.multipliedFullWidth(by: price)
      let worth = UInt128(product.high) << 64 | UInt128(product.low)
      return UInt64(clamping: UInt128(time) + worth >> 20)
    }
  }
}
