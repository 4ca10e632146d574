// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

/// A frame table and the zones over it; a class, so that expectations can call its methods.
private final class Node {
  var frames: FrameTable
  var pages: PageAllocator

  /// Zones of whole pageblocks of 4 KiB pages.
  init(
    _ blocks: [(kind: ZoneKind, types: [MigrateType])],
    selection: ZoneSelection,
    lists: PageListMode = .off
  ) {
    var parameters = ZoneParameters()
    parameters.pageLists = lists
    let count = blocks.reduce(0) { $0 + $1.types.count } * 512
    let map = MemoryMap(frameCount: count)
    frames = FrameTable(map, pageSize: .kib4)
    var first = 0
    var extents = blocks.map { block in
      defer { first += block.types.count * 512 }
      return ZoneExtent(block.kind, first..<first + block.types.count * 512, map)
    }
    // The kernel always has Movable, with or without memory.
    if blocks.last?.kind != .movable { extents.append(ZoneExtent(.movable, count..<count, map)) }
    pages = PageAllocator(extents, selection: selection, parameters: parameters, frames: &frames)
    var frame = 0
    for type in blocks.flatMap(\.types) {
      pages.release(frame..<frame + 512, as: type, frames: &frames)
      frame += 512
    }
    pages.finishBoot()
  }

  func allocate(
    _ type: MigrateType,
    cma: Bool = false,
    aim: ZoneKind,
    above level: WatermarkLevel?
  ) -> Int? {
    let request = PageRequest(type, mayUseCMA: cma, highestZone: aim)
    return pages.allocatePage(request, above: level, frames: &frames)?.index
  }

  /// Requests pages until the zones refuse although no boost raises their marks.
  ///
  /// - Returns: how many were served.
  func exhaust(_ type: MigrateType, aim: ZoneKind, above level: WatermarkLevel) -> Int {
    var served = 0
    while true {
      for zone in 0..<pages.zoneCount { setBoost(zone, 0) }
      guard allocate(type, aim: aim, above: level) != nil else { return served }
      served += 1
    }
  }

  func free(_ frame: Int) { pages.freePage(PageFrameNumber(frame), frames: &frames) }

  func kind(_ frame: Int) -> ZoneKind { pages.zone(of: PageFrameNumber(frame)) }

  func drain() { pages.drainPageLists(frames: &frames) }

  func check() { pages.checkInvariants(frames: frames) }

  func isBalanced(_ aim: ZoneKind) -> Bool { pages.isBalanced(upTo: aim) }

  func marks(_ zone: Int) -> Watermarks { pages.zones[zone].watermarks }

  func freePages(_ zone: Int) -> Int { pages.zones[zone].freePages }

  func setBoost(_ zone: Int, _ boost: Int) { pages.zones[zone].watermarks.boost = boost }

  var boosts: [Int] { (0..<pages.zoneCount).map { pages.zones[$0].watermarks.boost } }
}

/// Which zone a request gets a page of.
@Suite struct PageAllocatorTests {
  private static let movable = [MigrateType](repeating: .movable, count: 8)

  private func twoZones(lists: PageListMode = .off) -> Node {
    Node([(.dma, Self.movable), (.normal, Self.movable)], selection: .kernel, lists: lists)
  }

  @Test func requestsFallBackWhenTheFirstChoiceIsAtItsMark() throws {
    let node = twoZones()
    // 4096 pages each: 16 MiB share min_free_kbytes of isqrt(16 x 32768) = 724 KiB, which is 181 pages.
    #expect([node.marks(0).min, node.marks(0).low, node.marks(0).high] == [90, 112, 134])
    #expect(node.marks(1) == node.marks(0))
    var kinds: [ZoneKind] = []
    while let frame = node.allocate(.movable, aim: .movable, above: .low) {
      kinds.append(node.kind(frame))
    }
    // Normal keeps 112 pages; DMA keeps 4096 / 256 = 16 more from a request that aims above it.
    #expect(kinds == Array(repeating: .normal, count: 3984) + Array(repeating: .dma, count: 3968))
    #expect(node.freePages(1) == 112 && node.freePages(0) == 128)
    // A page that comes back to Normal makes it the first choice again.
    node.free(5000)
    #expect(node.allocate(.movable, aim: .movable, above: .low).map(node.kind) == .normal)
    node.check()
  }

  @Test func theReserveHoldsAtEveryMarkButNotWithoutOne() {
    let node = twoZones()
    while node.allocate(.movable, aim: .movable, above: .min) != nil {}
    #expect(node.freePages(1) == 90 && node.freePages(0) == 90 + 16)
    while node.allocate(.movable, aim: .movable, above: nil) != nil {}
    #expect(node.freePages(1) == 0 && node.freePages(0) == 0)
    node.check()
  }

