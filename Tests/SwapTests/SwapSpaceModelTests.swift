// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import Swap

/// What the slow model knows of a slot that is not free.
private struct SlotRecord: Equatable {
  var users = 0
  var isClaimed = true
  var frame: UInt32?
  var shadow: UInt64?
  var stamp: UInt64 = 0

  var isInUse: Bool { users > 0 || isClaimed || frame != nil }
}

/// Slots in a dictionary, free clusters in an array, without slot caches for allocation.
private struct DeviceModel {
  let slots: Int
  let clusterSlots: Int
  let returnLimit: Int
  var records: [UInt32: SlotRecord] = [:]
  var returned: [UInt32] = []
  var free: Set<UInt32>
  var queue: [Int]
  var current: Int?
  var next = 0

  init(slots: Int, clusterSlots: Int, returnLimit: Int) {
    self.slots = slots
    self.clusterSlots = clusterSlots
    self.returnLimit = returnLimit
    free = Set(1..<UInt32(slots))
    let columns = max(8, 16384 / clusterSlots)
    let whole = Array(1..<max(1, slots / clusterSlots))
    queue = whole.sorted { ($0 % columns, $0) < ($1 % columns, $1) }
  }

  /// The slot that the clusters give; `nil` where a scan is needed.
  mutating func slotInCluster() -> UInt32? {
    while true {
      if let cluster = current {
        let isUntouched = queue.contains(cluster)
        if isUntouched, queue.first != cluster {
          current = nil
        } else if let slot = (next..<max(next, min(slots, (cluster + 1) * clusterSlots)))
          .first(where: { free.contains(UInt32($0)) })
        {
          next = slot + 1
          return UInt32(slot)
        } else {
          current = nil
        }
      }
      guard current == nil else { continue }
      guard let first = queue.first else { return nil }
      current = first
      next = first * clusterSlots
    }
  }

  mutating func take(_ slot: UInt32) {
    free.remove(slot)
    queue.removeAll { $0 == Int(slot) / clusterSlots }
    records[slot] = SlotRecord()
  }

  /// Gives a slot back that nobody uses any more.
  mutating func release(_ slot: UInt32, _ released: inout [UInt32]) {
    guard let record = records[slot], !record.isInUse else { return }
    if returnLimit == 0 {
      makeFree(slot, &released)
      return
    }
    if returned.count == returnLimit { flush(&released) }
    returned.append(slot)
  }

  mutating func flush(_ released: inout [UInt32]) {
    for slot in returned { makeFree(slot, &released) }
    returned = []
  }

  private mutating func makeFree(_ slot: UInt32, _ released: inout [UInt32]) {
    released.append(slot)
    records[slot] = nil
    free.insert(slot)
    let cluster = Int(slot) / clusterSlots
    let range = UInt32(cluster * clusterSlots)..<UInt32((cluster + 1) * clusterSlots)
    if cluster > 0, range.upperBound <= slots, range.allSatisfy({ free.contains($0) }) {
      queue.append(cluster)
    }
  }
}

@Suite struct SwapSpaceModelTests {
  struct Shape: Sendable {
    var slots: Int
    var clusterSlots: Int
    var slotCacheSize: Int
  }

  static let shapes = [
    Shape(slots: 70, clusterSlots: 8, slotCacheSize: 0),
    Shape(slots: 64, clusterSlots: 16, slotCacheSize: 0),
    Shape(slots: 1200, clusterSlots: 32, slotCacheSize: 64),
    Shape(slots: 900, clusterSlots: 256, slotCacheSize: 5),
  ]

