// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder of its own for the files of a test; a final class, so that it goes when the test does.
final class TraceFiles {
  private let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("mtesim-verify-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder.
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file.
  ///
  /// - Returns: its path.
  func write(_ text: String, _ name: String = "program.trace") throws -> String {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}

/// A program that tags and writes many pages and reads them all again.
func program(pages: Int, options: String) -> String {
  var lines = ["# options: \(options)", "map 0x100000 \(pages * 4096) rw mte anon"]
  for page in 0..<pages {
    let address = 0x100000 + page * 4096
    lines.append("write 0x\(String(address, radix: 16))")
    lines.append("tag 0x\(String(address, radix: 16)) 2064 \(1 + page % 15)")
    lines.append("tag 0x\(String(address + 2064, radix: 16)) 1024 \(1 + (page + 7) % 15)")
  }
  for page in 0..<pages { lines.append("read 0x\(String(0x100000 + page * 4096, radix: 16))") }
  return lines.joined(separator: "\n") + "\n"
}
