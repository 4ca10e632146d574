// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TraceFormat

/// `mtesim trace build`: a container from text.
struct TraceBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Builds a trace container from a text trace.",
    discussion: "Example: mtesim trace build Traces/cases/zero-fill.trace -o zero-fill.mtt"
  )

  @Argument(help: "A text trace.", completion: .file(extensions: ["trace"]))
  var text: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @OptionGroup var compression: CompressionOptions

  func run() throws {
    let bytes = try TraceReader.readWhole(path: text)
    let written = try TextTrace.writeContainer(
      text: bytes,
      name: text,
      output: output,
      level: compression.level
    )
    print("\(output): \(written.totals.records) records, \(written.byteCount) bytes")
  }
}