  @Test(arguments: shapes.indices, 0..<3 as Range<UInt64>)
  func randomStepsAgreeWithTheModel(shapeIndex: Int, seed: UInt64) throws {
    let shape = Self.shapes[shapeIndex]
    var random = SplitMix64(seed: seed)
    var device = SwapSpace(
      .ssd,
      slots: shape.slots,
      clusterSlots: shape.clusterSlots,
      slotCacheSize: shape.slotCacheSize,
      seed: seed
    )
    var model = DeviceModel(
      slots: shape.slots,
      clusterSlots: shape.clusterSlots,
      returnLimit: shape.slotCacheSize
    )
    var live: [UInt32] = []
    // With slot caches the device is kept half empty, so that they stay in use from the first slot.
    let mostLive = shape.slotCacheSize == 0 ? shape.slots : shape.slots / 4

    for step in 0..<1500 {
      let place: Comment = "shape \(shapeIndex), seed \(seed), step \(step)"
      var released: [UInt32] = []
      var expected: [UInt32] = []
      if live.isEmpty || (live.count < mostLive && random.below(3) == 0) {
        let scanStart = device.area.scanNext
        let wanted =
          shape.slotCacheSize == 0 ? model.slotInCluster() ?? scan(model, scanStart) : nil
        let slot = device.allocateSlot(released: &released)
        if shape.slotCacheSize == 0 { try #require(slot == wanted, place) }
        guard let slot else {
          #expect(model.free.isEmpty, place)
          continue
        }
        try #require(model.free.contains(slot), place)
        model.take(slot)
        live.append(slot)
      } else {
        let slot = live[random.below(live.count)]
        perform(random.below(10), slot, &random, &device, &model, &released, &expected)
        model.release(slot, &expected)
        if model.records[slot].map({ !$0.isInUse }) ?? true { live.removeAll { $0 == slot } }
      }
      if random.below(100) == 0 {
        device.flushReturnCache(released: &released)
        model.flush(&expected)
      }
      try #require(released == expected, place)
      for slot in live.prefix(8) { compare(slot, device, model, place) }
      #expect(device.returnedSlots == model.returned.count, place)
      if step % 50 == 0 { device.checkInvariants() }
    }
    device.checkInvariants()
    for slot in live { compare(slot, device, model, "at the end, seed \(seed)") }
  }

  private func scan(_ model: DeviceModel, _ start: UInt32) -> UInt32? {
    model.free.filter { $0 >= start }.min() ?? model.free.min()
  }

  /// One step on a slot that is in use; does nothing where the step is not allowed.
  private func perform(
    _ choice: Int,
    _ slot: UInt32,
    _ random: inout SplitMix64,
    _ device: inout SwapSpace,
    _ model: inout DeviceModel,
    _ released: inout [UInt32],
    _ expected: inout [UInt32]
  ) {
    guard var record = model.records[slot] else { return }
    switch choice {
    case 0:
      device.duplicate(slot)
      record.users += 1
    case 1...2 where record.users > 0:
      record.users -= 1
      device.drop(slot, released: &released)
    case 3 where record.isClaimed:
      let frame = UInt32(random.below(1000))
      #expect(device.addToCache(slot, frame: frame) == record.shadow)
      record.isClaimed = false
      record.frame = frame
      record.shadow = nil
    case 4 where record.isClaimed:
      device.clearClaim(slot, released: &released)
      record.isClaimed = false
    case 5 where record.frame != nil:
      record.shadow = random.below(2) == 0 ? nil : random.next() >> 10
      record.frame = nil
      device.removeFromCache(slot, shadow: record.shadow, released: &released)
    case 6:
      let claim = device.claimForCache(slot)
      if record.isClaimed || record.frame != nil {
        #expect(claim == .exists)
      } else {
        #expect(claim == .claimed)
        record.isClaimed = true
      }
    case 8 where device.hasOnlyOneUser(slot):
      #expect(record.users == 1 && !record.isClaimed && record.frame == nil)
      device.takeBack(slot, released: &released)
      record.users = 0
      record.shadow = nil
    case 9 where record.isClaimed && record.users == 0 && record.shadow == nil:
      let shadow = random.next() >> 10
      device.settle(slot, shadow: shadow)
      record.isClaimed = false
      record.users = 1
      record.shadow = shadow
    case 7:
      record.stamp = random.next()
      device.write(slot, stamp: record.stamp)
    default:
      break
    }
    model.records[slot] = record
  }

  private func compare(
    _ slot: UInt32,
    _ device: borrowing SwapSpace,
    _ model: DeviceModel,
    _ place: Comment
  ) {
    let record = model.records[slot] ?? SlotRecord(isClaimed: false)
    let found = SlotRecord(
      users: device.count(slot),
      isClaimed: device.claim == slot || device.earlierClaims.contains(slot),
      frame: device.cachedFrame(slot),
      shadow: device.shadow(slot),
      stamp: device.read(slot)
    )
    #expect(found == record, place)
  }
}
