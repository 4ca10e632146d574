// SPDX-License-Identifier: Apache-2.0

/// Where one of two designs stops being the better one, in the forms of a result.
public struct BreakEvenReport: Equatable, Sendable {
  /// What was varied.
  public enum Axis: Equatable, Sendable {
    /// The part of the tagged memory that is tagged, in hundredths of a percent.
    case taggedShare
    /// A switch of the machine, as a whole number.
    case key(String)

    /// The name on the command line.
    public var name: String {
      switch self {
      case .taggedShare: "tagged-share"
      case .key(let name): name
      }
    }

    /// A value for people.
    func text(_ value: UInt64) -> String {
      switch self {
      case .taggedShare: decimal(hundredths: value) + " %"
      case .key: grouped(value)
      }
    }

    /// A value for programs.
    func exact(_ value: UInt64) -> String {
      switch self {
      case .taggedShare: decimal(hundredths: value).filter { $0 != "," }
      case .key: String(value)
      }
    }
  }

  /// The version of the JSON form's layout.
  public static let schema = "mtesim.break-even/1"

  /// The names of the two designs.
  public let designs: (first: String, second: String)
  /// The number by which the designs are judged.
  public let metric: ReportMetric
  /// What was varied.
  public let axis: Axis
  /// What was found.
  public let result: BreakEvenSearch.Result

  /// Creates a report.
  public init(
    designs: (first: String, second: String),
    metric: ReportMetric,
    axis: Axis,
    result: BreakEvenSearch.Result
  ) {
    self.designs = designs
    self.metric = metric
    self.axis = axis
    self.result = result
  }

  /// Whether all parts are equal.
  public static func == (left: Self, right: Self) -> Bool {
    left.designs == right.designs && left.metric == right.metric && left.axis == right.axis
      && left.result == right.result
  }

  // MARK: In words

  /// The findings in words, one sentence each.
  public var sentences: [String] {
    guard let crossing = result.crossing else { return [withoutCrossing] }
    let (before, after) = (axis.text(crossing.before.value), axis.text(crossing.after.value))
    var sentences = [
      "By \(metric.name), \(words(crossing.before.order)) up to \(axis.name) \(before); "
        + "\(words(crossing.after.order)) at \(after)."
    ]
    for change in result.furtherChanges {
      sentences.append(
        "The order changes again between \(axis.text(change.lowerBound)) and"
          + " \(axis.text(change.upperBound))."
      )
    }
    return sentences
  }

  private var withoutCrossing: String {
    let count = result.points.count
    guard let first = result.points.first, let last = result.points.last else {
      return "Nothing was tried."
    }
    return
      "By \(metric.name), \(words(first.order)) at all \(count) values of \(axis.name) tried, from"
      + " \(axis.text(first.value)) to \(axis.text(last.value)): there is no break-even point."
  }

  private func words(_ order: DesignPair.Order) -> String {
    switch order {
    case .first: "\(designs.first) is better"
    case .second: "\(designs.second) is better"
    case .equal: "\(designs.first) and \(designs.second) are equal"
    }
  }

  private func name(_ order: DesignPair.Order) -> String {
    switch order {
    case .first: designs.first
    case .second: designs.second
    case .equal: "equal"
    }
  }

  // MARK: Forms

  /// The tried points as cells; a metric that is memory or time itself has no columns of its own.
  private var table: (headings: [String], rows: [[String]]) {
    let (a, b) = designs
    let unit =
      switch metric.unit {
      case .bytes: "KiB"
      case .nanoseconds: "µs"
      case .percent: "%"
      default: metric.unit.rawValue
      }
    let hasOwn = metric.name != "memory" && metric.name != "time"
    let own = hasOwn ? [a, b].map { "\($0), \(metric.name), \(unit)" } : []
    let headings =
      [axis.name] + own + [a, b].map { "\($0), KiB" } + [a, b].map { "\($0), µs" }
      + ["µs per MiB saved", "better"]
    let rows = result.points.map { point in
      let metrics = hasOwn ? [point.metric.first, point.metric.second] : []
      return [axis.text(point.value)] + metrics.map { metric.cell($0).forReading }
        + [point.memory.first, point.memory.second].map(kibibytes)
        + [point.time.first, point.time.second].map(microseconds)
        + [point.nanosecondsPerMebibyte.map(microseconds) ?? "-", name(point.order)]
    }
    return (headings, rows)
  }

  private static let note =
    "KiB: memory given up for tags, mean over the run. µs: time by the cost model."

  /// The result as plain text, which ends in a newline.
  public var text: String {
    let (headings, rows) = table
    let all = [headings] + rows
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    let lines = all.map { cells in
      zip(cells, widths).map { rightAligned($0, $1) }.joined(separator: "  ")
    }
    return (lines + ["", Self.note] + sentences).joined(separator: "\n") + "\n"
  }

  /// The result in Markdown, which ends in a newline.
  public var markdownText: String {
    let (headings, rows) = table
    let lines =
      [
        markdownRow(headings.map(markdown)),
        "|" + String(repeating: "--:|", count: headings.count),
      ] + rows.map { markdownRow($0.map(markdown)) }
    return (lines + ["", Self.note] + sentences.flatMap { ["", "**\(markdown($0))**"] })
      .joined(separator: "\n") + "\n"
  }

  /// The tried points as comma-separated values; bytes and nanoseconds are exact.
  public var csv: String {
    var text = csvLine([
      axis.name, "metric.a", "metric.b", "memory.a", "memory.b", "time.a", "time.b",
      "nanoseconds_per_mebibyte", "better",
    ])
    for point in result.points {
      text += csvLine(
        [
          axis.exact(point.value), metric.cell(point.metric.first).forPrograms,
          metric.cell(point.metric.second).forPrograms,
        ]
          + [point.memory, point.time].flatMap { [String($0.first), String($0.second)] }
          + [point.nanosecondsPerMebibyte.map { String($0) } ?? "", name(point.order)]
      )
    }
    return text
  }

  /// The result as JSON, which ends in a newline; shares are hundredths of a percent, and numbers beyond
  /// ``JSONReport/largestNumber`` are that.
  public var json: String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", Self.schema)
      writer.member("design_a", designs.first)
      writer.member("design_b", designs.second)
      writer.member("metric", metric.name)
      writer.member("unit", metric.unit.rawValue)
      writer.member("over", axis.name)
      writer.key("points")
      writer.array { writer in
        for point in result.points {
          writer.element()
          write(point, to: &writer)
        }
      }
      writer.key("crossing")
      writer.array { writer in
        guard let crossing = result.crossing else { return }
        for point in [crossing.before, crossing.after] {
          writer.element()
          write(point, to: &writer)
        }
      }
      writer.key("findings")
      writer.array { writer in
        for sentence in sentences {
          writer.element()
          writer.string(sentence)
        }
      }
    }
    return writer.text + "\n"
  }

  private func write(_ point: BreakEvenPoint, to writer: inout JSONWriter) {
    writer.object(isCompact: true) { writer in
      func number(_ name: String, _ value: UInt64) {
        writer.member(name, min(value, JSONReport.largestNumber))
      }
      number("value", point.value)
      for (name, pair) in [
        ("metric", point.metric), ("memory", point.memory), ("time", point.time),
      ] {
        number("\(name)_a", pair.first)
        number("\(name)_b", pair.second)
      }
      writer.member("better", point.order.rawValue)
    }
  }
}
