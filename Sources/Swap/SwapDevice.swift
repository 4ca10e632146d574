// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// How a swap device performs its transfers.
public enum SwapDeviceKind: CaseIterable, Sendable {
  /// Memory that is compressed: writes and reads end before they return, and swap-in of a page with one
  /// user bypasses the swap cache.
  case zram
  /// A solid-state disk: writes end later, and swap-in reads ahead.
  case disk

  /// Whether a transfer ends before the call that starts it returns.
  public var isSynchronous: Bool { self == .zram }
}

/// What became of an attempt to claim a slot's swap-cache bit.
public enum CacheClaim: Sendable {
  /// The caller holds the bit, and adds a page or gives the bit back.
  case claimed
  /// Somebody else holds it: EEXIST.
  case exists
  /// Nobody uses the slot: ENOENT.
  case unused
}

/// One swap device: its slots, who uses them, what the swap cache holds for them, and their data.
///
/// A slot has a use count (the page-table entries that name it) and a cache bit (a page in the swap
/// cache, or a moment in which the slot is being allocated or read). When both are gone it goes to the
/// return cache, and is free only when that cache is flushed. Slots are numbered from 0, which is the
/// device's header and never used.
///
/// `released` parameters collect the slots that became really free, in order: the caller drops their
/// saved tags. The slot's shadow and data are dropped here.
///
/// There is one CPU, so one slot cache in each direction and one current cluster. Rotational devices,
/// discards and several devices in one slot cache are not modelled.
///
/// Source: Linux v6.8 `mm/swapfile.c` and `mm/swap_slots.c`.
public struct SwapDevice: ~Copyable {
  /// The device's number in swap entries, 0 to 15.
  public let type: Int
  /// How it transfers.
  public let kind: SwapDeviceKind
  /// Slots, the header included.
  public let slots: Int
  /// Slots that each slot cache holds; 0 for no slot caches.
  public let slotCacheSize: Int
  /// Slots that are free: neither used nor in a slot cache.
  public internal(set) var freeSlots: Int

  @usableFromInline var table: FlatStorage<SwapSlot>
  @usableFromInline var stamps: FlatStorage<UInt64>
  /// Whether any stamp was ever written; otherwise none needs to be erased.
  @usableFromInline var hasStamps = false
  @usableFromInline var clusters: SwapClusters
  @usableFromInline var nodes: SwapCacheNodes
  /// Users beyond the largest count, by slot; never iterated.
  @usableFromInline var continuation: [UInt32: UInt32] = [:]
  /// The last slot that was given a cache bit which belongs to nobody's page yet, 0 if there is none.
  ///
  /// A claim lives for one step of the machine, so that there is mostly one at a time.
  @usableFromInline var claim: UInt32 = 0
  /// The other claims, for callers that hold several.
  @usableFromInline var earlierClaims: [UInt32] = []

  // Allocation; see SwapDevice+Allocation.swift.
  var currentCluster = SwapClusters.nobody
  var nextInCluster: UInt32 = 0
  var scanNext: UInt32
  var random: SplitMix64
  /// Slots taken for pages to come.
  @usableFromInline var allocated: SlotCache
  /// Slots without users that wait to be freed together.
  @usableFromInline var returned: SlotCache
  /// Whether the slot caches are in use now.
  public internal(set) var isSlotCacheActive = false
  /// Whether `swapoff` has begun.
  public internal(set) var isAllocationStopped = false

