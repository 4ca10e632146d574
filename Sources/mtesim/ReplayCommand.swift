// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import MachineModel
import MemoryModel
import Replay
import Reporting
import Swap
public import TagCompression
public import TagStorage
import TraceFormat

/// `mtesim replay`: runs traces on a simulated machine, under one design after the other.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Replay traces on a simulated machine and report what its memory was used for.",
    discussion: """
      All traces, and all copies of them, run together on one machine as separate processes,
      interleaved by clock. With several designs, each runs the same events on a machine of its own
      and the results stand side by side. The shadow oracle follows every event: a tag or a byte of
      data that is lost ends the command with exit code 1 and a message that names process, page and
      granule.

      Example:
        mtesim replay Traces/recorded/lua-glibc.mtt --limit 12M --page-cluster 0 \\
          --design static-carveout --design rfc3
      """)

  @Argument(help: ArgumentHelp("Traces, binary (.mtt) or text.", valueName: "trace"))
  var traces: [String]

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Where tags live: \(Self.names(TagStorageDesign.self)). Can be given several times; the first is"
        + " what the others are compared with. (default: static-carveout and rfc3)",
      valueName: "name"))
  var designs: [TagStorageDesign] = []

  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  @Option(help: ArgumentHelp("Instances of each trace.", valueName: "n"))
  var copies = 1

  @Option(help: "How the result is printed: \(Self.names(OutputFormat.self)).")
  var format: OutputFormat = .table

  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Also write the whole report as JSON.", valueName: "file"))
  var reportPath: String?

  @Flag(help: "Leave the shadow oracle out: faster, but nothing is compared.")
  var noVerify = false

  @Option(
    name: .customLong("inject"),
    help: ArgumentHelp(
      "Break something on purpose, to see that it is noticed: \(Self.names(InjectedFault.self)).",
      valueName: "fault"))
  var injected: [InjectedFault] = []

  func validate() throws {
    guard !traces.isEmpty else { throw ValidationError("Expected at least one trace.") }
    guard (1...1000).contains(copies) else {
      throw ValidationError("Expected 1 to 1000 copies, found \(copies).")
    }
  }

  func run() throws {
    let chosen = designs.isEmpty ? [TagStorageDesign.staticCarveout, .rfc3] : designs
    let report: RunReport
    do throws(ReplayError) {
      report = try replay(chosen)
    } catch {
      throw Failure(error)
    }
    if let reportPath {
      var file = try OutputFile(path: reportPath)
      try file.write(Array(JSONReport.text(report).utf8))
      try file.finish()
    }
    print(format.render(report), terminator: "")
    guard Verdict(report).isClean else {
      throw Failure(.verification, Self.firstDifference(in: report))
    }
  }

  /// The first thing that the oracle or an expectation found wrong, on one line.
  private static func firstDifference(in report: RunReport) -> String {
    for design in report.designs {
      if let message = design.verification.messages.first { return "\(design.design): \(message)" }
    }
    return "tags were lost"
  }

  private func replay(_ designs: [TagStorageDesign]) throws(ReplayError) -> RunReport {
    var results: [DesignReport] = []
    var traceSummaries: [TraceSummary] = []
    var machineSummary: MachineSummary?
    for design in designs {
      var configuration = machine.configuration
      configuration.design = design
      configuration.injectedFaults = Set(injected)
      var session = try ReplaySession.open(
        ReplayPlan(
          tracePaths: traces, copies: copies, machine: configuration, isVerified: !noVerify))
      results.append(try session.run())
      traceSummaries = session.traceSummaries
      // Designs with tag storage in RAM say how much it is.
      if machineSummary == nil || machineSummary?.tagStorageBytes == 0 {
        machineSummary = session.machineSummary
      }
    }
    guard let machineSummary else { preconditionFailure("no design was replayed") }
    return RunReport(
      programVersion: programVersion, traces: traceSummaries, machine: machineSummary,
      designs: results)
  }

  /// The values of an option, separated by commas.
  static func names<Value: CaseIterable & RawRepresentable<String>>(_: Value.Type) -> String {
    Value.allCases.map(\.rawValue).joined(separator: ", ")
  }
}

/// A form of the result on standard output.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table, markdown, csv, json

  func render(_ report: RunReport) -> String {
    switch self {
    case .table: TableReport.text(report)
    case .markdown: MarkdownReport.text(report)
    case .csv: CSVReport.text(report)
    case .json: JSONReport.text(report)
    }
  }
}

extension TagStorageDesign: ExpressibleByArgument {}
extension TagCodec: ExpressibleByArgument {}
extension SwapConfiguration.Device: ExpressibleByArgument {}
extension InjectedFault: ExpressibleByArgument {}
