// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `mtesim trace`: everything about traces except their replay.
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Describes, checks, prints, builds, imports, rewrites and generates traces.",
    discussion: "Example: mtesim trace check Traces/recorded/*.mtt",
    subcommands: [
      TraceInfoCommand.self,
      TraceCheckCommand.self,
      TracePrintCommand.self,
      TraceBuildCommand.self,
      TraceImportCommand.self,
      TraceRewriteCommand.self,
      TraceThinCommand.self,
      TraceGuestCommand.self,
      TraceGenerateCommand.self,
    ]
  )
}

/// The compression level of a container that a command writes.
struct CompressionOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("zstd level, 1 to 22.", valueName: "level"))
  var level = 19

  func validate() throws {
    guard (1...22).contains(level) else {
      throw ValidationError("expected a level from 1 to 22, found \(level)")
    }
  }
}
