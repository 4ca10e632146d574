// SPDX-License-Identifier: Apache-2.0

import Containers
import AddressSpaces
import MemoryModel
import TestSupport
import Testing

@Suite struct PageTableTests {
  private struct Entry: Equatable {
    var state = EntryState.none
    var flags: EntryFlags = []
    var target: UInt32 = 0
  }

  @Test func aHitIsOneComparisonOfTheByte() {
    let table = PageTable(layout: .standard(.kib4), capacity: 4)
    table.setFrame(2, PageFrameNumber(7), flags: [.readable, .writable, .young, .tagged])
    let isHit = table.withFlags { bytes in
      let need = EntryFlags.writeHit.rawValue
      let before = bytes[2] & need == need
      bytes[2] |= EntryFlags.dirty.rawValue
      return (before, bytes[2] & need == need, bytes[1] & EntryFlags.readHit.rawValue != 0)
    }
    #expect(isHit == (false, true, false))
    #expect(table.flags(2) == .all)
    #expect(table.state(2) == .frame)
    #expect(table.frame(2) == PageFrameNumber(7))
    #expect(table.flags(100) == [] && table.state(100) == .none && table.target(100) == 0)
  }

  @Test func statesAndTargets() {
    let table = PageTable(layout: .standard(.kib4), capacity: 0)
    let entry = PackedSwapEntry(type: 15, slot: 1 << 28 - 1)
    #expect(entry.type == 15 && entry.slot == 1 << 28 - 1 && entry.rawValue == .max)
    #expect(PackedSwapEntry(type: 1, slot: 5).entry == SwapEntry(type: 1, offset: 5))
    table.setSwap(3, entry, state: .swapExclusive)
    #expect(table.swapEntry(3) == entry)
    #expect(table.frame(3) == nil)
    #expect(table.swapEntries == 1 && table.residentPages == 0)
    table.setFaultOnAccess(3, PageFrameNumber(9), flags: [.readable, .writable, .tagged, .dirty])
    #expect(table.flags(3) == [.tagged, .dirty])
    #expect(table.frame(3) == PageFrameNumber(9))
    table.setTarget(3, 11)
    #expect(table.frame(3) == PageFrameNumber(11))
    #expect(table.swapEntries == 0 && table.residentPages == 1)
    table.setZeroPage(3, flags: [.readable, .young])
    #expect(table.residentPages == 0 && table.state(3) == .zeroPage)
    table.setFrame(4, PageFrameNumber(1), flags: .readHit)
    table.move(4, to: 5)
    #expect(table.state(4) == .none && table.frame(5) == PageFrameNumber(1))
    #expect(table.flags(5) == .readHit)
    table.clear(5)
    table.clear(1000)
    #expect(table.residentPages == 0)
    table.checkInvariants()
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func randomEntriesAgreeWithADictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let table = PageTable(layout: .standard(.kib4), capacity: 10)
    var model: [PageIdentifier: Entry] = [:]
    for step in 0..<3000 {
      let page = PageIdentifier(random.below(200))
      var entry = model[page] ?? Entry()
      switch random.below(6) {
      case 0:
        table.clear(page)
        entry = Entry()
      case 1 where entry.state != .none:
        entry.flags = EntryFlags(rawValue: UInt8(random.below(32)))
        table.setFlags(page, entry.flags)
      case 2 where entry.state.hasFrame || entry.state.hasSlot:
        entry.target = UInt32(random.below(1000))
        table.setTarget(page, entry.target)
      default:
        entry = Entry(
          state: EntryState.allCases[1 + random.below(EntryState.allCases.count - 1)],
          flags: EntryFlags(rawValue: UInt8(random.below(32))),
          target: UInt32(random.below(1000))
        )
        table.setEntry(page, state: entry.state, flags: entry.flags, target: entry.target)
      }
      model[page] = entry
      let found = Entry(
        state: table.state(page),
        flags: table.flags(page),
        target: table.target(page)
      )
      #expect(found == entry, "seed \(seed), step \(step)")
      if step % 100 == 0 { table.checkInvariants() }
    }
    #expect(table.residentPages == model.values.filter { $0.state.hasFrame }.count)
    #expect(table.swapEntries == model.values.filter { $0.state.hasSlot }.count)
  }

  @Test func forkSharesFramesAndSlots() throws {
    let index = PageIndex(pages: [10, 11, 12, 13, 14, 20])
    let parent = PageTable(layout: .standard(.kib4), capacity: index.count)
    let writable: EntryFlags = [.readable, .writable, .young, .dirty, .tagged]
    parent.setFrame(0, PageFrameNumber(100), flags: writable)
    parent.setSwap(1, PackedSwapEntry(type: 0, slot: 5), state: .swapExclusive)
    parent.setZeroPage(2, flags: [.readable, .young])
    parent.setFaultOnAccess(3, PageFrameNumber(101), flags: [.tagged])
    parent.setFrame(5, PageFrameNumber(102), flags: writable)
    for page in [10, 20] as [UInt64] { parent.noteMapped(VirtualPageNumber(rawValue: page)) }
    var set = VMASet(pageSize: .kib4)
    for start in [10, 20] as [UInt64] {
      set.map(
        MappingRequest(
          address: start << 12,
          length: 5 << 12,
          protection: [.read, .write, .mte],
          flags: start == 20 ? [.anonymous, .fixed, .shared] : [.anonymous, .fixed]
        )
      )
    }
    var shared: [PageIdentifier] = []
    var states: [EntryState] = []
    let child = parent.copyForFork(areas: set.areas, index: index) { page, state, _ in
      shared.append(page)
      states.append(state)
    }
    #expect(shared == [0, 1, 3, 5])
    #expect(states == [.frame, .swapExclusive, .faultOnAccess, .frame])
    // Private frames lose write permission in both, shared ones in none.
    #expect(parent.flags(0) == writable.subtracting(.writable))
    #expect(child.flags(0) == [.readable, .dirty, .tagged])
    #expect(parent.flags(5) == writable)
    #expect(child.flags(5).contains(.writable))
    #expect(parent.state(1) == .swap && child.state(1) == .swap)
    #expect(child.state(2) == .zeroPage && child.state(3) == .faultOnAccess)
    #expect(child.residentPages == 3 && child.swapEntries == 1)
    #expect(child.tablePages == parent.tablePages)
    parent.checkInvariants()
    child.checkInvariants()
  }

  @Test func areasThatAreNotPassedAreNotCopied() {
    let index = PageIndex(pages: [10])
    let parent = PageTable(layout: .standard(.kib4), capacity: 1)
    parent.setFrame(0, PageFrameNumber(100), flags: .readHit)
    let child = parent.copyForFork(areas: [], index: index) { _, _, _ in
      Issue.record("nothing is copied")
    }
    #expect(child.state(0) == .none)
  }
}
