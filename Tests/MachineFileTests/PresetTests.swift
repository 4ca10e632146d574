// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import PhysicalMemory
import TagStorage
import TestSupport
import Testing

@testable import MachineFile

/// Presets, and machines as text.
@Suite struct PresetTests {
  @Test func presetsHaveNamesOriginsAndAreMachines() throws {
    let names = MachinePreset.all.map(\.name)
    #expect(Set(names).count == names.count)
    for name in ["phone-8g", "phone-16g", "server-64g", "fvp", "kernel-oracle-256m"] {
      #expect(MachinePreset.named(name) != nil, "\(name)")
    }
    for preset in MachinePreset.all {
      #expect(preset.origin.hasSuffix(".") && !preset.summary.isEmpty, "\(preset.name)")
      _ = try EffectiveMachine(
        preset.description.configuration,
        designs: TagStorageDesign.allCases
      )
    }
  }

  @Test func thePresetWithoutSettingsIsTheDefault() {
    #expect(MachinePreset.named("default")?.description.configuration == MachineConfiguration())
  }

  @Test func shownMachinesReadBackAsTheSame() throws {
    for preset in MachinePreset.all {
      let configuration = preset.description.configuration
      let text = MachineFileText.yaml(of: configuration, heading: [preset.summary, preset.origin])
      let back = try MachineDescription(yaml: text, name: preset.name)
      #expect(back.configuration == configuration, "\(preset.name)\n\(text)")
      for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    }
  }

