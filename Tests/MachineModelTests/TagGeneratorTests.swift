// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import MachineModel

/// Choosing tags, against the list of the allowed ones.
@Suite struct TagGeneratorTests {
  @Test func everyStartAndOffsetGoesThroughTheAllowedTags() {
    for excluded in stride(from: 0, through: 0xffff, by: 37).map({ UInt16($0) }) + [0xffff] {
      let allowed = (0..<16 as Range<UInt8>).filter { excluded >> UInt16($0) & 1 == 0 }
      for start in 0..<16 as Range<UInt8> {
        // The allowed tags in the order in which they are met from the start on.
        let met = allowed.filter { $0 >= start } + allowed.filter { $0 < start }
        for offset in 0..<16 as Range<UInt8> {
          // From an excluded start the first step leads to the first allowed tag.
          let steps = met.first == start || offset == 0 ? Int(offset) : Int(offset) - 1
          let expected = met.isEmpty ? 0 : met[steps % met.count]
          let found = TagGenerator.tag(
            from: MemoryTag(truncating: start),
            advancedBy: offset,
            excluding: excluded
          )
          #expect(found.rawValue == expected, "from \(start) by \(offset) without \(excluded)")
        }
      }
    }
  }

  @Test func theSeedGoesThroughAllStatesButZero() {
    var generator = TagGenerator()
    var tags = Set<UInt8>()
    for _ in 0..<1000 {
      tags.insert(generator.next(excluding: 1).rawValue)
      #expect(generator.seed != 0)
    }
    #expect(tags == Set(1...15))
  }
}
