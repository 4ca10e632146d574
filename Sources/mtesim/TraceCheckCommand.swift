// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TraceFormat

/// `mtesim trace check`: everything that can be verified without a machine.
struct TraceCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks digests, checksums, every record, totals, and that accesses hit mappings.",
    discussion: "Example: mtesim trace check Traces/recorded/*.mtt Traces/cases/*.trace"
  )

  @Argument(help: "Containers or text traces.", completion: .file(extensions: ["mtt", "trace"]))
  var traces: [String]

  func run() throws {
    for path in traces {
      let reader = try TraceReader.open(path: path)
      let scan = try TraceScan(reader)
      if let first = scan.firstImpossibleEvent {
        let others = scan.impossibleEvents - 1
        let more = others == 0 ? "" : " (and \(others) more)"
        throw Failure(.badInput, "\(first)\(more)")
      }
      print("\(path): ok, \(scan.totals.records) records, digest \(reader.digest)")
    }
  }
}
