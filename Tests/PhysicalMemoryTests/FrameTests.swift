// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

/// Lists, flags, layout and the texts of the allocator.
@Suite struct FrameTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func listsBehaveLikeArrays(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var frames = FrameTable(count: 12, pageSize: .kib4)
    var lists = [FrameList(), FrameList()]
    var model: [[Int]] = [[], []]
    for step in 0..<3000 {
      let which = random.below(2)
      let frame = random.below(12)
      let owner = model.firstIndex { $0.contains(frame) }
      switch random.below(5) {
      case 0 where owner == nil:
        lists[which].pushFront(PageFrameNumber(frame), in: &frames)
        model[which].insert(frame, at: 0)
      case 1 where owner == nil:
        lists[which].pushBack(PageFrameNumber(frame), in: &frames)
        model[which].append(frame)
      case 2:
        let expected = model[which].isEmpty ? nil : model[which].removeFirst()
        let found = lists[which].popFront(in: &frames)
        #expect(found?.index == expected, "seed \(seed) step \(step)")
      case 3:
        let expected = model[which].popLast()
        let found = lists[which].popBack(in: &frames)
        #expect(found?.index == expected, "seed \(seed) step \(step)")
      default:
        guard let owner else { continue }
        lists[owner].remove(PageFrameNumber(frame), in: &frames)
        model[owner].removeAll { $0 == frame }
      }
      for (list, expected) in zip(lists, model) {
        list.checkInvariants(in: frames)
        #expect(list.first?.index == expected.first, "seed \(seed) step \(step)")
        #expect(list.last?.index == expected.last, "seed \(seed) step \(step)")
        #expect(Int(list.count) == expected.count && list.isEmpty == expected.isEmpty)
      }
    }
  }

  @Test func removingAFrameThatIsNotOnTheListStops() async {
    await #expect(processExitsWith: .failure) {
      var frames = FrameTable(count: 4, pageSize: .kib4)
      var list = FrameList()
      list.pushFront(PageFrameNumber(1), in: &frames)
      list.remove(PageFrameNumber(2), in: &frames)
    }
  }

  @Test func freeingTwiceStops() async {
    await #expect(processExitsWith: .failure) {
      let zone = Zone(pageblocks: [.movable])
      guard let frame = zone.allocate(0) else { return }
      zone.free(frame, 0)
      zone.free(frame, 0)
    }
  }

  @Test func freeingAFrameOnAnLruListStops() async {
    await #expect(processExitsWith: .failure) {
      let zone = Zone(pageblocks: [.movable])
      guard let frame = zone.allocate(0) else { return }
      zone.frames[frame].flags = .onList
      zone.free(frame, 0)
    }
  }

  @Test func aFlagOnAFreeFrameBreaksAnInvariant() async {
    await #expect(processExitsWith: .failure) {
      let zone = Zone(pageblocks: [.movable])
      zone.frames[7].flags = .tagged
      zone.check()
    }
  }

  @Test func freeingClearsWhatDoesNotBelongToThePlace() {
    let zone = Zone(pageblocks: [.movable])
    guard let frame = zone.allocate(1) else { return }
    zone.frames[frame].flags = [.tagged, .storageReserved, .dirty, .tagStorage, .exclusive]
    zone.frames[frame + 1].flags = [.tagged]
    zone.free(frame, 1)
    #expect(zone.flags(frame) == .tagStorage)
    #expect(zone.flags(frame + 1) == [])
    zone.check()
  }

  @Test func flagsAreDistinctAndNamed() {
    var union: UInt16 = 0
    for bit in 0..<14 {
      let flag = FrameFlags(rawValue: 1 << UInt16(bit))
      #expect(flag.description != "none")
      union |= flag.rawValue
    }
    #expect(union == 0x3fff)
    #expect(FrameFlags([.onList, .tagged]).description == "onList+tagged")
    #expect(FrameFlags([]).description == "none")
    #expect(FrameFlags.busy == [.onList, .inSwapCache, .writeback, .pinned])
  }

  @Test func freeBlockMarksRoundTrip() {
    for order in 0...13 {
      for list in MigrateType.allCases {
        let block = FreeBlock(order: order, list: list)
        #expect(block.isHead && block.order == order && block.list == list)
        for other in 0...13 { #expect(block.isHead(ofOrder: other) == (other == order)) }
        #expect(!FreeBlock.none.isHead(ofOrder: order))
      }
    }
    #expect(!FreeBlock.none.isHead)
  }

  @Test func groupingNeedsSixPageblocks() {
    for pageSize in PageSize.allCases {
      let pages = 6 * pageSize.pagesPerPageblock
      let zone = Zone(frameCount: pages, pageSize: pageSize)
      zone.release(0..<pages - 1)
      #expect(!zone.groupsByMobility && zone.buddy.pageblockCount == 6, "\(pageSize)")
      zone.release(pages - 1..<pages)
      #expect(zone.groupsByMobility, "\(pageSize)")
    }
  }
}
