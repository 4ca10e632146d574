// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagStorage
import Testing

@testable import MachineModel
@testable import PhysicalMemory

extension Machine {
  /// Takes a block whose tag blocks nobody has.
  ///
  /// What was found before and does not fit stays taken, so that the next one is another.
  fileprivate mutating func takeUnreservedBlock(order: Int) throws -> PageFrameNumber {
    while true {
      let found = buddy.allocateBlock(
        PageRequest(.movable, mayUseCMA: false, highestZone: .movable),
        order: order,
        above: nil,
        frames: &frames
      )
      let head = try #require(found, "no block of order \(order)")
      let blocks = neededTagBlocks(of: head.index..<head.index + 1 << order)
      let needed = try #require(blocks)
      if needed.allSatisfy({ !self.blocks.isReserved($0.block) }) { return head }
    }
  }

  /// The count of each tag block that frames need, as the kernel keeps it: 1 for the hand-out more than
  /// frames that it serves; 0 for a block that is not reserved.
  fileprivate func blockCounts(of allocation: Range<Int>) throws -> [Int] {
    let needed = neededTagBlocks(of: allocation)
    return try #require(needed).map { need in
      blocks.isReserved(need.block) ? blocks.count(ofBlock: need.block) + 1 : 0
    }
  }

  /// Everything about tag storage that a reservation which fails must leave as it was.
  fileprivate var tagStorageState: [Int] {
    let uses = region.tags.map { Int(frames[$0].use.rawValue) }
    let counts = (0..<region.blockCount).map { blocks.count(ofBlock: $0) }
    let bits = (0..<region.blockCount).map { block in
      cmaArea?.isClear(region.frames(ofBlock: block)) ?? true ? 1 : 0
    }
    return uses + counts + bits + [blocks.reservedBlocks, blocks.reservedFrames]
      + [buddy.freePages, buddy.freeCMAPages, buddy.isolatedPageblocks]
  }

  /// Puts a page that cannot move into a frame of tag storage.
  fileprivate mutating func pin(_ number: Int) {
    let frame = takeChosen(number)
    frames[frame].use = .anonymous
    frames[frame].flags.insert(.pinned)
  }

  /// Reserves, and states what must come of it; the macro cannot call a method of a noncopyable value.
  fileprivate mutating func expect(
    _ expected: ReservationResult,
    for head: PageFrameNumber,
    order: Int
  ) {
    let result = reserveTagStorage(ofBlockAt: head, order: order)
    #expect(result == expected, "frame \(head.rawValue), order \(order)")
  }

  /// States the counts of the tag blocks that frames need.
  fileprivate func expect(_ expected: [Int], of allocation: Range<Int>) throws {
    let counts = try blockCounts(of: allocation)
    #expect(counts == expected, "frames \(allocation)")
  }
}

/// The reservation of the tag storage of several frames at once.
@Suite struct LargeReservationTests {
  private static func machine(
    blockPages: Int = 1,
    defects: TagStorageDefects = []
  ) throws -> Machine {
    var configuration = MachineConfiguration()
    configuration.ramBytes = (blockPages == 3 ? 192 : 64) << 20
    configuration.blockBytes = blockPages * 4096
    configuration.zone.pageLists = .off
    configuration.defects = defects
    return try Machine(configuration)
  }

  /// The counts of the specification of tag storage, section 19, and those of the posted code.
  @Test(arguments: [
    (order: 0, blockPages: 1, counts: [2], posted: [2]),
    (3, 1, [9], [9]),
    (5, 1, [33], [33]),
    (9, 1, Array(repeating: 33, count: 16), Array(repeating: 33, count: 16)),
    (6, 2, [65], [65]),
    (7, 2, [65, 65], [65, 0]),
    (9, 2, Array(repeating: 65, count: 8), [65, 65, 65, 65, 0, 0, 0, 0]),
    (9, 4, [129, 129, 129, 129], [129, 0, 0, 0]),
  ])
  func countsAreThoseOfTheTable(
    order: Int,
    blockPages: Int,
    counts: [Int],
    posted: [Int]
  ) throws {
    for (defects, expected) in [
      (TagStorageDefects(), counts), (TagStorageDefects([.skippedBlocks]), posted),
    ] {
      var machine = try Self.machine(blockPages: blockPages, defects: defects)
      let head = try machine.takeUnreservedBlock(order: order)
      let before = machine.tagStorageState
      let range = head.index..<head.index + 1 << order
      let result = machine.reserveTagStorage(ofBlockAt: head, order: order)
      #expect(result == .reserved)
      try machine.expect(expected, of: range)
      let isMarked = range.allSatisfy { machine.frames[$0].flags.contains(.storageReserved) }
      #expect(isMarked)
      // What was reserved is given back frame by frame, and a missing block is warned of.
      for frame in range { machine.releaseTags(of: PageFrameNumber(frame)) }
      #expect(machine.tagStorageState == before)
      let missing = zip(counts, expected).reduce(0) { $0 + ($1.1 == 0 ? $1.0 - 1 : 0) }
      #expect(machine.counters[.storageWarnings] == UInt64(missing))
      #expect(machine.damage.strayFrames.isEmpty)
    }
  }