  /// Creates an empty device.
  ///
  /// `clusterSlots` is 256, or 512 with 4 KiB pages and huge-page swap. `seed` decides where scans for a
  /// free slot start; they are only needed once no cluster is free.
  ///
  /// - Precondition: `type` < 16; 2 <= `slots` <= 2^28; `clusterSlots` is a power of two up to 16,384;
  ///   `slotCacheSize` is not negative.
  public init(
    type: Int,
    kind: SwapDeviceKind,
    slots: Int,
    clusterSlots: Int = 256,
    slotCacheSize: Int = 64,
    seed: UInt64 = 0
  ) {
    precondition(type >= 0 && type < 16, "swap type \(type) is not in 0..<16")
    precondition(slots >= 2 && slots <= 1 << 28, "a swap device of \(slots) slots")
    precondition(
      clusterSlots > 0 && clusterSlots <= 16384 && clusterSlots & (clusterSlots - 1) == 0,
      "clusters of \(clusterSlots) slots"
    )
    precondition(slotCacheSize >= 0, "slot caches of \(slotCacheSize)")
    self.type = type
    self.kind = kind
    self.slots = slots
    self.slotCacheSize = slotCacheSize
    freeSlots = slots - 1
    table = FlatStorage(repeating: SwapSlot(), count: slots)
    table[0].mapByte = SwapSlot.bad
    stamps = FlatStorage(repeating: 0, count: slots)
    clusters = SwapClusters(slots: slots, slotsPerCluster: clusterSlots)
    nodes = SwapCacheNodes(slots: slots)
    random = SplitMix64(state: seed)
    allocated = SlotCache(capacity: slotCacheSize)
    returned = SlotCache(capacity: slotCacheSize)
    scanNext = 1
    scanNext = randomSlot()
  }

  /// Asks the processor to bring what is known of a slot near.
  @inlinable @inline(__always)
  public func prefetch(_ slot: UInt32) { table.prefetch(Int(slot)) }

  /// Slots that can be used: all but the header.
  @inlinable public var totalSlots: Int { slots - 1 }

  /// Slots that are not free, those in the slot caches included: `inuse_pages`.
  public var usedSlots: Int { totalSlots - freeSlots }

  /// Whether less than half of the slots are free, so that swap-cache copies are given up early.
  ///
  /// Source: Linux v6.8 `vm_swap_full`.
  @inlinable public var isMoreThanHalfFull: Bool { freeSlots * 2 < totalSlots }

  /// Slots whose last user is gone and which are not free yet; their saved tags are stale.
  public var returnedSlots: Int { returned.count }

  /// The entry of a slot in the kernel's generic form.
  public func entry(_ slot: UInt32) -> SwapEntry { SwapEntry(type: type, offset: UInt64(slot)) }

  // MARK: Users

  /// The number of page-table entries that name the slot.
  @inlinable @inline(__always)
  public func count(_ slot: UInt32) -> Int {
    let byte = table[Int(slot)].mapByte
    if byte & SwapSlot.continuedBit != 0 { return Self.count(slot, continuedIn: continuation) }
    let count = byte & SwapSlot.countMask
    return count == SwapSlot.bad ? 0 : Int(count)
  }

  /// The users of a slot that has more than the map byte counts.
  ///
  /// Static, because a call that borrows the device would copy it to the stack even where the slot
  /// has few users.
  @usableFromInline
  static func count(_ slot: UInt32, continuedIn continuation: [UInt32: UInt32]) -> Int {
    Int(SwapSlot.largestCount) + Int(continuation[slot] ?? 0)
  }

  /// Whether the slot's cache bit is set: a page in the swap cache, a claim, or a slot cache.
  public func hasCache(_ slot: UInt32) -> Bool { table[Int(slot)].hasCacheBit }

  /// Adds one user: a page-table entry that is written, or copied by fork.
  ///
  /// - Precondition: the slot has a user or its cache bit.
  @inlinable public mutating func duplicate(_ slot: UInt32) {
    let byte = table[Int(slot)].mapByte
    precondition(byte != 0 && byte != SwapSlot.bad, "ENOENT: swap slot \(slot) is not in use")
    if byte & SwapSlot.countMask < SwapSlot.largestCount {
      table[Int(slot)].mapByte = byte + 1
    } else {
      table[Int(slot)].mapByte = byte | SwapSlot.continuedBit
      continuation[slot, default: 0] += 1
    }
  }

