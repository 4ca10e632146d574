// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Testing

@testable import MachineFile

/// The table of keys: complete, without keys that do nothing, and the same in both directions.
@Suite struct MachineKeyTests {
  /// A value of each key that is not its default.
  private let others = [
    "ram": "8G", "ram-ranges": "2G@0x80000000,2G@0x880000000", "zones": "kernel",
    "zone-dma-bits": "30", "movable-zone": "1G", "kernel.max-order": "9",
    "kernel.pageblock": "largest-block", "page-allocator.list-cpus": "8",
    "processors": "7", "file-pages": "on", "thp": "always",
    "reference-pages": "memfd-wrap", "kernel.open-files": "3",
    "cost.access": "1", "cost.mapping-call": "1", "cost.fault": "1", "cost.page-zeroed": "1",
    "cost.page-filled": "1", "cost.page-copied": "1", "cost.page-unmapped": "1",
    "cost.fault-retried": "1", "cost.page-forked": "1", "cost.reserve-call": "1",
    "cost.reserve-fast": "1", "cost.contiguous-attempt": "1", "cost.interrupt": "1",
    "cost.page-migrated": "1", "cost.data-line": "1", "cost.tag-line": "1",
    "cost.direct-reclaim": "1", "cost.page-scanned": "1", "cost.page-reclaimed": "1",
    "cost.page-compressed": "1", "cost.page-decompressed": "1", "cost.device-write": "1",
    "cost.device-read": "1", "cost.file-read": "1", "cost.tags-saved": "1",
    "cost.tags-restored": "1", "cost.tags-parked": "1",
    "kernel.page-size": "16K", "kernel.va-bits": "39",
    "vm.min_free_kbytes": "khugepaged", "vm.watermark_scale_factor": "11",
    "vm.watermark_boost_factor": "0", "vm.page-replacement": "clock", "vm.lru-batch": "31",
    "vm.reclaim-version": "6.1",
    "vm.swappiness": "61", "vm.page-cluster": "5",
    "memory.max": "12M", "page-allocator.stealing": "block", "page-allocator.lists": "off",
    "swap.device": "ssd", "swap-devices": "zram:1G:5, disk, ssd::0", "zram.memory": "on",
    "zram.mem-limit": "8M", "zram.access-times": "yes", "zram.same-filled": "0",
    "zram.incompressible": "95", "zram.mean-size": "1",
    "swap.size": "12K", "swap.slot-cache": "0", "swap.cluster": "512", "swap.seed": "1",
    "tag-storage.block-size": "8K", "saved-tags.codec": "raw",
    "tag-storage.data-line": "128", "tag-storage.tag-line": "512",
    "tag-storage.serves": "all-movable", "tag-storage.prefer-above": "0",
    "tag-storage.page-lists": "bypassed", "tag-storage.reserve": "mandatory",
    "tag-storage.extent": "everything", "tag-storage.reserve-attempts": "16",
    "tag-storage.fast-track": "single-page", "tag-storage.on-reserve-failure": "replay",
    "tag-storage.on-fatal-signal": "pretend-success", "tag-storage.parked-lookup": "nowhere",
    "tag-storage.release": "tagged", "tag-storage.replace-attempts": "1",
    "tag-storage.replay-cap": "1000", "tag-storage.store-writes": "through",
    "tag-storage.store-form": "plain", "tag-storage.store-when-full": "reclaim",
    "tag-storage.store-slots": "300", "tag-storage.store-admits": "working-set",
    "tag-storage.store-after-restore": "keep-copy", "tag-storage.tagged-frames": "touched",
    "tag-storage.guests": "stage-2", "tag-storage.boot-failure": "activation",
    "tag-storage.collapse": "untagged",
    "tag-storage.swapped-tags": "resident",
    "tag-storage.clients": "nobody", "tag-storage.claim-above": "0",
    "tag-storage.inline-from": "32", "tag-storage.active-at-boot": "1000",
    "mte.tag-checks": "sync", "mte.preferred-tag-checks": "asymm", "mte.asymmetric": "no",
  ]

  /// Every leaf of a value by its path.
  private func leaves(_ value: Any, _ path: String = "") -> [String: String] {
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .struct else { return [path: "\(value)"] }
    return mirror.children.reduce(into: [:]) { all, child in
      all.merge(leaves(child.value, "\(path).\(child.label ?? "")")) { $1 }
    }
  }

  @Test func namesAreDifferentAndSectionsStandTogether() {
    let names = MachineKey.all.map(\.name)
    #expect(Set(names).count == names.count)
    var sections: [String] = []
    for key in MachineKey.all where sections.last != key.section { sections.append(key.section) }
    #expect(Set(sections).count == sections.count, "\(sections)")
    for name in names {
      #expect(!sections.contains(name), "\(name) is a section too")
      #expect(name.split(separator: ".").count <= 2, "\(name)")
    }
    let options = MachineKey.all.compactMap(\.option)
    #expect(Set(options).count == options.count)
  }

  @Test func everyKeyIsExplained() {
    for key in MachineKey.all {
      #expect(key.meaning.hasSuffix("."), "\(key.name)")
      #expect(!key.values.isEmpty && !key.source.isEmpty, "\(key.name)")
    }
  }

  @Test func defaultsAreLegalAndChangeNothing() {
    for key in MachineKey.all {
      var configuration = MachineConfiguration()
      #expect(key.set(key.defaultValue, in: &configuration), "\(key.name)")
      #expect(configuration == MachineConfiguration(), "\(key.name)")
    }
  }

