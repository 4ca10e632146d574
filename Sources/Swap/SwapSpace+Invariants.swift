// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension SwapSpace: InvariantChecks {
  /// Checks that the space does not contradict itself.
  ///
  /// S2: the cache bit is set for a page in the swap cache, a claim or a slot in a slot cache, and for
  /// nothing else. S3: free slots and used slots of each cluster are those of the map, and the queue
  /// holds exactly the free clusters. S6: no slot is twice in claims and slot caches.
  public func verifyInvariants() throws(BrokenInvariant) {
    var waiting = [UInt8](repeating: 0, count: slots)
    let claims = claim == 0 ? earlierClaims : earlierClaims + [claim]
    for slot in claims + allocated.all + returned.all { waiting[Int(slot)] += 1 }
    for type in 0..<areas.count { try checkDevice(type, waiting) }
    try checkSums()
  }

  /// S2, S3 and S6 for the slots of one device.
  private func checkDevice(_ type: Int, _ waiting: [UInt8]) throws(BrokenInvariant) {
    let area = area(type)
    var free = 0
    let perCluster = clusters.slotsPerCluster
    var used = [Int](repeating: 0, count: clusters.clusters(of: area).count)
    let firstCluster = Int(area.base) / perCluster
    for slot in area.base..<area.end {
      try checkSlot(slot, waits: waiting[Int(slot)])
      if table[Int(slot)].mapByte == 0 {
        free += 1
        try BrokenInvariant.unless(
          !area.isRotational || slot >= area.lowestFree && slot <= area.highestFree,
          "S3",
          "swap slot \(slot) is free outside \(area.lowestFree)...\(area.highestFree)"
        )
      } else {
        used[Int(slot) / perCluster - firstCluster] += 1
      }
    }
    try BrokenInvariant.unless(
      free == area.freeSlots,
      "S3",
      "device \(type) counts \(area.freeSlots) free slots, \(free) found"
    )
    try BrokenInvariant.unless(
      area.isOn || free == area.totalSlots,
      "S3",
      "device \(type) is off and has pages"
    )
    try BrokenInvariant.unless(
      available.contains(UInt8(type)) == (area.isAllocating && free > 0),
      "S3",
      "device \(type) with \(free) free slots: available are \(available)"
    )
    guard !area.isRotational else { return }
    used[used.count - 1] += (firstCluster + used.count) * perCluster - Int(area.end)
    for (index, count) in used.enumerated() {
      let counted = clusters.usedSlots(UInt32(firstCluster + index))
      try BrokenInvariant.unless(
        counted == count,
        "S3",
        "cluster \(firstCluster + index) counts \(counted), not \(count)"
      )
    }
    let queue = clusters.all(in: area.freeClusters).sorted()
    let empty = used.indices.filter { used[$0] == 0 }.map { UInt32(firstCluster + $0) }
    try BrokenInvariant.unless(queue == empty, "S3", "free clusters \(queue), empty ones \(empty)")
  }

  private func checkSlot(_ slot: UInt32, waits: UInt8) throws(BrokenInvariant) {
    let byte = table[Int(slot)].mapByte
    let isCached = cachedFrame(slot) != nil
    try BrokenInvariant.unless(waits <= 1, "S6", "swap slot \(slot) waits \(waits) times")
    try BrokenInvariant.unless(
      waits == 0 || !isCached,
      "S2",
      "swap slot \(slot) waits, but has a page"
    )
    try BrokenInvariant.unless(
      (byte & SwapSlot.cacheBit != 0) == (isCached || waits == 1),
      "S2",
      "swap slot \(slot) has map byte \(byte)"
    )
    try BrokenInvariant.unless(
      (byte & SwapSlot.continuedBit != 0) == (continuation[slot] != nil),
      "S1",
      "swap slot \(slot) has map byte \(byte)"
    )
    guard byte == 0 else { return }
    try BrokenInvariant.unless(
      !table[Int(slot)].hasContent,
      "S3",
      "free swap slot \(slot) has a shadow"
    )
    try BrokenInvariant.unless(stamps[Int(slot)] == 0, "S3", "free swap slot \(slot) has data")
  }

  /// The sums and lists over all devices.
  private func checkSums() throws(BrokenInvariant) {
    let on = (0..<areas.count).filter { area($0).isAllocating }
    let total = on.reduce(0) { $0 + area($1).totalSlots }
    // A device that is being emptied had all its slots taken away, and counts those freed since.
    let leaving = (0..<areas.count).filter { area($0).isOn && !area($0).isAllocating }
    let free =
      on.reduce(0) { $0 + area($1).freeSlots }
      - leaving.reduce(0) { $0 + area($1).totalSlots - area($1).freeSlots }
    try BrokenInvariant.unless(
      total == totalSlots && free == freeSlots,
      "S3",
      "\(freeSlots) free slots of \(totalSlots), found \(free) of \(total)"
    )
    try BrokenInvariant.unless(
      active.map(Int.init).sorted() == on,
      "S3",
      "devices \(on) are on, listed \(active)"
    )
    for list in [active, available] {
      let priorities = list.map { area(Int($0)).priority }
      try BrokenInvariant.unless(
        zip(priorities, priorities.dropFirst()).allSatisfy { $0 >= $1 },
        "S3",
        "devices \(list) have the priorities \(priorities)"
      )
    }
  }
}