  /// Takes one user away; without users and cache bit the slot goes to the return cache.
  ///
  /// - Precondition: the slot has a user.
  @inlinable public mutating func drop(_ slot: UInt32, released: inout [UInt32]) {
    let byte = table[Int(slot)].mapByte
    if byte & SwapSlot.continuedBit != 0 {
      dropContinued(slot)
      return
    }
    let count = byte & SwapSlot.countMask
    precondition(count != 0 && count != SwapSlot.bad, "swap slot \(slot) has no user")
    table[Int(slot)].mapByte = byte - 1
    if byte - 1 == 0 { giveBack(slot, released: &released) }
  }

  @usableFromInline mutating func dropContinued(_ slot: UInt32) {
    let extra = (continuation[slot] ?? 0) - 1
    continuation[slot] = extra == 0 ? nil : extra
    if extra == 0 { table[Int(slot)].mapByte &= ~SwapSlot.continuedBit }
  }

  // MARK: Swap cache

  /// The frame that the swap cache holds for the slot, `nil` if there is none.
  @inlinable @inline(__always) public func cachedFrame(_ slot: UInt32) -> UInt32? {
    table[Int(slot)].frame
  }

  /// The shadow that the slot's evicted page left, `nil` if there is none.
  @inlinable @inline(__always) public func shadow(_ slot: UInt32) -> UInt64? {
    table[Int(slot)].shadow
  }

  /// Reads the shadow and removes it.
  @inlinable public mutating func takeShadow(_ slot: UInt32) -> UInt64? {
    guard let found = table[Int(slot)].shadow else { return nil }
    table[Int(slot)].clearContent()
    nodes.remove(slot)
    return found
  }

  /// Claims the cache bit before the slot is read, so that nobody else reads it at the same time.
  ///
  /// - Returns: `claimed`, and the caller calls ``addToCache(_:frame:)`` or
  ///   ``clearClaim(_:released:)``.
  ///
  /// Source: Linux v6.8 `swapcache_prepare`.
  @inlinable public mutating func claimForCache(_ slot: UInt32) -> CacheClaim {
    let byte = table[Int(slot)].mapByte
    if byte & SwapSlot.cacheBit != 0 { return .exists }
    guard count(slot) > 0 else { return .unused }
    table[Int(slot)].mapByte = byte | SwapSlot.cacheBit
    noteClaim(slot)
    return .claimed
  }

  /// Gives back a claimed cache bit without a page: the bypassing swap-in has ended, or a page newly
  /// given the slot could not be added.
  ///
  /// - Precondition: the slot was claimed or allocated, and no page was added.
  ///
  /// Source: Linux v6.8 `swapcache_clear` and `put_swap_folio`.
  @inlinable public mutating func clearClaim(_ slot: UInt32, released: inout [UInt32]) {
    removeClaim(slot)
    clearCacheBit(slot, released: &released)
  }

  /// Puts a page into the swap cache, for a slot that was claimed or allocated.
  ///
  /// - Precondition: the slot was claimed or allocated, and no page was added.
  /// - Returns: the shadow that the page replaces, `nil` if there was none.
  @discardableResult
  @inlinable public mutating func addToCache(_ slot: UInt32, frame: UInt32) -> UInt64? {
    removeClaim(slot)
    let replaced = table[Int(slot)].shadow
    if replaced == nil { nodes.insert(slot) }
    table[Int(slot)].setFrame(frame)
    return replaced
  }

