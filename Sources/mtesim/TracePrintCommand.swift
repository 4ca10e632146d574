// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TraceFormat

/// `mtesim trace print`: a trace as text.
struct TracePrintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "print",
    abstract: "Prints a trace as text that `trace build` turns into the same events again.",
    discussion: "Example: mtesim trace print Traces/recorded/lua-glibc.mtt --from 1000 --count 20"
  )

  @Argument(help: "A container or a text trace.", completion: .file(extensions: ["mtt", "trace"]))
  var trace: String

  @Option(help: ArgumentHelp("The first record, counted from 0.", valueName: "record"))
  var from: UInt64 = 0

  @Option(help: ArgumentHelp("How many records.", valueName: "records"))
  var count: UInt64 = .max

  func run() throws {
    let reader = try TraceReader.open(path: trace)
    guard from == 0 || from < reader.totals.records else {
      throw Failure(
        .usage,
        "--from: expected a record below \(reader.totals.records), which is how many \(trace) has,"
          + " found \(from)"
      )
    }
    if from == 0 {
      for line in TracePrinter.lines(reader.header) { print(line) }
    }
    var printer = TracePrinter(pageSize: reader.header.pageSize, pages: reader.pages)
    try reader.seek(toRecord: from)
    var left = count
    var batch = EventBatch()
    while left > 0, try reader.next(into: &batch) {
      for record in batch.records.prefix(Int(clamping: left)) {
        if let line = printer.print(record, in: batch) { print(line) }
        left -= 1
      }
    }
    if let line = printer.finish() { print(line) }
  }
}
