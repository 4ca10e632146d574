// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Dispatch
import MemoryModel
import Reporting
import Synchronization
import TraceFormat

/// `mtesim compare`: sets reports beside each other and holds their changes against thresholds.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares reports, and fails where a number went beyond a threshold.",
    discussion: """
      Reports are what `mtesim replay --report` writes. Numbers are matched by name, and designs by \
      name and codec; two reports with one design each are compared whatever their designs are. \
      Differences of program, trace or machine are stated first.

      A threshold is METRIC>BOUND or METRIC<BOUND, for one design DESIGN:METRIC>BOUND. A bound with a \
      sign is about the change, +1% or +64KiB; one without is about the new number. Metrics are the \
      names of the csv form. A threshold that is not kept ends the command with exit code 1.

      Example: mtesim compare base.json new.json --fail-if 'tag_overhead.mean>+1%'
      """
  )

  @Argument(
    help: ArgumentHelp("The report to compare with.", valueName: "base"),
    completion: .file(extensions: ["json"])
  )
  var base: String

  @Argument(
    help: ArgumentHelp("Reports to compare.", valueName: "new"),
    completion: .file(extensions: ["json"])
  )
  var news: [String]

  @Option(
    name: .customLong("fail-if"),
    help: ArgumentHelp("A threshold. Can be given several times.", valueName: "threshold"),
    completion: .list(metrics)
  )
  var thresholds: [String] = []

  @Option(
    name: .customLong("thresholds"),
    help: ArgumentHelp(
      "A file of thresholds, one a line; # starts a comment.",
      valueName: "file"
    )
  )
  var thresholdPath: String?

  @Option(help: ArgumentHelp("How the result is printed.", valueName: "form"))
  var format: OutputFormat = .table

  @Flag(help: "Show every row that is not zero, not only those that changed.")
  var allRows = false

  /// The metrics that thresholds are most often about: all counters, and the means of memory.
  private static let metrics: [String] =
    ["tag_overhead.mean"] + MemoryCategory.allCases.map { $0.name + ".mean" }
    + Counter.allCases.map(\.name)

  func run() throws {
    let limits = try readThresholds()
    let inputs = try Self.read([base] + news)
    let selection: Comparison.Selection =
      format.isForPrograms ? .all : allRows ? .occurring : .changed
    let comparison = Comparison(base: inputs[0], news: Array(inputs.dropFirst()), selection)
    guard !comparison.sections.isEmpty else {
      throw Failure(.badInput, "no design of \(self.base) is in another report")
    }
    let results: [ThresholdResult]
    do throws(ThresholdError) {
      results = try comparison.results(of: limits)
    } catch {
      throw Failure(.usage, error.description)
    }
    print(format.render(comparison, results), terminator: "")
    let exceeded = results.filter(\.isExceeded)
    if let first = exceeded.first {
      throw Failure(
        .verification,
        "\(exceeded.count) of \(results.count) thresholds not kept: \(first.sentence)"
      )
    }
  }

  private func readThresholds() throws -> [Threshold] {
    var found: [Threshold] = []
    for text in thresholds {
      do throws(ThresholdError) {
        found.append(try Threshold(text))
      } catch {
        throw Failure(.usage, error.description)
      }
    }
    guard let thresholdPath else { return found }
    let text = String(decoding: try InputFile.contents(of: thresholdPath), as: UTF8.self)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let limit = line.prefix { $0 != "#" }
      guard limit.contains(where: { !$0.isWhitespace }) else { continue }
      do throws(ThresholdError) {
        found.append(try Threshold(String(limit)))
      } catch {
        throw Failure(.badInput, "\(thresholdPath):\(index + 1): \(error.description)")
      }
    }
    return found
  }

  /// Reads all reports, on as many cores as there are; the first error in their order counts.
  private static func read(_ paths: [String]) throws -> [Comparison.Input] {
    let results = Mutex([Result<Comparison.Input, any Error>?](repeating: nil, count: paths.count))
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      let result = Result { try read(paths[index]) }
      results.withLock { $0[index] = result }
    }
    return try results.withLock { $0.compactMap(\.self) }.map { try $0.get() }
  }

  private static func read(_ path: String) throws -> Comparison.Input {
    let bytes = try InputFile.contents(of: path)
    do throws(ReportError) {
      return Comparison.Input(name: path, report: try JSONReport.report(from: bytes))
    } catch {
      // What does not even begin like a report is another file.
      let isReport = bytes.first == UInt8(ascii: "{")
      let hint = isReport ? "" : "; reports are what mtesim replay --report writes"
      throw Failure(.badInput, "\(path):\(error.description)\(hint)")
    }
  }
}

extension OutputFormat {
  /// Whether the form is read by programs, which want the same rows every time.
  var isForPrograms: Bool { self == .csv || self == .json }

  /// The comparison in this form.
  func render(_ comparison: Comparison, _ results: [ThresholdResult]) -> String {
    switch self {
    case .table: ComparisonTable.text(comparison, results)
    case .markdown: ComparisonMarkdown.text(comparison, results)
    case .csv: ComparisonCSV.text(comparison)
    case .json: ComparisonJSON.text(comparison, results)
    case .html: ComparisonHTML.text(comparison, results)
    }
  }
}
