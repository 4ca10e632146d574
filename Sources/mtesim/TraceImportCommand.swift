// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TraceFormat
import TraceImport

/// `mtesim trace import`: containers from recordings in other formats.
struct TraceImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Imports recordings in other formats.",
    discussion: "Example: mtesim trace import mtetrc lua.mtetrc.zst -o lua.mtt",
    subcommands: [TraceImportMTETRCCommand.self]
  )
}

/// `mtesim trace import mtetrc`.
struct TraceImportMTETRCCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mtetrc",
    abstract: "Imports a recording in the format MTETRC0, plain or zstd compressed.",
    discussion: """
      Example: mtesim trace import mtetrc lua.mtetrc.zst -o lua.mtt --command 'lua5.4 w.lua'
      """
  )

  @Argument(help: "A recording.", completion: .file())
  var recording: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @Option(help: ArgumentHelp("The recorder and its version.", valueName: "text"))
  var recorder = ImportDescription().recorder

  @Option(help: ArgumentHelp("The recorded program's command line.", valueName: "text"))
  var command = ""

  @Option(help: ArgumentHelp("Anything else, such as the allocator.", valueName: "text"))
  var note = ""

  @Option(help: ArgumentHelp("The recorder's filter window.", valueName: "accesses"))
  var window: UInt64 = 0

  @Option(help: ArgumentHelp("Pages that the recorder's filter holds.", valueName: "pages"))
  var entries: UInt64 = 0

  @OptionGroup var compression: CompressionOptions

  func validate() throws {
    for text in [recorder, command, note] where text.utf8.count >= 1 << 16 {
      throw ValidationError("expected less than 64 KiB of text, found \(text.utf8.count) bytes")
    }
  }

  func run() throws {
    var description = ImportDescription()
    description.recorder = recorder
    description.commandLine = command
    description.note = note
    description.filterWindowAccesses = window
    description.filterEntries = entries
    let report = try RecordingImporter.importRecording(
      path: recording,
      output: output,
      description: description,
      level: compression.level
    )
    for line in Self.lines(report, output) { print(line) }
  }

  /// The lines that say what was read, left out and added.
  static func lines(_ report: ImportReport, _ output: String) -> [String] {
    var rows: [(String, String)] = [
      ("PAGE records", "\(report.pageRecords)"),
      ("FULL records", "\(report.accessRecords)"),
      ("TAG records", "\(report.tagRecords)"),
      ("SYS records", "\(report.systemCallRecords)"),
      ("MAP records", "\(report.mappingRecords)"),
      ("THREAD records", "\(report.threadRecords)"),
      ("KACC records", "\(report.kernelCopyRecords)"),
      ("TRUTH records", "\(report.snapshotRecords)"),
      ("TRUTH left out", "\(report.snapshotsLeftOut)"),
      ("failed calls", "\(report.failedCalls)"),
      ("forks", "\(report.forks)"),
      ("inferred pages", "\(report.inferredPages)"),
    ]
    for call in report.otherCalls {
      rows.append(("call \(call.number)", "\(call.count) times, not modelled"))
    }
    if let written = report.written {
      rows.append(("written", "\(output), \(written.totals.records) records"))
      rows.append(("bytes", "\(written.byteCount)"))
      rows.append(("digest", written.digest))
    }
    return rows.map { name, value in
      name + String(repeating: " ", count: 18 - name.count) + value
    }
  }
}
