// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension SwapSpace {
  /// Slots of one swap-cache tree: `SWAP_ADDRESS_SPACE_PAGES`.
  static let slotsPerCacheTree: UInt32 = 16384
  /// The slot caches come into use above this many free slots: 320 for the kernel's size of 64.
  @inlinable var activationSlots: Int { @inline(__always) get { 5 * slotCacheSize } }
  /// The slot caches are drained and left below this many free slots: 128 for the kernel's size.
  @inlinable var deactivationSlots: Int { @inline(__always) get { 2 * slotCacheSize } }

  /// Takes a free slot for a page; its cache bit is set, and it has no users.
  ///
  /// With slot caches, slots are taken 64 at a time, all from one device: that of the highest priority
  /// that has any, equals in turn. Inside the current cluster of a device slots ascend; an exhausted
  /// cluster is followed by the first free one; without a free cluster the device is scanned from the
  /// last slot taken, or from a random place where that was the last of its cache tree. Rotational
  /// devices go by ``takeRun(_:)``.
  ///
  /// `released` receives the slots that left the return cache, which is drained when free slots become
  /// few. The caller goes on with ``addToCache(_:frame:)``, or ``clearClaim(_:released:)``.
  ///
  /// - Returns: `nil` where no slot is free.
  /// - Complexity: O(1) amortised while a cluster is free, else O(`slots`) at worst.
  ///
  /// Source: Linux v6.8 `folio_alloc_swap`, `get_swap_pages` and `scan_swap_map_slots`.
  @inlinable public mutating func allocateSlot(released: inout [UInt32]) -> UInt32? {
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
    chooseDevice() ? takeOneSlot() : nil
  }

  /// Takes a free slot past the slot caches, on any device but one.
  ///
  /// - Returns: `nil` where no other device has a free slot.
  /// - Complexity: as ``allocateSlot(released:)``.
  public mutating func allocateSlot(notOn type: Int) -> UInt32? {
    guard let other = available.first(where: { Int($0) != type }) else { return nil }
    select(Int(other))
    return takeOneSlot()
  }

  /// Takes one free slot of the device in hand.
  private mutating func takeOneSlot() -> UInt32? {
    let slot: UInt32
    if area.isRotational {
      slot = takeRun(1)[0]
    } else {
      let start = area.scanNext
      guard let found = takeFreeSlot() else { return nil }
      slot = found
      finishScan(from: start)
    }
    noteClaim(slot)
    return slot
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
    freeSlots += 1
    guard area.holds(slot) else {
      makeFreeElsewhere(slot)
      return
    }
    area.noteFreed(slot, in: &clusters)
    if area.freeSlots == 1 && area.isAllocating { makeAvailable(typeInHand) }
  }

  /// Goes on with making a slot free whose device is not in hand.
  private mutating func makeFreeElsewhere(_ slot: UInt32) {
    let type = type(of: slot)
    areas[type].noteFreed(slot, in: &clusters)
    if areas[type].freeSlots == 1 && areas[type].isAllocating { makeAvailable(type) }
  }

  // MARK: Slot caches

  /// Starts to use the slot caches, or stops, by the number of free slots.
  @inlinable mutating func updateSlotCaches(released: inout [UInt32]) {
    guard slotCacheSize > 0, !isSlotCacheDisabled else { return }
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
    guard chooseDevice() else { return }
    let wanted = min(slotCacheSize, freeSlots)
    if area.isRotational {
      for slot in takeRun(wanted) { allocated.append(slot) }
      return
    }
    let start = area.scanNext
    for _ in 0..<wanted {
      guard let slot = takeFreeSlot() else { break }
      allocated.append(slot)
    }
    finishScan(from: start)
  }

  // MARK: Free slots of the device in hand

  @inline(__always)
  private mutating func takeFreeSlot() -> UInt32? {
    guard area.freeSlots > 0 else { return nil }
    guard let slot = slotInCluster() ?? scannedSlot() else { return nil }
    take(slot)
    area.scanNext = slot + 1
    return slot
  }

  /// Takes a slot of the device in hand; a device without free slots leaves the choice.
  @inline(__always)
  mutating func take(_ slot: UInt32) {
    precondition(table[Int(slot)].isFree, "swap slot \(slot) is not free")
    table[Int(slot)].mapByte = SwapSlot.cacheBit
    area.noteTaken(slot, in: &clusters)
    freeSlots -= 1
    if area.freeSlots == 0 { makeUnavailable(typeInHand) }
  }

  /// The next slot of the current cluster, or the first of the next free cluster.
  private mutating func slotInCluster() -> UInt32? {
    while true {
      let head = area.freeClusters.head
      if area.currentCluster == SwapClusters.nobody {
        guard head != SwapClusters.nobody else { return nil }
        area.currentCluster = head
        area.nextInCluster = head * UInt32(clusters.slotsPerCluster)
      }
      // A current cluster that became free waits at the tail of the queue, behind the others.
      let isElsewhere =
        clusters.usedSlots(area.currentCluster) == 0 && head != area.currentCluster
      let end = min((Int(area.currentCluster) + 1) * clusters.slotsPerCluster, Int(area.end))
      if !isElsewhere {
        while Int(area.nextInCluster) < end {
          let slot = area.nextInCluster
          area.nextInCluster += 1
          if table[Int(slot)].isFree { return slot }
        }
      }
      area.currentCluster = SwapClusters.nobody
    }
  }

  /// The first free slot from the place of the last scan on, wrapping at the end.
  ///
  /// The kernel leaves out the start itself when it wraps; one free slot more is found here.
  @inline(__always)
  private func scannedSlot() -> UInt32? {
    let start = min(area.scanNext, area.end)
    for slot in start..<area.end where table[Int(slot)].isFree { return slot }
    for slot in area.base + 1..<max(start, area.base + 1) where table[Int(slot)].isFree {
      return slot
    }
    return nil
  }

  /// Chooses where the next scan starts: after the last slot taken, but in a random cache tree where
  /// that slot was in another tree than the start of this scan.
  private mutating func finishScan(from start: UInt32) {
    let trees = (start / Self.slotsPerCacheTree, area.scanNext / Self.slotsPerCacheTree)
    guard trees.0 != trees.1 else { return }
    let slot = area.randomSlot()
    area.scanNext = max(area.base + 1, slot - slot % Self.slotsPerCacheTree)
  }
}
