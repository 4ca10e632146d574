// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The trace commands as a user runs them: exit codes, standard output, standard error.
@Suite struct TraceCommandTests {
  struct Result {
    var code: Int32
    var output: String
    var error: String
  }

  private let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
    "mtesim-\(UUID().uuidString)"
  )
  private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  /// Runs the program that was built beside these tests, in the directory of this test.
  private func run(_ arguments: String...) throws -> Result { try run(arguments) }

  private func run(_ arguments: [String]) throws -> Result {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent()
      .appendingPathComponent("mtesim")
    process.arguments = arguments
    process.currentDirectoryURL = directory
    let output = directory.appendingPathComponent("stdout")
    let error = directory.appendingPathComponent("stderr")
    for url in [output, error] { try Data().write(to: url) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8),
      error: try String(contentsOf: error, encoding: .utf8)
    )
  }

  private func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: directory.appendingPathComponent(name))
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path)
      .filter { $0 != "stdout" && $0 != "stderr" }.sorted()
  }

  @Test func buildCheckAndPrintWorkTogether() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    let text = """
      page-size 4K
      command prog
      map 0x1000 0x1000 rw anon
      read 0x1000 => zero-page
      write 0x1000 x3

      """
    try write(text, "a.trace")
    let built = try run("trace", "build", "a.trace", "-o", "a.mtt")
    #expect(built.code == 0)
    #expect(built.output.hasPrefix("a.mtt: 4 records, "))
    #expect(try run("trace", "print", "a.mtt").output == text)
    #expect(try run("trace", "print", "a.trace").output == text)
    #expect(
      try run("trace", "print", "a.mtt", "--from", "1", "--count", "1").output
        == "read 0x1000\n"
    )
    #expect(
      try run("trace", "print", "a.mtt", "--from", "3").output == "@4 write 0x1000 x3\n"
    )
    let checked = try run("trace", "check", "a.mtt", "a.trace")
    #expect(checked.code == 0)
    #expect(checked.output.split(separator: "\n").count == 2)
    #expect(checked.output.hasPrefix("a.mtt: ok, 4 records, digest "))
    #expect(try names() == ["a.mtt", "a.trace"])
  }

  @Test func infoPrintsWhatTheTraceAddsUpTo() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    try write("map 0x1000 4K rw mte\nwrite 0x1000\ntag 0x1000 32 5\n", "a.trace")
    let info = try run("trace", "info", "a.trace")
    #expect(info.code == 0)
    for line in [
      "trace             a.trace", "page size         4K", "records           3",
      "  touches         1", "  tag runs        1", "  operations      1",
      "granules tagged   2", "  with tag 5      2", "impossible events 0",
    ] {
      #expect(info.output.contains(line + "\n"), "\(line) in \(info.output)")
    }
  }

  @Test func failuresHaveTheirExitCodeAndOneLine() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    try write("exec\njump\n", "bad.trace")
    try write("read 0x1000\nread 0x2000\n", "unmapped.trace")
    try write("MTETRC1\n", "new.mtetrc")
    let bad = try run("trace", "check", "bad.trace")
    #expect(bad.code == 65)
    #expect(bad.error == "mtesim: bad.trace:2:+5: expected the name of an event, found jump\n")
    let unmapped = try run("trace", "check", "unmapped.trace")
    #expect(unmapped.code == 65)
    #expect(
      unmapped.error
        == "mtesim: unmapped.trace:record 0:+33: expected a page in a mapping, found 0x1000 "
        + "(and 1 more)\n"
    )
    let missing = try run("trace", "info", "none.mtt")
    #expect(missing.code == 66)
    #expect(
      missing.error
        == "mtesim: none.mtt: expected a readable file, found No such file or directory\n"
    )
    let unwritable = try run("trace", "build", "unmapped.trace", "-o", "no/dir.mtt")
    #expect(unwritable.code == 74)
    let half = try run("trace", "build", "bad.trace", "-o", "half.mtt")
    #expect(half.code == 65)
    let version = try run("trace", "import", "mtetrc", "new.mtetrc", "-o", "new.mtt")
    #expect(version.code == 65)
    #expect(
      version.error
        == "mtesim: new.mtetrc:+0: expected a recording of version MTETRC0, found MTETRC1\n"
    )
    #expect(try names() == ["bad.trace", "new.mtetrc", "unmapped.trace"])
  }

  @Test func usageErrorsExitWith64AndHelpWith0() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    for arguments in [
      ["trace", "check"], ["jump"], ["trace", "print", "a", "--from", "x"],
      ["trace", "build", "a", "-o", "b", "--level", "23"], ["trace", "info", "--nothing"],
    ] {
      let process = try run(arguments)
      #expect(process.code == 64, "\(arguments)")
      #expect(process.output.isEmpty, "\(arguments)")
      #expect(!process.error.isEmpty, "\(arguments)")
    }
    for arguments in [
      ["--help"], ["--version"], ["trace", "--help"], ["trace", "import", "mtetrc", "--help"],
    ] {
      let process = try run(arguments)
      #expect(process.code == 0, "\(arguments)")
      #expect(process.error.isEmpty, "\(arguments)")
      #expect(!process.output.isEmpty, "\(arguments)")
    }
    #expect(try run("trace", "check", "--help").output.contains("Example: mtesim trace check"))
  }

  @Test func theCaseTracesAreValid() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    let cases = root.appendingPathComponent("Traces/cases")
    let files = try FileManager.default.contentsOfDirectory(atPath: cases.path).filter {
      $0.hasSuffix(".trace")
    }
    #expect(files.count >= 4)
    for file in files.sorted() {
      let result = try run("trace", "check", cases.appendingPathComponent(file).path)
      #expect(result.code == 0, "\(file): \(result.error)")
    }
  }
}