  @Test func onlyMovableRequestsGetMovableMemory() {
    let node = Node([(.normal, Self.movable), (.movable, Self.movable)], selection: .one)
    // Movable does not count for min_free_kbytes: 512 KiB are 128 pages, all of them Normal's.
    #expect([node.marks(0).min, node.marks(1).min] == [128, 32])
    let kernel = node.allocate(.unmovable, aim: .normal, above: .low)
    #expect(kernel.map(node.kind) == .normal)
    #expect(node.allocate(.movable, aim: .normal, above: .low).map(node.kind) == .normal)
    // Normal keeps 4096 / 32 = 128 pages beyond its low mark of 160 from user memory...
    #expect(node.exhaust(.movable, aim: .movable, above: .low) > 0)
    #expect(node.freePages(0) == 160 + 128)
    // ... which the kernel's own requests get.
    #expect(node.exhaust(.unmovable, aim: .normal, above: .low) == 128)
    #expect(node.freePages(0) == 160)
    node.check()
  }

  @Test func firstAttemptsKeepTypesApartWhereAnotherZoneCanServe() {
    let types: [MigrateType] = Array(repeating: .movable, count: 4)
    let node = Node([(.dma, types), (.normal, types)], selection: .kernel)
    // One page of each pageblock of Normal is in use, so that none is whole.
    var held: [Int] = []
    for _ in 0..<2048 {
      if let frame = node.allocate(.movable, aim: .movable, above: nil) { held.append(frame) }
    }
    for frame in held where frame % 512 != 0 { node.free(frame) }
    let first = node.allocate(.unmovable, aim: .normal, above: .low)
    #expect(first.map(node.kind) == .dma)
    let later = node.allocate(.unmovable, aim: .normal, above: .min)
    #expect(later.map(node.kind) == .normal)
    node.check()
  }

  @Test func kswapdLooksAtTheZonesUpToTheOneAskedFor() {
    let node = Node([(.normal, Self.movable), (.movable, Self.movable)], selection: .one)
    #expect(node.isBalanced(.normal) && node.isBalanced(.movable))
    while node.allocate(.unmovable, aim: .normal, above: nil) != nil {}
    #expect(!node.isBalanced(.normal) && node.isBalanced(.movable))
    let high = (node.marks(0).high, node.marks(1).high)
    #expect(node.pages.reclaimGoal(upTo: .normal, least: 32) == high.0)
    #expect(node.pages.reclaimGoal(upTo: .movable, least: 32) == high.0 + high.1)
    node.setBoost(0, 70)
    node.setBoost(1, 50)
    let seen = node.pages.boosts(upTo: .normal)
    #expect([seen[0], seen[1]] == [70, 0])
    node.pages.lowerBoosts(by: seen)
    #expect(node.boosts == [0, 50])
  }

  @Test func snapshotsShowEveryZone() {
    let map = MemoryMap(frameCount: 8192)
    var frames = FrameTable(map, pageSize: .kib4)
    let extents = [
      ZoneExtent(.dma, 0..<4096, map), ZoneExtent(.dma32, 4096..<4096, map),
      ZoneExtent(.normal, 4096..<6144, map), ZoneExtent(.movable, 6144..<6144, map),
    ]
    // The last 2048 frames are none of the kernel's.
    var pages = PageAllocator(
      extents,
      selection: .kernel,
      parameters: ZoneParameters(),
      frames: &frames
    )
    pages.release(10..<6144, as: .movable, frames: &frames)
    pages.finishBoot()
    let zones = pages.snapshots(processors: 2)
    #expect(zones.map(\.name) == ["DMA", "DMA32", "Normal", "Movable"])
    #expect(zones.map(\.managedPages) == [4086, 0, 2048, 0])
    #expect(zones.map(\.presentPages) == [4096, 0, 2048, 0])
    #expect(zones.map(\.startFrame) == [0, 0, 4096, 0])
    #expect(
      zones.map(\.protection) == [[0, 0, 8, 8], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    )
    #expect(zones[2].types.map(\.pageblocks) == [0, 4, 0, 0, 0, 0])
    #expect(zones.map(\.perCPULists.count) == [2, 0, 2, 0])
    pages.checkInvariants(frames: frames)
  }

  private struct Setup {
    let name: String
    let blocks: [(kind: ZoneKind, types: [MigrateType])]
    let selection: ZoneSelection
  }

