// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A directory of one test, and the program that was built beside the tests.
final class TagsHarness {
  struct Result: Equatable {
    var code: Int32
    var bytes: [UInt8]
    var error: String

    var output: String { String(decoding: bytes, as: UTF8.self) }
  }

  let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
    "mtesim-\(UUID().uuidString)"
  )

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: directory)
  }

  func write(_ bytes: [UInt8], _ name: String) throws {
    try Data(bytes).write(to: directory.appendingPathComponent(name))
  }

  func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

  func read(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: directory.appendingPathComponent(name)))
  }

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: directory.appendingPathComponent(name).path)
  }

  /// Runs the program in the directory, with a file of it as standard input if one is named.
  func run(_ arguments: [String], input: String? = nil) throws -> Result {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent()
      .appendingPathComponent("mtesim")
    process.arguments = arguments
    process.currentDirectoryURL = directory
    for name in ["stdout", "stderr"] { try write("", name) }
    process.standardOutput = try FileHandle(
      forWritingTo: directory.appendingPathComponent("stdout")
    )
    process.standardError = try FileHandle(
      forWritingTo: directory.appendingPathComponent("stderr")
    )
    if let input {
      process.standardInput = try FileHandle(
        forReadingFrom: directory.appendingPathComponent(input)
      )
    }
    try process.run()
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus,
      bytes: try read("stdout"),
      error: String(decoding: try read("stderr"), as: UTF8.self)
    )
  }

  /// Runs `mtesim tags` with words separated by blanks.
  func tags(_ words: String, input: String? = nil) throws -> Result {
    try run(["tags"] + words.split(separator: " ").map(String.init), input: input)
  }
}

/// A tag page with the given runs; with `posted`, for codecs that read the high nibble first.
func tagPage(_ runs: [(tag: UInt8, size: Int)], posted: Bool = false) -> [UInt8] {
  let tags = runs.flatMap { Array(repeating: $0.tag, count: $0.size) }
  return stride(from: 0, to: tags.count, by: 2).map {
    posted ? tags[$0] << 4 | tags[$0 + 1] : tags[$0] | tags[$0 + 1] << 4
  }
}

/// A tag page of `runs` runs of about equal size.
func tagPage(runs: Int, granules: Int) -> [UInt8] {
  tagPage(
    (0..<runs).map { run in
      (UInt8(1 + run % 15), granules * (run + 1) / runs - granules * run / runs)
    }
  )
}
