// SPDX-License-Identifier: Apache-2.0

import CodecModel
import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

/// Every codec beside its model, as `mtesim-codec-check` does on very many more pages.
@Suite struct ModelTests {
  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func randomPagesAgreeWithTheModel(codec: TagCodec, pageSize: PageSize) throws {
    let seed = UInt64(pageSize.rawValue) + 1
    var random = SplitMix64(seed: seed)
    let model = try codec.model(pageSize)
    for step in 0..<pageSize.share(of: modelPages) {
      let bytes = pageSize.interestingPage(using: &random)
      let page = ModelPage(ModelPage.tags(bytes))
      let stored = codec.stored(bytes, pageSize)
      let place = "seed \(seed), step \(step)"
      guard stored.inModel == model.encode(page) else {
        Issue.record("\(place): \(stored), expected \(model.encode(page))")
        return
      }
      if codec == .mtecomp, case .inline(let handle) = stored.encoded {
        #expect(!handle.looksLikeAddress, "\(place): \(handle)")
      }
      let defect = codec == .mtecompV5 ? model.postedDefect(page) : nil
      switch defect {
      case nil:
        guard try codec.restored(stored, pageSize) == bytes else {
          Issue.record("\(place): \(codec.rawValue) lost \(bytes)")
          return
        }
      case .restoredAs(let tags):
        #expect(try codec.restored(stored, pageSize) == ModelPage.bytes(tags), "\(place)")
      case .takenForAddress:
        #expect(throws: TagDecodingError.self, "\(place)") {
          try codec.restored(stored, pageSize)
        }
      }
    }
  }

  /// Random and mutated handles and payloads are refused exactly where the model refuses them, and
  /// never read as another page than the model's; nothing traps.
  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func hostileInputIsRefusedWhereTheModelRefusesIt(codec: TagCodec, pageSize: PageSize) throws {
    let seed = UInt64(pageSize.rawValue)
    var random = SplitMix64(seed: seed)
    let model = try codec.model(pageSize)
    var refused = 0
    for step in 0..<max(150, pageSize.share(of: modelPages)) {
      var mutated = codec.stored(pageSize.interestingPage(using: &random), pageSize)
      switch mutated.encoded {
      case .inline(let handle):
        let flipped = handle.rawValue ^ 1 << UInt64(random.below(63))
        mutated.encoded = .inline(TagHandle(truncating: flipped))
      case .object:
        mutated.payload[random.below(mutated.payload.count)] ^= 1 << UInt8(random.below(8))
      }
      let noise = Stored(encoded: .inline(TagHandle(truncating: random.next())), payload: [])
      let classes = codec.sizeClasses(pageSize: pageSize)
      let sizeClass = classes[random.below(classes.count)]
      let noiseObject = Stored(
        encoded: .object(sizeClass),
        payload: (0..<sizeClass.bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
      )
      for hostile in [mutated, noise, noiseObject] {
        let expected = model.decode(hostile.inModel).map { ModelPage.bytes($0) }
        do {
          let page = try codec.restored(hostile, pageSize)
          #expect(page == expected, "seed \(seed), step \(step): \(hostile)")
        } catch {
          refused += 1
          #expect(expected == nil, "seed \(seed), step \(step): \(hostile): \(error)")
          #expect(!"\(error)".isEmpty)
        }
      }
    }
    #expect(refused > 50)
  }
}

/// What the posted v5 codec gets wrong, each with the smallest page that shows it.
///
/// The fourth defect, lost tags where memory is short, is the store's: `TagStorePostedCodecTests`.
@Suite struct PostedDefectTests {
  private let v5 = TagCodec.mtecompV5
  private let model = CodecModel(.mtecompV5, granules: 256)

  private func v5Page(_ runs: [(tag: UInt8, size: Int)]) -> [UInt8] {
    page(runs, order: .highNibbleFirst)
  }

  private func isKept(_ page: [UInt8]) -> Bool {
    (try? v5.restored(v5.stored(page, .kib4), .kib4)) == page
  }

