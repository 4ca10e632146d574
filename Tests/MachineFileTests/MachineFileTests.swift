// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import PhysicalMemory
import Swap
import Testing

@testable import MachineFile

/// Machine files: what they set, and what is said about wrong ones.
@Suite struct MachineFileTests {
  private func configuration(_ yaml: String) throws -> MachineConfiguration {
    try MachineDescription(yaml: yaml, name: "m.yaml").configuration
  }

  private func message(_ yaml: String) -> String {
    do throws(MachineFileError) {
      _ = try MachineDescription(yaml: yaml, name: "m.yaml")
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test func emptyFilesAreTheDefault() throws {
    for yaml in ["", "\n", "# nothing\n", "---\n", "{}"] where yaml != "---\n" {
      #expect(try configuration(yaml) == MachineConfiguration(), "\(yaml)")
    }
  }

  @Test func keysStandInSectionsOrWithTheirFullNames() throws {
    var expected = MachineConfiguration()
    expected.ramBytes = 8 << 30
    expected.swappiness = 100
    expected.swap.pageCluster = 0
    expected.groupLimitBytes = 12 << 20
    for yaml in [
      "ram: 8G\nvm:\n  swappiness: 100\n  page-cluster: 0\nmemory:\n  max: 12M\n",
      "vm.swappiness: 100\nram: \"8G\"\nvm:\n  page-cluster: 0\nmemory.max: '12M'\n",
      "{ram: 8192M, vm: {swappiness: 100, page-cluster: 0}, memory: {max: 12288K}}",
      "# comment\n\nram: &size 8G # eight\nvm: {page-cluster: 0}\nvm.swappiness: 100\nmemory.max: 12M",
    ] { #expect(try configuration(yaml) == expected, "\(yaml)") }
  }

  private static let devices =
    "none, or KIND[:SIZE[:PRIORITY]] with KIND zram, ssd or disk, several joined by commas"

  @Test func swapDevicesAreAListOrALine() throws {
    for yaml in [
      "swap-devices:\n  - zram:1G:5\n  - disk\n", "swap-devices: [zram:1G:5, disk]\n",
      "swap-devices: zram:1G:5, disk\n",
    ] {
      let devices = try configuration(yaml).swap.devices
      #expect(devices.map(\.kind) == [.zram, .disk], "\(yaml)")
      #expect(devices.map(\.bytes) == [1 << 30, nil] && devices.map(\.priority) == [5, nil])
    }
  }

  @Test func wrongKeysAndValuesAreToldWithTheirPlace() {
    for (yaml, expected) in [
      ("raam: 1G\n", "1:1: expected a machine key, found raam; the nearest is ram"),
      (
        "ram: 1G\nvm:\n  swapiness: 3\n",
        "3:3: expected a machine key, found vm.swapiness; the nearest is vm.swappiness"
      ),
      (
        "swappiness: 3\n",
        "1:1: expected a machine key, found swappiness; the nearest is vm.swappiness"
      ),
      ("vm:\n  swappiness: 201\n", "2:15: expected 0 to 200, found 201 for vm.swappiness"),
      ("vm:\n  swappiness: high\n", "2:15: expected 0 to 200, found high for vm.swappiness"),
      ("vm:\n  swappiness: [3]\n", "2:15: expected 0 to 200, found a list for vm.swappiness"),
      ("ram: {a: 1}\n", "1:6: expected a size such as 64M or 2G, found a mapping for ram"),
      ("ram:\n", "1:5: expected a size such as 64M or 2G, found nothing for ram"),
      (
        "swap:\n  device: hdd\n",
        "2:11: expected zram, ssd, disk or none, found hdd for swap.device"
      ),
      (
        "swap-devices:\n  - zram:1G\n  - disk:1G:high\n",
        "3:5: expected \(Self.devices), found disk:1G:high for swap-devices"
      ),
      (
        "swap-devices: [zram, [ssd]]\n",
        "1:22: expected \(Self.devices), found a list or mapping for swap-devices"
      ),
      (
        "swap-devices: tape\n", "1:15: expected \(Self.devices), found tape for swap-devices"
      ),
      (
        "swap-devices: {a: 1}\n", "1:15: expected \(Self.devices), found a mapping for swap-devices"
      ),
      ("vm: 3\n", "1:5: expected keys of the section vm, found 3"),
      ("vm:\n", "1:4: expected keys of the section vm, found nothing"),
      ("vm: [swappiness]\n", "1:5: expected keys of the section vm, found a list"),
      ("- ram\n", "1:1: expected a machine file of keys and values, found a list"),
      ("ram\n", "1:1: expected a machine file of keys and values, found ram"),
      ("? [ram]\n: 1G\n", "1:3: expected the name of a key, found a list or mapping"),
    ] { #expect(message(yaml) == "m.yaml:\(expected)", "\(yaml)") }
  }

  @Test func rangesAreListedInEitherForm() throws {
    var expected = MachineConfiguration()
    expected.memoryRanges = [
      MemoryRange(start: 2 << 30, size: 2 << 30), MemoryRange(start: 0x8_8000_0000, size: 2 << 30),
    ]
    for yaml in [
      "ram-ranges: 2G@0x80000000,2048M@0x880000000\n",
      "ram-ranges:\n  - 2G@2G\n  - 2G@34G\n",
      "ram-ranges:\n  - start: 0x80000000\n    size: 2G\n  - {size: 2G, start: 0x880000000}\n",
      "ram-ranges: [2G@2G, {start: 34G, size: 2G}]\n",
    ] { #expect(try configuration(yaml) == expected, "\(yaml)") }
    for (yaml, expected) in [
      (
        "ram-ranges: [2G]\n",
        "1:14: expected none or ranges such as 2G@0x80000000,2G@0x880000000, found 2G for ram-ranges"
      ),
      (
        "ram-ranges:\n  - start: 0\n",
        "2:5: expected a range as SIZE@START, or its start and its size, found other keys"
      ),
      (
        "ram-ranges: [[0, 1]]\n",
        "1:14: expected a range as SIZE@START, or its start and its size, found a list"
      ),
    ] { #expect(message(yaml) == "m.yaml:\(expected)", "\(yaml)") }
  }

  @Test func repeatedKeysAreToldAtTheSecondPlace() {
    for (yaml, expected) in [
      ("ram: 1G\nram: 2G\n", "2:1: expected each key once, found ram again after line 1"),
      (
        "vm:\n  swappiness: 1\nram: 64M\nvm:\n  page-cluster: 0\n",
        "4:1: expected each key once, found vm again after line 1"
      ),
      (
        "vm:\n  swappiness: 1\n  page-cluster: 0\n  swappiness : 2\n",
        "4:3: expected each key once, found swappiness again after line 2"
      ),
      (
        "vm.swappiness: 1\nvm:\n  swappiness: 1\n",
        "3:3: expected each key once, found vm.swappiness again after line 1"
      ),
    ] { #expect(message(yaml) == "m.yaml:\(expected)", "\(yaml)") }
  }

  @Test func whatIsNoYamlIsToldWithItsPlace() {
    for (yaml, place) in [
      ("ram: [1G\n", "2:1: expected YAML"), ("\tram: 1G\n", "1:1: expected YAML"),
      ("ram: 1G\n---\nram: 2G\n", "2:1: expected YAML"), ("ram: *size\n", "1:6: expected YAML"),
      ("ram: 1G\nvm: \u{7}\n", "2:5: expected text"),
    ] {
      let found = message(yaml)
      #expect(found.hasPrefix("m.yaml:\(place)"), "\(yaml): \(found)")
      #expect(!found.contains("\n"), "\(found)")
    }
  }

  @Test func longAndUnprintableTextStaysOnOneLine() {
    let found = message("\"ra\\nm\": 1\n")
    #expect(found.hasPrefix("m.yaml:1:1: expected a machine key, found ra?m;"), "\(found)")
    let long = message(String(repeating: "x", count: 5000) + ": 1\n")
    #expect(long.utf8.count < 200, "\(long)")
  }

  /// A file that is cut anywhere is read or refused in one line; nothing else happens.
  @Test func cutFilesAreReadOrRefused() {
    let yaml = MachineFileText.yaml(of: MachineConfiguration(), heading: ["A heading."])
    let bytes = Array(yaml.utf8)
    for count in stride(from: 0, to: bytes.count, by: 3) {
      let found = message(String(decoding: bytes.prefix(count), as: UTF8.self))
      #expect(found == "no error" || found.hasPrefix("m.yaml:"), "cut at \(count): \(found)")
      #expect(!found.contains("\n"), "cut at \(count): \(found)")
    }
  }

  @Test func deepNestingIsRefused() {
    let found = message(String(repeating: "[", count: 100_000))
    #expect(found.hasPrefix("m.yaml:1:"), "\(found)")
  }

  @Test func optionsReplaceSettingsOfTheFile() throws {
    var description = try MachineDescription(yaml: "ram: 1G\nprocessors: 2\n", name: "m.yaml")
    try description.set("ram", to: "2G")
    try description.set("vm.swappiness", to: "9")
    #expect(description.configuration.ramBytes == 2 << 30)
    #expect(description.configuration.processors == 2)
    #expect(description.configuration.swappiness == 9)
    #expect(throws: MachineSettingError.unknownKey("vm.foo")) {
      try description.set("vm.foo", to: "1")
    }
    #expect(
      throws: MachineSettingError.value("x", key: "processors", expected: "1 to 256")
    ) { try description.set("processors", to: "x") }
    #expect(description.configuration.processors == 2)
  }
}
