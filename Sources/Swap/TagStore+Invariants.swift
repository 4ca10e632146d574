// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression

extension TagStore {
  /// Stops the program if the map, the objects and the counts disagree.
  ///
  /// - Complexity: O(*n*), where *n* is the number of entries, nodes and object numbers.
  public func checkInvariants() {
    map.checkInvariants()
    let slabBytes = pools.reduce(0) { $0 + $1.slabs.slabBytes }
    precondition(
      objectSlabBytes == slabBytes,
      "\(objectSlabBytes) bytes of slabs, not \(slabBytes)"
    )
    var found = Array(repeating: 0, count: pools.count)
    var flawed = 0
    map.forEach { index, handle in
      let flaw = flaw(of: SwapEntry(rawValue: index))
      if flaw != nil { flawed += 1 }
      if flaw?.isCounted == false { return }
      // Whatever leads to no object holds its tags itself; only codecs with an inline class do that.
      found[object(of: handle)?.pool ?? 0] += 1
    }
    precondition(flawed == flaws.count, "\(flaws.count) flaws, \(flawed) of entries")
    for (number, pool) in pools.enumerated() {
      let bytes = pool.sizeClass.bytes
      pool.slabs.checkInvariants()
      precondition(
        pool.reportedLive == UInt64(found[number]) + pool.unreportedFrees,
        "\(pool.reportedLive) live objects of \(bytes) bytes, \(found[number]) entries lead to one"
      )
      precondition(pool.peak >= pool.reportedLive, "peak \(pool.peak) of \(bytes)-byte objects")
      guard !pool.sizeClass.isInline else { continue }
      precondition(
        pool.slabs.liveObjects == found[number],
        "\(pool.slabs.liveObjects) objects of \(bytes) bytes, \(found[number]) entries"
      )
    }
  }
}
