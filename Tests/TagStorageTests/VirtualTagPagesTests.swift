// SPDX-License-Identifier: Apache-2.0

import TagStorage
import TestSupport
import Testing

/// Which tag pages an address space needs.
@Suite struct VirtualTagPagesTests {
  @Test func groupsAreAlignedAndEndWithTheirLastPage() {
    var pages = VirtualTagPages()
    for page: UInt64 in [31, 32, 63, 64] { pages.add(page) }
    #expect(pages.count == 3 && pages.residentPages == 4)
    pages.remove(32)
    #expect(pages.count == 3)
    pages.remove(63)
    #expect(pages.count == 2)
    pages.keep(31)
    pages.remove(31)
    #expect(pages.count == 2 && pages.keptPages == 1)
    let wasKept = pages.endKept(31)
    let wasKeptStill = pages.endKept(31)
    #expect(wasKept && !wasKeptStill && pages.count == 1)
    pages.remove(64)
    #expect(pages == VirtualTagPages())
  }

  @Test func countingTwiceStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var pages = VirtualTagPages()
      pages.add(5)
      pages.add(5)
    }
    await #expect(processExitsWith: .failure) {
      var pages = VirtualTagPages()
      pages.add(5)
      pages.remove(6)
    }
  }

  @Test(arguments: 0..<4)
  func randomStepsAgreeWithSets(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var pages = VirtualTagPages()
    var (resident, kept): (Set<UInt64>, Set<UInt64>) = ([], [])
    for step in 0..<2_000 {
      let label: Comment = "seed \(seed), step \(step)"
      let page: UInt64 = 1 << 40 - 70 + random.below(140)
      if random.below(2) == 0 {
        if resident.insert(page).inserted {
          pages.add(page)
        } else {
          resident.remove(page)
          pages.remove(page)
        }
      } else if kept.contains(page) || random.below(2) == 0 {
        let wasKept = pages.endKept(page)
        #expect(wasKept == (kept.remove(page) != nil), label)
      } else {
        kept.insert(page)
        pages.keep(page)
      }
      let groups = Set(resident.union(kept).map { $0 / 32 })
      #expect(pages.count == groups.count, label)
      #expect(pages.residentPages == resident.count && pages.keptPages == kept.count, label)
      #expect(pages.isResident(page) == resident.contains(page), label)
      #expect(pages.isKept(page) == kept.contains(page), label)
    }
  }
}
