// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command; each subcommand has its own file.
struct MTESimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mtesim",
    abstract:
      "Simulates where the tags of Arm MTE live, what that costs, and whether any are lost.",
    discussion: "Example: mtesim trace info Traces/recorded/sqlite-glibc.mtt",
    version: "0.1.0",
    subcommands: [
      TraceCommand.self
    ]
  )
}

/// The start of the program.
@main
enum Main {
  static func main() {
    Failure.run(MTESimCommand.self)
  }
}
