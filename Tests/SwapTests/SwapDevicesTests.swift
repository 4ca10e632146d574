// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import Swap

/// Which device is next, told by the moment at which each last came to wait behind its equals.
private struct DevicesModel {
  struct Device {
    let total: Int
    let wanted: Int?
    var priority = 0
    var free: Int
    var isOn = true
    var waitsSince = 0
  }

  var devices: [Device] = []
  private var clock = 0

  mutating func add(_ device: SwapDevice) {
    devices.append(
      Device(total: device.slots - 1, wanted: device.priority, free: device.slots - 1)
    )
    switchOn(devices.count - 1)
  }

  private mutating func wait(_ type: Int) {
    clock += 1
    devices[type].waitsSince = clock
  }

  mutating func switchOn(_ type: Int) {
    devices[type].isOn = false
    let automatic = devices.filter { $0.isOn && $0.wanted == nil }.count
    devices[type].priority = devices[type].wanted ?? -2 - automatic
    devices[type].isOn = true
    wait(type)
  }

  /// The priorities that the kernel gave stay -2, -3 and so on.
  mutating func switchOff(_ type: Int) {
    let gone = devices[type]
    devices[type].isOn = false
    for other in devices.indices
    where devices[other].isOn && gone.priority < 0 && devices[other].priority < gone.priority {
      devices[other].priority += 1
    }
  }

  mutating func take() -> Int? {
    let usable = devices.indices.filter { devices[$0].isOn && devices[$0].free > 0 }
    let best = usable.min {
      (-devices[$0].priority, devices[$0].waitsSince)
        < (-devices[$1].priority, devices[$1].waitsSince)
    }
    guard let best else { return nil }
    devices[best].free -= 1
    wait(best)
    return best
  }

  mutating func free(_ type: Int) {
    devices[type].free += 1
    if devices[type].free == 1 { wait(type) }
  }
}

@Suite struct SwapDevicesTests {
  private func types(of space: borrowing SwapSpace, _ slots: [UInt32]) -> [Int] {
    slots.map { space.type(of: $0) }
  }

  private func take(_ count: Int, from space: inout SwapSpace) -> [UInt32] {
    var slots: [UInt32] = []
    var released: [UInt32] = []
    for _ in 0..<count {
      guard let slot = space.allocateSlot(released: &released) else { break }
      space.duplicate(slot)
      space.clearClaim(slot, released: &released)
      slots.append(slot)
    }
    return slots
  }

  @Test func entriesHaveTypeAndOffset() throws {
    let devices = (0..<SwapSpace.mostDevices).map { SwapDevice(.ssd, slots: 3 + $0 * 2000) }
    var space = SwapSpace(devices: devices, slotCacheSize: 0)
    let slots = take(.max, from: &space)
    #expect(slots.count == devices.reduce(0) { $0 + $1.slots - 1 })
    var seen = Set<UInt64>()
    for slot in slots {
      let entry = space.entry(slot)
      #expect(entry.type == space.type(of: slot))
      #expect(space.slots(of: entry.type).contains(slot))
      #expect(entry.offset >= 1 && entry.offset < UInt64(devices[entry.type].slots))
      #expect(entry.rawValue == UInt64(entry.type) << 58 | entry.offset)
      let coded = SwapEntryCoding.pteValue(of: entry, isExclusive: slot % 2 == 0)
      let read = try #require(SwapEntryCoding.entry(ofPTE: coded))
      #expect(read.entry == entry && read.isExclusive == (slot % 2 == 0))
      seen.insert(entry.rawValue)
    }
    #expect(seen.count == slots.count)
    space.checkInvariants()
  }

  @Test func theHighestPriorityGoesFirst() {
    var space = SwapSpace(
      devices: [
        SwapDevice(.ssd, slots: 4), SwapDevice(.zram, slots: 3, priority: 5),
        SwapDevice(.disk, slots: 3), SwapDevice(.zram, slots: 3, priority: 100),
      ],
      slotCacheSize: 0
    )
    #expect(space.uses.map(\.priority) == [-2, 5, -3, 100])
    #expect(types(of: space, take(20, from: &space)) == [3, 3, 1, 1, 0, 0, 0, 2, 2])
  }

  @Test func equalsTakeTurnsBySlotOrByRefill() {
    let devices = (0..<3).map { _ in SwapDevice(.zram, slots: 600, priority: 7) }
    var single = SwapSpace(devices: devices, slotCacheSize: 0)
    #expect(types(of: single, take(7, from: &single)) == [0, 1, 2, 0, 1, 2, 0])
    var cached = SwapSpace(devices: devices, slotCacheSize: 64)
    let taken = types(of: cached, take(4 * 64, from: &cached))
    #expect(taken == [0, 1, 2, 0].flatMap { Array(repeating: $0, count: 64) })
    cached.checkInvariants()
  }