  /// Any machine that keys can describe, not only those of the presets.
  @Test func randomMachinesReadBackAsTheSame() throws {
    let values: [String: [String]] = [
      "ram-ranges": ["none", "64M@0x100000000", "4096@0x1000,1G@1G"], "zones": ["kernel", "one"],
      "movable-zone": ["0", "12K"], "kernel.max-order": ["auto", "3", "14"],
      "ram": ["1", "64M", "3G", "12345", "1T"], "processors": ["1", "256"],
      "kernel.page-size": ["4K", "16K", "64K"], "kernel.va-bits": ["39", "52"],
      "vm.min_free_kbytes": ["auto", "khugepaged", "0", "4194304"],
      "vm.swappiness": ["0", "200"], "vm.watermark_boost_factor": ["0", "15000"],
      "memory.max": ["none", "12M", "1"], "page-allocator.stealing": ["block", "pageblock"],
      "swap.device": ["zram", "ssd", "disk", "none"],
      "swap-devices": ["none", "zram:1G:7,disk", "ssd::3"], "zram.memory": ["on"],
      "zram.mem-limit": ["none", "1M"], "swap.size": ["8G", "0"],
      "swap.seed": ["0", "18446744073709551615"], "swap.cluster": ["64", "512"],
      "tag-storage.block-size": ["4K", "4097"], "saved-tags.codec": ["raw", "xnu-rle"],
      "mte.tag-checks": ["none", "async"], "mte.preferred-tag-checks": ["sync"],
      "mte.asymmetric": ["no"],
    ]
    for seed in 1...200 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      var description = MachineDescription()
      for name in values.keys.sorted() where random.below(2) == 0 {
        let choices = values[name] ?? []
        try description.set(name, to: choices[random.below(choices.count)])
      }
      let text = MachineFileText.yaml(of: description.configuration, heading: [])
      let back = try MachineDescription(yaml: text, name: "random")
      #expect(back.configuration == description.configuration, "seed \(seed)\n\(text)")
    }
  }

  @Test func textsNameEveryKeyAndPreset() {
    let keys = MachineFileText.keys.split(separator: "\n").filter { !$0.hasPrefix(" ") }
    #expect(keys.map(String.init) == MachineKey.all.map(\.name))
    for preset in MachinePreset.all {
      #expect(MachineFileText.presets.contains("\n\(preset.name)  ") || preset.name == "default")
    }
    for text in [MachineFileText.keys, MachineFileText.presets] {
      for line in text.split(separator: "\n") { #expect(line.count <= 110, "\(line)") }
    }
  }

  @Test func settingsAreAllKeysWithTheirDefaults() {
    var configuration = MachineConfiguration()
    configuration.swappiness = 7
    let settings = MachineKey.settings(of: configuration)
    #expect(settings.map(\.name) == MachineKey.all.map(\.name))
    #expect(
      settings.filter { !$0.isDefault }
        == [MachineSetting(name: "vm.swappiness", value: "7", defaultValue: "60")]
    )
  }

  /// The numbers that the specification has for 1 GiB, less what page descriptors and zero page take.
  @Test func effectiveMachinesStateZonesMarksAndTagStorage() throws {
    var configuration = MachineConfiguration()
    configuration.ramBytes = 1 << 30
    let text = try EffectiveMachine(configuration, designs: [.staticCarveout, .rfc3]).text
    let rows = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    func row(_ words: String...) -> [String] {
      rows.first { $0.starts(with: words) }.map { Array($0.dropFirst(words.count)) } ?? []
    }
    // 64 bytes for each of 253,952 or 262,144 frames; the zero page.
    #expect(row("managed", "(MemTotal)") == ["249983", "258047"])
    #expect(row("of", "those", "CMA", "(CmaTotal)") == ["0", "8192"])
    #expect(row("present") == ["253952", "262144"])
    #expect(row("pageblocks") == ["496", "512"])
    #expect(row("min_free_kbytes,", "KiB") == ["3999", "4063"])
    #expect(row("min") == ["999", "1015"])
    #expect(row("low") == ["1248", "1273"])
    #expect(row("high") == ["1497", "1531"])
    #expect(row("list", "of", "a", "CPU,", "batch") == ["63", "63"])
    #expect(row("PFN", "of", "tag", "storage") == ["253952-262143", "253952-262143"])
    #expect(row("PFN") == ["0-253951", "0-262143"])
    #expect(text.contains("\nzone Normal, pages\n") && !text.contains("zone Movable"))
    #expect(row("tag", "storage", "withheld") == ["32768", "0"])
    #expect(row("page", "descriptors") == ["15872", "16384"])
    #expect(text.hasPrefix("settings other than the defaults\n  ram = 1G\n"))
  }

  /// Tag storage is shown as the kernel has it: one range on each side of a hole or a zone border.
  @Test func tagStorageIsShownRegionByRegion() throws {
    var configuration = MachineConfiguration()
    configuration.ramBytes = 256 << 20
    configuration.memoryRanges = [
      MemoryRange(start: 0, size: 252 << 20), MemoryRange(start: 1 << 30, size: 4 << 20),
    ]
    let hole = try EffectiveMachine(configuration, designs: [.rfc3]).text
    #expect(hole.contains(" 63488-64511,262144-263167\n"))
    configuration.memoryRanges = [MemoryRange(start: 0xf040_0000, size: 256 << 20)]
    configuration.zones.selection = .kernel
    let border = try EffectiveMachine(configuration, designs: [.rfc3, .staticCarveout]).text
    #expect(border.contains(" 1047552-1048575,1048576-1049599  1047552-1049599\n"))
  }

  /// The worked example of 16 GiB (specification of tag storage, section 2.7).
  @Test func tagsOfTagsTakeMoreThanTheyMust() throws {
    let phone = try #require(MachinePreset.named("phone-16g")).description.configuration
    let both = try EffectiveMachine(phone, designs: [.tagOfTags, .rfc3]).text
    #expect(both.contains("\n  never reused, for tags of tags            4096             0\n"))
    #expect(both.contains("\n  the least of them there can be            3997             0\n"))
    #expect(try !EffectiveMachine(phone, designs: [.rfc3]).text.contains("tags of tags"))
  }

  /// The FVP as the tag storage series describes it: DMA ends at 4 GiB, Normal begins at 34 GiB.
  @Test func theFvpHasTwoZonesWithAHoleBetweenThem() throws {
    let fvp = try #require(MachinePreset.named("fvp")).description.configuration
    let text = try EffectiveMachine(fvp, designs: [.rfc3]).text
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    func rows(_ words: String...) -> [[String]] {
      lines.filter { $0.starts(with: words) }.map { Array($0.dropFirst(words.count)) }
    }
    // PFNs 0x80000-0xfffff and 0x880000-0x8fffff.
    #expect(rows("PFN").prefix(2) == [["524288-1048575"], ["8912896-9437183"]])
    // 64 MiB of descriptors lie in Normal, the zero page in DMA.
    #expect(rows("managed") == [["(MemTotal)", "1032191"], ["524287"], ["507904"]])
    #expect(rows("of", "those", "CMA") == [["(CmaTotal)", "32768"], ["0"], ["32768"]])
    // A request for user memory must leave 507904 / 256 pages of DMA.
    #expect(rows("kept", "from", "requests", "for", "Normal") == [["1984"]])
    #expect(rows("kept", "from", "requests", "for", "Movable") == [["1984"], ["0"]])
    // Tag storage is 0x8f8000000-0x8ffffffff.
    #expect(rows("PFN", "of", "tag", "storage") == [["9404416-9437183"]])
  }
}