  /// A second page of a block adds one, and leaves with one; the last gives the block back.
  @Test func sharesOfOneBlockAddUp() throws {
    var machine = try Self.machine()
    let head = try machine.takeUnreservedBlock(order: 1)
    let range = head.index..<head.index + 2
    machine.expect(.reserved, for: head, order: 0)
    try machine.expect([2], of: range)
    let second = PageFrameNumber(head.index + 1)
    machine.expect(.reserved, for: second, order: 0)
    try machine.expect([3], of: range)
    machine.releaseTags(of: head)
    try machine.expect([2], of: range)
    machine.releaseTags(of: second)
    try machine.expect([0], of: range)
    // The zero page's, which took its block at boot, is the only other.
    #expect(machine.blocks.reservedBlocks == 1)
  }

  /// S9: an order-9 reservation that fails at block 7 gives blocks 0 to 6 back, and touches none behind.
  @Test func aReservationThatFailsHalfwayRollsBackExactly() throws {
    var machine = try Self.machine()
    let head = try machine.takeUnreservedBlock(order: 9)
    let range = head.index..<head.index + 512
    let found = machine.neededTagBlocks(of: range)
    let needed = try #require(found)
    let busy = needed[7].block
    machine.pin(machine.region.frames(ofBlock: busy).lowerBound)
    let before = machine.tagStorageState
    machine.expect(.busy, for: head, order: 9)
    #expect(machine.tagStorageState == before)
    let isMarked = range.contains { machine.frames[$0].flags.contains(.storageReserved) }
    #expect(!isMarked)
    #expect(machine.counters[.reserveFailBusy] == 1)
    #expect(machine.counters[.reserveReleases] == 7)
    // The zero page asked at boot.
    #expect(machine.counters[.reserveCalls] == 8 + 1)
    // Free again, the block is had at once.
    let number = machine.region.frames(ofBlock: busy).lowerBound
    machine.frames[number].flags.remove(.pinned)
    machine.buddy.freePage(PageFrameNumber(number), frames: &machine.frames)
    machine.expect(.reserved, for: head, order: 9)
    try machine.expect(Array(repeating: 33, count: 16), of: range)
  }

  /// Blocks of three pages cover 96 frames, so that an allocation shares its first or last block with its
  /// neighbours; what these have is left to them.
  @Test func aSharedBlockKeepsItsOtherShares() throws {
    var machine = try Self.machine(blockPages: 3)
    var head = try machine.takeUnreservedBlock(order: 10)
    while (head.index + 512).isMultiple(of: 96) {
      head = try machine.takeUnreservedBlock(order: 10)
    }
    let (first, second) = (head.index..<head.index + 512, head.index + 512..<head.index + 1024)
    machine.expect(.reserved, for: head, order: 9)
    let counts = try machine.blockCounts(of: first)
    #expect(counts.reduce(0, +) == 512 + counts.count)
    let (ofFirst, ofSecond) = (
      machine.neededTagBlocks(of: first), machine.neededTagBlocks(of: second)
    )
    let needed = try #require(ofSecond)
    #expect(needed.first?.block == ofFirst?.last?.block)
    let last = try #require(needed.last)
    machine.pin(machine.region.frames(ofBlock: last.block).lowerBound)
    let before = machine.tagStorageState
    let middle = PageFrameNumber(second.lowerBound)
    machine.expect(.busy, for: middle, order: 9)
    #expect(machine.tagStorageState == before)
    #expect(machine.counters[.reserveHits] == 1)
    try machine.expect(counts, of: first)
  }

  /// A frame of a skipped block that is freed takes the share of another along: the kernel gives the block
  /// back while somebody's tags are in it.
  @Test func aSkippedShareIsGivenBackForAnother() throws {
    var machine = try Self.machine(blockPages: 2, defects: TagStorageDefects([.skippedBlocks]))
    let head = try machine.takeUnreservedBlock(order: 7)
    machine.expect(.reserved, for: head, order: 7)
    let range = head.index..<head.index + 128
    try machine.expect([65, 0], of: range)
    // One frame of the skipped block is freed, used again, and gets its block.
    let reused = PageFrameNumber(head.index + 127)
    machine.releaseTags(of: reused)
    machine.expect(.reserved, for: reused, order: 0)
    try machine.expect([65, 2], of: range)
    machine.releaseTags(of: PageFrameNumber(head.index + 126))
    try machine.expect([65, 0], of: range)
    #expect(machine.damage.strayFrames.contains(reused.rawValue))
  }
}
