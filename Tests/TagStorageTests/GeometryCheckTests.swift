// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory
import TagStorage
import Testing

/// Rules G1 to G12, each broken on its own under each version of the series.
@Suite struct GeometryCheckTests {
  /// 1 GiB of memory from 4 GiB on, and its tags behind it.
  private static let memory = PhysicalRange(start: 4 << 30, byteCount: 1 << 30)
  private static let tags = PhysicalRange(start: 5 << 30, byteCount: 32 << 20)

  private func description(
    tags: PhysicalRange = tags,
    blockBytes: UInt32? = 4096,
    memory: TagStorageDescription.TaggedMemory = .range(memory, node: "/memory", rangeCount: 1)
  ) -> TagStorageDescription {
    TagStorageDescription(name: "/tags", tags: tags, blockBytes: blockBytes, memory: memory)
  }

  private func map(_ size: PageSize = .kib4) -> GeometryMap {
    let ranges = [PhysicalRange(start: 4 << 30, byteCount: 2 << 30)]
    return GeometryMap(
      pageSize: size,
      memory: ranges,
      zones: GeometryMap.zones(of: ranges, pageSize: size)
    )
  }

  private func rules(
    _ descriptions: [TagStorageDescription],
    _ binding: TagStorageBinding,
    _ map: GeometryMap? = nil
  ) -> (isOn: Bool, rules: [GeometryRule]) {
    let check = GeometryCheck(descriptions, binding: binding, map: map ?? self.map())
    return (check.geometry != nil, check.violations.map(\.rule))
  }

  @Test(arguments: TagStorageBinding.allCases) func soundGeometryIsOn(binding: TagStorageBinding) {
    let check = GeometryCheck([description()], binding: binding, map: map())
    #expect(check.violations.isEmpty)
    #expect(check.geometry?.regions.map(\.tags) == [0x14_0000..<0x14_2000])
    #expect(check.geometry?.regions.map(\.memory) == [0x10_0000..<0x14_0000])
  }

  @Test(arguments: TagStorageBinding.allCases) func whatEveryVersionRefuses(
    binding: TagStorageBinding
  ) {
    let wrong: [(TagStorageDescription, GeometryRule)] = [
      (description(blockBytes: nil), .blockSize),
      (description(blockBytes: 0), .blockSize),
      (description(blockBytes: 0x1800), .blockSize),
      (description(blockBytes: 0x3000), .wholeBlocks),
      (description(tags: PhysicalRange(start: 5 << 30, byteCount: 0)), .wholeBlocks),
      (description(tags: PhysicalRange(start: 5 << 30 + 16, byteCount: 4096)), .wholeBlocks),
      (description(memory: .noLink), .link),
      (description(memory: .noNode(phandle: 7)), .taggedMemory),
      (description(memory: .noAddress(node: "/m")), .taggedMemory),
      (description(memory: .notTranslated(node: "/m")), .taggedMemory),
      (
        description(
          memory: .range(PhysicalRange(start: 0, byteCount: 0), node: "/m", rangeCount: 1)
        ), .taggedMemory
      ),
    ]
    for (description, rule) in wrong {
      let found = rules([description], binding)
      #expect(!found.isOn && found.rules == [rule], "\(rule): \(found)")
    }
  }

  @Test func thirtyTwoRegionsAreTheMost() {
    var map = map()
    map.freeAreas = 64
    func regions(_ count: Int) -> [TagStorageDescription] {
      [TagStorageDescription](repeating: description(), count: count)
    }
    for binding in TagStorageBinding.allCases {
      #expect(rules(regions(32), binding, map).isOn)
      let found = rules(regions(33), binding, map)
      #expect(!found.isOn && found.rules == [.regionCount])
    }
  }

  /// G6: v1 and v2 look themselves, v3 learns it from CMA.
  @Test(arguments: TagStorageBinding.allCases) func pageblocks(binding: TagStorageBinding) {
    let shifted = description(tags: PhysicalRange(start: 5 << 30 + 1 << 20, byteCount: 32 << 20))
    let found = rules([shifted], binding)
    #expect(!found.isOn && found.rules == [.pageblocks])
    // The same range is too small for a pageblock of 64K pages.
    let coarse = rules([description()], binding, map(.kib64))
    #expect(!coarse.isOn && coarse.rules == [.pageblocks])
  }

  /// G7: v3 does not look.
  @Test(arguments: TagStorageBinding.allCases) func size(binding: TagStorageBinding) {
    let half = PhysicalRange(start: 4 << 30, byteCount: 512 << 20)
    let found = rules([description(memory: .range(half, node: "/m", rangeCount: 1))], binding)
    #expect(found.isOn == (binding == .rfc3) && found.rules == [.size])
  }

  /// G8: v3 wants a memory node over the tag range, v1 and v2 only an address that can be mapped.
  @Test(arguments: TagStorageBinding.allCases) func addressable(binding: TagStorageBinding) {
    let outside = rules(
      [description(tags: PhysicalRange(start: 16 << 30, byteCount: 32 << 20))],
      binding
    )
    #expect(outside.isOn == (binding != .rfc3))
    #expect(outside.rules == (binding == .rfc3 ? [.addressable] : []))
    let beyond = rules(
      [description(tags: PhysicalRange(start: 1 << 48, byteCount: 32 << 20))],
      binding
    )
    #expect(!beyond.isOn && beyond.rules == [.addressable])
    // Two nodes that touch cover a range together, with a hole between them they do not.
    var map = map()
    map.memory = [
      PhysicalRange(start: 5 << 30 + 16 << 20, byteCount: 1 << 30),
      PhysicalRange(start: 4 << 30, byteCount: 1 << 30 + 16 << 20),
    ]
    #expect(rules([description()], binding, map).isOn)
    map.memory[0] = PhysicalRange(start: 5 << 30 + 17 << 20, byteCount: 1 << 30)
    #expect(rules([description()], binding, map).isOn == (binding != .rfc3))
  }

