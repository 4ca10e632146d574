// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Reporting

/// The change of tag-block memory, split into more tagged pages and worse packing.
@Suite struct TagBlockChangeTests {
  private func split(
    _ blocks: (Int64, Int64),
    _ pages: (Int64, Int64)
  ) -> (byPages: Int64, byPacking: Int64) {
    let change = TagBlockChange(blocks: blocks, pages: pages)
    return (change.byPages, change.byPacking)
  }

  @Test func oneCauseAloneGetsAllOfTheChange() {
    // Twice the pages, packed as before.
    #expect(split((4096, 8192), (40_960, 81_920)) == (4096, 0))
    // The same pages, in half as many blocks.
    #expect(split((8192, 4096), (81_920, 81_920)) == (0, -4096))
    #expect(split((0, 0), (0, 0)) == (0, 0))
  }

  /// 10 pages at 1 a block become 20 at 4: alone the pages would be +10, alone the packing -7.5; the
  /// cross term, -7.5, is halved.
  @Test func theCrossTermIsHalved() {
    #expect(split((1000, 500), (1000, 2000)) == (625, -1125))
    #expect(split((500, 1000), (2000, 1000)) == (-625, 1125))
  }

  @Test func aSideWithoutTaggedPagesTakesThePackingOfTheOther() {
    #expect(split((0, 4096), (0, 40_960)) == (4096, 0))
    #expect(split((4096, 0), (40_960, 0)) == (-4096, 0))
    // Blocks that are held for ever serve nobody.
    #expect(split((4096, 2048), (40_960, 0)) == (-4096, 2048))
    #expect(split((2048, 4096), (0, 0)) == (0, 2048))
  }

  @Test func partsAddUpAndMirrorForRandomAndForLargestNumbers() {
    var random = SplitMix64(seed: 5)
    let largest: Int64 = 1 << 53 - 1
    for step in 0..<20_000 {
      func number() -> Int64 {
        step % 7 == 0 ? largest : Int64(random.next() >> UInt64.random(in: 11...63, using: &random))
      }
      let (blocks, pages) = ((number(), number()), (number(), number()))
      let change = split(blocks, pages)
      #expect(change.byPages + change.byPacking == blocks.1 - blocks.0, "seed 5, step \(step)")
      let mirrored = split((blocks.1, blocks.0), (pages.1, pages.0))
      #expect(mirrored == (-change.byPages, -change.byPacking), "seed 5, step \(step)")
    }
  }
}
