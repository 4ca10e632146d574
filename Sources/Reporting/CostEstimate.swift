// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What a run would have cost in time: counted events, each times what it costs.
///
/// The estimate is as good as its parameters. It is no clock: nothing overlaps, nothing is contended,
/// no cache is modelled, and an event costs the same whenever it happens. What it is for is comparing
/// two ways to do the same work.
///
/// A further kind of event is one more parameter of `EventCosts`, with its switch and its name in
/// ``EventCosts/init(of:)``, and one more entry of ``items``.
public struct CostEstimate: Equatable, Sendable {
  /// One kind of event.
  public struct Item: Equatable, Sendable {
    /// What the time goes to.
    public let title: String
    /// How often it happened.
    public let events: UInt64
    /// What one costs, in nanoseconds.
    public let nanosecondsEach: UInt64

    /// The time of all of them, in nanoseconds.
    public var nanoseconds: UInt64 { clampedProduct(events, nanosecondsEach) }
  }

  /// The kinds of events, programs first.
  public let items: [Item]

  /// Estimates the time of what was counted.
  public init(_ counters: CounterSet, _ costs: EventCosts) {
    let zeroed = clampedSum(counters[.faultZeroFill], counters[.pagesZeroedTwice])
    let parts: [(title: String, events: UInt64, each: Int)] = [
      ("accesses of programs", counters[.accesses], costs.access),
      ("system calls", counters[.mappingCalls], costs.mappingCall),
      ("faults", counters[.pgfault], costs.fault),
      ("pages zeroed", zeroed, costs.pageZeroed),
      ("pages filled", counters[.pagesFilled], costs.pageFilled),
      ("pages copied", counters[.pagesCopied], costs.pageCopied),
      ("pages unmapped", counters[.pagesUnmapped], costs.pageUnmapped),
    ]
    items = parts.map {
      Item(title: $0.title, events: $0.events, nanosecondsEach: UInt64($0.each))
    }
  }

  /// The time of everything, in nanoseconds.
  public var nanoseconds: UInt64 { items.reduce(0) { clampedSum($0, $1.nanoseconds) } }
}

extension EventCosts {
  /// The costs that a report states among the settings of its machine.
  public init(of machine: MachineSummary) {
    self.init()
    let names: [(name: String, path: WritableKeyPath<EventCosts, Int>)] = [
      ("cost.access", \.access), ("cost.mapping-call", \.mappingCall), ("cost.fault", \.fault),
      ("cost.page-zeroed", \.pageZeroed), ("cost.page-filled", \.pageFilled),
      ("cost.page-copied", \.pageCopied), ("cost.page-unmapped", \.pageUnmapped),
    ]
    for setting in machine.settings {
      guard let known = names.first(where: { $0.name == setting.name }),
        let value = UInt32(setting.value)
      else { continue }
      self[keyPath: known.path] = Int(value)
    }
  }
}

/// The estimated times of a report as a table in plain text.
public enum CostTable {
  /// Writes the table: one row for each kind of event, one column for each design, in microseconds.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport) -> String {
    let costs = EventCosts(of: report.machine)
    let estimates = report.designs.map { CostEstimate($0.counters, costs) }
    guard let first = estimates.first else { return "" }
    var rows = first.items.indices.map { index in
      (title: first.items[index].title, times: estimates.map(\.items[index].nanoseconds))
    }
    rows.append(("total", estimates.map(\.nanoseconds)))
    let headings = ReportRows.headings(report)
    let titleWidth = 2 + (rows.map { $0.title.count + 2 }.max() ?? 0)
    let widths = headings.indices.map { column in
      2 + max(headings[column].count, rows.map { microseconds($0.times[column]).count }.max() ?? 0)
    }
    var lines = [
      "Time by the cost model, microseconds (parameters: cost.* of mtesim machine keys)",
      padded("", to: titleWidth) + zip(headings, widths).map(rightAligned).joined(),
    ]
    for row in rows {
      let numbers = zip(row.times.map(microseconds), widths).map(rightAligned).joined()
      lines.append(padded("  " + row.title, to: titleWidth) + numbers)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Nanoseconds in microseconds, rounded to the nearest, halves up.
  private static func microseconds(_ nanoseconds: UInt64) -> String {
    grouped(nanoseconds / 1000 + (nanoseconds % 1000 >= 500 ? 1 : 0))
  }
}
