// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import TagStorage
import Testing

@testable import MachineFile

/// Settings that are legal each on its own and no machine together.
@Suite struct CombinationTests {
  private func blame(
    _ yaml: String,
    _ options: [(String, String)] = [],
    design: TagStorageDesign = .rfc3
  ) throws -> String {
    var description = try MachineDescription(yaml: yaml, name: "m.yaml")
    for (key, value) in options { try description.set(key, to: value) }
    do throws(MachineError) {
      _ = try EffectiveMachine(description.configuration, designs: [design])
      return "no error"
    } catch {
      return description.explain(error)?.description ?? "options: \(error.description)"
    }
  }

  @Test func theLineThatIsToBlameIsNamed() throws {
    for (yaml, expected) in [
      ("processors: 2\nram: 100M\n", "2:1: expected RAM of a multiple of 64M"),
      ("kernel:\n  page-size: 16K\n", "2:3: expected RAM of a multiple of 1024M"),
      ("ram: 1G\nkernel:\n  page-size: 64K\n", "1:1: expected RAM of a multiple of 16384M"),
      ("ram: 0\n", "1:1: RAM of 0 bytes"),
      ("swap:\n  size: 4K\n", "2:3: swap of 4096 bytes"),
      ("memory:\n  max: 4K\n", "2:3: expected a memory limit of at least 196608 bytes"),
      ("tag-storage:\n  block-size: 6K\n", "2:3: expected a tag block of a positive multiple"),
      ("tag-storage: {block-size: 12K}\n", "1:15: expected tag storage of whole blocks"),
      ("kernel:\n  va-bits: 47\n", "2:3: expected addresses of 39 or 48 bits"),
      ("vm:\n  min_free_kbytes: 65536\n", "2:3: expected a high watermark below the"),
      (
        "ram: 2G\nram-ranges: 1G@0\n",
        "1:1: expected RAM of 1073741824 bytes, the sum of its ranges, found 2147483648"
      ),
      (
        "ram: 64M\nram-ranges: 64M@1M\n",
        "2:1: expected memory that begins, and ends unless it is the last, at a multiple of 4096 KiB"
      ),
      (
        "ram-ranges: 32M@0,32M@28M\n",
        "1:1: expected memory ranges without common addresses, found 0x0-0x1ffffff and"
      ),
      ("movable-zone: 64M\n", "1:1: expected a zone Movable of at least 4194304 bytes and less"),
      ("ram: 4G\nmovable-zone: 100M\n", "no error"),
      (
        "ram: 64M\nram-ranges: [60M@0, 4M@1G]\ntag-storage: {block-size: 4K}\n"
          + "kernel: {max-order: 8}\n",
        "no error"
      ),
      (
        "ram: 128M\nram-ranges: [124M@0, 4M@1G]\nzones: kernel\nkernel: {max-order: 8}\n",
        "no error"
      ),
      ("ram: 2G\nzones: kernel\nram-ranges: 2G@2080M\n", "no error"),
      ("ram: 256M\nram-ranges: [252M@0, 4M@1G]\n", "no error"),
      (
        "tag-storage: {block-size: 12K}\nram: 192M\nram-ranges: [188M@0, 4M@1G]\n",
        "1:15: expected whole tag blocks of 3 pages in every zone and range of RAM, found a border at PFN"
          + " 0x40000 inside one"
      ),
      (
        "kernel:\n  page-size: 64K\n  max-order: 14\nram: 16G\n", "3:3: expected a largest order of"
      ),
      (
        "vm:\n  watermark_scale_factor: 3000\n  min_free_kbytes: 40000\n",
        "3:3: expected a high watermark below the"
      ),
    ] {
      let found = try blame(yaml)
      let wanted = expected == "no error" ? expected : "m.yaml:\(expected)"
      #expect(found.hasPrefix(wanted), "\(yaml): \(found)")
    }
  }

  @Test func optionsAreToBlameForWhatTheyBreak() throws {
    let broken = try blame("ram: 1G\n", [("ram", "100M")])
    #expect(broken.hasPrefix("options: expected RAM of a multiple of 64M"), "\(broken)")
    let bits = try blame("ram: 16G\n", [("kernel.va-bits", "42")])
    #expect(bits.hasPrefix("options: expected addresses of 39 or 48 bits"), "\(bits)")
    // The file has to do with it, but the option came last.
    let both = try blame("kernel:\n  page-size: 4K\n", [("ram", "100M")])
    #expect(both.hasPrefix("options: expected RAM of a multiple of 64M"), "\(both)")
    let nobody = try blame("processors: 1\n", [("kernel.page-size", "64K")])
    #expect(nobody.hasPrefix("options: "), "\(nobody)")
    // An option can also mend what a file alone would break.
    #expect(try blame("kernel:\n  page-size: 16K\n", [("ram", "1G")]) == "no error")
    // And one design can have what another cannot.
    #expect(try blame("ram: 100M\n", design: .staticCarveout) == "no error")
  }
}
