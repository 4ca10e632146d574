// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

@testable import PhysicalMemory

/// A frame table and its allocator, as a machine holds them.
///
/// A class, so that expectations can call its methods.
final class Zone {
  var frames: FrameTable
  var buddy: BuddyAllocator

  /// A zone of reserved frames.
  init(
    frameCount: Int,
    pageSize: PageSize = .kib4,
    parameters: ZoneParameters = ZoneParameters()
  ) {
    frames = FrameTable(count: frameCount, pageSize: pageSize)
    buddy = BuddyAllocator(
      frameCount: frameCount,
      pageSize: pageSize,
      parameters: parameters,
      frames: &frames
    )
  }

  /// A zone of whole pageblocks, released with the types given, neighbours of one type together.
  convenience init(pageblocks types: [MigrateType], pageSize: PageSize = .kib4) {
    let pages = pageSize.pagesPerPageblock
    self.init(frameCount: types.count * pages, pageSize: pageSize)
    var start = 0
    while start < types.count {
      var end = start
      while end < types.count && types[end] == types[start] { end += 1 }
      release(start * pages..<end * pages, as: types[start])
      start = end
    }
  }

  /// A zone of whole pageblocks, released one by one.
  convenience init(types: [MigrateType], pageSize: PageSize) {
    let pages = pageSize.pagesPerPageblock
    self.init(frameCount: types.count * pages, pageSize: pageSize)
    for (block, type) in types.enumerated() {
      release(block * pages..<(block + 1) * pages, as: type)
    }
  }

  func release(_ range: Range<Int>, as type: MigrateType = .movable) {
    buddy.release(range, as: type, frames: &frames)
  }

  func allocate(
    _ order: Int,
    _ type: MigrateType = .movable,
    cma: Bool = false
  ) -> Int? {
    buddy.allocate(order: order, migrateType: type, mayUseCMA: cma, frames: &frames)?.index
  }

  func free(_ frame: Int, _ order: Int) {
    buddy.free(PageFrameNumber(frame), order: order, frames: &frames)
  }

  func takeFree(_ frame: Int) -> Bool {
    buddy.takeFree(PageFrameNumber(frame), frames: &frames)
  }

  func isolate(_ range: Range<Int>) -> Bool { buddy.isolate(range, frames: &frames) }

  func claim(_ range: Range<Int>) -> Bool { buddy.claimIsolated(range, frames: &frames) }

  func undo(_ range: Range<Int>, as type: MigrateType) {
    buddy.undoIsolation(range, as: type, frames: &frames)
  }

  // An expectation cannot look into a noncopyable value, so it asks for these.

  var freePages: Int { buddy.freePages }
  var freeCMAPages: Int { buddy.freeCMAPages }
  var managedPages: Int { buddy.managedPages }
  var managedCMAPages: Int { buddy.managedCMAPages }
  var isolatedPageblocks: Int { buddy.isolatedPageblocks }
  var groupsByMobility: Bool { buddy.groupsByMobility }
  var fallbackCounts: FallbackCounts { buddy.fallbackCounts }
  var watermarks: Watermarks { buddy.watermarks }
  var freeListCounts: [Int] { buddy.freeListCounts }
  var snapshot: ZoneSnapshot { buddy.snapshot(presentPages: frames.count, processors: 1) }

  func type(_ frame: Int) -> MigrateType { buddy.migrateType(of: PageFrameNumber(frame)) }

  func isFree(_ frame: Int) -> Bool { buddy.isFree(PageFrameNumber(frame), frames: frames) }

  func use(_ frame: Int) -> FrameUse { frames[frame].use }

  func flags(_ frame: Int) -> FrameFlags { frames[frame].flags }

  func passes(_ order: Int, mark: Int, cma: Bool, access: ReserveAccess = .none) -> Bool {
    buddy.passes(order: order, mark: mark, mayUseCMA: cma, access: access)
  }

  func check() { buddy.checkInvariants(frames: frames) }

  /// The blocks of one list from its head.
  func list(_ order: Int, _ type: MigrateType) -> [Int] {
    let list = buddy.lists[order * MigrateType.count + type.index]
    var blocks: [Int] = []
    var current = list.head
    while current != FrameTable.none {
      blocks.append(Int(current))
      current = frames.links[Int(current)].next
    }
    return blocks
  }

  /// Everything that an allocation can depend on, and the use and flags of each frame.
  func digest() -> [String] {
    var lines = [
      "\(buddy.freePages) \(buddy.freeCMAPages) \(buddy.managedPages) \(buddy.watermarks)",
      "\(snapshot.types)",
    ]
    for order in 0...buddy.maxOrder {
      for type in MigrateType.allCases {
        let blocks = list(order, type)
        if !blocks.isEmpty { lines.append("\(order) \(type) \(blocks)") }
      }
    }
    for frame in 0..<frames.count {
      lines.append("\(frames[frame].use) \(frames[frame].flags) \(frames[frame].freeBlock)")
    }
    for block in 0..<buddy.pageblockCount { lines.append("\(buddy.pageblockTypes[block])") }
    return lines
  }
}
