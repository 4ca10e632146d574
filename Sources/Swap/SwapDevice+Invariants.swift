// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension SwapDevice: InvariantChecks {
  /// Checks that the device does not contradict itself.
  ///
  /// S2: the cache bit is set for a page in the swap cache, a claim or a slot in a slot cache, and for
  /// nothing else. S3: free slots and used slots of each cluster are those of the map, and the queue
  /// holds exactly the free clusters. S6: no slot is twice in claims and slot caches.
  public func verifyInvariants() throws(BrokenInvariant) {
    var waiting = [UInt8](repeating: 0, count: slots)
    let claims = claim == 0 ? earlierClaims : earlierClaims + [claim]
    for slot in claims + allocated.all + returned.all { waiting[Int(slot)] += 1 }
    var free = 0
    var used = [Int](repeating: 0, count: clusters.count)
    for slot in 0..<slots {
      let byte = table[slot].mapByte
      let isCached = cachedFrame(UInt32(slot)) != nil
      try BrokenInvariant.unless(
        waiting[slot] <= 1,
        "S6",
        "swap slot \(slot) waits \(waiting[slot]) times"
      )
      try BrokenInvariant.unless(
        waiting[slot] == 0 || !isCached,
        "S2",
        "swap slot \(slot) waits, but has a page"
      )
      try BrokenInvariant.unless(
        (byte & SwapSlot.cacheBit != 0) == (isCached || waiting[slot] == 1),
        "S2",
        "swap slot \(slot) has map byte \(byte)"
      )
      try BrokenInvariant.unless(
        (byte & SwapSlot.continuedBit != 0) == (continuation[UInt32(slot)] != nil),
        "S1",
        "swap slot \(slot) has map byte \(byte)"
      )
      if byte == 0 {
        free += 1
        try BrokenInvariant.unless(
          !table[slot].hasContent,
          "S3",
          "free swap slot \(slot) has a shadow"
        )
        try BrokenInvariant.unless(stamps[slot] == 0, "S3", "free swap slot \(slot) has data")
      } else {
        used[slot / clusters.slotsPerCluster] += 1
      }
    }
    try BrokenInvariant.unless(free == freeSlots, "S3", "\(freeSlots) free slots, \(free) found")
    used[clusters.count - 1] += clusters.count * clusters.slotsPerCluster - slots
    for cluster in used.indices {
      try BrokenInvariant.unless(
        clusters.usedSlots(UInt32(cluster)) == used[cluster],
        "S3",
        "cluster \(cluster) counts \(clusters.usedSlots(UInt32(cluster))), not \(used[cluster])"
      )
    }
    let queue = clusters.freeClusters.sorted()
    let empty = used.indices.filter { used[$0] == 0 }.map { UInt32($0) }
    try BrokenInvariant.unless(queue == empty, "S3", "free clusters \(queue), empty ones \(empty)")
  }
}
