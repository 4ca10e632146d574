// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command; each subcommand has its own file.
struct MTESimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mtesim",
    abstract:
      "Simulates where the tags of Arm MTE live, what that costs, and whether any are lost.",
    discussion: "Example: mtesim replay Traces/recorded/lua-glibc.mtt --limit 12M --design rfc3",
    version: programVersion,
    subcommands: [
      ReplayCommand.self,
      VerifyCommand.self,
      ExplainCommand.self,
      MachineCommand.self,
      CompareCommand.self,
      BreakEvenCommand.self,
      TraceCommand.self,
      TagsCommand.self,
    ]
  )
}

/// The version of the program and of its reports.
let programVersion = "0.1.0"

/// The start of the program.
@main
enum Main {
  static func main() {
    Failure.run(MTESimCommand.self)
  }
}
