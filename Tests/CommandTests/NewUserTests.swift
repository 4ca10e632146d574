// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What somebody reads who gives the wrong arguments or files, for every command: one line that says
/// what was expected, and the exit code.
@Suite struct NewUserTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    try directory.write("page-size 4K\nmap 0x10000 4096 rw anon fixed\nwrite 0x10000\n", "p.trace")
    try directory.write("hello\n", "bad.trace")
    try directory.write("x: 1\n", "bad.yaml")
    try directory.write("{", "cut.json")
    try directory.write("<html>", "page.json")
    try directory.write([UInt8](repeating: 0, count: 100), "short.tags")
    try FileManager.default.createDirectory(
      at: directory.url.appendingPathComponent("folder"),
      withIntermediateDirectories: false
    )
    guard try directory.run("trace", "build", "p.trace", "-o", "p.mtt").code == 0 else {
      Issue.record("p.trace cannot be built")
      return
    }
    try directory.write(Array(try directory.read("p.mtt").dropLast(20)), "cut.mtt")
  }

  private struct Vector {
    let line: String
    let code: Int32
    let message: String

    init(_ line: String, _ code: Int32, _ message: String) {
      (self.line, self.code, self.message) = (line, code, message)
    }
  }

  private func check(_ vectors: [Vector]) throws {
    for vector in vectors {
      let run = try directory.run(vector.line.split(separator: " ").map(String.init))
      #expect(
        run == CommandRun(code: vector.code, output: "", error: "mtesim: \(vector.message)\n"),
        "mtesim \(vector.line)"
      )
    }
  }

  private let none = "expected a readable file, found No such file or directory"
  private let place = "expected a file that can be written, found No such file or directory"

  @Test func wordsThatAreNoCommand() throws {
    let all = "replay, verify, explain, machine, compare, break-even, trace, tags"
    try check([
      Vector("foo", 64, "expected a command, \(all), found foo (see 'mtesim --help')"),
      Vector(
        "reply p.trace",
        64,
        "expected a command, \(all), found reply; did you mean replay? (see 'mtesim --help')"
      ),
      Vector(
        "machine shwo x",
        64,
        "expected a command, list, show, check, keys, found shwo (see 'mtesim machine --help')"
      ),
      Vector(
        "tags encod",
        64,
        "expected a command, encode, decode, stats, found encod; did you mean encode? (see"
          + " 'mtesim tags --help')"
      ),
      Vector("--frobnicate", 64, "Unknown option '--frobnicate' (see 'mtesim --help')"),
    ])
  }

  @Test func argumentsThatAreMissing() throws {
    func missing(_ command: String, _ argument: String) -> Vector {
      Vector(
        command,
        64,
        "Missing expected argument '\(argument)' (see 'mtesim \(command) --help')"
      )
    }
    try check([
      missing("replay", "<trace> ..."), missing("explain", "<trace> ..."),
      missing("compare", "<base>"), missing("machine show", "<file|preset>"),
      missing("trace info", "<traces> ..."), missing("trace check", "<traces> ..."),
      missing("trace print", "<trace>"), missing("tags encode", "--codec <codec>"),
      missing("trace generate refpage", "--output <file>"),
      missing("trace import mtetrc", "<recording>"),
      Vector(
        "verify",
        64,
        "Expected traces or --suite FILE, found neither. (see 'mtesim verify --help')"
      ),
      Vector(
        "tags stats",
        64,
        "Expected either a file of tag pages or a trace. (see 'mtesim tags stats --help')"
      ),
    ])
  }

  @Test func filesThatAreMissing() throws {
    try check([
      Vector("replay none", 66, "none: \(none)"), Vector("verify none", 66, "none: \(none)"),
      Vector("explain none --page 0", 66, "none: \(none)"),
      Vector("compare none none", 66, "none: \(none)"),
      Vector("trace info none", 66, "none: \(none)"),
      Vector("trace print none", 66, "none: \(none)"),
      Vector("trace build none -o x", 66, "none: \(none)"),
      Vector("trace import mtetrc none -o x", 66, "none: \(none)"),
      Vector("machine check none.dtb", 66, "none.dtb: \(none)"),
      Vector("verify --suite none", 66, "none: \(none)"),
      Vector(
        "machine show none",
        66,
        "none: \(none); presets are default, phone-8g, phone-16g, phone-16g-16k, server-64g,"
          + " server-64g-64k, fvp, kernel-oracle-256m"
      ),
      Vector("replay folder", 66, "folder: expected a readable file, found Is a directory"),
      Vector(
        "verify folder",
        65,
        "folder: expected a folder with traces (*.mtt, *.trace), found none"
      ),
    ])
  }

  @Test func filesThatHoldSomethingElse() throws {
    let word = "bad.trace:1:+0: expected the name of an event, found hello"
    try check([
      Vector("replay bad.trace", 65, word), Vector("explain bad.trace --frame 0", 65, word),
      Vector("verify bad.trace", 65, word), Vector("trace info bad.trace", 65, word),
      Vector("trace check bad.trace", 65, word), Vector("trace print bad.trace", 65, word),
      Vector("trace build bad.trace -o x", 65, word),
      Vector(
        "trace import mtetrc bad.trace -o x",
        65,
        "bad.trace:+0: expected a recording, which starts with MTETRC0, found a file that does not"
      ),
      Vector(
        "compare cut.json cut.json",
        65,
        "cut.json:1:+1: expected a name in quotation marks, found the end of the file"
      ),
      Vector(
        "compare page.json cut.json",
        65,
        "page.json:1:+0: expected an object, an array, a string or a whole number, found '<';"
          + " reports are what mtesim replay --report writes"
      ),
      Vector(
        "machine check bad.yaml",
        65,
        "bad.yaml:1:1: expected a machine key, found x; the nearest is memory.max"
      ),
    ])
    for command in ["replay", "verify", "trace info", "trace check", "trace print"] {
      let run = try directory.run((command + " cut.mtt").split(separator: " ").map(String.init))
      #expect(run.code == 65 && run.output == "")
      #expect(
        run.error.wholeMatch(
          of: /mtesim: cut\.mtt:\+\d+: expected the end mark of a complete container, found .*\n/
        ) != nil,
        "\(run)"
      )
    }
  }

  @Test func outputsThatHaveNoPlace() throws {
    try check([
      Vector("replay p.trace --report no/x", 74, "no/x: \(place)"),
      Vector("replay p.trace --html no/x", 74, "no/x: \(place)"),
      Vector("replay p.trace --timeline no/x", 74, "no/x: \(place)"),
      Vector("verify p.trace --output no/x", 74, "no/x: \(place)"),
      Vector("trace build p.trace -o no/x", 74, "no/x: \(place)"),
      Vector("trace generate refpage -o no/x", 74, "no/x: \(place)"),
      Vector("trace rewrite p.trace --heap memset -o no/x", 74, "no/x: \(place)"),
      Vector(
        "trace build p.trace -o folder",
        74,
        "folder: expected a file that can be written, found a directory"
      ),
    ])
  }

  @Test func valuesThatCannotBe() throws {
    try check([
      Vector(
        "explain p.trace",
        64,
        "Expected one of --page, --frame and --block, found none. (see 'mtesim explain --help')"
      ),
      Vector(
        "explain p.trace --page 0 --block 1",
        64,
        "Expected one of --page, --frame and --block, found 2. (see 'mtesim explain --help')"
      ),
      Vector(
        "explain p.trace --page z",
        64,
        "The value 'z' is invalid for '--page <address[@process]>' (see 'mtesim explain --help')"
      ),
      Vector(
        "explain p.trace --frame 99999",
        64,
        "expected --frame to be one of 0-16383, found 99999"
      ),
      Vector("explain p.trace --block 512", 64, "expected --block from 0 to 511, found 512"),
      Vector(
        "explain p.trace --block 1 --design none",
        64,
        "expected --block with a design that has tag blocks, such as rfc3, found none"
      ),
      Vector(
        "verify p.trace --design rfc3 --design rfc3",
        64,
        "Expected different designs, found rfc3 twice. (see 'mtesim verify --help')"
      ),
      Vector(
        "trace print p.trace --from 99",
        64,
        "--from: expected a record below 2, which is how many p.trace has, found 99"
      ),
    ])
  }

  /// Nothing is coloured, so that there is nothing for NO_COLOR to switch off, and progress is for a
  /// terminal only.
  @Test func nothingButTextGoesToFiles() throws {
    for line in [
      "replay p.trace", "verify p.trace", "explain p.trace --page 0x10000", "machine list",
      "machine check", "trace print p.trace", "trace info p.trace", "--help", "replay none",
    ] {
      let run = try directory.run(line.split(separator: " ").map(String.init))
      for text in [run.output, run.error] {
        #expect(
          text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f || $0 == "\n" },
          "\(line)"
        )
      }
      #expect(run.error.isEmpty == (run.code == 0), "\(line): \(run.error)")
    }
  }
}
