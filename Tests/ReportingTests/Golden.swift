// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Compares `text` with a stored file, named from the root of the package.
///
/// With `MTESIM_RECORD=1` it writes the file instead and fails, so that a run which records is
/// never taken for one that checks.
func expectGolden(
  _ text: String,
  _ path: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let url = packageRoot.appendingPathComponent(path)
  if ProcessInfo.processInfo.environment["MTESIM_RECORD"] == "1" {
    try Data(text.utf8).write(to: url)
    Issue.record("recorded \(path)", sourceLocation: sourceLocation)
    return
  }
  let stored = String(decoding: try Data(contentsOf: url), as: UTF8.self)
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  let storedLines = stored.split(separator: "\n", omittingEmptySubsequences: false)
  let same = zip(lines, storedLines).prefix { $0 == $1 }.count
  #expect(
    text == stored,
    """
    \(path) differs from line \(same + 1); now: \(same < lines.count ? lines[same] : "(nothing)")
    Run the tests with MTESIM_RECORD=1 to store what they produce, and read the change.
    """,
    sourceLocation: sourceLocation
  )
}

/// The folder of `Package.swift`.
let packageRoot = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
