// SPDX-License-Identifier: Apache-2.0

import Containers

/// What a swap space knows of one device beside its slots: where they lie, and which is taken next.
///
/// Slots are those of the whole space. The device's slot 0, its header, is ``base``.
struct SwapArea: BitwiseCopyable, Sendable {
  let kind: SwapDeviceKind
  /// Whether slots are taken in runs and not out of clusters.
  let isRotational: Bool
  /// The slots, the header first.
  let base: UInt32
  /// The end of the slots.
  let end: UInt32
  /// The priority asked for, `nil` for one that the kernel gives.
  let wantedPriority: Int?
  /// The priority; meaningless while the device is off.
  var priority = 0
  /// Whether `swapon` has put it into use and no `swapoff` has ended.
  var isOn = false
  /// Whether slots may be taken: from `swapon` until `swapoff` begins.
  var isAllocating = false
  /// Slots that are free.
  var freeSlots: Int

  // A device that is not rotational takes slots out of clusters.
  var freeClusters = ClusterQueue()
  var currentCluster = SwapClusters.nobody
  var nextInCluster: UInt32 = 0
  /// Where the next scan for a free slot starts.
  var scanNext: UInt32
  var random: SplitMix64

  // A rotational device takes slots in runs.
  /// Slots after which the next run is looked for.
  var slotsLeftInRun = 0
  /// No slot below is free; beyond the end where none is free at all.
  var lowestFree: UInt32
  /// No slot above is free; 0 where none is free at all.
  var highestFree: UInt32

  init(_ device: SwapDevice, base: UInt32, seed: UInt64) {
    kind = device.kind
    isRotational = device.kind == .disk
    self.base = base
    end = base + UInt32(device.slots)
    wantedPriority = device.priority
    freeSlots = device.slots - 1
    random = SplitMix64(state: seed)
    scanNext = base + 1
    lowestFree = base + 1
    highestFree = end - 1
    if !isRotational { scanNext = randomSlot() }
  }

  /// Slots that can be used: all but the header.
  var totalSlots: Int { Int(end - base) - 1 }

  @inline(__always)
  func holds(_ slot: UInt32) -> Bool { slot >= base && slot < end }

  mutating func randomSlot() -> UInt32 {
    base + 1 + UInt32(random.next() % UInt64(totalSlots))
  }

  /// Notes that a slot was taken.
  @inline(__always)
  mutating func noteTaken(_ slot: UInt32, in clusters: inout SwapClusters) {
    freeSlots -= 1
    if isRotational {
      if slot == lowestFree { lowestFree += 1 }
      if slot == highestFree { highestFree -= 1 }
      if freeSlots == 0 { (lowestFree, highestFree) = (end, 0) }
    } else {
      clusters.take(slot, from: &freeClusters)
    }
  }

  /// Notes that a slot was freed.
  @inline(__always)
  mutating func noteFreed(_ slot: UInt32, in clusters: inout SwapClusters) {
    freeSlots += 1
    if isRotational {
      lowestFree = min(lowestFree, slot)
      highestFree = max(highestFree, slot)
    } else {
      clusters.free(slot, into: &freeClusters)
    }
  }
}

/// The free clusters of one device, first cluster first.
struct ClusterQueue: BitwiseCopyable, Sendable {
  var head = SwapClusters.nobody
  var tail = SwapClusters.nobody
}

/// A generator of well-mixed numbers from any seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: BitwiseCopyable, Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return mixed(state)
  }
}

/// Bits in which each bit of `value` has a share.
func mixed(_ value: UInt64) -> UInt64 {
  var mixed = value
  mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
  mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
  return mixed ^ (mixed >> 31)
}
