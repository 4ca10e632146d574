// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Swap

@Suite struct SwapEntryCodingTests {
  @Test func vectorsOfTheNotes() throws {
    #expect(SwapEntry(type: 0, offset: 5).rawValue == 5)
    #expect(SwapEntry(type: 1, offset: 5).rawValue == 0x0400_0000_0000_0005)
    let entry = SwapEntry(type: 1, offset: 5)
    #expect(SwapEntryCoding.pteValue(of: entry, isExclusive: true) == 0x50c)
    #expect(SwapEntryCoding.pteValue(of: entry, isExclusive: false) == 0x508)
    let read = try #require(SwapEntryCoding.entry(ofPTE: 0x50c))
    #expect(read.entry == entry && read.isExclusive)
  }

  @Test func everyBitSurvives() throws {
    for type in 0..<32 {
      for bit in 0..<50 as Range<UInt64> {
        for isExclusive in [false, true] {
          let entry = SwapEntry(type: type, offset: 1 << bit)
          let value = SwapEntryCoding.pteValue(of: entry, isExclusive: isExclusive)
          #expect(value & 3 == 0 && value >> 58 == 0)
          let read = try #require(SwapEntryCoding.entry(ofPTE: value))
          #expect(read.entry == entry && read.isExclusive == isExclusive)
        }
      }
    }
    let last = SwapEntry(type: 31, offset: SwapEntryCoding.largestOffset)
    #expect(SwapEntryCoding.pteValue(of: last, isExclusive: true) == 1 << 58 - 4)
  }

  @Test(arguments: [0, 1, 2, 3, 0x50d, 0x50e, 1 << 58, 1 << 63] as [UInt64])
  func otherValuesAreNoSwapEntries(value: UInt64) {
    #expect(SwapEntryCoding.entry(ofPTE: value) == nil)
  }
}
