// SPDX-License-Identifier: Apache-2.0

import CodecModel
import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

@Suite struct TagRunsTests {
  @Test(arguments: PageSize.allCases, [GranuleOrder.hardware, .highNibbleFirst])
  func runsAgreeWithTheSlowModel(pageSize: PageSize, order: GranuleOrder) {
    var random = SplitMix64(seed: 7)
    for step in 0..<200 {
      let page = pageSize.interestingPage(using: &random)
      let model = ModelPage(ModelPage.tags(page))
      let expected = order == .hardware ? model.runs : model.highNibbleFirstRuns
      #expect(TagRuns.count(page.span, order: order) == expected.count, "step \(step)")
      let found = TagRuns.list(page.span, order: order)
      #expect(found.map { Int($0.tag.rawValue) } == expected.map { Int($0.tag) }, "step \(step)")
      #expect(found.map(\.granules) == expected.map(\.size), "step \(step)")
    }
  }

  @Test func aCodecIsKnownByItsName() {
    #expect(
      TagCodec.allCases.map(\.rawValue)
        == ["raw", "mtecomp", "mtecomp-v5", "mtecomp-v11", "xnu-rle"]
    )
    #expect(TagCodec(rawValue: "mtecomp") == .mtecomp)
    #expect(TagCodec(rawValue: "lz4") == nil)
  }
}
