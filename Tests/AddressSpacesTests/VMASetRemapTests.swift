// SPDX-License-Identifier: Apache-2.0

@testable import AddressSpaces
import Containers
import MemoryModel
import Testing

@Suite struct VMASetRemapTests {
  @Test func shrinkingUnmapsTheTail() throws {
    var drawing = Drawing()
    drawing.map(0..<6)
    let plan = try drawing.remap(1..<5, to: 2).get()
    #expect(plan == RemapPlan(mapping: drawing.range(1..<3), dropped: [drawing.range(3..<5)]))
    #expect(drawing.text == "aaa..b..........")
  }

  @Test func growingInPlaceMergesWithTheNeighbour() throws {
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(4..<6)
    let plan = try drawing.remap(0..<2, to: 4, [.mayMove]).get()
    #expect(plan.mapping == drawing.range(0..<4))
    #expect(plan.grown == drawing.range(2..<4))
    #expect(plan.moved == nil)
    #expect(drawing.text == "aaaaaa..........")
  }

  @Test func growingGoesElsewhereWhereThereIsNoRoom() throws {
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(2..<3, .read)
    drawing.write(0)
    let plan = try drawing.remap(0..<2, to: 4, [.mayMove]).get()
    #expect(drawing.text == "..a.............")
    #expect(plan.moved == drawing.range(0..<2))
    #expect(plan.grown?.pageCount == 2)
    #expect(plan.dropped.isEmpty)
    let area = try #require(drawing.set.find(plan.mapping.lowerBound))
    #expect(area.pages == plan.mapping)
    // Written memory keeps its offset, so that it could merge with nothing here.
    #expect(area.pageOffset == drawing.number(0).rawValue)
    // The gap was chosen from the top, below the space for the stack.
    #expect(plan.mapping.upperBound.rawValue == (1 << 48 - 128 << 20) >> 12)
  }

  @Test func aRecordedAddressIsFollowed() throws {
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(9..<10, .read)
    let plan = try drawing.remap(0..<2, to: 3, at: 8, [.mayMove]).get()
    #expect(plan.dropped == [drawing.range(9..<10)])
    #expect(plan.moved == drawing.range(0..<2))
    #expect(plan.grown == drawing.range(10..<11))
    #expect(drawing.text == "........aaa.....")
    // Never written to, so that it has the offset of its new place, and merges there.
    drawing.map(7..<8)
    #expect(drawing.text == ".......aaaa.....")
    // Recorded as grown in place, over what this process has there.
    drawing.map(11..<12, .read)
    let grown = try drawing.remap(7..<11, to: 6, at: 7, [.mayMove]).get()
    #expect(grown.dropped == [drawing.range(11..<12)])
    #expect(drawing.text == ".......aaaaaa...")
  }

  @Test func fixedReplacesTheDestination() throws {
    var drawing = Drawing()
    drawing.map(0..<6)
    drawing.write(0)
    drawing.map(8..<12, .read)
    let plan = try drawing.remap(2..<5, to: 2, at: 9, [.mayMove, .fixed]).get()
    #expect(plan.mapping == drawing.range(9..<11))
    #expect(plan.dropped == [drawing.range(9..<11), drawing.range(4..<5)])
    #expect(plan.moved == drawing.range(2..<4))
    #expect(drawing.text == "aa...b..cdde....")
    #expect(drawing.set.find(drawing.number(9))?.pageOffset == drawing.number(2).rawValue)
    // Back to where it was: the offsets fit, and all is one again.
    drawing.remap(9..<11, to: 2, at: 2, [.mayMove, .fixed])
    #expect(drawing.text == "aaaa.b..c..d....")
    drawing.set.checkInvariants()
  }

  @Test func dontUnmapLeavesAnEmptyMapping() throws {
    var drawing = Drawing()
    drawing.map(0..<3)
    drawing.write(0)
    drawing.set.setFlags(in: drawing.range(0..<3), adding: .locked)
    let plan = try drawing.remap(0..<3, to: 3, at: 8, [.mayMove, .dontUnmap]).get()
    #expect(plan.keepsSource)
    #expect(plan.moved == drawing.range(0..<3))
    #expect(drawing.text == "aaa.....bbb.....")
    let source = try #require(drawing.set.find(drawing.number(0)))
    #expect(source.anonVMA == 0)
    #expect(!source.flags.contains(.locked))
    let copy = try #require(drawing.set.find(drawing.number(8)))
    #expect(copy.anonVMA == 1)
    #expect(copy.flags.contains(.locked))
    // Part of a VMA keeps its reverse map.
    drawing.remap(8..<9, to: 1, at: 5, [.mayMove, .dontUnmap])
    #expect(drawing.set.find(drawing.number(8))?.anonVMA == 1)
  }

  @Test func oldLengthZeroMapsSharedMemoryTwice() throws {
    var drawing = Drawing()
    drawing.map(0..<3, .read, [.anonymous, .shared, .fixed])
    let plan = try drawing.remap(1..<1, to: 2, at: 8, [.mayMove]).get()
    #expect(plan.moved == nil)
    #expect(plan.grown == drawing.range(8..<10))
    #expect(drawing.text == "aaa.....bb......")
    #expect(drawing.set.find(drawing.number(8))?.pageOffset == 1)
  }

  @Test func equalLengthsDoNothing() throws {
    var drawing = Drawing()
    drawing.map(0..<3)
    let before = drawing.set
    #expect(try drawing.remap(0..<2, to: 2).get() == RemapPlan(mapping: drawing.range(0..<2)))
    #expect(drawing.set == before)
  }
}
