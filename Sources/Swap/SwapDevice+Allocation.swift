// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension SwapDevice {
  /// Slots of one swap-cache tree: `SWAP_ADDRESS_SPACE_PAGES`.
  static let slotsPerCacheTree: UInt32 = 16384
  /// The slot caches come into use above this many free slots: 320 for the kernel's size of 64.
  @inlinable var activationSlots: Int { @inline(__always) get { 5 * slotCacheSize } }
  /// The slot caches are drained and left below this many free slots: 128 for the kernel's size.
  @inlinable var deactivationSlots: Int { @inline(__always) get { 2 * slotCacheSize } }

  /// Takes a free slot for a page; its cache bit is set, and it has no users.
  ///
  /// With slot caches, slots are taken 64 at a time. Inside the current cluster slots ascend; an
  /// exhausted cluster is followed by the first free one; without a free cluster the device is scanned
  /// from the last slot taken, or from a random place where that was the last of its cache tree.
  ///
  /// `released` receives the slots that left the return cache, which is drained when free slots become
  /// few. The caller goes on with ``addToCache(_:frame:)``, or ``clearClaim(_:released:)``.
  ///
  /// - Returns: `nil` where no slot is free, or `swapoff` has begun.
  /// - Complexity: O(1) amortised while a cluster is free, else O(`slots`) at worst.
  ///
  /// Source: Linux v6.8 `folio_alloc_swap`, `get_swap_pages` and `scan_swap_map_slots`.
  @inlinable public mutating func allocateSlot(released: inout [UInt32]) -> UInt32? {
    guard !isAllocationStopped else { return nil }
    updateSlotCaches(released: &released)
    guard isSlotCacheActive else { return allocateUncached() }
    if allocated.isEmpty { refill() }
    guard !allocated.isEmpty else { return allocateUncached() }
    let slot = allocated.takeFirst()
    noteClaim(slot)
    return slot
  }

  /// Takes one free slot without the slot cache.
  @usableFromInline mutating func allocateUncached() -> UInt32? {
    let start = scanNext
    guard let slot = takeFreeSlot() else { return nil }
    finishScan(from: start)
    noteClaim(slot)
    return slot
  }

  /// A slot that only the swap cache still uses: its page can be taken out of the swap cache to free the
  /// slot, which the machine does when swap is more than half full and no slot is free.
  ///
  /// - Returns: `nil` if there is none.
  /// - Complexity: O(`slots`).
  public func nextCacheOnlySlot() -> UInt32? {
    let first = Int(scanNext)
    for index in 0..<slots {
      let slot = (first + index) % slots
      if table[slot].mapByte == SwapSlot.cacheBit, table[slot].frame != nil {
        return UInt32(slot)
      }
    }
    return nil
  }

  /// Begins `swapoff`: no slot is given out any more, and both slot caches are emptied.
  public mutating func stopAllocating(released: inout [UInt32]) {
    isAllocationStopped = true
    drainSlotCaches(released: &released)
  }

  /// Frees the slots of the return cache.
  public mutating func flushReturnCache(released: inout [UInt32]) {
    while !returned.isEmpty { release(returned.takeFirst(), released: &released) }
    returned.removeAll()
  }

  /// Takes back a slot without users and cache bit.
  ///
  /// The cache bit is set again while the slot waits, so that nobody takes it.
  @inlinable mutating func giveBack(_ slot: UInt32, released: inout [UInt32]) {
    table[Int(slot)].mapByte = SwapSlot.cacheBit
    guard isSlotCacheActive else {
      release(slot, released: &released)
      return
    }
    if returned.isFull { flushReturnCache(released: &released) }
    returned.append(slot)
  }

  /// Makes a slot free.
  @usableFromInline mutating func release(_ slot: UInt32, released: inout [UInt32]) {
    if table[Int(slot)].hasContent {
      table[Int(slot)].clearContent()
      nodes.remove(slot)
    }
    if hasStamps { stamps[Int(slot)] = 0 }
    makeFree(slot)
    released.append(slot)
  }

  @inline(__always)
  private mutating func makeFree(_ slot: UInt32) {
    let word = table[Int(slot)].word
    precondition(word == UInt64(SwapSlot.cacheBit), "swap slot \(slot) is freed as \(word)")
    table[Int(slot)] = SwapSlot()
    clusters.free(slot)
    freeSlots += 1
  }

  // MARK: Slot caches

  /// Starts to use the slot caches, or stops, by the number of free slots.
  @inlinable mutating func updateSlotCaches(released: inout [UInt32]) {
    guard slotCacheSize > 0 else { return }
    if !isSlotCacheActive {
      if freeSlots > activationSlots { activateSlotCaches() }
    } else if freeSlots < deactivationSlots {
      drainSlotCaches(released: &released)
    }
  }

  @usableFromInline mutating func activateSlotCaches() { isSlotCacheActive = true }

  /// Empties both caches and leaves them; slots that were never given out have nothing to drop, and
  /// are not reported.
  @usableFromInline mutating func drainSlotCaches(released: inout [UInt32]) {
    isSlotCacheActive = false
    while !allocated.isEmpty { makeFree(allocated.takeFirst()) }
    allocated.removeAll()
    flushReturnCache(released: &released)
  }

  @usableFromInline mutating func refill() {
    allocated.removeAll()
    let start = scanNext
    for _ in 0..<min(slotCacheSize, freeSlots) {
      guard let slot = takeFreeSlot() else { break }
      allocated.append(slot)
    }
    finishScan(from: start)
  }

  // MARK: Free slots

  @inline(__always)
  private mutating func takeFreeSlot() -> UInt32? {
    guard freeSlots > 0 else { return nil }
    guard let slot = slotInCluster() ?? scannedSlot() else { return nil }
    precondition(table[Int(slot)].isFree, "swap slot \(slot) is not free")
    table[Int(slot)].mapByte = SwapSlot.cacheBit
    clusters.take(slot)
    freeSlots -= 1
    scanNext = slot + 1
    return slot
  }

  /// The next slot of the current cluster, or the first of the next free cluster.
  private mutating func slotInCluster() -> UInt32? {
    while true {
      if currentCluster == SwapClusters.nobody {
        guard clusters.head != SwapClusters.nobody else { return nil }
        currentCluster = clusters.head
        nextInCluster = currentCluster * UInt32(clusters.slotsPerCluster)
      }
      // A current cluster that became free waits at the tail of the queue, behind the others.
      let isElsewhere = clusters.usedSlots(currentCluster) == 0 && clusters.head != currentCluster
      let end = min((Int(currentCluster) + 1) * clusters.slotsPerCluster, slots)
      if !isElsewhere {
        while Int(nextInCluster) < end {
          let slot = nextInCluster
          nextInCluster += 1
          if table[Int(slot)].isFree { return slot }
        }
      }
      currentCluster = SwapClusters.nobody
    }
  }

  /// The first free slot from ``scanNext`` on, wrapping at the end.
  ///
  /// The kernel leaves out the start itself when it wraps; one free slot more is found here.
  @inline(__always)
  private func scannedSlot() -> UInt32? {
    for slot in Int(scanNext)..<max(slots, Int(scanNext)) where table[slot].isFree {
      return UInt32(slot)
    }
    for slot in 1..<min(slots, Int(scanNext)) where table[slot].isFree { return UInt32(slot) }
    return nil
  }

  /// Chooses where the next scan starts: after the last slot taken, but in a random cache tree where
  /// that slot was in another tree than the start of this scan.
  private mutating func finishScan(from start: UInt32) {
    guard start / Self.slotsPerCacheTree != scanNext / Self.slotsPerCacheTree else { return }
    let slot = randomSlot()
    scanNext = max(1, slot - slot % Self.slotsPerCacheTree)
  }

  mutating func randomSlot() -> UInt32 { 1 + UInt32(random.next() % UInt64(slots - 1)) }
}

/// A generator of well-mixed numbers from any seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