  @Test(arguments: PageSize.allCases)
  func c1TheSecondOfTwoEqualHalvesIsLost(pageSize: PageSize) throws {
    let half = pageSize.granules / 2
    let stored = v5.stored(v5Page([(3, half), (9, half)]), pageSize)
    #expect(try v5.restored(stored, pageSize) == v5Page([(3, 2 * half)]))
    // One granule to either side is kept, and so are halves within more runs.
    let kept: [[(tag: UInt8, size: Int)]] = [
      [(3, half - 1), (9, half + 1)], [(3, half + 1), (9, half - 1)],
      [(3, half), (9, half - 1), (3, 1)],
    ]
    for runs in kept {
      let page = v5Page(runs)
      #expect(try v5.restored(v5.stored(page, pageSize), pageSize) == page)
    }
  }

  @Test func c2SixRunsWhoseFifthStoredSizeIs112AreTakenForAnAddress() {
    let runs: [(tag: UInt8, size: Int)] = [
      (1, 1), (2, 1), (3, 1), (4, 1), (5, 112), (6, 140),
    ]
    let stored = v5.stored(v5Page(runs), .kib4)
    #expect(v5.inlineHandle(v5Page(runs), .kib4) == 0x7002_0408_1654_3215)
    #expect(throws: TagDecodingError.self) { try v5.restored(stored, .kib4) }
    guard case .inline(let handle) = stored.encoded else { return }
    #expect(
      v5.place(of: handle, pageSize: .kib4)
        == .object(address: 0xf002_0408_1654_3210, sizeClass: TagSizeClass(bytes: 16 << 5))
    )
    // One granule less in the fifth, and the tags come back.
    #expect(isKept(v5Page([(1, 1), (2, 1), (3, 1), (4, 1), (5, 111), (6, 141)])))
    #expect(isKept(v5Page([(1, 2), (2, 1), (3, 1), (4, 1), (5, 111), (6, 140)])))
  }

  @Test func c3OneOddBoundaryMakesTwoMoreRuns() {
    // The smallest page: an odd boundary inside one byte.
    let odd = page([(1, 1), (2, 255)])
    #expect(TagRuns.count(odd.span) == 2)
    #expect(TagRuns.count(odd.span, order: .highNibbleFirst) == 3)
    #expect(isKept(odd))
    // Nothing is lost, but blocks of three take the raw class instead of none.
    let blocks = page((0..<85).map { (tag: UInt8($0 % 15), size: 3) } + [(tag: 15, size: 1)])
    #expect(TagRuns.count(blocks.span) == 86)
    #expect(TagRuns.count(blocks.span, order: .highNibbleFirst) == 171)
    let five = page((0..<5).map { (tag: UInt8($0), size: 2 * $0 + 1) } + [(tag: 5, size: 231)])
    #expect(TagCodec.mtecomp.stored(five, .kib4).encoded.sizeClass.bytes == 8)
    #expect(v5.stored(five, .kib4).encoded.sizeClass.bytes == 16)
  }

  @Test func c5APageOfZeroTagsHasTheHandleOfNothing() {
    #expect(v5.inlineHandle(v5Page([(0, 256)]), .kib4) == 0)
    #expect(!v5.reportsRelease(of: TagHandle(truncating: 0)))
    #expect(v5.reportsRelease(of: TagHandle(truncating: 0x50)))
    for codec in TagCodec.allCases where codec != v5 {
      #expect(codec.reportsRelease(of: TagHandle(truncating: 0)), "\(codec.rawValue)")
    }
  }

  @Test func theModelNamesExactlyTheDefectsOfAllPagesOfTwoRuns() {
    for size in 1..<256 {
      let page = v5Page([(7, size), (8, 256 - size)])
      let defect = model.postedDefect(ModelPage(ModelPage.tags(page)))
      #expect((defect == nil) == isKept(page), "\(size) granules")
      #expect((defect != nil) == (size == 128))
    }
  }
}
