// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

/// Random requests and frees, compared with the reference after every step, list by list.
@Suite struct BuddyModelTests {
  /// Runs `steps` random steps.
  ///
  /// `checkEvery` says how often the allocator is searched for broken invariants, which takes time
  /// proportional to the zone; lists and counters are compared after every step.
  private func run(
    types: [MigrateType],
    pageSize: PageSize,
    seed: UInt64,
    steps: Int,
    checkEvery: Int
  ) {
    var random = SplitMix64(seed: seed)
    let zone = Zone(types: types, pageSize: pageSize)
    var model = ReferenceBuddy(types: types, pageSize: pageSize)
    var held: [(start: Int, order: Int)] = []
    var isFilling = true
    for step in 0..<steps {
      let place = "\(pageSize.name) seed \(seed) step \(step)"
      if random.below(40) == 0 { isFilling.toggle() }
      let choice = random.below(10)
      if choice < (isFilling ? 7 : 2) {
        // Small orders are more common, but all occur.
        let order = min(random.below(pageSize.maxOrder + 1), random.below(pageSize.maxOrder + 4))
        let type = MigrateType.allCases[random.below(3)]
        let cma = type == .movable && random.below(3) != 0
        let expected = model.hasRun(order, cma: cma)
        let start = zone.allocate(order, type, cma: cma)
        #expect((start != nil) == expected, "\(place): order \(order) \(type) cma \(cma)")
        #expect(start == model.allocate(order, type, cma: cma), "\(place): order \(order) \(type)")
        guard let start else { continue }
        #expect(start % (1 << order) == 0, "\(place)")
        for frame in start..<start + 1 << order where type == .movable {
          zone.frames[frame].flags = .onList
          model.isMovable[frame] = true
        }
        held.append((start, order))
      } else if choice == 9 {
        let frame = random.below(model.isFree.count)
        let taken = zone.takeFree(frame)
        #expect(taken == model.takeFree(frame), "\(place): frame \(frame)")
        if taken { held.append((frame, 0)) }
      } else if !held.isEmpty {
        let (start, order) = held.remove(at: random.below(held.count))
        for frame in start..<start + 1 << order { zone.frames[frame].flags = .tagged }
        zone.free(start, order)
        model.free(start, order)
      }
      // From the first difference on, the two would only drift apart.
      if let difference = difference(zone, model) {
        Issue.record("\(place): \(difference)")
        return
      }
      if step % checkEvery == 0 { zone.check() }
    }
    for (start, order) in held {
      for frame in start..<start + 1 << order { zone.frames[frame].flags = [] }
      zone.free(start, order)
    }
    zone.check()
    #expect(zone.freePages == zone.managedPages)
  }

  /// The first thing in which the allocator and the reference differ.
  private func difference(_ zone: Zone, _ model: ReferenceBuddy) -> String? {
    for order in 0...model.maxOrder {
      for type in MigrateType.allCases
      where zone.list(order, type) != model.lists[order][type.index] {
        return "order \(order) \(type): \(zone.list(order, type))"
          + " and \(model.lists[order][type.index])"
      }
    }
    for block in 0..<model.types.count
    where zone.type(block << model.blockOrder) != model.types[block] {
      return "pageblock \(block): \(model.types[block])"
    }
    if zone.freePages != model.freePages() { return "free \(model.freePages())" }
    if zone.freeCMAPages != model.freePages(.cma) { return "free CMA \(model.freePages(.cma))" }
    return zone.watermarks.boost == model.boost ? nil : "boost \(model.boost)"
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func placementIsThatOfTheReference(seed: UInt64) {
    let types: [MigrateType] = [.movable, .movable, .unmovable, .movable, .reclaimable, .cma, .cma]
    run(types: types, pageSize: .kib4, seed: seed, steps: 500, checkEvery: 5)
  }

  @Test(arguments: [5, 6] as [UInt64])
  func placementIsThatOfTheReferenceWithoutMobilityGrouping(seed: UInt64) {
    run(
      types: [.movable, .unmovable, .cma, .movable],
      pageSize: .kib4,
      seed: seed,
      steps: 400,
      checkEvery: 5
    )
  }

  @Test(arguments: [PageSize.kib16, .kib64])
  func placementIsThatOfTheReferenceWithLargerPages(_ pageSize: PageSize) {
    let types: [MigrateType] = [.movable, .unmovable, .movable, .movable, .reclaimable, .cma]
    run(types: types, pageSize: pageSize, seed: 7, steps: 60, checkEvery: 30)
  }
}
