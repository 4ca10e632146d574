// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TraceFormat
import TraceSynthesis

/// `mtesim trace guest`: a recorded program as a guest of a virtual machine monitor.
struct TraceGuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest",
    abstract: "Rewrites a trace so that the program runs as a guest with MTE.",
    discussion: """
      The traced process becomes a virtual machine monitor, which maps the program's private anonymous memory \
      untagged and gives it to a guest, and the guest does there what the program did. The tags that were \
      recorded are checked as before. Programs of several processes cannot be guests.

      Example: mtesim trace guest Traces/recorded/lua-glibc.mtt -o lua-guest.mtt
      """
  )

  @Argument(help: "A container or a text trace.")
  var trace: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @OptionGroup var compression: CompressionOptions

  func validate() throws {
    guard trace != output else {
      throw ValidationError("Expected another file than the trace, found \(output).")
    }
  }

  func run() throws {
    let result = try GuestRewriter.rewrite(
      try TraceReader.open(path: trace),
      path: output,
      level: compression.level
    )
    let summary = result.summary
    print("\(output): \(result.written.totals.records) records")
    print("  memory of the guest: \(summary.slots) slots, \(summary.pages) pages")
    print("  events of the guest: \(summary.events)")
    print("  statements of the recording left out: \(summary.droppedStatements)")
  }
}
