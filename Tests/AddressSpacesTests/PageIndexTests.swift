// SPDX-License-Identifier: Apache-2.0

import Containers
import AddressSpaces
import MemoryModel
import TestSupport
import Testing

@Suite struct PageIndexTests {
  private func visited(
    _ index: PageIndex,
    _ range: Range<UInt64>
  ) -> [(PageIdentifier, UInt64)] {
    var pages: [(PageIdentifier, UInt64)] = []
    let bounds =
      VirtualPageNumber(rawValue: range.lowerBound)..<VirtualPageNumber(rawValue: range.upperBound)
    index.forEachIdentifier(in: bounds) { pages.append(($0, $1.rawValue)) }
    return pages
  }

  @Test func anEmptyIndexKnowsNothing() {
    let index = PageIndex(pages: [])
    #expect(index.count == 0)
    #expect(index.identifier(of: VirtualPageNumber(rawValue: 0)) == nil)
    #expect(visited(index, 0..<1 << 52).isEmpty)
    #expect(index.identifierAdding(VirtualPageNumber(rawValue: 0)) == 0)
    #expect(index.identifierAdding(VirtualPageNumber(rawValue: 0)) == 0)
    #expect(index.page(of: 0).rawValue == 0)
  }

  @Test func rangesAreHalfOpenAndAscending() {
    let index = PageIndex(pages: [30, 10, 20])
    _ = index.identifierAdding(VirtualPageNumber(rawValue: 15))
    #expect(visited(index, 10..<30).map(\.0) == [1, 3, 2])
    #expect(visited(index, 11..<31).map(\.1) == [15, 20, 30])
    #expect(visited(index, 21..<30).isEmpty)
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func additionsAgreeWithADictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var model: [UInt64: PageIdentifier] = [:]
    var first: [UInt64] = []
    while first.count < 500 {
      let page = random.next() % 50_000
      if model[page] == nil {
        model[page] = PageIdentifier(first.count)
        first.append(page)
      }
    }
    let index = PageIndex(pages: first)
    // More additions than wait at a time, so that they are merged at least twice.
    for _ in 0..<12_000 {
      let page = random.next() % 50_000
      let expected = model[page] ?? PageIdentifier(model.count)
      model[page] = expected
      #expect(index.identifierAdding(VirtualPageNumber(rawValue: page)) == expected, "seed \(seed)")
    }
    index.checkInvariants()
    #expect(index.count == model.count)
    for _ in 0..<200 {
      let page = random.next() % 50_000
      #expect(index.identifier(of: VirtualPageNumber(rawValue: page)) == model[page])
      let range = page..<page + random.next() % 100
      let expected = model.filter { range.contains($0.key) }.sorted { $0.key < $1.key }
      let found = visited(index, range)
      #expect(found.map(\.1) == expected.map(\.key), "seed \(seed), \(range)")
      #expect(found.map(\.0) == expected.map(\.value), "seed \(seed), \(range)")
    }
  }
}
