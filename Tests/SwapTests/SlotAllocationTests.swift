// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import Swap

@Suite struct SlotAllocationTests {
  /// Takes `count` slots; each keeps one user, as after a swap-out.
  private func take(_ count: Int, from device: inout SwapSpace) -> [UInt32] {
    var slots: [UInt32] = []
    var released: [UInt32] = []
    for _ in 0..<count {
      guard let slot = device.allocateSlot(released: &released) else { break }
      device.duplicate(slot)
      device.clearClaim(slot, released: &released)
      slots.append(slot)
    }
    #expect(released.isEmpty)
    return slots
  }

  @Test(arguments: [0, 64])
  func firstSlotsOfOneGibibyte(slotCacheSize: Int) {
    var device = SwapSpace(.zram, slots: 262_144, slotCacheSize: slotCacheSize)
    let slots = take(17 * 256, from: &device)
    var expected: [UInt32] = []
    for cluster in Array(stride(from: 16384, through: 245_760, by: 16384)) + [256, 16640] {
      expected += (0..<256).map { UInt32(cluster + $0) }
    }
    #expect(slots == expected)
    device.checkInvariants()
  }

  @Test func hugePageSwapHasLargerClusters() {
    var device = SwapSpace(
      .ssd,
      slots: 65536,
      clusterSlots: 512,
      slotCacheSize: 0
    )
    let slots = take(5 * 512, from: &device)
    let firsts = slots.enumerated().filter { $0.offset % 512 == 0 }.map(\.element)
    #expect(firsts == [16384, 32768, 49152, 512, 16896])
  }

  @Test(arguments: [2, 3, 255, 256, 257, 511, 512, 513, 767, 768, 1000])
  func everySlotIsGivenOutOnce(slots: Int) {
    for slotCacheSize in [0, 64] {
      var device = SwapSpace(.ssd, slots: slots, slotCacheSize: slotCacheSize)
      #expect(device.totalSlots == slots - 1)
      let taken = take(slots + 1, from: &device)
      #expect(taken.sorted() == (1..<UInt32(slots)).map { $0 })
      #expect(device.freeSlots == 0)
      #expect(device.usedSlots == slots - 1)
      #expect(device.isMoreThanHalfFull == true)
      device.checkInvariants()
      // Whole clusters first, without the one with the header and the partial last one.
      let clusters = taken.map { $0 / 256 }
      let whole = (1..<max(1, slots / 256)).map { UInt32($0) }
      #expect(Array(clusters.prefix(whole.count * 256)).filter { !whole.contains($0) }.isEmpty)
    }
  }

  @Test func halfFullIsStrict() {
    // 1000 usable slots.
    var device = SwapSpace(.ssd, slots: 1001, slotCacheSize: 0)
    _ = take(500, from: &device)
    #expect(device.isMoreThanHalfFull == false)
    _ = take(1, from: &device)
    #expect(device.isMoreThanHalfFull == true)
  }

  @Test func theReturnCacheDelaysTheRelease() {
    var device = SwapSpace(.zram, slots: 4096)
    let slots = take(130, from: &device)
    var released: [UInt32] = []
    for slot in slots.prefix(64) { device.drop(slot, released: &released) }
    #expect(released.isEmpty)
    #expect(device.returnedSlots == 64)
    #expect(device.hasCache(slots[0]) && device.count(slots[0]) == 0)
    device.drop(slots[64], released: &released)
    #expect(released == Array(slots.prefix(64)))
    #expect(device.returnedSlots == 1)
    released = []
    device.flushReturnCache(released: &released)
    #expect(released == [slots[64]])
    device.checkInvariants()
  }

  @Test func withoutSlotCachesTheReleaseIsImmediate() {
    var device = SwapSpace(.zram, slots: 4096, slotCacheSize: 0)
    let slots = take(2, from: &device)
    var released: [UInt32] = []
    device.drop(slots[1], released: &released)
    #expect(released == [slots[1]])
    #expect(device.hasCache(slots[1]) == false)
  }

