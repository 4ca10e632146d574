// SPDX-License-Identifier: Apache-2.0

/// A comparison as JSON, for a program that decides.
///
/// Keys stand in a fixed order. Numbers are whole: bytes, counts, and hundredths of a percent; changes
/// may be negative, and what cannot be stated is `null`.
public enum ComparisonJSON {
  /// The version of the layout.
  public static let schema = "mtesim.comparison/1"

  /// Writes the comparison, which should have been made with ``Comparison/Selection/all``.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ comparison: Comparison, _ results: [ThresholdResult] = []) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", schema)
      writer.member("base", comparison.base.name)
      strings("reports", comparison.news.map(\.name), to: &writer)
      strings("conditions", comparison.conditions, to: &writer)
      strings("unmatched", comparison.unmatched, to: &writer)
      writer.key("rows")
      writer.array { writer in
        for section in comparison.sections {
          for row in section.groups.flatMap(\.rows) {
            for (new, change) in zip(comparison.news, row.changes) {
              guard let change else { continue }
              writer.element()
              write(section.title, row, new.name, change, to: &writer)
            }
          }
        }
      }
      writer.key("causes")
      writer.array { writer in
        for section in comparison.sections {
          for causes in section.causes { write(section.title, causes, comparison, to: &writer) }
        }
      }
      writer.key("thresholds")
      writer.array { writer in
        for result in results {
          writer.element()
          writer.object(isCompact: true) { writer in
            writer.member("threshold", result.threshold)
            writer.member("design", result.design)
            writer.member("report", result.report)
            writer.member("exceeded", result.isExceeded)
          }
        }
      }
    }
    return writer.text + "\n"
  }

  private static func write(
    _ design: String,
    _ row: ComparisonRow,
    _ report: String,
    _ change: ComparisonChange,
    to writer: inout JSONWriter
  ) {
    writer.object(isCompact: true) { writer in
      writer.member("design", design)
      writer.member("name", row.name)
      writer.member("unit", row.unit.rawValue)
      writer.member("report", report)
      cell("base", row.base, to: &writer)
      cell("new", change.value, to: &writer)
      cell("change", change.delta, to: &writer)
      cell("percent", change.percent, to: &writer)
    }
  }

  private static func write(
    _ design: String,
    _ causes: ChangeCauses,
    _ comparison: Comparison,
    to writer: inout JSONWriter
  ) {
    for part in causes.parts {
      for (new, change) in zip(comparison.news, part.changes) {
        guard let change else { continue }
        writer.element()
        writer.object(isCompact: true) { writer in
          writer.member("design", design)
          writer.member("name", causes.name)
          writer.member("report", new.name)
          writer.member("cause", part.title)
          writer.member("change", signed: change)
        }
      }
    }
  }

  private static func cell(_ name: String, _ cell: ReportCell, to writer: inout JSONWriter) {
    switch cell {
    case .text(let text): writer.member(name, text)
    case .none: writer.memberWithoutValue(name)
    case .count(let number), .bytes(let number), .nanoseconds(let number), .percent(let number):
      writer.member(name, min(number, JSONReport.largestNumber))
    case .countChange(let amount, let isDecrease), .byteChange(let amount, let isDecrease),
      .nanosecondChange(let amount, let isDecrease), .percentChange(let amount, let isDecrease):
      let number = Int64(min(amount, JSONReport.largestNumber))
      writer.member(name, signed: isDecrease ? -number : number)
    }
  }

  private static func strings(_ name: String, _ values: [String], to writer: inout JSONWriter) {
    writer.key(name)
    writer.array { writer in
      for value in values {
        writer.element()
        writer.string(value)
      }
    }
  }
}
