// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression
import TestSupport
import Testing

@testable import Swap

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
    // Both totals beside each other, and their parts.
    #expect(store.classBytes == 16_000 && store.realBytes == 8 * 4096)
    #expect(store.statistics.classes.map(\.allocations) == [0, 1000, 0, 0, 0])
    #expect(store.statistics.uncompressedBytes == 128_000)
    for offset: UInt64 in [10, 300, 600, 900] {
      store.invalidate(SwapEntry(type: 0, offset: offset))
    }
    #expect(store.objectSlabBytes == 4 * 4096, "one free object in each slab frees none")
    store.invalidateArea(type: 0)
    #expect(store.classBytes == 0)
    store.checkInvariants()
  }

  /// Slabs hold as many objects of each class as the kernel's tables say, without slack inside.
  @Test(arguments: PageSize.allCases, [1, 4, 16])
  func slabsHoldWholePagesOfObjects(pageSize: PageSize, processors: Int) throws {
    // Objects in a slab by their bytes for 1, 4 and 16 processors.
    let table: [Int: [PageSize: [Int]]] = [
      16: [.kib4: [256, 256, 256], .kib16: [1024, 1024, 1024], .kib64: [4096, 4096, 4096]],
      32: [.kib4: [128, 128, 128], .kib16: [512, 512, 512], .kib64: [2048, 2048, 2048]],
      64: [.kib4: [64, 64, 64], .kib16: [256, 256, 256], .kib64: [1024, 1024, 1024]],
      128: [.kib4: [32, 32, 32], .kib16: [128, 128, 128], .kib64: [512, 512, 512]],
      256: [.kib16: [64, 64, 64], .kib64: [256, 256, 256]],
      512: [.kib16: [32, 32, 32], .kib64: [128, 128, 128]],
      2048: [.kib64: [32, 32, 32]],
    ]
    let column = try #require([1: 0, 4: 1, 16: 2][processors])
    let store = TagStore(codec: .mtecomp, pageSize: pageSize, processors: processors)
    for pool in store.pools where !pool.sizeClass.isInline {
      let geometry = pool.slabs.geometry
      #expect(geometry.slabBytes % pageSize.bytes == 0)
      #expect(geometry.objectsPerSlab * pool.sizeClass.bytes == geometry.slabBytes)
      guard let expected = table[pool.sizeClass.bytes]?[pageSize] else { continue }
      #expect(geometry.objectsPerSlab == expected[column], "\(pool.sizeClass.bytes) bytes")
    }
  }
}
