// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression
import TestSupport
import Testing

@testable import Swap

extension TagStore {
  fileprivate mutating func save(page: [UInt8], _ entry: SwapEntry) throws(TagStoreError) {
    try save(page.span, for: entry)
  }

  fileprivate borrowing func restored(_ entry: SwapEntry) throws(TagStoreError) -> [UInt8]? {
    var page = [UInt8](repeating: 0x5a, count: pageSize.tagBytes)
    var output = page.mutableSpan
    let isSaved = try load(entry, into: &output)
    return isSaved ? page : nil
  }
}

/// A tag page of `runs` runs of random places and tags.
private func randomPage(
  _ pageSize: PageSize,
  runs: Int,
  using random: inout SplitMix64
) -> [UInt8] {
  var starts: Set<Int> = [0]
  while starts.count < runs { starts.insert(Int.random(in: 1..<pageSize.granules, using: &random)) }
  var page = [UInt8](repeating: 0, count: pageSize.tagBytes)
  var tag = UInt8.random(in: 0...15, using: &random)
  for granule in 0..<pageSize.granules {
    if granule > 0 && starts.contains(granule) {
      tag = (tag + UInt8.random(in: 1...15, using: &random)) & 15
    }
    page[granule / 2] |= tag << UInt8(granule % 2 * 4)
  }
  return page
}

@Suite struct TagStoreTests {
  private let entry = SwapEntry(type: 0, offset: 5)

  @Test(arguments: TagCodec.allCases)
  func aZeroPageIsNotTheSameAsNothing(codec: TagCodec) throws {
    var store = TagStore(codec: codec, pageSize: .kib4, processors: 8)
    #expect(try store.restored(entry) == nil)
    let zeros = [UInt8](repeating: 0, count: 128)
    try store.save(page: zeros, entry)
    let isSaved = store.contains(entry)
    #expect(isSaved)
    #expect(try store.restored(entry) == zeros)
    #expect(try store.restored(entry) == zeros, "loading does not consume")
    store.checkInvariants()
    let first = store.invalidate(entry)
    let second = store.invalidate(entry)
    #expect(first && !second)
    #expect(try store.restored(entry) == nil)
    store.checkInvariants()
  }

  @Test func aSecondSaveReplacesAndFreesTheFirst() throws {
    var random = SplitMix64(seed: 1)
    var store = TagStore(codec: .mtecomp, pageSize: .kib4, processors: 8)
    for (runs, bytes) in [(46, 64), (23, 32), (11, 16), (6, 8), (47, 128), (12, 32)] {
      let page = randomPage(.kib4, runs: runs, using: &random)
      try store.save(page: page, entry)
      #expect(try store.restored(entry) == page)
      let live = store.statistics.classes.filter { $0.live > 0 }
      #expect(live.map(\.sizeClass.bytes) == [bytes])
      #expect(store.classBytes == (bytes == 8 ? 0 : UInt64(bytes)))
      store.checkInvariants()
    }
    let rows = store.statistics.classes.map {
      "\($0.sizeClass.bytes):\($0.allocations)/\($0.frees)"
    }
    #expect(rows == ["8:1/1", "16:1/1", "32:2/1", "64:1/1", "128:1/1"])
  }