  /// G9: a zone that begins inside the tag range.
  @Test(arguments: TagStorageBinding.allCases) func zones(binding: TagStorageBinding) {
    let memory = PhysicalRange(start: 2 << 30, byteCount: 1 << 30)
    let tags = PhysicalRange(start: 4 << 30 - 16 << 20, byteCount: 32 << 20)
    let ranges = [PhysicalRange(start: 2 << 30, byteCount: 4 << 30)]
    let map = GeometryMap(
      pageSize: .kib4,
      memory: ranges,
      zones: GeometryMap.zones(of: ranges, pageSize: .kib4)
    )
    #expect(map.zones.map(\.frames) == [0x8_0000..<0x10_0000, 0x10_0000..<0x18_0000])
    func check(_ blockBytes: UInt32) -> GeometryCheck {
      GeometryCheck(
        [
          description(
            tags: tags,
            blockBytes: blockBytes,
            memory: .range(memory, node: "/m", rangeCount: 1)
          )
        ],
        binding: binding,
        map: map
      )
    }
    let single = check(4096)
    #expect(single.violations.isEmpty)
    #expect(single.geometry?.regions.count == (binding == .rfc3 ? 2 : 1))
    // Blocks of 64 KiB divide both halves.
    #expect(check(0x1_0000).geometry?.regions.count == (binding == .rfc3 ? 2 : 1))
  }

  /// A boundary inside a block is refused by every version, under each by its own rule.
  @Test(arguments: TagStorageBinding.allCases) func boundariesInsideBlocks(
    binding: TagStorageBinding
  ) {
    // 16 MiB are 1,365 blocks of three pages and a page.
    let tags = PhysicalRange(start: 4 << 30 - 16 << 20, byteCount: 36 << 20)
    let memory = PhysicalRange(start: 1 << 30, byteCount: 32 * 36 << 20)
    let ranges = [PhysicalRange(start: 0, byteCount: 5 << 30)]
    let map = GeometryMap(
      pageSize: .kib4,
      memory: ranges,
      zones: GeometryMap.zones(of: ranges, pageSize: .kib4)
    )
    let region = description(
      tags: tags,
      blockBytes: 0x3000,
      memory: .range(memory, node: "/m", rangeCount: 1)
    )
    let found = rules([region], binding, map)
    #expect(!found.isOn && found.rules == [.zones], "\(found)")
  }

  /// Blocks of three pages can begin at odd places and miss a boundary.
  @Test func blocksAndBoundaries() {
    let blockPages = 3
    let tags = PhysicalRange(start: 4 << 30 - 18 << 20, byteCount: 36 << 20)
    let memory = PhysicalRange(start: 1 << 30, byteCount: 32 * 36 << 20)
    let ranges = [PhysicalRange(start: 0, byteCount: 5 << 30)]
    let map = GeometryMap(
      pageSize: .kib4,
      memory: ranges,
      zones: GeometryMap.zones(of: ranges, pageSize: .kib4)
    )
    let region = description(
      tags: tags,
      blockBytes: UInt32(blockPages * 4096),
      memory: .range(memory, node: "/m", rangeCount: 1)
    )
    // 18 MiB are 1,536 blocks, so the boundary falls between two blocks; but frame 2^20 is no multiple
    // of 3, which is what v3 asks.
    for binding in [TagStorageBinding.rfc1, .rfc2] {
      let found = rules([region], binding, map)
      #expect(found.isOn && found.rules == [.blockAlignment], "\(found)")
    }
    let found = rules([region], .rfc3, map)
    #expect(!found.isOn && found.rules == [.zones])
  }

  /// G10 leaves the feature on; G11 and G12 are questions of v3 only.
  @Test func areas() {
    var few = map()
    few.freeAreas = 1
    let two = [description(), description()]
    var failing = map()
    failing.failingActivations = [1]
    for binding in TagStorageBinding.allCases {
      let areas = rules(two, binding, few)
      #expect(areas.isOn == (binding != .rfc3) && areas.rules == (areas.isOn ? [] : [.areas]))
      let activation = rules(two, binding, failing)
      #expect(activation.rules == (activation.isOn ? [] : [.activation]))
      #expect(activation.isOn == (binding != .rfc3))
    }
  }

  /// 64 KiB times 64 KiB is 2^32, which the posted code multiplies in 32 bits.
  @Test func postedArithmeticWraps() {
    let ranges = [PhysicalRange(start: 0, byteCount: 64 << 30)]
    let map = GeometryMap(
      pageSize: .kib64,
      memory: ranges,
      zones: [GeometryMap.Zone(.normal, frames: 0..<(1 << 20))]
    )
    let region = description(
      tags: PhysicalRange(start: 32 << 30, byteCount: 512 << 20),
      blockBytes: 0x1_0000,
      memory: .range(PhysicalRange(start: 16 << 30, byteCount: 16 << 30), node: "/m", rangeCount: 1)
    )
    #expect(GeometryCheck([region], binding: .rfc3, map: map).violations.isEmpty)
    let posted = GeometryCheck([region], binding: .rfc3, map: map, countsAsPosted: true)
    #expect(posted.geometry == nil && posted.violations.map(\.rule) == [.blockSize])
  }

  @Test func messagesNameRuleAndValue() {
    let check = GeometryCheck([description(blockBytes: 0x1800)], binding: .rfc3, map: map())
    #expect(
      check.violations.map(\.description) == [
        "G2: /tags: expected a block-size of a positive multiple of 4096 bytes, found 6144;"
          + " all regions are dropped and dynamic tag storage is off"
      ]
    )
  }
}
