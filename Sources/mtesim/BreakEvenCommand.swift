// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile
import MachineModel
import MemoryModel
import Replay
import Reporting
import TagStorage
import TraceFormat
import TraceSynthesis

/// `mtesim break-even`: looks for the point at which one design stops being better than another.
struct BreakEvenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "break-even",
    abstract: "Finds the point at which one design stops being better than another.",
    discussion: """
      What is varied is the part of the programs' tagged memory that is tagged (--over tagged-share), as \
      by mtesim trace thin, or a switch of the machine whose value is a whole number or a size. A number \
      of values is tried, and the first interval in which the order of the designs changes is halved \
      until its ends are one --step apart. The smaller metric is the better one: memory is \
      tag_overhead.mean, time is time.total, price adds to the time what memory is worth by --price, and \
      any other name of the csv form is that number. Equal is a result of its own.

      Example: mtesim break-even Traces/recorded/lua-glibc.mtt --design rfc3 --design static-carveout \
      --over tagged-share --metric memory
      """
  )

  @Argument(help: ArgumentHelp("Traces, binary (.mtt) or text.", valueName: "trace"))
  var traces: [String]

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp("One of the two designs; given twice.", valueName: "name")
  )
  var designs: [TagStorageDesign] = []

  @Option(
    help: ArgumentHelp(
      "What is varied: tagged-share, or a switch of the machine (mtesim machine keys).",
      valueName: "tagged-share|key"
    )
  )
  var over: String

  @Option(
    help: ArgumentHelp(
      "What is compared: memory, time, price, or a name of the csv form of replay.",
      valueName: "name"
    )
  )
  var metric: String

  @Option(
    help: ArgumentHelp(
      "What a MiB is worth, in nanoseconds; for --metric price only.",
      valueName: "n"
    )
  )
  var price: UInt64?

  @Option(
    help: ArgumentHelp("The first value: a percentage, number or size.", valueName: "value")
  )
  var from: String?

  @Option(help: ArgumentHelp("The last value.", valueName: "value"))
  var to: String?

  @Option(
    help: ArgumentHelp(
      "How near the break-even point is looked for. (default: 0.5 % of the share, 1/256 of the range of a"
        + " switch, 1 where nothing has to be replayed)",
      valueName: "value"
    )
  )
  var step: String?

  @Option(help: ArgumentHelp("Values tried at equal distances.", valueName: "n"))
  var points = 6

  @OptionGroup var choice: TagShareOptions

  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  @Option(help: ArgumentHelp("Instances of each trace.", valueName: "n"))
  var copies = 1

  @Option(help: ArgumentHelp("How the result is printed.", valueName: "form"))
  var format: BreakEvenFormat = .table

  @Flag(help: "Compare every page with the shadow oracle at each point.")
  var verify = false

  func validate() throws {
    guard !traces.isEmpty else { throw ValidationError("Expected at least one trace.") }
    guard designs.count == 2, designs[0] != designs[1] else {
      throw ValidationError("Expected --design twice, with different designs.")
    }
    guard (1...1000).contains(copies) else {
      throw ValidationError("Expected 1 to 1000 copies, found \(copies).")
    }
    guard (2...1000).contains(points) else {
      throw ValidationError("Expected 2 to 1000 points, found \(points).")
    }
    guard (metric == "price") == (price != nil) else {
      throw ValidationError("Expected --price with --metric price and with no other.")
    }
    _ = try judged()
    _ = try search()
  }

  func run() throws {
    let metric = try judged()
    let axis = isOverShare ? BreakEvenReport.Axis.taggedShare : .key(over)
    var replays = BreakEvenReplays(
      traces: traces,
      designs: designs,
      copies: copies,
      isVerified: verify,
      axis: axis,
      choice: choice,
      machine: try machine.description(),
      repeatsForCosts: metric.isMeasuredWhileRunning
    )
    let result = try search().run { (value) throws(Failure) in
      let report = try replays.report(at: value)
      func pair(_ metric: ReportMetric) -> DesignPair {
        DesignPair(metric.value(of: 0, in: report), metric.value(of: 1, in: report))
      }
      return BreakEvenPoint(
        value: value,
        metric: pair(metric),
        memory: pair(Self.memory),
        time: pair(Self.time)
      )
    }
    let report = BreakEvenReport(
      designs: (designs[0].rawValue, designs[1].rawValue),
      metric: metric,
      axis: axis,
      result: result
    )
    print(format.render(report), terminator: "")
  }

  private static let memory = known("memory")
  private static let time = known("time")

  private static func known(_ name: String) -> ReportMetric {
    guard let metric = ReportMetric(name) else { preconditionFailure("no metric \(name)") }
    return metric
  }

  private var isOverShare: Bool { over == BreakEvenReport.Axis.taggedShare.name }

  private func judged() throws -> ReportMetric {
    if let price { return ReportMetric(nanosecondsPerMebibyte: price) }
    guard let metric = ReportMetric(metric) else {
      let hint = ReportMetric.nearest(to: metric).map { "; \($0) is near" } ?? ""
      throw ValidationError(
        "Expected memory, time, price or a name of the csv form, found \(metric)\(hint)."
      )
    }
    return metric
  }

  /// Where is looked, in hundredths of a percent or in numbers and bytes.
  private func search() throws -> BreakEvenSearch {
    let range = try bounds()
    let distance = range.upperBound - range.lowerBound
    let judged = try judged()
    let needsReplays = !over.hasPrefix("cost.") || judged.isMeasuredWhileRunning
    let usual = isOverShare ? 50 : needsReplays ? max(1, distance / 256) : 1
    let step = try step.map { try number($0, "--step") } ?? usual
    guard step > 0 else { throw ValidationError("Expected a positive --step, found \(step).") }
    return BreakEvenSearch(range: range, step: step, points: points)
  }

  private func bounds() throws -> ClosedRange<UInt64> {
    if !isOverShare {
      guard MachineKey.named(over) != nil else {
        let hint = MachineKey.nearest(to: over).map { "; \($0.name) is near" } ?? ""
        throw ValidationError("Expected tagged-share or a switch, found \(over)\(hint).")
      }
      guard from != nil, to != nil else {
        throw ValidationError("Expected --from and --to with --over \(over).")
      }
    }
    let first = try from.map { try number($0, "--from") } ?? 0
    let last = try to.map { try number($0, "--to") } ?? TagShare.all
    guard first < last else {
      throw ValidationError("Expected --from below --to, found \(from ?? "0") and \(to ?? "100").")
    }
    return first...last
  }

  private func number(_ text: String, _ option: String) throws -> UInt64 {
    if isOverShare {
      guard let share = Percentage(argument: text) else {
        throw ValidationError(
          "\(option): expected 0 to 100 with up to two decimals, found \(text)"
        )
      }
      return share.hundredths
    }
    guard let number = byteCount(text) else {
      throw ValidationError("\(option): expected a whole number or a size, found \(text)")
    }
    return UInt64(number)
  }
}

/// A form of the result of `mtesim break-even`.
enum BreakEvenFormat: String, CaseIterable, ExpressibleByArgument {
  case table, markdown, csv, json

  func render(_ report: BreakEvenReport) -> String {
    switch self {
    case .table: report.text
    case .markdown: report.markdownText
    case .csv: report.csv
    case .json: report.json
    }
  }
}
