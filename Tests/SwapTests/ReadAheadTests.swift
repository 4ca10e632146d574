// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Swap

@Suite struct ReadAheadTests {
  private func area(_ range: Range<UInt64>) -> Range<VirtualPageNumber> {
    VirtualPageNumber(rawValue: range.lowerBound)..<VirtualPageNumber(rawValue: range.upperBound)
  }

  private func fault(
    _ state: inout AreaReadAhead,
    _ page: UInt64,
    _ range: Range<UInt64> = 0..<1 << 36,
    pageSize: PageSize = .kib4,
    pageCluster: Int = 3
  ) -> Range<UInt64> {
    let pages = state.pages(
      faulting: VirtualPageNumber(rawValue: page),
      in: area(range),
      pageSize: pageSize,
      pageCluster: pageCluster
    )
    return pages.lowerBound.rawValue..<pages.upperBound.rawValue
  }

  @Test func vectorOfTheNotes() {
    var state = AreaReadAhead()
    #expect(fault(&state, 100) == 97..<105)
    for page in 101...104 as ClosedRange<UInt64> {
      state.noteCacheHit(at: VirtualPageNumber(rawValue: page), wasReadAhead: true)
    }
    #expect(state.hits == 4 && state.lastPage.rawValue == 104 && state.window == 8)
    #expect(fault(&state, 105) == 105..<113)
  }

  @Test func randomFaultsShrinkTheWindow() {
    var state = AreaReadAhead()
    let sizes = [100, 300, 50, 200, 10, 400].map { fault(&state, $0).count }
    #expect(sizes == [8, 4, 2, 1, 1, 1])
    // A neighbour of the last fault is worth two pages again.
    #expect(fault(&state, 401) == 401..<403)
    #expect(fault(&state, 402) == 402..<404)
  }

  @Test func backwardFaultsReadBackward() {
    var state = AreaReadAhead()
    _ = fault(&state, 100)
    for page in [99, 98, 97] as [UInt64] {
      state.noteCacheHit(at: VirtualPageNumber(rawValue: page), wasReadAhead: true)
    }
    #expect(fault(&state, 96) == 89..<97)
  }

  @Test func hitsOnOtherCachedPagesOnlyMoveThePosition() {
    var state = AreaReadAhead()
    _ = fault(&state, 100)
    state.noteCacheHit(at: VirtualPageNumber(rawValue: 7), wasReadAhead: false)
    #expect(state.hits == 0 && state.lastPage.rawValue == 7)
    #expect(fault(&state, 8) == 8..<12)
  }

  @Test func windowsStayInTheAreaAndItsTable() {
    var state = AreaReadAhead()
    #expect(fault(&state, 100, 99..<102) == 99..<102)
    for pageSize in PageSize.allCases {
      let span = UInt64(pageSize.entriesPerTable)
      var first = AreaReadAhead()
      #expect(fault(&first, span, pageSize: pageSize) == span..<span + 5)
      var last = AreaReadAhead()
      #expect(fault(&last, span - 1, pageSize: pageSize) == span - 4..<span)
    }
    var lowest = AreaReadAhead()
    #expect(fault(&lowest, 0) == 0..<5)
  }

  @Test func pageClusterBoundsTheWindow() {
    for pageCluster in 0...8 {
      var state = AreaReadAhead()
      let count = fault(&state, 1000, pageCluster: pageCluster).count
      #expect(count == min(1 << pageCluster, 8))
      for _ in 0..<40 {
        state.noteCacheHit(at: VirtualPageNumber(rawValue: 1001), wasReadAhead: true)
      }
      guard pageCluster > 0 else { continue }
      #expect(fault(&state, 1200, pageCluster: pageCluster).count == min(1 << pageCluster, 32))
    }
    var off = AreaReadAhead()
    #expect(fault(&off, 5, pageCluster: 0) == 5..<6)
    #expect(off == AreaReadAhead())
  }

  @Test func hitsSaturateInTheirField() {
    var state = AreaReadAhead()
    for _ in 0..<100 {
      state.noteCacheHit(at: VirtualPageNumber(rawValue: 1 << 51), wasReadAhead: true)
    }
    #expect(state.hits == 63 && state.window == 0 && state.lastPage.rawValue == 1 << 51)
    #expect(AreaReadAhead(rawValue: state.rawValue) == state)
  }

  @Test func everyWindowIsAPowerOfTwoAndFollowsTheRule() {
    for hits in 0...40 {
      for previousWindow in [0, 1, 2, 4, 8, 16, 32] {
        for limit in [1, 2, 4, 8, 16, 32] {
          for position in [9, 11, 50] as [UInt64] {
            let size = ReadAhead.window(
              previous: 10,
              position: position,
              hits: hits,
              limit: limit,
              previousWindow: previousWindow
            )
            #expect(size & (size - 1) == 0 && size >= 1)
            let wanted = hits == 0 ? (position == 50 ? 1 : 2) : max(4, hits + 2)
            // Large enough, and no larger than the next power of two.
            let bound = max(previousWindow / 2, limit)
            #expect(size <= bound || hits == 0)
            #expect(size >= min(wanted, limit) && size >= previousWindow / 2)
            #expect(size < 2 * max(wanted, 1) || size == previousWindow / 2)
          }
        }
      }
    }
  }

  @Test func clusterReadAheadReadsAlignedBlocks() {
    var state = ClusterReadAhead()
    // Starts with four hits: a window of 8. Slot 0 is the header.
    #expect(state.slots(faulting: 3, of: 1000, pageCluster: 3) == 1..<8)
    #expect(state.hits == 0)
    #expect(state.slots(faulting: 21, of: 1000, pageCluster: 3) == 20..<24)
    #expect(state.slots(faulting: 22, of: 1000, pageCluster: 3) == 22..<24)
    #expect(state.slots(faulting: 500, of: 1000, pageCluster: 3) == 500..<501)
    state.noteReadAheadHit()
    #expect(state.slots(faulting: 998, of: 999, pageCluster: 3) == 996..<999)
    #expect(state.slots(faulting: 5, of: 1000, pageCluster: 0) == 5..<6)
  }
}
