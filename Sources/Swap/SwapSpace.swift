// SPDX-License-Identifier: Apache-2.0

public import Containers

/// What became of an attempt to claim a slot's swap-cache bit.
public enum CacheClaim: Sendable {
  /// The caller holds the bit, and adds a page or gives the bit back.
  case claimed
  /// Somebody else holds it: EEXIST.
  case exists
  /// Nobody uses the slot: ENOENT.
  case unused
}

/// The slots of all swap devices: who uses them, what the swap cache holds for them, and their data.
///
/// Slots are numbered through all devices, so that whoever only has a slot needs no device:
///
///     0 .............. end of device 0   (gap)   n * 16384 ........ end of device 1   (gap) ...
///     header, slots                              header, slots
///
/// A device begins with a multiple of 16,384, the slots of a swap-cache tree, and its first slot is its
/// header, which is never used. ``entry(_:)`` says which device and offset a slot is in the kernel's terms.
///
/// A slot has a use count (the page-table entries that name it) and a cache bit (a page in the swap
/// cache, or a moment in which the slot is being allocated or read). When both are gone it goes to the
/// return cache, and is free only when that cache is flushed.
///
/// `released` parameters collect the slots that became really free, in order: the caller drops their
/// saved tags. The slot's shadow and data are dropped here.
///
/// There is one CPU, so one slot cache in each direction and one current cluster for each device.
/// Discards are not modelled.
///
/// Source: Linux v6.8 `mm/swapfile.c` and `mm/swap_slots.c`.
public struct SwapSpace: ~Copyable {
  /// The end of the slots of all devices, on or off.
  public let slots: Int
  /// Slots that each slot cache holds; 0 for no slot caches.
  public let slotCacheSize: Int
  /// Slots that can be used on all devices that are on, and whose `swapoff` has not begun.
  public internal(set) var totalSlots = 0
  /// Slots that are free: neither used nor in a slot cache.
  ///
  /// While a device is being emptied it can be negative, as in the kernel, which takes all of the
  /// device's slots away first and counts what is freed on it.
  public internal(set) var freeSlots = 0

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

  // Devices; see SwapSpace+Devices.swift.

  /// Whether every device is synchronous, so that nobody needs to ask for one slot.
  public let isSynchronous: Bool
  /// A bit for each device that is.
  @usableFromInline let synchronousTypes: UInt32
  /// Whether a device that is on is rotational, so that all read-ahead goes by slots.
  ///
  /// Source: Linux v6.8 `nr_rotate_swap`.
  public internal(set) var hasRotational = false
  /// The end of device 0, whose slots are its offsets; 0 where there is none.
  @usableFromInline let endOfFirst: UInt32
  /// The device from which a slot was last taken; a space with one device has everything here.
  var area: SwapArea
  /// The number of ``area``, whose place in ``areas`` is out of date.
  var typeInHand = 0
  /// All devices, by number.
  var areas: FlatStorage<SwapArea>
  /// The device of each 16,384 slots.
  @usableFromInline var typeOfTree: FlatStorage<UInt8>
  /// The first slot of the device of each 16,384 slots.
  @usableFromInline var baseOfTree: FlatStorage<UInt32>
  /// The devices that are on, by priority, the oldest of equals first.
  var active: [UInt8] = []
  /// The devices that may have a free slot, by priority, the next of equals first.
  var available: [UInt8] = []
  /// The lowest priority that the kernel gave.
  var leastPriority = -1

  // Allocation; see SwapSpace+Allocation.swift.

  /// Slots taken for pages to come.
  @usableFromInline var allocated: SlotCache
  /// Slots without users that wait to be freed together.
  @usableFromInline var returned: SlotCache
  /// Whether the slot caches are in use now.
  public internal(set) var isSlotCacheActive = false
  /// Whether a `swapoff` keeps the slot caches out of use.
  @usableFromInline var isSlotCacheDisabled = false
  /// Whether the slot caches were in use when `swapoff` began.
  var wasSlotCacheActive = false

  /// The most devices that can be in use: 32 less the types that stand for something else.
  ///
  /// Source: Linux v6.8 `MAX_SWAPFILES` with everything configured.
  public static let mostDevices = 23

