// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Swap
import TagStorage

// Pages of a swap device in tag storage that lie on the next device, because tags took their memory.
// Source: specification of tag storage, section 15.9; Linux v6.8 `zram_drv.c`, `ZRAM_WB`, for the idea.

extension Machine {
  /// The slot of another device that stands in for a slot of the store's device, one that was taken now
  /// where there was none.
  ///
  /// - Returns: `nil` where no other device has a free slot.
  mutating func forwardedSlot(of slot: UInt32) -> UInt32? {
    if let target = forwards.target(of: slot) { return target }
    guard let storeDevice, let target = device.allocateSlot(notOn: storeDevice) else { return nil }
    device.duplicate(target)
    device.clearClaim(target, released: &releasedSlots)
    forwards.forward(slot, to: target)
    if contentHashes.count > 0 { contentHashes[Int(target)] = contentHashes[Int(slot)] }
    return target
  }

  /// Gives the slot back that stands in for a slot, if there is one.
  mutating func forgetForwarding(of slot: UInt32) {
    guard let target = forwards.remove(slot) else { return }
    device.drop(target, released: &releasedSlots)
  }

  /// Whether the page of a slot lies on a device: in a slot of its own there, or in one that stands in.
  func lies(_ slot: UInt32, on slots: Range<UInt32>) -> Bool {
    slots.contains(slot) || forwards.target(of: slot).map(slots.contains) ?? false
  }

  /// The slots whose pages lie on a device, its own first.
  func slotsLying(on type: Int) -> [UInt32] {
    let slots = device.slots(of: type)
    return Array(slots) + forwards.holders(in: slots).compactMap { forwards.origin(of: $0) }
  }
}
