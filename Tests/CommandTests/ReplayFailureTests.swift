// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `mtesim replay` says about wrong input: one line, and the right exit code.
@Suite struct ReplayFailureTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    try directory.write(ReplayTrace.text, "p.trace")
  }

  /// Runs the program and demands a failure without output.
  private func expectFailure(
    _ arguments: [String],
    _ code: Int32,
    _ message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try directory.run(["replay"] + arguments)
    #expect(
      run == CommandRun(code: code, output: "", error: "mtesim: \(message)\n"),
      sourceLocation: sourceLocation
    )
  }

  private func container() throws -> [UInt8] {
    #expect(try directory.run("trace", "build", "p.trace", "-o", "p.mtt").code == 0)
    return try directory.read("p.mtt")
  }

  @Test func inputsThatAreNoTraces() throws {
    try directory.write("", "empty.mtt")
    try directory.write("# nothing\n", "comment.trace")
    try directory.write([0, 1, 2], "binary")
    try FileManager.default.createDirectory(
      at: directory.url.appendingPathComponent("folder"),
      withIntermediateDirectories: false
    )
    try expectFailure(
      ["empty.mtt"],
      65,
      "empty.mtt: expected at least one event, found none"
    )
    try expectFailure(
      ["comment.trace"],
      65,
      "comment.trace: expected at least one event, found none"
    )
    try expectFailure(
      ["/dev/null"],
      65,
      "/dev/null: expected at least one event, found none"
    )
    try expectFailure(
      ["none.mtt"],
      66,
      "none.mtt: expected a readable file, found No such file or directory"
    )
    try expectFailure(
      ["folder"],
      66,
      "folder: expected a readable file, found Is a directory"
    )
    // The first of several that is wrong is named.
    try expectFailure(
      ["p.trace", "none.mtt", "empty.mtt"],
      66,
      "none.mtt: expected a readable file, found No such file or directory"
    )
  }

  @Test func truncatedContainersAreRefused() throws {
    let bytes = try container()
    for count in [8, 16, 100, 159] {
      try directory.write(Array(bytes.prefix(count)), "cut.mtt")
      try expectFailure(
        ["cut.mtt"],
        65,
        "cut.mtt:+\(count): expected a container of at least 160 bytes, found the end of the file"
      )
    }
    for count in stride(from: 1, to: bytes.count, by: 61) {
      try directory.write(Array(bytes.prefix(count)), "cut.mtt")
      let run = try directory.run("replay", "cut.mtt")
      #expect(run.code == 65 && run.output.isEmpty, "cut at \(count)")
      #expect(run.error.hasPrefix("mtesim: cut.mtt:"), "cut at \(count): \(run.error)")
      #expect(run.error.hasSuffix("\n") && run.error.count { $0 == "\n" } == 1, "cut at \(count)")
    }
  }

  @Test func flippedBitsAreRefused() throws {
    let bytes = try container()
    for position in stride(from: 0, to: bytes.count, by: 43) {
      var flipped = bytes
      flipped[position] ^= 1 << UInt8(position % 8)
      try directory.write(flipped, "flipped.mtt")
      let run = try directory.run("replay", "flipped.mtt")
      #expect(run.code == 65 && run.output.isEmpty, "bit flipped in byte \(position)")
      #expect(run.error.hasPrefix("mtesim: flipped.mtt:"), "byte \(position): \(run.error)")
      #expect(run.error.count { $0 == "\n" } == 1, "byte \(position)")
    }
  }

  @Test func containerOfAnotherVersionIsRefused() throws {
    var bytes = try container()
    bytes[8] = 2
    try directory.write(bytes, "new.mtt")
    try expectFailure(["new.mtt"], 65, "new.mtt:+8: expected container version 1, found version 2")
  }

  @Test func eventsThatContradictTheEventsBefore() throws {
    try directory.write("read 0x1000\n", "unmapped.trace")
    try expectFailure(
      ["unmapped.trace"],
      65,
      "unmapped.trace:record 0:+33: expected an access to mapped memory, found 0x1000, where nothing"
        + " is mapped"
    )
    try directory.write("map 0x1000 4K r anon fixed\nwrite 0x1000\n", "protected.trace")
    let run = try directory.run("replay", "protected.trace")
    #expect(run.code == 65)
    #expect(
      run.error.hasSuffix(
        ": expected an access that the mapping allows, found a write of 0x1000\n"
      )
    )
    try directory.write("map 0x1000 4K rw anon fixed\nwrit 0x1000\n", "wrong.trace")
    try expectFailure(
      ["wrong.trace"],
      65,
      "wrong.trace:2:+28: expected the name of an event, found writ"
    )
    try directory.write("map 0x1000 4K rw anon fixed\nwrite 0x1000 => hit\n", "expected.trace")
    let failed = try directory.run("replay", "expected.trace", "--design", "none")
    #expect(failed.code == 1)
    #expect(
      failed.error.hasSuffix(
        ": expected the outcome hit of the event before, found zero-fill\n"
      ),
      "\(failed.error)"
    )
  }

  @Test func machinesThatCannotBe() throws {
    try expectFailure(
      ["p.trace", "--ram", "100M"],
      64,
      "expected RAM of a multiple of 64M, so that 1/32 of it is whole pageblocks of 2M and can be a"
        + " CMA area, found 100M; the smallest RAM that works is 64M, the next above this one"
        + " 128M"
    )
    try expectFailure(
      ["p.trace", "--limit", "1K"],
      64,
      "expected a memory limit of at least 196608 bytes, found 1024"
    )
    try expectFailure(
      ["p.trace", "--ram", "0"],
      64,
      "RAM of 0 bytes: expected whole pages of 4096 bytes"
    )
    try expectFailure(
      ["p.trace", "--swap-size", "4K"],
      64,
      "swap of 4096 bytes: expected 2 to 2^28 - 1 pages"
    )
    try expectFailure(
      ["p.trace", "--block-size", "100"],
      64,
      "expected a tag block of a positive multiple of 4096 bytes, found 100"
    )
    try expectFailure(
      ["p.trace", "--page-size", "16K", "--ram", "1G"],
      65,
      "p.trace:header: expected pages of 16384 bytes, found 4096"
    )
  }

  @Test func wrongCommandLines() throws {
    let hint = " (see 'mtesim replay --help')"
    try expectFailure([], 64, "Missing expected argument '<trace> ...'" + hint)
    try expectFailure(
      ["p.trace", "--design", "foo"],
      64,
      "The value 'foo' is invalid for '--design <name>'. Please provide one of the following:"
        + " none, ecc-colocated, static-carveout, rfc1, rfc2, rfc3, rfc3-as-posted,"
        + " all-or-nothing, tag-of-tags, own-zone, xnu, tag-block-freelists, virtual-resident,"
        + " frontswap, ramdisk-swap, zswap-like, cleancache, gcma, virtio-tmem" + hint
    )
    try expectFailure(
      ["p.trace", "--codec", "zip"],
      64,
      "--codec: expected raw, mtecomp, mtecomp-v5, mtecomp-v11 or xnu-rle, found zip" + hint
    )
    try expectFailure(
      ["p.trace", "--inject", "foo"],
      64,
      "The value 'foo' is invalid for '--inject <fault>'. Please provide one of the following:"
        + " drop-restore, swap-granules, drop-migrated-tags, drop-copied-tags, drop-data,"
        + " drop-last-run, miscount-charge, fail-tag-allocation, fail-reference-page,"
        + " skipped-blocks, short-split, dead-fast-track, uncounted-fast-track,"
        + " kept-registration, inverted-warning, early-tagged, late-bitmap, outliving-tags,"
        + " unsaved-parked-tags, unnoted-tags, atomic-copy, dropped-moved-tags"
        + hint
    )
    try expectFailure(
      ["p.trace", "--inject", "D9"],
      64,
      "--inject: D9 (wrong-stub) has no effect here: it is an error of the compiler, not of the"
        + " running kernel" + hint
    )
    try expectFailure(
      ["p.trace", "--design", "rfc3", "--design", "rfc3"],
      64,
      "Expected different designs, found rfc3 twice." + hint
    )
    try expectFailure(
      ["p.trace", "--copies", "0"],
      64,
      "Expected 1 to 1000 copies, found 0." + hint
    )
    try expectFailure(
      ["p.trace", "--page-cluster", "9"],
      64,
      "--page-cluster: expected 0 to 5, found 9" + hint
    )
    for arguments in [["--nothing"], ["--ram", "abc"], ["--ram", "-1"], ["--format", "xml"]] {
      let run = try directory.run(["replay", "p.trace"] + arguments)
      #expect(run.code == 64 && run.output.isEmpty, "\(arguments)")
      #expect(run.error.hasPrefix("mtesim: ") && run.error.hasSuffix(hint + "\n"))
      #expect(run.error.count { $0 == "\n" } == 1, "\(arguments): \(run.error)")
    }
    #expect(try directory.names() == ["p.trace"])
  }

  @Test func reportsThatCannotBeWrittenLeaveNothingBehind() throws {
    try FileManager.default.createDirectory(
      at: directory.url.appendingPathComponent("folder"),
      withIntermediateDirectories: false
    )
    try expectFailure(
      ["p.trace", "--report", "no/r.json"],
      74,
      "no/r.json: expected a file that can be written, found No such file or directory"
    )
    try expectFailure(
      ["p.trace", "--report", "folder"],
      74,
      "folder: expected a file that can be written, found a directory"
    )
    try expectFailure(
      ["p.trace", "--report", "p.trace"],
      64,
      "Expected a report beside the traces, found the trace p.trace. (see 'mtesim replay --help')"
    )
    for option in ["--html", "--timeline"] {
      try expectFailure(
        ["p.trace", option, "no/r"],
        74,
        "no/r: expected a file that can be written, found No such file or directory"
      )
      try expectFailure(
        ["p.trace", option, "r", "--report", "r"],
        64,
        "Expected different files for different reports, found r twice."
          + " (see 'mtesim replay --help')"
      )
    }
    // A replay that fails leaves an older report as it was.
    try directory.write("old", "r.json")
    try directory.write("read 0x1000\n", "bad.trace")
    for option in ["--report", "--html", "--timeline"] {
      #expect(try directory.run("replay", "bad.trace", option, "r.json").code == 65)
      #expect(try directory.read("r.json") == Array("old".utf8))
    }
    #expect(try directory.names() == ["bad.trace", "folder", "p.trace", "r.json"])
    // A device keeps being one.
    if FileManager.default.fileExists(atPath: "/dev/full") {
      try expectFailure(
        ["p.trace", "--report", "/dev/full"],
        74,
        "/dev/full: expected a file that can be written, found No space left on device"
      )
      #expect(FileManager.default.fileExists(atPath: "/dev/full"))
    }
  }
}
