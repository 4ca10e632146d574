// SPDX-License-Identifier: Apache-2.0

import Containers
import Swap
import TestSupport
import Testing

/// Slots whose page lies in another slot, and where that comes from.
@Suite struct ForwardedSlotsTests {
  @Test(arguments: [UInt64(1), 2, 3])
  func randomStepsAgreeWithADictionary(seed: UInt64) throws {
    var slots = ForwardedSlots(slots: 100)
    var model: [UInt32: UInt32] = [:]
    var random = SplitMix64(seed: seed)
    for step in 0..<1000 {
      let context: Comment = "seed \(seed), step \(step)"
      // The first half is forwarded, the second holds pages of others.
      let slot = UInt32(1 + random.below(49))
      let target = UInt32(50 + random.below(50))
      if random.below(2) == 0, model[slot] == nil, !model.values.contains(target) {
        slots.forward(slot, to: target)
        model[slot] = target
      } else {
        #expect(slots.remove(slot) == model[slot], context)
        model[slot] = nil
      }
      #expect(slots.count == model.count, context)
      #expect(slots.holders(in: 0..<100) == model.values.sorted(), context)
      #expect((1..<50).allSatisfy { slots.target(of: $0) == model[$0] }, context)
      let origin = model.first { $0.value == target }
      #expect(slots.origin(of: target) == origin?.key, context)
      try slots.verifyInvariants()
    }
  }

  @Test func aSlotIsForwardedOnce() async {
    await #expect(processExitsWith: .failure) {
      var slots = ForwardedSlots(slots: 10)
      slots.forward(1, to: 5)
      slots.forward(1, to: 6)
    }
  }

  @Test func anotherDeviceIsFound() {
    var space = SwapSpace(
      devices: [
        SwapDevice(.ssd, slots: 4), SwapDevice(.ramdisk, slots: 600, priority: 5),
        SwapDevice(.disk, slots: 3),
      ],
      slotCacheSize: 0
    )
    var released: [UInt32] = []
    var types: [Int] = []
    while let slot = space.allocateSlot(notOn: 1) {
      types.append(space.type(of: slot))
      space.duplicate(slot)
      space.clearClaim(slot, released: &released)
    }
    #expect(types == [0, 0, 0, 2, 2])
    let own = space.allocateSlot(released: &released) ?? 0
    let type = space.type(of: own)
    #expect(type == 1 && released.isEmpty)
    space.checkInvariants()
  }
}
