// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

/// The ways of 4K pages, eight runs at a time, beside those of any page size, run by run.
@Suite struct ShortPageTests {
  private static let pageSize = PageSize.kib4
  private static let layout = RunLayout(.kib4)

  @Test(arguments: [GranuleOrder.hardware, .highNibbleFirst])
  func encodesWhatTheGeneralWayEncodes(order: GranuleOrder) {
    let seed: UInt64 = 0x4b
    var random = SplitMix64(seed: seed)
    var seen: Set<Int> = []
    for step in 0..<modelPages * 2 {
      let page =
        step < 512
        ? Self.pageSize.randomPage(runs: step % 256 + 1, using: &random)
        : Self.pageSize.interestingPage(using: &random)
      let short = Self.shortForm(page, order)
      let general = Self.generalForm(page, order)
      #expect(short == general, "seed \(seed), step \(step): \(page)")
      seen.insert(general.bytes)
    }
    #expect(seen == [8, 16, 32, 64, 128])
  }

  @Test(arguments: [GranuleOrder.hardware, .highNibbleFirst])
  func decodesObjectsAsTheGeneralWayDoes(order: GranuleOrder) {
    let seed: UInt64 = 0x0b
    var random = SplitMix64(seed: seed)
    let runs = PackedRuns(Self.pageSize, order: order)
    var restored = 0
    for step in 0..<modelPages * 2 {
      // Mostly what an encoder made, with a changed byte in half of them; noise otherwise.
      let page = Self.pageSize.randomPage(
        runs: Int.random(in: 7...46, using: &random),
        using: &random
      )
      let form = Self.generalForm(page, .hardware)
      var payload = form.payload
      if step % 2 == 0 {
        payload[Int.random(in: payload.indices, using: &random)] = UInt8(step & 255)
      }
      if step % 8 == 0 {
        for byte in payload.indices { payload[byte] = UInt8(random.next() & 255) }
      }
      let short = Self.outcome { (output) throws(TagDecodingError) in
        try ShortPageDecoder(order: order).decode(payload.span, into: &output)
      }
      let general = Self.outcome { (output) throws(TagDecodingError) in
        try runs.decodeRunByRun(payload.span, into: &output)
      }
      #expect(short == general, "seed \(seed), step \(step): \(payload)")
      if case .success = short { restored += 1 }
    }
    #expect(restored >= modelPages && restored < modelPages * 2)
  }

  @Test(arguments: [GranuleOrder.hardware, .highNibbleFirst])
  func decodesHandlesAsTheGeneralWayDoes(order: GranuleOrder) {
    let seed: UInt64 = 0x0e
    var random = SplitMix64(seed: seed)
    var restored = 0
    for step in 0..<modelPages * 2 {
      var fields = InlineRuns(
        largest: random.next() & 7,
        tags: random.next() & 0xff_ffff,
        sizes: random.next() & (1 << 35 - 1)
      )
      if step % 4 != 0 {
        let page = Self.pageSize.randomPage(
          runs: Int.random(in: 1...6, using: &random),
          using: &random
        )
        fields = InlineRuns(page.span, layout: Self.layout, order: .hardware)
      }
      let short = Self.outcome { (output) throws(TagDecodingError) in
        try fields.decodeShort(order: order, into: &output)
      }
      let general = Self.outcome { (output) throws(TagDecodingError) in
        _ = try fields.decodeRunByRun(layout: Self.layout, order: order, into: &output)
      }
      #expect(short == general, "seed \(seed), step \(step): \(fields)")
      if case .success = short { restored += 1 }
    }
    #expect(restored >= modelPages && restored < modelPages * 2)
  }

  /// What an encoder made of a page: the fields of a handle, or an object.
  private struct Form: Equatable {
    var fields: [UInt64] = []
    var payload: [UInt8] = []
    var bytes: Int { fields.isEmpty ? payload.count : 8 }
  }

  private static func shortForm(_ page: [UInt8], _ order: GranuleOrder) -> Form {
    var payload = [UInt8](repeating: 0xa5, count: pageSize.tagBytes)
    var room = payload.mutableSpan
    switch ShortPageEncoder(order: order).encode(page.span, payload: &room) {
    case .uniform(let tag): return Form(fields: [0, tag, 0])
    case .inline(let fields, runs: _):
      return Form(fields: [fields.largest, fields.tags, fields.sizes])
    case .packed(let bytes): return Form(payload: Array(payload.prefix(bytes)))
    case .raw: return Form(payload: payload)
    }
  }

  private static func generalForm(_ page: [UInt8], _ order: GranuleOrder) -> Form {
    let runs = RunScanner.count(page.span, order: order, limit: layout.maxRuns)
    if runs > layout.maxRuns { return Form(payload: page) }
    if runs <= layout.inlineCapacity {
      let fields = InlineRuns(page.span, layout: layout, order: order)
      return Form(fields: [fields.largest, fields.tags, fields.sizes])
    }
    var payload = [UInt8](repeating: 0x5a, count: pageSize.tagBytes)
    var room = payload.mutableSpan
    let encoded = PackedRuns(pageSize, order: order)
      .encode(page.span, runs: runs, payload: &room)
    return Form(payload: Array(payload.prefix(encoded.sizeClass.bytes)))
  }

  private static func outcome(
    _ decode: (inout MutableSpan<UInt8>) throws(TagDecodingError) -> Void
  ) -> Result<[UInt8], TagDecodingError> {
    var tags = [UInt8](repeating: 0xa5, count: pageSize.tagBytes)
    var output = tags.mutableSpan
    do throws(TagDecodingError) {
      try decode(&output)
    } catch {
      return .failure(error)
    }
    return .success(tags)
  }
}