  @Test func devicesMayBeSynchronousOrNot() {
    func space(_ kinds: SwapDeviceKind...) -> SwapSpace {
      SwapSpace(devices: kinds.map { SwapDevice($0, slots: 10) })
    }
    let both = space(.zram, .ssd)
    #expect(!both.isSynchronous && both.isSynchronous(1) && !both.isSynchronous(16385))
    let fast = space(.zram, .zram)
    #expect(fast.isSynchronous && fast.isSynchronous(16385))
    let slow = space(.disk, .ssd)
    #expect(!slow.isSynchronous && !slow.isSynchronous(1) && slow.hasRotational)
    #expect(both.hasRotational == false)
    let none = SwapSpace(devices: [])
    #expect(none.slots == 0 && none.totalSlots == 0 && none.uses.isEmpty)
  }

  @Test func swapoffTakesTheDeviceOutAndKeepsTheOthersInOrder() {
    var space = SwapSpace(
      devices: (0..<3).map { _ in SwapDevice(.ssd, slots: 1000) },
      slotCacheSize: 16
    )
    var released: [UInt32] = []
    let slots = take(3, from: &space)
    #expect(types(of: space, slots) == [0, 0, 0])
    space.beginSwapOff(0, released: &released)
    #expect(space.totalSlots == 1998 && space.freeSlots == 1995)
    #expect(space.uses.map(\.priority) == [-2, -2, -3])
    for slot in slots { space.drop(slot, released: &released) }
    #expect(released == slots, "no slot waits in a cache meanwhile")
    #expect(space.usedSlots(of: 0) == 0)
    space.endSwapOff(0)
    #expect(space.isSlotCacheActive && !space.isOn(0) && space.freeSlots == 1998)
    space.checkInvariants()
    #expect(types(of: space, take(1, from: &space)) == [1])
    space.swapOn(0)
    #expect(space.uses.map(\.priority) == [-4, -2, -3])
    space.checkInvariants()
  }

  @Test func aSwapoffThatFailsPutsTheDeviceLast() {
    var space = SwapSpace(
      devices: [SwapDevice(.ssd, slots: 9), SwapDevice(.ssd, slots: 9)],
      slotCacheSize: 0
    )
    var released: [UInt32] = []
    let slots = take(2, from: &space)
    space.beginSwapOff(0, released: &released)
    space.drop(slots[0], released: &released)
    space.cancelSwapOff(0)
    #expect(space.uses.map(\.priority) == [-3, -2])
    #expect(space.totalSlots == 16 && space.freeSlots == 15 && space.usedSlots(of: 0) == 1)
    space.checkInvariants()
    #expect(
      types(of: space, take(16, from: &space)) == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    )
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func randomStepsAgreeWithTheModel(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var devices: [SwapDevice] = []
    var model = DevicesModel()
    for _ in 0..<2 + random.below(4) {
      devices.append(
        SwapDevice(
          SwapDeviceKind.allCases[random.below(3)],
          slots: 2 + random.below(40),
          priority: [nil, nil, 0, 3, 3][random.below(5)]
        )
      )
      model.add(devices[devices.count - 1])
    }
    var space = SwapSpace(devices: devices, clusterSlots: 8, slotCacheSize: 0, seed: seed)
    var live: [(slot: UInt32, type: Int)] = []
    for step in 0..<800 {
      let place: Comment = "seed \(seed), step \(step): \(devices)"
      var released: [UInt32] = []
      let choice = random.below(40)
      if choice == 0 {
        let type = random.below(devices.count)
        if model.devices[type].isOn {
          space.beginSwapOff(type, released: &released)
          for slot in live where slot.type == type { space.drop(slot.slot, released: &released) }
          live.removeAll { $0.type == type }
          space.endSwapOff(type)
          model.switchOff(type)
          model.devices[type].free = model.devices[type].total
        } else {
          space.swapOn(type)
          model.switchOn(type)
        }
      } else if choice < 24 && step / 100 % 2 == 0 || choice < 14 {
        let slot = space.allocateSlot(released: &released)
        let type = model.take()
        try #require(slot.map { space.type(of: $0) } == type, place)
        if let slot, let type {
          space.duplicate(slot)
          space.clearClaim(slot, released: &released)
          live.append((slot, type))
        }
      } else if !live.isEmpty {
        let (slot, type) = live.remove(at: random.below(live.count))
        space.drop(slot, released: &released)
        model.free(type)
      }
      let known = model.devices.indices.filter { model.devices[$0].isOn }
      try #require(space.uses.map(\.type) == known, place)
      try #require(space.uses.map(\.priority) == known.map { model.devices[$0].priority }, place)
      try #require(space.freeSlots == known.reduce(0) { $0 + model.devices[$1].free }, place)
      if step % 25 == 0 { space.checkInvariants() }
    }
    space.checkInvariants()
  }
}
