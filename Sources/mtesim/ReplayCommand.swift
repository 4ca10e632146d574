// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import MachineFile
public import MachineModel
import MemoryModel
import Replay
public import Reporting
public import TagCompression
public import TagStorage
import TraceFormat

/// `mtesim replay`: runs traces on a simulated machine, under one design after the other.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Replays traces on a simulated machine and reports what its memory was used for.",
    discussion: """
      All traces, and all copies of them, run together on one machine as separate processes, \
      interleaved by clock. With several designs, each runs the same events on a machine of its own, \
      and the results stand side by side: by default static-carveout and rfc3; the first is what the \
      others are compared with. The shadow oracle follows every event: a tag or a byte of \
      data that is lost ends the command with exit code 1 and a message that names process, page \
      and granule.

      Example: mtesim replay Traces/recorded/lua-glibc.mtt --limit 12M --design rfc3
      """
  )

  @OptionGroup var input: TraceOptions

  @OptionGroup var designs: DesignOptions

  @Flag(help: "Run every design there is.")
  var allDesigns = false

  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  @Option(help: ArgumentHelp("How the result is printed.", valueName: "form"))
  var format: OutputFormat = .table

  @Option(
    help: ArgumentHelp(
      "Instead of the result, print what the kernel would show at the end in this file of /proc; zram is"
        + " the mm_stat of each zram device, mtecomp the statistics of saved tags in debugfs, and tagblocks"
        + " how full tag blocks are, which no kernel shows.",
      valueName: "file"
    )
  )
  var view: KernelView?

  @Option(
    name: .customLong("views"),
    help: ArgumentHelp(
      "Also write what the kernel would show at the end into this directory, one directory for each"
        + " design.",
      valueName: "dir"
    )
  )
  var viewsPath: String?

  @Flag(
    help: "Show every row that is not zero for all designs, not only the ones to look at first."
  )
  var allRows = false

  @Flag(help: "Print one line for each design, for many designs; as table or markdown.")
  var byDesign = false

  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Also write the whole report as JSON.", valueName: "file")
  )
  var reportPath: String?

  @Option(
    name: .customLong("html"),
    help: ArgumentHelp(
      "Also write the report as one self-contained page, with figures of memory over time.",
      valueName: "file"
    )
  )
  var htmlPath: String?

  @Option(
    name: .customLong("timeline"),
    help: ArgumentHelp(
      "Also write a timeline for ui.perfetto.dev: memory, counters, and the kernel's work for each"
        + " process.",
      valueName: "file"
    )
  )
  var timelinePath: String?

  @Flag(
    help: ArgumentHelp(
      "Also print what the run would have cost in time and how long accesses had to wait, by the cost"
        + " model of the machine; csv and json have it always."
    )
  )
  var costs = false

  @Option(
    name: .customLong("over-time"),
    help: ArgumentHelp(
      "Also print what each design gives up and gives back in each of so many parts of the run.",
      valueName: "n"
    )
  )
  var timeParts: Int?

  @Flag(help: "Leave the shadow oracle out: faster, but nothing is compared.")
  var noVerify = false

  func validate() throws {
    guard designs.designs.isEmpty || !allDesigns else {
      throw ValidationError("Expected --design or --all-designs, found both.")
    }
    for (index, path) in outputPaths.enumerated() {
      if input.traces.contains(path) {
        throw ValidationError("Expected a report beside the traces, found the trace \(path).")
      }
      if outputPaths[..<index].contains(path) {
        throw ValidationError(
          "Expected different files for different reports, found \(path) twice."
        )
      }
    }
    if let timeParts {
      guard (1...Self.seriesPoints).contains(timeParts) else {
        throw ValidationError("Expected 1 to \(Self.seriesPoints) parts, found \(timeParts).")
      }
      guard [.table, .markdown].contains(format) && view == nil else {
        throw ValidationError("Expected --over-time with the forms table and markdown only.")
      }
    }
    guard !byDesign || [.table, .markdown].contains(format) && view == nil && !allRows else {
      throw ValidationError("Expected --by-design with the forms table and markdown only.")
    }
    guard !costs || [.table, .markdown].contains(format) && view == nil else {
      throw ValidationError("Expected --costs with the forms table and markdown only.")
    }
  }

  func run() throws {
    let description = try machine.description()
    if let viewsPath { try KernelViews.makeDirectory(viewsPath) }
    for path in outputPaths {
      // Nobody should wait for a report that has no place to go. The file itself is made afterwards,
      // so that an interrupted replay leaves nothing behind.
      _ = try OutputFile(path: path)
    }
    let results: DesignRuns.Results
    do throws(ReplayError) {
      results = try DesignRuns(
        designs: allDesigns
          ? TagStorageDesign.allCases
          : designs.designs.isEmpty ? [.staticCarveout, .rfc3] : designs.designs,
        plan: plan(designs.broken(description.configuration))
      ).results()
    } catch {
      if case .machine(let error) = error { throw MachineInput.failure(error, of: description) }
      throw Failure(error)
    }
    let report = results.report
    try writeFiles(results)
    if let viewsPath { try KernelViews(results.snapshots).write(to: viewsPath) }
    if let view {
      print(KernelViews(results.snapshots).text(of: view), terminator: "")
    } else if byDesign {
      let text = format == .markdown ? DesignTable.markdownText(report) : DesignTable.text(report)
      print(text, terminator: "")
    } else {
      let rows: ReportRows.Selection = allRows ? .occurring : .essential
      print(format.render(report, results.series, rows: rows), terminator: "")
    }
    if costs {
      print()
      print(
        format == .markdown ? CostTable.markdown(report) : CostTable.text(report),
        terminator: ""
      )
    }
    if let timeParts {
      print()
      print(
        format == .markdown
          ? TimeTable.markdownText(report, results.series, parts: timeParts)
          : TimeTable.text(report, results.series, parts: timeParts),
        terminator: ""
      )
    }
    guard Verdict(report).isClean else {
      throw Failure(.verification, Self.firstDifference(in: report))
    }
  }

  /// The files that are written beside what is printed.
  private var outputPaths: [String] { [reportPath, htmlPath, timelinePath].compactMap(\.self) }

  private func plan(_ machine: MachineConfiguration) -> ReplayPlan {
    var plan = ReplayPlan(
      tracePaths: input.traces,
      copies: input.copies,
      machine: machine,
      isVerified: !noVerify
    )
    if htmlPath != nil || timelinePath != nil || timeParts != nil || format == .html {
      plan.seriesPoints = Self.seriesPoints
    }
    return plan
  }

  /// Points of a series: more than a screen has columns, and few enough that a timeline of many
  /// processes is megabytes.
  private static let seriesPoints = 1_024

  private func writeFiles(_ results: DesignRuns.Results) throws {
    if let reportPath { try Self.write(Array(JSONReport.text(results.report).utf8), reportPath) }
    if let htmlPath {
      try Self.write(Array(HTMLReport.text(results.report, results.series).utf8), htmlPath)
    }
    if let timelinePath {
      try Self.write(TimelineReport.bytes(results.report, results.series), timelinePath)
    }
  }

  private static func write(_ bytes: [UInt8], _ path: String) throws {
    var file = try OutputFile(path: path)
    try file.write(bytes)
    try file.finish()
  }

  /// The first thing that the oracle or an expectation found wrong, on one line.
  private static func firstDifference(in report: RunReport) -> String {
    for design in report.designs {
      if let message = design.verification.messages.first { return "\(design.design): \(message)" }
    }
    return "tags were lost"
  }
}

/// A form of the result on standard output.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table, markdown, csv, json, html

  /// The report in this form; programs get all rows whatever is selected for people, and only a page
  /// shows the series.
  func render(
    _ report: RunReport,
    _ series: [RunSeries],
    rows: ReportRows.Selection
  ) -> String {
    switch self {
    case .table: TableReport.text(report, rows: rows)
    case .markdown: MarkdownReport.text(report, rows: rows)
    case .csv: CSVReport.text(report)
    case .json: JSONReport.text(report)
    case .html: HTMLReport.text(report, series)
    }
  }
}

extension TagStorageDesign: ExpressibleByArgument {}
extension TagStorageBinding: ExpressibleByArgument {}
extension TagCodec: ExpressibleByArgument {}
extension KernelView: ExpressibleByArgument {}

extension Injection: ExpressibleByArgument {
  /// Reads the value of `--inject`.
  public init?(argument: String) { self.init(name: argument) }

  /// The names that help and messages list.
  public static var allValueStrings: [String] { effectiveNames }
}
