// SPDX-License-Identifier: Apache-2.0

import Containers

// Slots of a rotational device, which are taken in runs so that writes need few seeks.
extension SwapSpace {
  /// Slots that are looked at or taken before a refill is content with what it has.
  ///
  /// Source: Linux v6.8 `LATENCY_LIMIT`.
  private static let patience = 256

  /// Takes up to `wanted` slots of the rotational device in hand.
  ///
  /// Slots ascend. After each cluster's length of slots the lowest run of that many free slots, at any
  /// place, is gone on with, or where there is none the lowest free slot; a device with fewer free slots
  /// goes on where it is. A slot that is taken leads to the next free one above, and at the end of the
  /// device to the lowest.
  ///
  /// - Precondition: the device has a free slot.
  /// - Returns: the slots, at least one, in the order in which they were taken.
  /// - Complexity: O(slots of the device) at worst.
  ///
  /// Source: Linux v6.8 `scan_swap_map_slots`.
  mutating func takeRun(_ wanted: Int) -> [UInt32] {
    precondition(area.freeSlots > 0, "a full rotational device was chosen")
    var patience = Self.patience
    var hasLookedFar = false
    var start = startOfRun()
    if start > area.highestFree { start = area.lowestFree }
    var slot = firstFree(from: start, &patience, &hasLookedFar)
    var taken: [UInt32] = []
    while true {
      take(slot)
      taken.append(slot)
      if taken.count == wanted || slot >= area.highestFree { break }
      patience -= 1
      if patience < 0 { break }
      if area.slotsLeftInRun > 0 {
        slot += 1
        if table[Int(slot)].isFree {
          area.slotsLeftInRun -= 1
          continue
        }
      }
      guard !hasLookedFar, isFreeNear(&slot, start, &patience) else { break }
    }
    area.scanNext = slot + 1
    return taken
  }

  /// Where the search for the next slot begins.
  private mutating func startOfRun() -> UInt32 {
    let length = clusters.slotsPerCluster
    guard area.slotsLeftInRun == 0 else {
      area.slotsLeftInRun -= 1
      return area.scanNext
    }
    area.slotsLeftInRun = length - 1
    guard area.freeSlots >= length else { return area.scanNext }
    var freeInRow = 0
    for slot in area.lowestFree..<area.highestFree + 1 {
      freeInRow = table[Int(slot)].isFree ? freeInRow + 1 : 0
      if freeInRow == length { return slot + 1 - UInt32(length) }
    }
    return area.lowestFree
  }

  /// The first free slot from `start` on, wrapping from the highest free slot to the lowest.
  private func firstFree(
    from start: UInt32,
    _ patience: inout Int,
    _ hasLookedFar: inout Bool
  ) -> UInt32 {
    if table[Int(start)].isFree { return start }
    let places = [
      (start + 1)..<max(start, area.highestFree) + 1, area.lowestFree..<max(start, area.lowestFree),
    ]
    for place in places {
      for slot in place {
        patience -= 1
        if patience < 0 {
          patience = Self.patience
          hasLookedFar = true
        }
        if table[Int(slot)].isFree { return slot }
      }
    }
    preconditionFailure("no slot of \(area.base)..<\(area.end) is free, \(area.freeSlots) counted")
  }

  /// Goes on to the next free slot, as long as patience lasts.
  ///
  /// - Returns: whether `slot` is free now.
  private func isFreeNear(_ slot: inout UInt32, _ start: UInt32, _ patience: inout Int) -> Bool {
    let limit = slot < start ? start : area.highestFree
    while slot <= limit {
      patience -= 1
      guard patience > 0 else { return false }
      if table[Int(slot)].isFree { return true }
      slot += 1
    }
    return false
  }
}
