// SPDX-License-Identifier: Apache-2.0

extension SlabAccounting {
  /// Stops the program if the lists, the places of slabs and the counts disagree.
  ///
  /// - Complexity: O(*n*), where *n* is the number of object numbers.
  public func checkInvariants() {
    checkSlabs()
    checkLists()
  }

  private func checkSlabs() {
    var live = 0
    var held = 0
    for slab in places.indices {
      let first = slab * geometry.objectsPerSlab
      let found = (first..<first + geometry.objectsPerSlab).reduce(0) { $0 + (isLive($1) ? 1 : 0) }
      precondition(found == used[slab], "slab \(slab) holds \(found) objects, counts \(used[slab])")
      live += found
      if places[slab] == .unused {
        precondition(found == 0, "slab \(slab) is given back but holds \(found) objects")
      } else {
        held += 1
      }
      if places[slab] == .full {
        precondition(found == geometry.objectsPerSlab, "slab \(slab) holds \(found), called full")
      }
    }
    precondition(live == liveObjects, "\(live) live objects found, \(liveObjects) counted")
    precondition(held == slabCount, "\(held) slabs held, \(slabCount) counted")
  }

  private func checkLists() {
    let processorPlaces = places.reduce(0) { $0 + ($1 == .processorList ? 1 : 0) }
    let sharedPlaces = places.reduce(0) { $0 + ($1 == .sharedList ? 1 : 0) }
    precondition(
      processorPlaces == processorSlabs.count,
      "\(processorPlaces) slabs say processor list, it has \(processorSlabs.count)"
    )
    for slab in processorSlabs {
      precondition(places[Int(slab)] == .processorList, "slab \(slab) is on the processor list")
    }
    var slab = sharedHead
    var walked = 0
    while slab != Self.none && walked <= sharedCount {
      precondition(places[Int(slab)] == .sharedList, "slab \(slab) is on the shared list")
      walked += 1
      slab = nextSlab[Int(slab)]
    }
    precondition(
      walked == sharedCount && sharedPlaces == sharedCount,
      "shared list: \(walked) linked, \(sharedPlaces) placed, \(sharedCount) counted"
    )
  }
}