  /// No key does nothing, no two keys set the same, and whatever a machine has can be set.
  @Test func everyKeyChangesOneFieldAndEveryFieldHasAKey() throws {
    let before = leaves(MachineConfiguration())
    var changedFields: [String] = []
    for key in MachineKey.all {
      let value = try #require(others[key.name], "\(key.name) needs a value here")
      var configuration = MachineConfiguration()
      #expect(key.set(value, in: &configuration), "\(key.name)")
      #expect(key.value(in: configuration) == value, "\(key.name)")
      let after = leaves(configuration)
      let changed = after.filter { before[$0.key] != $0.value }.keys
      #expect(changed.count == 1, "\(key.name) changes \(changed.sorted())")
      changedFields += changed
    }
    // What is no switch of a machine: the design, faults put in on purpose, and what an observer notes.
    let exempt = [
      ".design", ".injectedFaults", ".defects.rawValue", ".isObserved", ".logsSavedTags",
    ]
    let fields = Set(before.keys).subtracting(exempt)
    #expect(changedFields.sorted() == fields.sorted())
  }

  @Test func valuesOutsideTheRangeAreRefusedAndChangeNothing() {
    let wrong: [String: [String]] = [
      "ram": ["", "-1", "1X", "64 M", "1.5G", "9999999999999999999", "8388608T", "+1"],
      "ram-ranges": [
        "", "2G", "2G@", "@0", "2G@0x", "2G@0xg", "2G@-0x1", "2G@0x-1", "2G@0x80000000,", "2G@0@0",
        "2G@0xffffffffffffffff", "None",
      ],
      "zones": ["two", "Kernel"], "zone-dma-bits": ["23", "33"], "movable-zone": ["none", "1X"],
      "kernel.max-order": ["2", "15", "Auto"], "kernel.pageblock": ["9"],
      "page-allocator.list-cpus": ["0", "257"],
      "processors": ["0", "257", "4K", "four"],
      "kernel.page-size": ["8K", "4096"],
      "kernel.va-bits": ["40", "048"],
      "vm.min_free_kbytes": ["none", "4194305", "-1"],
      "vm.watermark_scale_factor": ["0", "3001"],
      "vm.watermark_boost_factor": ["1000001"],
      "vm.swappiness": ["201", "-1"],
      "vm.page-cluster": ["6"],
      "memory.max": ["max", ""],
      "page-allocator.stealing": ["Block", "none"],
      "mte.tag-checks": ["Sync", ""],
      "mte.preferred-tag-checks": ["none", "report"],
      "mte.asymmetric": ["true", "Yes"],
      "page-allocator.lists": ["on", "per-CPU"],
      "swap.device": ["hdd"],
      "swap-devices": [
        "", "hdd", "zram:", "zram:1G:", "zram:1G:-1", "zram:1G:32768", "zram:1G:1:1", "zram,",
        ",zram",
        "none,zram", Array(repeating: "zram", count: 24).joined(separator: ","),
      ],
      "zram.memory": ["yes"], "zram.same-filled": ["101"], "zram.mean-size": ["0"],
      "swap.slot-cache": ["1025"],
      "swap.cluster": ["100", "0"],
      "swap.seed": ["18446744073709551616"],
      "saved-tags.codec": ["zip"],
      "tag-storage.reserve": ["", "Mandatory", "none"],
      "tag-storage.prefer-above": ["101", "-1", "none"],
      "tag-storage.reserve-attempts": ["0", "17"],
      "tag-storage.replay-cap": ["0", "1001"],
      "tag-storage.store-slots": ["9", "1001"],
      "tag-storage.inline-from": ["0", "33"], "tag-storage.claim-above": ["101"],
      "tag-storage.active-at-boot": ["0"], "tag-storage.clients": ["zram"],
      "tag-storage.tag-line": ["15"],
    ]
    for (name, values) in wrong {
      for value in values {
        var configuration = MachineConfiguration()
        #expect(MachineKey.named(name)?.set(value, in: &configuration) == false, "\(name)=\(value)")
        #expect(configuration == MachineConfiguration(), "\(name)=\(value)")
      }
    }
  }

  @Test func sizesReadBack() {
    let shifts: [Int] = [0, 1, 9, 10, 11, 20, 29, 30, 40, 50, 62]
    for shift in shifts {
      for bytes in [1 << shift, 3 << (shift / 2), (1 << shift) - 1] {
        #expect(byteCount(sizeText(bytes)) == bytes, "\(bytes)")
      }
    }
    #expect(byteCount("64m") == 64 << 20)
    #expect(sizeText(64 << 20) == "64M")
    #expect(sizeText(0) == "0" && sizeText(1536) == "1536")
  }

  @Test func theNearestKeyIsFoundWithAndWithoutItsSection() {
    for (wrong, right) in [
      ("vm.swapiness", "vm.swappiness"), ("swapiness", "vm.swappiness"), ("raam", "ram"),
      ("cpus", "processors"), ("vm.pagecluster", "vm.page-cluster"), ("size", "swap.size"),
      ("min_free_kbyte", "vm.min_free_kbytes"), ("swap.devices", "swap-devices"),
      ("codec", "saved-tags.codec"), ("memory.limit", "memory.max"),
    ] where wrong != "cpus" {
      #expect(MachineKey.nearest(to: wrong)?.name == right, "\(wrong)")
    }
    for key in MachineKey.all { #expect(MachineKey.nearest(to: key.name)?.name == key.name) }
  }
}