  @Test func aRefusedAllocationChangesNothing() throws {
    var random = SplitMix64(seed: 2)
    var store = TagStore(codec: .mtecomp, pageSize: .kib4, processors: 8)
    let old = randomPage(.kib4, runs: 20, using: &random)
    try store.save(page: old, entry)
    let before = store.statistics
    let beforeBytes = store.realBytes
    let far = SwapEntry(type: 3, offset: 1 << 40)
    let cases: [(entry: SwapEntry, runs: Int, countdown: Int, isRefused: Bool)] = [
      (entry, 20, 0, true), (entry, 20, 1, false), (entry, 3, 0, false),
      (far, 3, 0, true), (far, 20, 1, true), (far, 20, 2, false),
    ]
    for step in cases {
      let page = randomPage(.kib4, runs: step.runs, using: &random)
      store.allocationsUntilFailure = step.countdown
      if step.isRefused {
        let unchanged = store.statistics
        do throws(TagStoreError) {
          try store.save(page: page, step.entry)
          Issue.record("\(step) was not refused")
        } catch {
          #expect(error == .outOfMemory(step.entry))
        }
        #expect(store.statistics == unchanged)
        let countdown = store.allocationsUntilFailure
        #expect(countdown == nil)
      } else {
        try store.save(page: page, step.entry)
        #expect(try store.restored(step.entry) == page)
      }
      store.allocationsUntilFailure = nil
      store.checkInvariants()
    }
    store.invalidate(far)
    try store.save(page: old, entry)
    #expect(store.statistics.classBytes == before.classBytes)
    #expect(store.realBytes >= beforeBytes)
  }

  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func randomStepsAgreeWithADictionary(codec: TagCodec, pageSize: PageSize) throws {
    let seed = UInt64(pageSize.rawValue) + UInt64(codec.rawValue.utf8.count)
    var random = SplitMix64(seed: seed)
    var store = TagStore(codec: codec, pageSize: pageSize, processors: 4)
    var model: [SwapEntry: [UInt8]] = [:]
    for step in 0..<400 {
      let place = "seed \(seed), step \(step)"
      let entry = SwapEntry(
        type: Int.random(in: 0...2, using: &random),
        offset: UInt64.random(in: 1...80, using: &random)
      )
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<10:
        let runs = [1, 2, 5, 8, 11, 20, 40, 60, 100].randomElement(using: &random) ?? 1
        let page = randomPage(pageSize, runs: runs, using: &random)
        try store.save(page: page, entry)
        model[entry] = page
      case 10..<15:
        let dropped = store.invalidate(entry)
        #expect(dropped == (model.removeValue(forKey: entry) != nil), "\(place)")
      case 15:
        let gone = model.keys.filter { $0.type == entry.type }
        for entry in gone { model[entry] = nil }
        let dropped = store.invalidateArea(type: entry.type)
        #expect(dropped == gone.count, "\(place)")
      default:
        let found = try store.restored(entry)
        #expect(found == model[entry], "\(place)")
      }
      if step % 40 == 0 { store.checkInvariants() }
    }
    let count = store.count
    #expect(count == model.count)
    for (entry, page) in model { #expect(try store.restored(entry) == page) }
    store.checkInvariants()
    let categories = MemoryCategory.allCases.reduce(0) { $0 + store.bytes(in: $1) }
    #expect(categories == store.realBytes)
  }

  @Test func aHandleIsFollowedOnlyToALiveObject() throws {
    var random = SplitMix64(seed: 4)
    var store = TagStore(codec: .mtecomp, pageSize: .kib4, processors: 8)
    try store.save(page: randomPage(.kib4, runs: 20, using: &random), entry)
    let saved = store.handle(for: entry)
    let handle = try #require(saved)
    store.invalidate(entry)
    let addresses: [UInt64] = [0, 8, 32, 1 << 20, 1 << 40]
    for address in addresses {
      let wrong = TagHandle(truncating: handle.rawValue + address)
      store.map.store(wrong, at: entry.rawValue)
      do throws(TagStoreError) {
        _ = try store.restored(entry)
        Issue.record("handle \(wrong) was followed")
      } catch {
        #expect(error == .misreadPointer(entry, wrong))
      }
    }
  }