  private static let setups = [
    Setup(
      name: "DMA and Normal",
      blocks: [
        (.dma, [.movable, .unmovable, .movable, .movable]),
        (.normal, [.movable, .movable, .reclaimable, .movable, .cma, .cma]),
      ],
      selection: .kernel
    ),
    Setup(
      name: "DMA, DMA32 and Normal",
      blocks: [
        (.dma, [.movable, .movable]), (.dma32, [.movable, .unmovable, .cma, .cma]),
        (.normal, [.movable, .movable, .movable, .unmovable]),
      ],
      selection: .kernel
    ),
    Setup(
      name: "Normal and Movable",
      blocks: [
        (.normal, [.movable, .unmovable, .movable, .movable]),
        (.movable, [.movable, .cma]),
      ],
      selection: .one
    ),
    Setup(
      name: "all four, too small to keep types apart",
      blocks: [
        (.dma, [.movable, .movable]), (.normal, [.unmovable, .movable]), (.movable, [.cma]),
      ],
      selection: .kernel
    ),
  ]

  /// Random requests at random marks and frees, compared with the reference after every step.
  @Test(arguments: setups.indices, [1, 2] as [UInt64])
  func zonesServeAsTheReferenceSays(setup: Int, seed: UInt64) {
    let setup = Self.setups[setup]
    var random = SplitMix64(seed: seed)
    let node = Node(setup.blocks, selection: setup.selection)
    var model = ReferenceNode(setup.blocks, keepsTypesApart: setup.selection == .kernel)
    var held: [Int] = []
    for step in 0..<9000 {
      let place = "\(setup.name), seed \(seed), step \(step)"
      let isFilling = step < 6500 || step / 400 % 2 == 0
      if random.below(10) < (isFilling ? 9 : 3) {
        let type =
          [.movable, .movable, .movable, .unmovable, .reclaimable][random.below(5)]
          as MigrateType
        let cma = type == .movable && random.below(4) != 0
        let aim: ZoneKind = type == .movable && random.below(4) != 0 ? .movable : .normal
        let level = [.low, .low, .low, .min, .high, nil][random.below(6)] as WatermarkLevel?
        let frame = node.allocate(type, cma: cma, aim: aim, above: level)
        let expected = model.allocate(type, cma: cma, aim: aim, above: level)
        guard frame == expected else {
          Issue.record("\(place): frame \(frame ?? -1), expected \(expected ?? -1)")
          return
        }
        if let frame { held.append(frame) }
      } else if !held.isEmpty {
        let frame = held.remove(at: random.below(held.count))
        node.free(frame)
        model.free(frame)
      }
      for zone in model.zones.indices {
        guard node.freePages(zone) == model.zones[zone].freePages(),
          node.boosts[zone] == model.zones[zone].boost
        else {
          Issue.record("\(place): zone \(zone), \(node.freePages(zone)) free, \(node.boosts)")
          return
        }
      }
      for aim in [ZoneKind.normal, .movable] where step % 16 == 0 {
        #expect(node.isBalanced(aim) == model.isBalanced(upTo: aim), "\(place)")
      }
      if step % 1000 == 0 { node.check() }
    }
    // Without these the run would have shown little.
    #expect(model.servedBelow > 0 && model.refusedForReserve > 0, "\(setup.name), seed \(seed)")
    for frame in held { node.free(frame) }
    node.check()
    #expect(node.pages.freePages == node.pages.managedPages)
  }

  /// With lists no page is lost either, and none comes from a zone that was not asked for.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func randomStepsThroughTheListsLoseNoPage(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let node = Node(
      [(.dma, Self.movable), (.normal, Self.movable), (.movable, Self.movable)],
      selection: .kernel,
      lists: .perCPU
    )
    var held: [Int] = []
    for step in 0..<8000 {
      if random.below(5) < (step % 4000 < 3000 ? 4 : 1) {
        let isUser = random.below(3) != 0
        let aim: ZoneKind = isUser ? .movable : .normal
        let type: MigrateType = isUser ? .movable : .unmovable
        guard let frame = node.allocate(type, cma: isUser, aim: aim, above: .min) else { continue }
        #expect(node.kind(frame).rawValue <= aim.rawValue, "seed \(seed), step \(step)")
        held.append(frame)
      } else if !held.isEmpty {
        node.free(held.remove(at: random.below(held.count)))
      }
      if step % 1000 == 0 { node.check() }
    }
    #expect(
      node.pages.freePages + node.pages.listedPages + held.count == node.pages.managedPages,
      "seed \(seed)"
    )
    for frame in held { node.free(frame) }
    node.drain()
    node.check()
    #expect(node.pages.freePages == node.pages.managedPages, "seed \(seed)")
  }
}
