// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What one run of the program printed, and its exit code.
struct CommandRun: Equatable {
  let code: Int32
  let output: String
  let error: String
}

/// A directory of its own in which a test runs the program that was built beside the tests.
///
/// A final class, so that the directory goes when the test does.
final class CommandDirectory {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("mtesim-\(UUID().uuidString)")
  /// The folder of `Package.swift`.
  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  /// Runs `mtesim` with the directory as the current one.
  func run(_ arguments: String...) throws -> CommandRun { try run(arguments) }

  /// Runs `mtesim` with the directory as the current one.
  func run(_ arguments: [String]) throws -> CommandRun {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent()
      .appendingPathComponent("mtesim")
    process.arguments = arguments
    process.currentDirectoryURL = url
    // Files instead of pipes, which fill up when nobody reads them. They lie beside the directory,
    // so that `names()` tells what the program left.
    let output = url.appendingPathExtension("stdout")
    let error = url.appendingPathExtension("stderr")
    defer { for file in [output, error] { try? FileManager.default.removeItem(at: file) } }
    for file in [output, error] { try Data().write(to: file) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
    process.waitUntilExit()
    return CommandRun(
      code: process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8),
      error: try String(contentsOf: error, encoding: .utf8)
    )
  }

  func write(_ bytes: [UInt8], _ name: String) throws {
    try Data(bytes).write(to: url.appendingPathComponent(name))
  }

  func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

  func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: url.appendingPathComponent(name)))
  }

  /// The files in the directory, sorted.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
  }
}
