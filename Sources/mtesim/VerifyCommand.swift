// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile
import MachineModel
import MemoryModel
import Replay
import Reporting
import TagCompression
import TagStorage
import TraceFormat
import Verification

/// `mtesim verify`: whether tags survive, as a verdict that a script can trust.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract:
      "Verifies that swapped tags come back, that traces hold and that no invariant breaks.",
    discussion: """
      Each trace is replayed with every codec, design and page size that is given, by default with all \
      designs or those that the trace is for, each such case on a machine of \
      its own. The shadow oracle compares every page that is swapped in, moved or copied, granule by \
      granule; recorded tag snapshots, the expectations of text traces, all invariants of the machine \
      and the sums of its report are checked, too. A text trace brings its machine along in a line \
      '# options:'. A folder stands for all traces in it.

      The exit code is 1 when a case fails, 65 or 66 when one could not be run, and 0 otherwise. A case \
      in which no tags came back from swap says so; --require-restores makes that a failure.

      Example: mtesim verify Traces/recorded/lua-glibc.mtt --limit 8M --require-restores 1
      Example: mtesim verify --suite Traces/verify.yaml --format junit --output verify.xml
      """
  )

  @Argument(
    help: ArgumentHelp("Traces, or folders of traces.", valueName: "trace"),
    completion: .file(extensions: ["mtt", "trace"])
  )
  var traces: [String] = []

  @Option(
    help: ArgumentHelp("Verify what this file lists instead of traces.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"])
  )
  var suite: String?

  @OptionGroup var designs: DesignOptions

  @Option(
    name: .customLong("codec"),
    help: ArgumentHelp(
      "How the tags of swapped pages are stored. Can be given several times. (default: all that keep"
        + " every tag, or that which a trace is for)",
      valueName: "name"
    )
  )
  var codecs: [TagCodec] = []

  @Option(
    name: .customLong("page-size"),
    help: ArgumentHelp(
      "The page size, 4K, 16K or 64K. Can be given several times; traces of other sizes are skipped."
        + " (default: the trace's)",
      valueName: "size"
    ),
    transform: { text in
      guard let size = PageSize.allCases.first(where: { $0.name == text.uppercased() }) else {
        throw ValidationError("expected 4K, 16K or 64K, found \(text)")
      }
      return size
    }
  )
  var pageSizes: [PageSize] = []

  @OptionGroup(title: "Machine")
  var machine: CommonMachineOptions

  @Option(
    help: ArgumentHelp(
      "When all invariants are checked, and every page in memory and in swap: never, end, marks (those"
        + " of the traces), or after every so many events; all but never include the end.",
      valueName: "when"
    ),
    transform: { text in
      guard let schedule = InvariantSchedule(text) else {
        throw ValidationError("expected \(InvariantSchedule.forms), found \(text)")
      }
      return schedule
    }
  )
  var invariants: InvariantSchedule = .end

  @Option(
    help: ArgumentHelp(
      "Pages of each case that must get their tags back from swap.",
      valueName: "n"
    )
  )
  var requireRestores: UInt64 = 0

  @Flag(help: "Run each case twice; both reports must be the same.")
  var twice = false

  @Option(help: ArgumentHelp("How the result is written: text, tap or junit.", valueName: "form"))
  var format: VerdictFormat = .text

  @Option(
    help: ArgumentHelp(
      "Write the result to this file, and to standard output as text.",
      valueName: "file"
    )
  )
  var output: String?

  @Flag(
    help: ArgumentHelp(
      "Write the smallest trace found that fails in the same way, for each trace and kind of failure."
    )
  )
  var shrink = false

  @Option(
    name: .customLong("shrink-into"),
    help: ArgumentHelp("The folder for those traces. (default: the current one)", valueName: "dir")
  )
  var shrinkFolder: String?

  func validate() throws {
    if suite == nil && traces.isEmpty {
      throw ValidationError("Expected traces or --suite FILE, found neither.")
    }
    guard suite != nil else { return }
    let used = [
      ("a trace", !traces.isEmpty), ("--design", !designs.designs.isEmpty),
      ("--codec", !codecs.isEmpty),
      ("--page-size", !pageSizes.isEmpty), ("--inject", !designs.injected.isEmpty),
      ("--twice", twice), ("--require-restores", requireRestores > 0),
      ("--invariants", invariants != .end), ("an option of the machine", machine.isUsed),
    ]
    if let (name, _) = used.first(where: { $0.1 }) {
      throw ValidationError(
        "Expected nothing beside --suite that its file can say, found \(name); set it there."
      )
    }
  }

  func run() throws {
    // Nobody should wait for a verdict that has no place to go.
    if let output { _ = try OutputFile(path: output) }
    if shrink || shrinkFolder != nil, let shrinkFolder {
      try KernelViews.makeDirectory(shrinkFolder)
    }
    let cases = try suite.map(VerificationSuite.cases) ?? casesOfArguments()
    let line = ProgressLine("verify", totals: cases.map(\.events))
    var runs = VerificationRun.results(of: cases) { line.note($0, of: cases[$1].events, run: $1) }
    line.erase()
    if shrink || shrinkFolder != nil {
      try ShrunkTraces(folder: shrinkFolder ?? ".").write(for: cases, &runs)
    }
    let verdicts = runs.map(\.verdict)
    if let output {
      var file = try OutputFile(path: output)
      try file.write(Array(format.render(verdicts).utf8))
      try file.finish()
    }
    print(output == nil ? format.render(verdicts) : VerdictText.text(verdicts), terminator: "")
    try end(runs)
  }

  private func casesOfArguments() throws -> [VerificationCase] {
    var paths: [String] = []
    for trace in traces { paths += try TraceFolder.traces(at: trace) }
    if let twice = paths.first(where: { path in paths.count { $0 == path } > 1 }) {
      throw Failure(.usage, "expected different traces, found \(twice) twice")
    }
    var matrix = CaseMatrix(tracePaths: paths)
    matrix.machine = try machine.description()
    matrix.designs = designs.designs.isEmpty ? nil : designs.designs
    matrix.codecs = codecs.isEmpty ? nil : codecs
    matrix.pageSizes = pageSizes.isEmpty ? nil : pageSizes
    matrix.injections = designs.injected
    matrix.invariants = invariants
    matrix.requiredRestores = requireRestores
    matrix.runsTwice = twice
    return try matrix.cases()
  }

  /// Ends with the exit code that the verdicts call for.
  private func end(_ runs: [CaseRun]) throws {
    let failed = runs.filter { if case .failed = $0.verdict.result { true } else { false } }
    if let first = failed.first?.verdict, case .failed(let failure) = first.result {
      throw Failure(
        .verification,
        "\(failed.count) of \(runs.count) cases failed; the first: \(first.name): \(failure.message)"
      )
    }
    if let error = runs.compactMap(\.error).first { throw Failure(error) }
  }
}

/// A form of the verdicts.
enum VerdictFormat: String, CaseIterable, ExpressibleByArgument {
  case text, tap, junit

  /// The verdicts in this form.
  func render(_ verdicts: [CaseVerdict]) -> String {
    switch self {
    case .text: VerdictText.text(verdicts)
    case .tap: TAPReport.text(verdicts)
    case .junit: JUnitReport.text(verdicts)
    }
  }
}
