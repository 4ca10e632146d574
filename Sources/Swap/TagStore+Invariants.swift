// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel
import TagCompression

extension TagStore: InvariantChecks {
  /// Checks that the map, the objects and the counts agree.
  ///
  /// - Complexity: O(*n*), where *n* is the number of entries, nodes and object numbers.
  public func verifyInvariants() throws(BrokenInvariant) {
    try map.verifyInvariants()
    let slabBytes = pools.reduce(0) { $0 + $1.slabs.slabBytes }
    try BrokenInvariant.unless(
      objectSlabBytes == slabBytes,
      "S7",
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
    try BrokenInvariant.unless(
      flawed == flaws.count,
      "S7",
      "\(flaws.count) flaws, \(flawed) of entries"
    )
    for (number, pool) in pools.enumerated() {
      let bytes = pool.sizeClass.bytes
      try pool.slabs.verifyInvariants()
      try BrokenInvariant.unless(
        pool.reportedLive == UInt64(found[number]) + pool.unreportedFrees,
        "S7",
        "\(pool.reportedLive) live objects of \(bytes) bytes, \(found[number]) entries lead to one"
      )
      try BrokenInvariant.unless(
        pool.peak >= pool.reportedLive,
        "S7",
        "peak \(pool.peak) of \(bytes)-byte objects"
      )
      guard !pool.sizeClass.isInline else { continue }
      try BrokenInvariant.unless(
        pool.slabs.liveObjects == found[number],
        "S7",
        "\(pool.slabs.liveObjects) objects of \(bytes) bytes, \(found[number]) entries"
      )
    }
  }

  /// Calls `body` with each entry that has saved tags, in ascending order.
  public func forEachEntry(_ body: (SwapEntry) -> Void) {
    map.forEach { index, _ in body(SwapEntry(rawValue: index)) }
  }
}
