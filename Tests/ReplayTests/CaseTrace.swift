// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineFile
import MachineModel
import MemoryModel
import TagStorage
import Verification

/// A text trace of `Traces/cases`: what it needs, and what it promises.
struct CaseTrace: CustomStringConvertible, Sendable {
  let name: String
  let text: String
  let directives: TraceDirectives

  var description: String { name }

  /// The designs that it holds for.
  var designs: [TagStorageDesign] { directives.designs ?? TagStorageDesign.allCases }

  /// All cases, by name.
  static func all() throws -> [CaseTrace] {
    let folder = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Traces/cases")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try names.filter { $0.hasSuffix(".trace") }.sorted().map { name in
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      return CaseTrace(name: name, text: text, directives: try TraceDirectives(text: text, name))
    }
  }

  /// The steps that some line expects.
  var expectedSteps: Outcome {
    var steps: Outcome = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let arrow = line.range(of: "=> ") else { continue }
      let outcome = line[arrow.upperBound...].prefix { $0 != " " && $0 != "#" }
      if let found = Outcome(outcome), found.errorNumber == nil { steps.formUnion(found) }
    }
    return steps
  }
}
