// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

// Which device a slot belongs to, which device is next, and how devices come and go.
extension SwapSpace {
  // MARK: Slots and devices

  /// The number of the device of a slot.
  @inlinable @inline(__always)
  public func type(of slot: UInt32) -> Int { Int(typeOfTree[Int(slot >> 14)]) }

  /// The entry of a slot in the kernel's generic form.
  ///
  /// This and ``isSynchronous(_:)`` are inlined, because a call that borrows the space copies it to the
  /// stack.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func entry(_ slot: UInt32) -> SwapEntry {
    if slot < endOfFirst { return SwapEntry(type: 0, offset: UInt64(slot)) }
    return SwapEntry(type: type(of: slot), offset: UInt64(slot - baseOfTree[Int(slot >> 14)]))
  }

  /// The slots of a device, its header first.
  public func slots(of type: Int) -> Range<UInt32> { area(type).base..<area(type).end }

  /// How the device of a slot transfers.
  public func kind(of slot: UInt32) -> SwapDeviceKind { area(type(of: slot)).kind }

  /// Whether a transfer of this slot ends before the call that starts it returns.
  @inlinable @inline(__always)
  public func isSynchronous(_ slot: UInt32) -> Bool {
    isSynchronous || synchronousTypes != 0 && synchronousTypes >> UInt32(type(of: slot)) & 1 != 0
  }

  /// The devices that are on, by number.
  public var uses: [SwapDeviceUse] {
    (0..<areas.count).filter { area($0).isOn }.map { type in
      let area = area(type)
      return SwapDeviceUse(
        type: type,
        kind: area.kind,
        totalSlots: area.totalSlots,
        usedSlots: area.totalSlots - area.freeSlots,
        priority: area.priority
      )
    }
  }

  /// The number of devices, on or off.
  public var deviceCount: Int { areas.count }

  /// Whether a device is on.
  ///
  /// - Precondition: the space has the device.
  public func isOn(_ type: Int) -> Bool { area(type).isOn }

  /// What is known of a device, wherever it is kept.
  @inline(__always)
  func area(_ type: Int) -> SwapArea { type == typeInHand ? area : areas[type] }

  /// Takes a device into hand.
  mutating func select(_ type: Int) {
    guard type != typeInHand else { return }
    areas[typeInHand] = area
    area = areas[type]
    typeInHand = type
  }

  // MARK: The next device

  /// Takes the device into hand from which the next slots come; its equals are next after it.
  ///
  /// - Returns: `false` where no device has a free slot.
  ///
  /// Source: Linux v6.8 `get_swap_pages`.
  @inline(__always)
  mutating func chooseDevice() -> Bool {
    guard let type = available.first else { return false }
    if available.count > 1 { queueAgain(type) }
    select(Int(type))
    return true
  }

  /// Moves the first available device behind its equals.
  private mutating func queueAgain(_ type: UInt8) {
    available.removeFirst()
    makeAvailable(Int(type))
  }

  /// Adds a device to those that may have a free slot, behind its equals.
  mutating func makeAvailable(_ type: Int) {
    let priority = area(type).priority
    let place = available.firstIndex { area(Int($0)).priority < priority }
    available.insert(UInt8(type), at: place ?? available.endIndex)
  }

  mutating func makeUnavailable(_ type: Int) { available.removeAll { $0 == UInt8(type) } }

  // MARK: swapon and swapoff

  /// Puts a device into use, with its own priority or one below all that the kernel gave so far.
  ///
  /// - Precondition: the device is off, or its `swapoff` failed.
  ///
  /// Source: Linux v6.8 `setup_swap_info` and `_enable_swap_info`.
  public mutating func swapOn(_ type: Int) {
    select(type)
    precondition(!area.isAllocating, "swap device \(type) is on")
    if area.wantedPriority == nil { leastPriority -= 1 }
    let priority = area.wantedPriority ?? leastPriority
    area.priority = priority
    area.isOn = true
    area.isAllocating = true
    totalSlots += area.totalSlots
    // A device that was off is empty; one that could not be emptied had all its slots taken away.
    freeSlots += area.totalSlots
    let place = active.firstIndex { area(Int($0)).priority < priority }
    active.insert(UInt8(type), at: place ?? active.endIndex)
    noteRotational()
    if area.freeSlots > 0 { makeAvailable(type) }
  }

  /// Begins `swapoff`.
  ///
  /// The device gives no slot out any more, and both slot caches are emptied and stay unused. The caller
  /// brings back what is on the device.
  ///
  /// - Precondition: the device is on, and no other `swapoff` is under way.
  ///
  /// Source: Linux v6.8 `swapoff`.
  public mutating func beginSwapOff(_ type: Int, released: inout [UInt32]) {
    select(type)
    precondition(area.isAllocating && !isSlotCacheDisabled, "swapoff of device \(type)")
    area.isAllocating = false
    makeUnavailable(type)
    let place = active.firstIndex(of: UInt8(type)) ?? active.endIndex
    if area.priority < 0 {
      // The kernel's own priorities stay without gaps.
      for other in active[place...].dropFirst() { changePriority(of: Int(other), by: 1) }
      leastPriority += 1
    }
    active.remove(at: place)
    noteRotational()
    totalSlots -= area.totalSlots
    freeSlots -= area.totalSlots
    wasSlotCacheActive = isSlotCacheActive
    isSlotCacheDisabled = true
    drainSlotCaches(released: &released)
  }

  private mutating func noteRotational() {
    hasRotational = active.contains { area(Int($0)).isRotational }
  }

  private mutating func changePriority(of type: Int, by change: Int) {
    areas[type].priority += change
  }

  /// Ends a `swapoff` whose device is empty.
  ///
  /// - Precondition: ``beginSwapOff(_:released:)`` came before, and no slot of the device is used.
  public mutating func endSwapOff(_ type: Int) {
    select(type)
    precondition(
      area.freeSlots == area.totalSlots,
      "swapoff of device \(type) with \(area.totalSlots - area.freeSlots) slots in use"
    )
    area.isOn = false
    reenableSlotCaches()
  }

  /// Ends a `swapoff` that failed: the device is in use again, behind its equals.
  ///
  /// - Precondition: ``beginSwapOff(_:released:)`` came before.
  public mutating func cancelSwapOff(_ type: Int) {
    swapOn(type)
    reenableSlotCaches()
  }

  private mutating func reenableSlotCaches() {
    isSlotCacheDisabled = false
    isSlotCacheActive = wasSlotCacheActive && !active.isEmpty
  }

  /// Free slots of a device.
  public func freeSlots(of type: Int) -> Int { area(type).freeSlots }

  /// Slots of a device that are in use, those in the slot caches included: `inuse_pages`.
  public func usedSlots(of type: Int) -> Int { area(type).totalSlots - area(type).freeSlots }
}
