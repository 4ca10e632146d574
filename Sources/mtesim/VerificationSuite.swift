// SPDX-License-Identifier: Apache-2.0

import MachineFile
import TraceFormat
import Verification

/// The cases of a suite file.
enum VerificationSuite {
  /// Reads a suite and the traces and machines that it names, by paths from its own folder.
  static func cases(of path: String) throws -> [VerificationCase] {
    let text = try MachineInput.text(of: path, "a suite")
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    do {
      let suite = try SuiteFile(yaml: text, name: path)
      var cases: [VerificationCase] = []
      for entry in suite.entries {
        var matrix = entry.matrix
        matrix.tracePaths = []
        for trace in entry.matrix.tracePaths {
          matrix.tracePaths += try TraceFolder.traces(at: trace.from(folder))
        }
        let base = try entry.machineName.map { name in
          try MachineInput.description(
            of: MachinePreset.named(name) == nil ? name.from(folder) : name
          )
        }
        matrix.machine = try suite.machine(of: entry, on: base ?? MachineDescription())
        cases += try matrix.cases()
      }
      try checkNames(cases, path)
      return cases
    } catch let error as MachineFileError {
      throw Failure(.badInput, error.description)
    }
  }

  /// Two cases of one name could not be told apart in a report.
  private static func checkNames(_ cases: [VerificationCase], _ path: String) throws {
    var seen: Set<String> = []
    for item in cases where !seen.insert(item.name).inserted {
      throw Failure(
        .badInput,
        "\(path): expected cases of different names, found \(item.name) twice; give entries a name"
      )
    }
  }
}

extension String {
  /// The path as seen from where `folder` is; an absolute path stays.
  fileprivate func from(_ folder: String) -> String { hasPrefix("/") ? self : folder + self }
}
