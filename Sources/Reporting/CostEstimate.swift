// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What a run would have cost in time: counted events, each times what it costs.
///
/// The estimate is as good as its parameters. It is no clock: nothing overlaps, nothing is contended,
/// no cache is modelled, and an event costs the same whenever it happens. What it is for is comparing
/// two ways to do the same work.
///
/// A further kind of event is one more case of `CostKind`, with a parameter of `EventCosts`.
public struct CostEstimate: Equatable, Sendable {
  /// One kind of event.
  public struct Item: Equatable, Sendable {
    /// What the time goes to.
    public let kind: CostKind
    /// How often it happened.
    public let events: UInt64
    /// What one costs, in nanoseconds.
    public let nanosecondsEach: UInt64

    init(_ kind: CostKind, _ counters: CounterSet, _ costs: EventCosts) {
      self.kind = kind
      events = kind.events(in: counters)
      nanosecondsEach = UInt64(costs[kind.parameter])
    }

    /// The time of all of them, in nanoseconds.
    public var nanoseconds: UInt64 { clampedProduct(events, nanosecondsEach) }
  }

  /// The kinds of events, in the order of `CostKind.allCases`.
  public let items: [Item]

  /// Estimates the time of what was counted.
  public init(_ counters: CounterSet, _ costs: EventCosts) {
    items = CostKind.allCases.map { Item($0, counters, costs) }
  }

  /// The time of everything, in nanoseconds.
  public var nanoseconds: UInt64 { items.reduce(0) { clampedSum($0, $1.nanoseconds) } }
}

extension CostKind {
  /// How often it happened; 0 where a report that somebody changed has less than it takes away.
  func events(in counters: CounterSet) -> UInt64 {
    let all = added.reduce(0) { clampedSum($0, counters[$1]) }
    let others = subtracted.reduce(0) { clampedSum($0, counters[$1]) }
    return all - min(all, others)
  }
}

extension EventCosts {
  /// The costs that a report states among the settings of its machine.
  public init(of machine: MachineSummary) {
    self.init()
    for parameter in CostParameter.allCases {
      guard let setting = machine.settings.first(where: { $0.name == parameter.key }),
        let value = UInt32(setting.value)
      else { continue }
      self[parameter] = Int(value)
    }
  }
}

/// The estimated times of a report, and how long accesses had to wait, as a table of their own.
public enum CostTable {
  /// Writes the table in plain text: one column for each design, in microseconds.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport) -> String {
    (TableReport.lines(of: ReportRows(report, .costs)) + [note]).joined(separator: "\n") + "\n"
  }

  /// Writes the table in Markdown.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func markdown(_ report: RunReport) -> String {
    (MarkdownReport.lines(of: ReportRows(report, .costs)) + ["", note]).joined(separator: "\n")
      + "\n"
  }

  private static let note =
    "Microseconds are rounded to the nearest, halves up; what events cost is cost.* of mtesim machine keys."
}