  /// Takes the page out of the swap cache and drops the cache bit; `shadow` takes the page's place.
  ///
  /// - Precondition: the swap cache holds a page for the slot; `shadow` is below 2^54.
  @inlinable public mutating func removeFromCache(
    _ slot: UInt32,
    shadow: UInt64?,
    released: inout [UInt32]
  ) {
    precondition(cachedFrame(slot) != nil, "swap slot \(slot) has no page in the swap cache")
    if let shadow {
      precondition(shadow >> SwapSlot.shadowBits == 0, "shadow \(shadow) is not below 2^54")
      table[Int(slot)].setShadow(shadow)
    } else {
      table[Int(slot)].clearContent()
      nodes.remove(slot)
    }
    clearCacheBit(slot, released: &released)
  }

  /// Replaces the frame of a page in the swap cache, for a page that migrates.
  ///
  /// - Precondition: the swap cache holds a page for the slot.
  public mutating func replaceCachedFrame(_ slot: UInt32, with frame: UInt32) {
    precondition(cachedFrame(slot) != nil, "swap slot \(slot) has no page in the swap cache")
    table[Int(slot)].setFrame(frame)
  }

  // MARK: Common sequences in one step

  /// Whether exactly one page-table entry names the slot, and nothing else uses it.
  @inlinable @inline(__always) public func hasOnlyOneUser(_ slot: UInt32) -> Bool {
    table[Int(slot)].mapByte == 1
  }

  /// Ends a slot's only use: as ``claimForCache(_:)``, ``drop(_:released:)``, ``takeShadow(_:)`` and
  /// ``clearClaim(_:released:)`` do one after another.
  ///
  /// - Precondition: ``hasOnlyOneUser(_:)``.
  @inlinable @inline(__always)
  public mutating func takeBack(_ slot: UInt32, released: inout [UInt32]) {
    precondition(hasOnlyOneUser(slot), "swap slot \(slot) has more than one user")
    if table[Int(slot)].hasContent { nodes.remove(slot) }
    table[Int(slot)].clearContent()
    giveBack(slot, released: &released)
  }

  /// Leaves a newly allocated slot with one user and a shadow: as ``addToCache(_:frame:)``,
  /// ``duplicate(_:)`` and ``removeFromCache(_:shadow:released:)`` do one after another.
  ///
  /// - Precondition: the slot was allocated, and no page was added; `shadow` is below 2^54.
  @inlinable @inline(__always)
  public mutating func settle(_ slot: UInt32, shadow: UInt64) {
    removeClaim(slot)
    precondition(shadow >> SwapSlot.shadowBits == 0, "shadow \(shadow) is not below 2^54")
    nodes.insert(slot)
    table[Int(slot)].mapByte = 1
    table[Int(slot)].setShadow(shadow)
  }

  @inlinable mutating func clearCacheBit(_ slot: UInt32, released: inout [UInt32]) {
    let byte = table[Int(slot)].mapByte & ~SwapSlot.cacheBit
    table[Int(slot)].mapByte = byte
    if byte == 0 { giveBack(slot, released: &released) }
  }

  @inlinable mutating func noteClaim(_ slot: UInt32) {
    if claim != 0 { earlierClaims.append(claim) }
    claim = slot
  }

  @inlinable mutating func removeClaim(_ slot: UInt32) {
    if claim == slot && slot != 0 {
      claim = 0
    } else {
      removeEarlierClaim(slot)
    }
  }

  @usableFromInline mutating func removeEarlierClaim(_ slot: UInt32) {
    guard let index = earlierClaims.lastIndex(of: slot) else {
      preconditionFailure("swap slot \(slot) was not claimed")
    }
    earlierClaims.remove(at: index)
  }

  // MARK: Data

  /// Writes a page's contents, which the simulator represents by one number.
  ///
  /// - Precondition: the slot is in use.
  public mutating func write(_ slot: UInt32, stamp: UInt64) {
    precondition(table[Int(slot)].mapByte != 0 && slot != 0, "write to free swap slot \(slot)")
    hasStamps = true
    stamps[Int(slot)] = stamp
  }

  /// Reads what was last written; 0 for a slot that was never written since it was allocated.
  public func read(_ slot: UInt32) -> UInt64 { stamps[Int(slot)] }
}
