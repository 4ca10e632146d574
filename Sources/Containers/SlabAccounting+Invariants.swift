// SPDX-License-Identifier: Apache-2.0

extension SlabAccounting: InvariantChecks {
  /// Checks that the lists, the places of slabs and the counts agree.
  ///
  /// - Complexity: O(*n*), where *n* is the number of object numbers.
  public func verifyInvariants() throws(BrokenInvariant) {
    try checkSlabs()
    try checkLists()
  }

  private func checkSlabs() throws(BrokenInvariant) {
    var live = 0
    var held = 0
    for slab in places.indices {
      let first = slab * geometry.objectsPerSlab
      let found = (first..<first + geometry.objectsPerSlab).reduce(0) { $0 + (isLive($1) ? 1 : 0) }
      try BrokenInvariant.unless(
        found == used[slab],
        "slabs",
        "slab \(slab) holds \(found) objects, counts \(used[slab])"
      )
      live += found
      if places[slab] == .unused {
        try BrokenInvariant.unless(
          found == 0,
          "slabs",
          "slab \(slab) is given back but holds \(found) objects"
        )
      } else {
        held += 1
      }
      if places[slab] == .full {
        try BrokenInvariant.unless(
          found == geometry.objectsPerSlab,
          "slabs",
          "slab \(slab) holds \(found), called full"
        )
      }
    }
    try BrokenInvariant.unless(
      live == liveObjects,
      "slabs",
      "\(live) live objects found, \(liveObjects) counted"
    )
    try BrokenInvariant.unless(
      held == slabCount,
      "slabs",
      "\(held) slabs held, \(slabCount) counted"
    )
  }

  private func checkLists() throws(BrokenInvariant) {
    let processorPlaces = places.reduce(0) { $0 + ($1 == .processorList ? 1 : 0) }
    let sharedPlaces = places.reduce(0) { $0 + ($1 == .sharedList ? 1 : 0) }
    try BrokenInvariant.unless(
      processorPlaces == processorSlabs.count,
      "slabs",
      "\(processorPlaces) slabs say processor list, it has \(processorSlabs.count)"
    )
    for slab in processorSlabs {
      try BrokenInvariant.unless(
        places[Int(slab)] == .processorList,
        "slabs",
        "slab \(slab) is on the processor list"
      )
    }
    var slab = sharedHead
    var walked = 0
    while slab != Self.none && walked <= sharedCount {
      try BrokenInvariant.unless(
        places[Int(slab)] == .sharedList,
        "slabs",
        "slab \(slab) is on the shared list"
      )
      walked += 1
      slab = nextSlab[Int(slab)]
    }
    try BrokenInvariant.unless(
      walked == sharedCount && sharedPlaces == sharedCount,
      "slabs",
      "shared list: \(walked) linked, \(sharedPlaces) placed, \(sharedCount) counted"
    )
  }
}
