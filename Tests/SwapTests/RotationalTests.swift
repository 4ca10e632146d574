// SPDX-License-Identifier: Apache-2.0

import Containers
import TestSupport
import Testing

@testable import Swap

/// A rotational device as sets of numbers: which slots are free, where it goes on, and how long.
private struct RotationalModel {
  let runLength: Int
  var free: Set<Int>
  var next = 1
  var left = 0

  /// The slots of one refill, for devices so small that patience never ends.
  mutating func run(_ wanted: Int) -> [Int] {
    guard let lowest = free.min(), let highest = free.max() else { return [] }
    var start = next
    if left > 0 {
      left -= 1
    } else {
      left = runLength - 1
      if free.count >= runLength {
        start = free.sorted().first { free.isSuperset(of: $0..<$0 + runLength) } ?? lowest
      }
    }
    if start > highest { start = lowest }
    var taken = [free.filter { $0 >= start }.min() ?? lowest]
    free.remove(taken[0])
    var last = taken[0]
    while taken.count < wanted, let highest = free.max(), last < highest {
      if left > 0, free.contains(last + 1) {
        left -= 1
        last += 1
      } else {
        let from = left > 0 ? last + 1 : last
        let limit = from < start ? start : highest
        guard let near = free.filter({ $0 >= from && $0 <= limit }).min() else {
          next = limit + 2
          return taken
        }
        last = near
      }
      free.remove(last)
      taken.append(last)
    }
    next = last + 1
    return taken
  }
}

@Suite struct RotationalTests {
  private func take(_ count: Int, from space: inout SwapSpace) -> [UInt32] {
    var slots: [UInt32] = []
    var released: [UInt32] = []
    for _ in 0..<count {
      guard let slot = space.allocateSlot(released: &released) else { break }
      space.duplicate(slot)
      space.clearClaim(slot, released: &released)
      slots.append(slot)
    }
    return slots
  }

  @Test func slotsAscendFromTheBeginning() {
    for slotCacheSize in [0, 64] {
      var space = SwapSpace(.disk, slots: 40_000, slotCacheSize: slotCacheSize)
      #expect(take(1000, from: &space) == (1...1000).map { UInt32($0) })
      space.checkInvariants()
    }
  }

  @Test func everyRunIsTheLowestThatIsFreeAndNeedNotBeAligned() {
    var space = SwapSpace(.disk, slots: 2000, slotCacheSize: 0)
    var released: [UInt32] = []
    let first = take(700, from: &space)
    // 256 free slots from 100 on, and single ones before.
    for slot in first where slot < 100 && slot % 2 == 0 || (100..<356).contains(slot) {
      space.drop(slot, released: &released)
    }
    // The third run of 256 began at 513 and goes on to 768.
    #expect(take(68, from: &space) == (701...768).map { UInt32($0) })
    #expect(take(256, from: &space) == (100..<356).map { UInt32($0) })
    #expect(take(2, from: &space) == [769, 770])
    space.checkInvariants()
  }

  @Test func withoutARunTheLowestFreeSlotIsNext() {
    var space = SwapSpace(.disk, slots: 1025, slotCacheSize: 0)
    var released: [UInt32] = []
    for slot in take(1024, from: &space) where slot % 3 == 0 {
      space.drop(slot, released: &released)
    }
    #expect(take(4, from: &space) == [3, 6, 9, 12])
    for slot in [3, 6] as [UInt32] { space.drop(slot, released: &released) }
    #expect(take(2, from: &space) == [15, 18], "the scan goes on where it was")
    space.checkInvariants()
  }

  /// Of two slots 300 apart a refill takes one: it gives up after looking at 256.
  @Test func aRefillLosesPatience() {
    var space = SwapSpace(.disk, slots: 2049, slotCacheSize: 8)
    var released: [UInt32] = []
    for slot in take(1200, from: &space) where slot == 10 || slot == 310 || slot > 1100 {
      space.drop(slot, released: &released)
    }
    space.flushReturnCache(released: &released)
    space.area.slotsLeftInRun = 5
    space.area.scanNext = 10
    #expect(space.takeRun(8) == [10])
    // It stopped at 265, having looked at 254 slots after the first.
    #expect(space.area.scanNext == 266)
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func randomStepsAgreeWithTheModel(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let slotCacheSize = [0, 3][random.below(2)]
    let slots = 20 + random.below(200)
    let runLength = [4, 8, 16, 64][random.below(4)]
    var space = SwapSpace(
      .disk,
      slots: slots,
      clusterSlots: runLength,
      slotCacheSize: slotCacheSize
    )
    var model = RotationalModel(runLength: runLength, free: Set(1..<slots))
    var live: [UInt32] = []
    var expected: [Int] = []
    for step in 0..<600 {
      let place: Comment = "seed \(seed), step \(step)"
      var released: [UInt32] = []
      // Waves of filling and emptying; with slot caches the device stays half empty.
      let mostLive = slotCacheSize == 0 ? slots : slots - 1 - 6 * slotCacheSize
      let isFilling = step / 100 % 2 == 0 ? random.below(4) > 0 : random.below(4) == 0
      if live.isEmpty || isFilling && live.count < mostLive {
        // The slot caches came into use with the first slot, or never.
        let isCached = space.isSlotCacheActive || slotCacheSize > 0 && space.freeSlots > 15
        if !isCached || expected.isEmpty { expected = model.run(isCached ? slotCacheSize : 1) }
        let slot = space.allocateSlot(released: &released)
        #expect(released.isEmpty, place)
        guard let slot else {
          try #require(model.free.isEmpty && expected.isEmpty, place)
          continue
        }
        try #require(Int(slot) == expected.removeFirst(), place)
        space.duplicate(slot)
        space.clearClaim(slot, released: &released)
        live.append(slot)
      } else {
        let slot = live.remove(at: random.below(live.count))
        space.drop(slot, released: &released)
        space.flushReturnCache(released: &released)
        try #require(released == [slot], place)
        model.free.insert(Int(slot))
      }
      if step % 20 == 0 { space.checkInvariants() }
    }
  }
}