  /// The slots of a space of these devices, gaps included.
  public static func slotCount(_ devices: [SwapDevice]) -> Int {
    devices.reduce(0) { firstSlot(after: $0) + $1.slots }
  }

  /// Where the device begins that follows one which ends at `end`.
  private static func firstSlot(after end: Int) -> Int { (end + 16383) / 16384 * 16384 }

  /// Creates a space of empty devices, all of them on.
  ///
  /// `clusterSlots` is 256, or 512 with 4 KiB pages and huge-page swap. `seed` decides where scans for a
  /// free slot start; they are only needed once no cluster is free.
  ///
  /// - Precondition: there are at most ``mostDevices``, each of 2 slots or more, of 2^28 slots together;
  ///   `clusterSlots` is a power of two up to 16,384; `slotCacheSize` is not negative.
  public init(
    devices: [SwapDevice],
    clusterSlots: Int = 256,
    slotCacheSize: Int = 64,
    seed: UInt64 = 0
  ) {
    precondition(devices.count <= Self.mostDevices, "\(devices.count) swap devices")
    precondition(devices.allSatisfy { $0.slots >= 2 }, "a swap device of less than 2 slots")
    let slots = Self.slotCount(devices)
    precondition(slots <= 1 << 28, "swap devices of \(slots) slots")
    precondition(
      clusterSlots > 0 && clusterSlots <= 16384 && clusterSlots & (clusterSlots - 1) == 0,
      "clusters of \(clusterSlots) slots"
    )
    precondition(slotCacheSize >= 0, "slot caches of \(slotCacheSize)")
    self.slots = slots
    self.slotCacheSize = slotCacheSize
    isSynchronous = devices.allSatisfy(\.kind.isSynchronous)
    synchronousTypes = devices.indices.reduce(0) {
      $0 | (devices[$1].kind.isSynchronous ? 1 << UInt32($1) : 0)
    }
    endOfFirst = UInt32(devices.first?.slots ?? 0)
    table = FlatStorage(repeating: SwapSlot(), count: slots)
    stamps = FlatStorage(repeating: 0, count: slots)
    clusters = SwapClusters(slots: slots, slotsPerCluster: clusterSlots)
    nodes = SwapCacheNodes(slots: slots)
    typeOfTree = FlatStorage(repeating: 0, count: (slots + 16383) / 16384)
    baseOfTree = FlatStorage(repeating: 0, count: (slots + 16383) / 16384)
    allocated = SlotCache(capacity: slotCacheSize)
    returned = SlotCache(capacity: slotCacheSize)

    // Without devices there is none in hand either; this one is off and holds no slot.
    area = SwapArea(SwapDevice(.zram, slots: 2), base: .max - 2, seed: 0)
    areas = FlatStorage(repeating: area, count: devices.count)
    // Headers, and what no device has, are bad and so never taken.
    var bad = SwapSlot()
    bad.mapByte = SwapSlot.bad
    var end = 0
    for (type, device) in devices.enumerated() {
      let base = Self.firstSlot(after: end)
      table.fill(end..<base + 1, with: bad)
      end = base + device.slots
      var area = SwapArea(device, base: UInt32(base), seed: seed &+ UInt64(type))
      if !area.isRotational { clusters.queueAll(of: &area) }
      nodes.numberTrees(of: area)
      typeOfTree.fill(base / 16384..<(end + 16383) / 16384, with: UInt8(type))
      baseOfTree.fill(base / 16384..<(end + 16383) / 16384, with: UInt32(base))
      areas[type] = area
    }
    if !devices.isEmpty { area = areas[0] }
    for type in devices.indices { swapOn(type) }
  }

  /// Asks the processor to bring what is known of a slot near.
  @inlinable @inline(__always)
  public func prefetch(_ slot: UInt32) { table.prefetch(Int(slot)) }

  /// Slots that are not free, those in the slot caches included: `inuse_pages`.
  public var usedSlots: Int { totalSlots - freeSlots }

  /// Whether less than half of the slots are free, so that swap-cache copies are given up early.
  ///
  /// Source: Linux v6.8 `vm_swap_full`.
  @inlinable public var isMoreThanHalfFull: Bool { freeSlots * 2 < totalSlots }

  /// Slots whose last user is gone and which are not free yet; their saved tags are stale.
  public var returnedSlots: Int { returned.count }

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
