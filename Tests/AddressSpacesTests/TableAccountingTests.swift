// SPDX-License-Identifier: Apache-2.0

import Containers
import AddressSpaces
import MemoryModel
import TestSupport
import Testing

@Suite struct TableAccountingTests {
  static let layouts: [TableLayout] = PageSize.allCases.flatMap {
    [TableLayout.standard($0), TableLayout(pageSize: $0, addressBits: 48)]
  }

  @Test func levelsAndSpansAreThoseOfArm64() {
    let expected: [(levels: Int, shifts: [Int], top: Int)] = [
      (3, [9, 18], 4096), (4, [9, 18, 27], 4096),
      (3, [11, 22], 16384), (4, [11, 22, 33], 16),
      (2, [13], 65536), (3, [13, 26], 512),
    ]
    for (layout, numbers) in zip(Self.layouts, expected) {
      #expect(layout.levels == numbers.levels, "\(layout)")
      #expect(layout.spanShifts == numbers.shifts, "\(layout)")
      #expect(layout.topTableBytes == numbers.top, "\(layout)")
    }
  }

  /// The formula of the accounting section: distinct aligned spans, level by level.
  private func formula(_ pages: Set<UInt64>, _ layout: TableLayout) -> Int {
    layout.spanShifts.reduce(0) { sum, shift in sum + Set(pages.map { $0 >> UInt64(shift) }).count }
  }

  @Test(arguments: layouts)
  func tablesAreTheDistinctSpansTouched(layout: TableLayout) {
    var random = SplitMix64(seed: UInt64(layout.addressBits))
    let table = PageTable(layout: layout, capacity: 0)
    var touched: Set<UInt64> = []
    let bits = UInt64(layout.addressBits - layout.pageSize.shift)
    for step in 0..<400 {
      // Near ones, far ones, and span edges.
      var page = random.next() % (1 << bits)
      if step % 2 == 0 { page %= 1 << 20 }
      if step % 5 == 0 { page -= page % 512 }
      let before = formula(touched, layout)
      touched.insert(page)
      let created = table.noteMapped(VirtualPageNumber(rawValue: page))
      #expect(created == formula(touched, layout) - before, "\(layout), step \(step)")
      #expect(table.noteMapped(VirtualPageNumber(rawValue: page)) == 0)
    }
    #expect(table.tablePages == formula(touched, layout))
    table.checkInvariants()
  }

  /// Maps and unmaps at random, with the tables of one span table as a slow model: a table goes when the
  /// unmapped range overlaps its span, and no mapping outside the range reaches into the span's part of
  /// the bounds.
  @Test(arguments: layouts, 0..<3 as Range<UInt64>)
  func tablesGoWithWholeSpansOnly(layout: TableLayout, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pageSize = layout.pageSize
    var set = VMASet(pageSize: pageSize)
    let table = PageTable(layout: layout, capacity: 0)
    var model: [Set<UInt64>] = layout.spanShifts.map { _ in [] }
    let span = UInt64(pageSize.entriesPerTable)
    for step in 0..<200 {
      let start = 16 + random.next() % (span * 6) / 8 * 8
      let length = 1 + random.next() % (span * 2)
      let range = VirtualPageNumber(rawValue: start)..<VirtualPageNumber(rawValue: start + length)
      let address = start << UInt64(pageSize.shift)
      let bytes = length << UInt64(pageSize.shift)
      if random.below(5) < 2 {
        set.map(
          MappingRequest(
            address: address,
            length: bytes,
            protection: random.below(2) == 0 ? .read : [.read, .write],
            flags: [.anonymous, .fixedNoReplace]
          )
        )
      } else if random.below(2) == 0 {
        let bounds = set.tableBounds(around: range)
        let unmapped = try set.unmap(address: address, length: bytes).get()
        #expect(set.tableBounds(around: range) == bounds)
        var released = 0
        // What is still mapped decides; the model looks at every page of each span.
        for (level, shift) in layout.spanShifts.enumerated() {
          let gone = model[level].filter { span in
            let pages = span << UInt64(shift)..<(span + 1) << UInt64(shift)
            let overlaps = unmapped.contains {
              $0.lowerBound.rawValue < pages.upperBound && $0.upperBound.rawValue > pages.lowerBound
            }
            let isMapped = set.areas.contains {
              $0.start.rawValue < pages.upperBound && $0.end.rawValue > pages.lowerBound
            }
            return overlaps && !isMapped
          }
          model[level].subtract(gone)
          released += gone.count
        }
        let found = table.releaseTables(range, within: bounds)
        #expect(found == released, "\(layout), seed \(seed), step \(step)")
      } else if let area = set.find(range.lowerBound) {
        let page = area.start.rawValue + random.next() % UInt64(area.pageCount)
        table.noteMapped(VirtualPageNumber(rawValue: page))
        for (level, shift) in layout.spanShifts.enumerated() {
          model[level].insert(page >> UInt64(shift))
        }
      }
      #expect(table.tablePages == model.reduce(0) { $0 + $1.count })
      table.checkInvariants()
    }
  }

  @Test func movingMakesTablesWhereTheSourceHasThem() {
    let table = PageTable(layout: .standard(.kib4), capacity: 0)
    // Leaf tables for pages 0-511 and 1024-1535 of the source; none for 512-1023.
    table.noteMapped(VirtualPageNumber(rawValue: 5))
    table.noteMapped(VirtualPageNumber(rawValue: 1030))
    let source = VirtualPageNumber(rawValue: 0)..<VirtualPageNumber(rawValue: 1536)
    // Two leaves aligned like the source, and the table above them.
    let aligned = VirtualPageNumber(rawValue: 1 << 20)
    #expect(table.noteMoved(source, to: aligned) == 3)
    // Shifted by half a span each part of 256 pages goes to another leaf.
    let shifted = VirtualPageNumber(rawValue: 1 << 21 + 256)
    #expect(table.noteMoved(source, to: shifted) == 5)
    #expect(table.noteMoved(source, to: shifted) == 0)
  }

  @Test func aChildGetsTheTablesOfItsCopiedAreas() {
    let parent = PageTable(layout: .standard(.kib4), capacity: 0)
    for page in [0, 512, 1 << 18] as [UInt64] {
      parent.noteMapped(VirtualPageNumber(rawValue: page))
    }
    #expect(parent.tablePages == 5)
    var set = VMASet(pageSize: .kib4)
    set.map(
      MappingRequest(
        address: 16 << 12,
        length: 1000 << 12,
        protection: .read,
        flags: [.anonymous, .fixed]
      )
    )
    let child = parent.copyForFork(areas: set.areas, index: PageIndex(pages: [])) { _, _, _ in }
    #expect(child.tablePages == 3)
    #expect(child.noteMapped(VirtualPageNumber(rawValue: 600)) == 0)
  }
}