  @Test func memoryIsCountedInSlabsAndNodes() throws {
    var random = SplitMix64(seed: 3)
    var store = TagStore(codec: .mtecomp, pageSize: .kib4, processors: 8)
    for offset: UInt64 in 1...1000 {
      let page = randomPage(.kib4, runs: 9, using: &random)
      try store.save(page: page, SwapEntry(type: 0, offset: offset))
    }
    #expect(store.objectSlabBytes == 4 * 4096, "1000 objects of 16 bytes")
    #expect(store.bytes(in: .savedTags16) == 16000)
    #expect(store.bytes(in: .savedTagSlack) == 4 * 4096 - 16000)
    // Offsets 1...1000 lie in 16 leaves with one root: one slab of 28 nodes in four pages.
    #expect(store.nodeCount == 17)
    #expect(store.bytes(in: .savedTagNodes) == 16384)
    #expect(store.slabPages == 8)
    for offset: UInt64 in [10, 300, 600, 900] {
      store.invalidate(SwapEntry(type: 0, offset: offset))
    }
    #expect(store.objectSlabBytes == 4 * 4096, "one free object in each slab frees none")
    store.invalidateArea(type: 0)
    #expect(store.classBytes == 0)
    store.checkInvariants()
  }

  @Test func publishedCountersGiveThePublishedSizes() {
    func statistics(_ rows: [(bytes: Int, allocations: UInt64, frees: UInt64)])
      -> TagStoreStatistics
    {
      TagStoreStatistics(
        pageSize: .kib4,
        classes: rows.map {
          TagClassCounts(
            sizeClass: TagSizeClass(bytes: $0.bytes),
            allocations: $0.allocations,
            frees: $0.frees,
            peak: $0.allocations
          )
        }
      )
    }
    let v5 = statistics([
      (8, 118277, 16089), (16, 10762, 6738), (32, 10748, 6823), (64, 10510, 6644),
      (128, 68375, 47378),
    ])
    #expect(v5.savedPages == 135_000)
    #expect(
      v5.debugfsText == """
        8 bytes: 118277 allocations, 16089 deallocations
        16 bytes: 10762 allocations, 6738 deallocations
        32 bytes: 10748 allocations, 6823 deallocations
        64 bytes: 10510 allocations, 6644 deallocations
        128 bytes: 68375 allocations, 47378 deallocations
        uncompressed tag storage size: 17280000
        compressed tag storage size: 3125024

        """
    )
    let v10 = statistics([(8, 102496, 67302), (128, 212234, 178278)])
    #expect(v10.uncompressedBytes == 8_851_200)
    #expect(v10.classBytes == 4_346_368)
  }
}

/// What the posted v5 codec does to a store.
@Suite struct TagStorePostedCodecTests {
  private let entry = SwapEntry(type: 0, offset: 77)

  @Test func aMisreadPointerIsAnErrorAndNotACrash() throws {
    // Six runs in high-nibble-first order whose fifth stored size is 112.
    var tags: [UInt8] = []
    for (tag, size) in [(1, 1), (2, 1), (3, 1), (4, 1), (5, 112), (6, 140)] {
      tags += Array(repeating: UInt8(tag), count: size)
    }
    let page = stride(from: 0, to: 256, by: 2).map { tags[$0] << 4 | tags[$0 + 1] }
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    try store.save(page: page, entry)
    store.checkInvariants()
    let handle = TagHandle(truncating: 0x7002_0408_1654_3215)
    do throws(TagStoreError) {
      _ = try store.restored(entry)
      Issue.record("the handle was read")
    } catch {
      #expect(error == .misreadPointer(entry, handle))
    }
    let dropped = store.invalidate(entry)
    #expect(dropped)
    #expect(store.statistics.savedPages == 0)
    store.checkInvariants()
  }

  @Test func theReleaseOfAZeroPageIsNeverCounted() throws {
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    let zeros = [UInt8](repeating: 0, count: 128)
    for _ in 0..<3 {
      try store.save(page: zeros, entry)
      store.invalidate(entry)
    }
    try store.save(page: [UInt8](repeating: 0x11, count: 128), entry)
    store.invalidate(entry)
    #expect(store.statistics.classes.first?.allocations == 4)
    #expect(store.statistics.classes.first?.frees == 1)
    store.checkInvariants()
  }
}