  @Test func aClusterReturnsToTheTail() {
    // 64 columns over 8 clusters: the queue is 1, 2, ... 7.
    var device = SwapSpace(.ssd, slots: 2048, slotCacheSize: 0)
    #expect(device.clusters.all(in: device.area.freeClusters) == [1, 2, 3, 4, 5, 6, 7])
    let slots = take(512, from: &device)
    #expect(device.clusters.all(in: device.area.freeClusters) == [3, 4, 5, 6, 7])
    var released: [UInt32] = []
    for slot in slots[256...] { device.drop(slot, released: &released) }
    for slot in slots[..<256] { device.drop(slot, released: &released) }
    #expect(device.clusters.all(in: device.area.freeClusters) == [3, 4, 5, 6, 7, 2, 1])
    #expect(take(1, from: &device) == [768])
  }

  @Test func aCurrentClusterThatBecomesFreeWaitsItsTurn() {
    var device = SwapSpace(.ssd, slots: 1024, slotCacheSize: 0)
    var released: [UInt32] = []
    let first = take(3, from: &device)
    #expect(first == [256, 257, 258])
    for slot in first { device.drop(slot, released: &released) }
    #expect(take(1, from: &device) == [512])
    // It alone is free: the device goes on where it stopped.
    var small = SwapSpace(.ssd, slots: 512, slotCacheSize: 0)
    let few = take(3, from: &small)
    for slot in few { small.drop(slot, released: &released) }
    #expect(take(1, from: &small) == [259])
  }

  @Test func slotCachesComeAndGoWithTheFreeSlots() {
    // 400 usable slots: above 320, so that the caches are used at once.
    var device = SwapSpace(.ssd, slots: 401)
    var released: [UInt32] = []
    let slots = take(256, from: &device)
    #expect(device.isSlotCacheActive == true)
    #expect(device.freeSlots == 144)
    for slot in slots.prefix(10) { device.drop(slot, released: &released) }
    #expect(released.isEmpty)
    // The next refill leaves 80 free slots, and the allocation after it notices.
    let next = device.allocateSlot(released: &released)
    #expect(next != nil && released.isEmpty && device.freeSlots == 80)
    let after = device.allocateSlot(released: &released)
    #expect(after != nil)
    #expect(device.isSlotCacheActive == false)
    #expect(released == Array(slots.prefix(10)))
    #expect(device.freeSlots == 80 + 63 + 10 - 1)
    device.checkInvariants()
  }

  @Test func fewSlotsNeverUseTheCaches() {
    var device = SwapSpace(.ssd, slots: 321)
    _ = take(1, from: &device)
    #expect(device.isSlotCacheActive == false)
    var larger = SwapSpace(.ssd, slots: 322)
    _ = take(1, from: &larger)
    #expect(larger.isSlotCacheActive == true)
  }

  @Test func swapoffStopsAndDrains() {
    var device = SwapSpace(.ssd, slots: 4096)
    let slots = take(3, from: &device)
    var released: [UInt32] = []
    device.drop(slots[0], released: &released)
    device.beginSwapOff(0, released: &released)
    #expect(released == [slots[0]])
    #expect(device.usedSlots == 2)
    #expect(device.allocateSlot(released: &released) == nil)
    device.checkInvariants()
  }

  @Test func scansDependOnTheSeedOnly() {
    func slots(_ seed: UInt64, of count: Int) -> [UInt32] {
      var device = SwapSpace(.ssd, slots: count, slotCacheSize: 0, seed: seed)
      return take(512, from: &device)
    }
    #expect(slots(1, of: 768) == slots(2, of: 768), "while a cluster is free, nothing is random")
    // Fewer than two whole clusters: every slot is found by scanning.
    #expect(slots(1, of: 500) == slots(1, of: 500))
    #expect(slots(1, of: 500) != slots(2, of: 500))
  }
}
