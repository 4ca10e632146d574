// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `mtesim machine`, and machines and views of `mtesim replay`.
@Suite struct MachineCommandTests {
  private let directory: CommandDirectory

  init() throws {
    directory = try CommandDirectory()
    try directory.write(ReplayTrace.text, "p.trace")
  }

  private func expectFailure(_ arguments: [String], _ code: Int32, _ message: String) throws {
    let run = try directory.run(arguments)
    #expect(run == CommandRun(code: code, output: "", error: "mtesim: \(message)\n"))
  }

  private func settings(_ arguments: String...) throws -> [String: String] {
    let run = try directory.run(
      ["replay", "p.trace", "--design", "none", "--format", "json"] + arguments
    )
    #expect(run.code == 0, "\(run.error)")
    let report = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    let machine = try #require(report?["machine"] as? [String: Any])
    let list = try #require(machine["settings"] as? [[String: String]])
    return list.reduce(into: [:]) { $0[$1["name"] ?? ""] = $1["value"] }
  }

  @Test func shownPresetsAreMachineFiles() throws {
    let shown = try directory.run("machine", "show", "kernel-oracle-256m")
    #expect(shown.code == 0 && shown.error.isEmpty)
    try directory.write(shown.output, "oracle.yaml")
    let byFile = try directory.run("machine", "check", "oracle.yaml")
    #expect(byFile.code == 0)
    #expect(byFile == (try directory.run("machine", "check", "kernel-oracle-256m")))
    // What a file shows has no heading, but the same settings.
    let again = try directory.run("machine", "show", "oracle.yaml").output
    #expect(!again.isEmpty && shown.output.hasSuffix(again))
  }

  @Test func listsNamePresetsAndKeys() throws {
    let list = try directory.run("machine", "list")
    #expect(list.code == 0 && list.output.contains("\nphone-8g "))
    let keys = try directory.run("machine", "keys")
    #expect(keys.code == 0 && keys.output.contains("\nvm.swappiness\n"))
  }

  @Test func optionsReplaceSettingsOfTheMachine() throws {
    try directory.write("ram: 128M\nvm:\n  swappiness: 90\nprocessors: 2\n", "m.yaml")
    let plain = try settings("--machine", "m.yaml")
    #expect(plain["ram"] == "128M" && plain["vm.swappiness"] == "90")
    #expect(plain["swap.device"] == "zram")
    let changed = try settings(
      "--machine",
      "m.yaml",
      "--ram",
      "64m",
      "--swap",
      "disk",
      "--set",
      "vm.swappiness=80",
      "--set",
      "processors=9",
      "--set",
      "vm.swappiness=81"
    )
    #expect(changed["ram"] == "64M" && changed["swap.device"] == "disk")
    #expect(changed["vm.swappiness"] == "81" && changed["processors"] == "9")
    #expect(try settings("--machine", "kernel-oracle-256m")["processors"] == "1")
  }

  @Test func tablesTellSettingsThatAreNotTheDefault() throws {
    let run = try directory.run(
      "replay",
      "p.trace",
      "--design",
      "none",
      "--set",
      "swap.slot-cache=0",
      "--swappiness",
      "10"
    )
    #expect(run.code == 0)
    #expect(run.output.contains("\nsettings     vm.swappiness 10, swap.slot-cache 0\n"))
    let plain = try directory.run("replay", "p.trace", "--design", "none", "--ram", "128M")
    #expect(!plain.output.contains("\nsettings "))
  }

  @Test func wrongMachinesAreRefusedInOneLine() throws {
    try directory.write("vm:\n  swapiness: 3\n", "wrong.yaml")
    try directory.write("processors: 1\nram: 100M\n", "odd.yaml")
    try directory.write([0x72, 0xff, 0x0a], "binary.yaml")
    let unknown =
      "wrong.yaml:2:3: expected a machine key, found vm.swapiness; the nearest is vm.swappiness"
    try expectFailure(["machine", "check", "wrong.yaml"], 65, unknown)
    try expectFailure(["machine", "show", "wrong.yaml"], 65, unknown)
    try expectFailure(["replay", "p.trace", "--machine", "wrong.yaml"], 65, unknown)
    let multiple =
      "expected RAM of a multiple of 64M, so that 1/32 of it is whole pageblocks of 2M and can be a"
      + " CMA area, found 100M; the smallest RAM that works is 64M, the next above this one 128M"
    try expectFailure(["machine", "check", "odd.yaml"], 65, "odd.yaml:2:1: \(multiple)")
    try expectFailure(
      ["replay", "p.trace", "--machine", "odd.yaml"],
      65,
      "odd.yaml:2:1: \(multiple)"
    )
    try expectFailure(["machine", "check", "--ram", "100M"], 64, multiple)
    try expectFailure(
      ["machine", "check", "binary.yaml"],
      65,
      "binary.yaml: expected UTF-8, found other bytes"
    )
    try expectFailure(
      ["machine", "check", "phone-9g"],
      66,
      "phone-9g: expected a readable file, found No such file or directory; presets are default,"
        + " phone-8g, phone-16g, phone-16g-16k, server-64g, server-64g-64k, fvp, kernel-oracle-256m"
    )
    try expectFailure(
      ["machine", "check", "fvp", "--machine", "fvp"],
      64,
      "Expected one machine, found an argument and --machine. (see 'mtesim machine check --help')"
    )
  }

