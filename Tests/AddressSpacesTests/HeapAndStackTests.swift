// SPDX-License-Identifier: Apache-2.0

@testable import AddressSpaces
import Containers
import MemoryModel
import Testing

@Suite struct HeapAndStackTests {
  @Test(arguments: PageSize.allCases)
  func theHeapGrowsAndShrinks(pageSize: PageSize) {
    var drawing = Drawing(pageSize: pageSize)
    #expect(drawing.set.brk(to: 0) == BreakChange(programBreak: 0))
    drawing.set.setHeapStart(drawing.address(2))
    #expect(drawing.set.brk(to: 0).programBreak == drawing.address(2))
    // Less than a page more maps a page, the rest of it nothing.
    let first = drawing.set.brk(to: drawing.address(2) + 16)
    #expect(first.grown == drawing.range(2..<3))
    #expect(drawing.set.brk(to: drawing.address(3)).grown == nil)
    #expect(drawing.set.brk(to: drawing.address(6)).grown == drawing.range(3..<6))
    #expect(drawing.text == "..aaaa..........")
    let shrunk = drawing.set.brk(to: drawing.address(3) + 1)
    #expect(shrunk.dropped == [drawing.range(4..<6)])
    #expect(drawing.text == "..aa............")
    #expect(drawing.set.brk(to: drawing.address(1)).programBreak == drawing.address(3) + 1)
    // The heap can be tagged later, and new heap is not.
    #expect(drawing.protect(2..<4, [.read, .write, .mte]) == nil)
    _ = drawing.set.brk(to: drawing.address(5))
    #expect(drawing.text == "..aab...........")
  }

  @Test func theHeapStopsBelowAMapping() {
    var drawing = Drawing()
    drawing.set.setHeapStart(drawing.address(0))
    drawing.map(4..<5, .read)
    #expect(drawing.set.brk(to: drawing.address(4)).programBreak == drawing.address(0))
    #expect(drawing.set.brk(to: drawing.address(3)).programBreak == drawing.address(3))
    // Something else where the heap was: shrinking takes it, too, as the kernel does.
    drawing.map(2..<3, .read)
    #expect(drawing.set.brk(to: drawing.address(1)).dropped == [drawing.range(1..<3)])
    #expect(drawing.text == "a...b...........")
  }

  @Test func theHeapOfARecordingIsKnownByItsLabel() {
    var drawing = Drawing()
    drawing.map(1..<3, [.read, .write], [.anonymous, .heap])
    #expect(drawing.set.heapStart == drawing.address(1))
    #expect(drawing.set.brk(to: drawing.address(4)).grown == drawing.range(3..<4))
    #expect(drawing.text == ".aaa............")
  }

  @Test func anUnknownHeapStartsAtTheFirstBreak() {
    var drawing = Drawing()
    #expect(drawing.set.brk(to: drawing.address(2)).programBreak == drawing.address(2))
    #expect(drawing.text == "................")
    #expect(drawing.set.brk(to: drawing.address(3)).grown == drawing.range(2..<3))
  }

  @Test func theStackGrowsDownToItsGuard() {
    var drawing = Drawing()
    drawing.map(12..<14, [.read, .write], [.anonymous, .stack])
    #expect(drawing.set.expandStack(to: drawing.number(12)) == nil)
    #expect(drawing.set.expandStack(to: drawing.number(14)) == nil)
    #expect(drawing.set.expandStack(to: drawing.number(8)) == drawing.range(8..<12))
    #expect(drawing.text == "........aaaaaa..")
    drawing.set.checkInvariants()
    // A mapping within 256 pages below forbids more, except one that no access may reach.
    drawing.map(0..<1, .read)
    #expect(drawing.set.expandStack(to: drawing.number(7)) == nil)
    drawing.protect(0..<1, [])
    #expect(drawing.set.expandStack(to: drawing.number(7)) == drawing.range(7..<8))
    drawing.set.stackLimitBytes = drawing.bytes(8)
    #expect(drawing.set.expandStack(to: drawing.number(5)) == nil)
    #expect(drawing.set.expandStack(to: drawing.number(6)) == drawing.range(6..<7))
  }

  @Test func anAddressOfZeroTakesTheHighestGap() throws {
    var set = VMASet(pageSize: .kib4)
    let top = VirtualPageNumber(rawValue: (1 << 48 - 128 << 20) >> 12)
    func request(_ pages: Int) -> MappingRequest {
      MappingRequest(
        address: 0,
        length: UInt64(pages * 4096),
        protection: .read,
        flags: [.anonymous]
      )
    }
    let first = try set.map(request(2)).get()
    #expect(first == top.advanced(by: -2)..<top)
    let second = try set.map(request(3)).get()
    #expect(second.upperBound == first.lowerBound)
    set.unmap(address: first.lowerBound.address(pageSize: .kib4), length: 8192)
    #expect(try set.map(request(3)).get().upperBound == second.lowerBound)
    #expect(try set.map(request(2)).get() == first)
    #expect(set.count == 1)
  }

  @Test func aRecordedAddressReplacesWhatIsThere() throws {
    var drawing = Drawing()
    drawing.map(0..<4)
    let place = try drawing.map(2..<6, .read, [.anonymous]).get()
    #expect(place == drawing.range(2..<6))
    #expect(drawing.text == "aabbbb..........")
    let check = drawing.set.checkMap(
      MappingRequest(
        address: drawing.address(1),
        length: drawing.bytes(8),
        protection: .read,
        flags: [.anonymous]
      )
    )
    #expect(drawing.set.mappedRanges(in: try check.get()) == [drawing.range(1..<6)])
  }
}
