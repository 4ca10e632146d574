// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression
import TestSupport
import Testing

@testable import Swap

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

  /// The smallest case: the first page ever saved, with one tag that is not 0, and no memory at all.
  @Test func c4WithoutMemoryTheTagsAreLostAndTheSaveSucceeds() throws {
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    var page = [UInt8](repeating: 0, count: 128)
    page[0] = 1
    store.allocationsUntilFailure = 0
    try store.save(page: page, entry)
    // The kernel's map has an entry with the value 0, which its restoration takes for nothing.
    let handle = store.handle(for: entry)
    #expect(handle == TagHandle(truncating: 0))
    #expect(try store.restored(entry) == nil)
    let loss = store.loss(of: entry)
    #expect(loss == .noMemory)
    // Neither the allocation nor the release is counted, because there was neither.
    #expect(store.statistics.savedPages == 0)
    store.checkInvariants()
    let dropped = store.invalidate(entry)
    let forgotten = store.loss(of: entry)
    #expect(dropped && forgotten == nil)
    #expect(store.statistics.classes.allSatisfy { $0.allocations == 0 && $0.frees == 0 })
    store.checkInvariants()
  }

  @Test func c4EachAllocationOfASaveHasItsOutcome() throws {
    var random = SplitMix64(seed: 8)
    // Temporaries, the object, and the map's nodes: the last refuses the swap-out as it should.
    let outcomes: [(countdown: Int, loss: TagStoreLoss?, isRefused: Bool)] = [
      (0, .noMemory, false), (1, .noMemory, false), (2, nil, true), (3, nil, false),
    ]
    for outcome in outcomes {
      var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
      let page = randomPage(.kib4, runs: 60, using: &random)
      store.allocationsUntilFailure = outcome.countdown
      do throws(TagStoreError) {
        try store.save(page: page, entry)
        #expect(!outcome.isRefused, "\(outcome)")
        let restored = try store.restored(entry)
        #expect(restored == (outcome.loss == nil ? page : nil), "\(outcome)")
      } catch {
        #expect(outcome.isRefused && error == .outOfMemory(entry), "\(outcome)")
        let isSaved = store.contains(entry)
        #expect(!isSaved)
      }
      let loss = store.loss(of: entry)
      #expect(loss == outcome.loss, "\(outcome)")
      store.allocationsUntilFailure = nil
      store.checkInvariants()
    }
  }

  @Test func aPageOfZeroTagsLosesNothingWithoutMemory() throws {
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    store.allocationsUntilFailure = 0
    try store.save(page: [UInt8](repeating: 0, count: 128), entry)
    let loss = store.loss(of: entry)
    #expect(loss == nil)
    store.checkInvariants()
  }

  @Test func aLossEndsWithTheNextSave() throws {
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    let page = [UInt8](repeating: 0x77, count: 128)
    store.allocationsUntilFailure = 0
    try store.save(page: page, entry)
    try store.save(page: page, entry)
    let loss = store.loss(of: entry)
    #expect(loss == nil)
    #expect(try store.restored(entry) == page)
    store.checkInvariants()
    store.allocationsUntilFailure = 0
    try store.save(page: page, entry)
    let dropped = store.invalidateArea(type: 0)
    #expect(dropped == 1)
    store.checkInvariants()
  }

  @Test func c1AndC2AreNamedBeforeAnybodyMissesTheTags() throws {
    var store = TagStore(codec: .mtecompV5, pageSize: .kib4, processors: 8)
    let halves = [UInt8](repeating: 0x33, count: 64) + [UInt8](repeating: 0x99, count: 64)
    try store.save(page: halves, entry)
    let lost = store.loss(of: entry)
    #expect(lost == .encoding)
    #expect(try store.restored(entry) == [UInt8](repeating: 0x33, count: 128))
    // Six runs, the fifth stored size of which is 112.
    var tags: [UInt8] = [2, 1, 4, 3]
    tags += [UInt8](repeating: 5, count: 112) + [UInt8](repeating: 6, count: 140)
    try store.save(
      page: stride(from: 0, to: 256, by: 2).map { tags[$0] | tags[$0 + 1] << 4 },
      entry
    )
    let misread = store.loss(of: entry)
    #expect(misread == .decoding)
    store.checkInvariants()
    // No other codec ever has a loss.
    for codec in TagCodec.allCases where codec != .mtecompV5 {
      var other = TagStore(codec: codec, pageSize: .kib4, processors: 8)
      try other.save(page: halves, entry)
      let loss = other.loss(of: entry)
      #expect(loss == nil && !codec.losesTagsWithoutMemory)
      #expect(try other.restored(entry) == halves)
    }
  }

  /// Random saves with random refusals, beside a dictionary of what must come back.
  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func refusalsAtRandomAgreeWithADictionary(codec: TagCodec, pageSize: PageSize) throws {
    let seed = UInt64(pageSize.rawValue) + 3
    var random = SplitMix64(seed: seed)
    var store = TagStore(codec: codec, pageSize: pageSize, processors: 4)
    // `nil` is an entry whose tags were lost for want of memory.
    var model: [SwapEntry: [UInt8]?] = [:]
    for step in 0..<300 {
      let entry = SwapEntry(type: random.below(2), offset: 1 + random.below(200))
      let page = randomPage(pageSize, runs: 3 + random.below(60), using: &random)
      let isArmed = random.below(3) == 0
      store.allocationsUntilFailure = isArmed ? random.below(3) : nil
      do throws(TagStoreError) {
        try store.save(page: page, entry)
        let loss = store.loss(of: entry)
        #expect(loss == nil || codec == .mtecompV5 && isArmed, "seed \(seed), step \(step)")
        model.updateValue(loss == nil ? page : nil, forKey: entry)
      } catch {
        #expect(error == .outOfMemory(entry) && isArmed, "seed \(seed), step \(step)")
      }
      store.allocationsUntilFailure = nil
      if random.below(4) == 0, let gone = model.keys.min() {
        model.removeValue(forKey: gone)
        store.invalidate(gone)
      }
      if step % 50 == 0 { store.checkInvariants() }
    }
    for (entry, page) in model {
      #expect(try store.restored(entry) == page, "seed \(seed), \(entry)")
    }
    let count = store.count
    #expect(count == model.count)
    store.checkInvariants()
  }
}