  @Test func wrongSettingsAreRefusedBeforeAnyFileIsRead() throws {
    let hint = " (see 'mtesim replay --help')"
    for (setting, message) in [
      (
        "vm.swapiness=3",
        "--set vm.swapiness: expected a machine key, found vm.swapiness; the nearest"
          + " is vm.swappiness"
      ),
      ("vm.swappiness=201", "--set vm.swappiness: expected 0 to 200, found 201"),
      ("vm.swappiness=", "--set vm.swappiness: expected 0 to 200, found nothing"),
      ("vm.swappiness", "--set: expected KEY=VALUE, found vm.swappiness"),
    ] {
      try expectFailure(
        ["replay", "none.trace", "--machine", "none.yaml", "--set", setting],
        64,
        message + hint
      )
    }
  }

  @Test func viewsAreTheKernelsFiles() throws {
    let one = try directory.run("replay", "p.trace", "--design", "rfc3", "--view", "buddyinfo")
    #expect(one.code == 0 && one.error.isEmpty)
    #expect(one.output.hasPrefix("Node 0, zone   Normal "))
    let two = try directory.run("replay", "p.trace", "--view", "buddyinfo").output
    #expect(two.hasPrefix("==> static-carveout <==\nNode 0, zone   Normal "))
    #expect(two.hasSuffix("\n\n==> rfc3 <==\n" + one.output))
    let run = try directory.run("replay", "p.trace", "--views", "views", "--design", "rfc3")
    #expect(run.code == 0 && run.output.contains("Memory given up for tags"))
    #expect(try directory.names() == ["p.trace", "views"])
    for view in ["buddyinfo", "pagetypeinfo", "zoneinfo", "meminfo", "vmstat"] {
      let printed = try directory.run("replay", "p.trace", "--design", "rfc3", "--view", view)
      #expect(printed.code == 0)
      #expect(try directory.read("views/rfc3/\(view)") == Array(printed.output.utf8), "\(view)")
    }
    // A second time into the same directory.
    #expect(try directory.run("replay", "p.trace", "--views", "views").code == 0)
    try expectFailure(
      ["replay", "p.trace", "--views", "p.trace"],
      74,
      "p.trace: expected a directory that can be written, found Not a directory"
    )
  }

  /// The board of the series' authors, in source; the same tree broken in one place each.
  @Test func deviceTreesAreCheckedByTheKernelsRules() throws {
    let source = try String(contentsOfFile: Self.board, encoding: .utf8)
    try directory.write(source, "board.dts")
    let run = try directory.run("machine", "check", "board.dts")
    #expect(run.code == 0 && run.error.isEmpty)
    #expect(run.output.contains("dynamic tag storage is on: 2 regions with 124M\n"))
    #expect(run.output.contains("0x8fc000000..0x8ffbfffff  60M, 15360 blocks of 4K\n"))

    try directory.write(source.replacing("<0x1000>", with: "<0x3000>"), "blocks.dts")
    try expectFailure(
      ["machine", "check", "blocks.dts"],
      65,
      "blocks.dts: G3: /reserved-memory/tag-storage@8f8000000: expected a tag range of whole blocks"
        + " of 3 pages of 4K, found 67108864 bytes; all regions are dropped and dynamic tag storage"
        + " is off"
    )
    try directory.write(source.replacing("0x0 0x78000000>", with: "0x0 0x77000000>"), "size.dts")
    let small = try directory.run("machine", "check", "size.dts")
    #expect(small.code == 0, "v3 does not compare sizes")
    #expect(
      small.output.contains("  G7: /reserved-memory/tag-storage@8fc000000: expected memory of")
    )
    try expectFailure(
      ["machine", "check", "board.dts", "--binding", "rfc1"],
      65,
      "board.dts: expected a node that is compatible with arm,mte-tag-storage, found none"
    )
  }

  @Test func filesThatAreNoDeviceTrees() throws {
    try directory.write("no blob", "text.dtb")
    try expectFailure(
      ["machine", "check", "text.dtb"],
      65,
      "text.dtb: expected a flattened device tree, found FDT_ERR_TRUNCATED"
    )
    try directory.write("/dts-v1/; / { a = <; };", "wrong.dts")
    let wrong = try directory.run("machine", "check", "wrong.dts")
    #expect(wrong.code == 65 && wrong.output.isEmpty)
    #expect(
      wrong.error.hasSuffix(
        "mtesim: wrong.dts: expected device-tree source, found what dtc refuses\n"
      )
    )
    #expect(try directory.run("machine", "check", "absent.dts").code == 66)
    #expect(try directory.run("machine", "check", "--as-posted").code == 64)
  }

  private static let board =
    URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Traces/machines/fvp-rfc3.dts").path
}
