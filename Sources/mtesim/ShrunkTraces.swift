// SPDX-License-Identifier: Apache-2.0

import Replay
import Reporting
import TraceFormat
import Verification

/// Small traces for the failures of a run, in a folder.
struct ShrunkTraces {
  /// Where they go.
  let folder: String

  /// Shrinks the first case of each trace and kind of failure, and notes the files in its verdict.
  func write(for cases: [VerificationCase], _ runs: inout [CaseRun]) throws {
    var done: Set<String> = []
    for (index, item) in cases.enumerated() {
      guard let finding = runs[index].finding,
        case .failed(var failure) = runs[index].verdict.result,
        done.insert("\(item.tracePaths) \(finding.kind)").inserted
      else { continue }
      let line = ProgressLine("shrink", totals: [])
      defer { line.erase() }
      let shrunk = try Shrinker.shrink(item, finding) { replays, events in
        line.note("\(replays) replays, \(events) events left")
      }
      guard let shrunk else { continue }
      let name = item.name.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "-" }
      let path = (folder == "." ? "" : folder + "/") + String(name) + ".trace"
      var file = try OutputFile(path: path)
      try file.write(Array(shrunk.text.utf8))
      try file.finish()
      failure.shrunkPath = path
      runs[index].verdict.result = .failed(failure)
    }
  }
}
