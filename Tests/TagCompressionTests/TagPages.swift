// SPDX-License-Identifier: Apache-2.0

import CodecModel
import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

/// How many random 4K pages go through each codec and back; larger pages are as many fewer.
///
/// `MTESIM_RANDOM_PAGES` overrides it, for long runs in a release build.
let randomPages =
  ProcessInfo.processInfo.environment["MTESIM_RANDOM_PAGES"].flatMap { Int($0) } ?? 20_000

/// How many of them are compared with the slow model, which takes a hundred times as long.
let modelPages = max(1, randomPages / 20)

/// The tag page with the given runs.
func page(_ runs: [(tag: UInt8, size: Int)], order: GranuleOrder = .hardware) -> [UInt8] {
  let bytes = ModelPage.bytes(runs.flatMap { Array(repeating: $0.tag, count: $0.size) })
  return order == .hardware ? bytes : bytes.map { $0 << 4 | $0 >> 4 }
}

extension PageSize {
  /// A share of `count` that takes as long with this page size as `count` does with 4K pages.
  func share(of count: Int) -> Int { max(1, count * PageSize.kib4.bytes / bytes) }

  /// A page of about 1 to 70 runs, made quickly: runs overwrite one another from low to high.
  func quickPage(_ page: inout [UInt8], using random: inout SplitMix64) {
    let noise: UInt64 = random.next()
    var start = 0
    // Between one run and runs of 4 granules on average.
    let meanShift = noise % UInt64(granules.trailingZeroBitCount) + 2
    while start < tagBytes {
      let bits: UInt64 = random.next()
      let length = 1 + Int(bits >> 8 & (1 << meanShift - 1)) / 2
      // The first byte of most runs holds two tags, so that boundaries are odd, too.
      let tag = UInt8(bits & 15)
      page[start] = bits & 16 == 0 ? tag << 4 | UInt8(bits >> 60) : tag * 17
      let end = min(tagBytes, start + length)
      for byte in start + 1..<max(end, start + 1) { page[byte] = tag * 17 }
      start = end
    }
    if noise >> 60 == 0 { for byte in page.indices { page[byte] = 0x77 } }
  }

  /// A page of `runs` runs at random places, each with another tag than the one before.
  func randomPage(runs: Int, using random: inout SplitMix64) -> [UInt8] {
    var tags = [UInt8](repeating: 0, count: granules)
    PageMaker(granules: granules).place(runs: runs, in: &tags, using: &random)
    return ModelPage.bytes(tags)
  }

  /// A page of a kind that is worth trying.
  func interestingPage(using random: inout SplitMix64) -> [UInt8] {
    var tags = [UInt8](repeating: 0, count: granules)
    let number = random.below(granules)
    PageMaker(granules: granules).fill(&tags, number: number, using: &random)
    return ModelPage.bytes(tags)
  }
}

/// The stored form of a page and its way back.
struct Stored: Equatable {
  var encoded: EncodedTags
  var payload: [UInt8]

  /// The same in the words of the model.
  var inModel: CodecModel.Stored {
    switch encoded {
    case .inline(let handle): .inline(handle.rawValue)
    case .object: .object(payload)
    }
  }
}

extension TagCodec {
  func model(_ pageSize: PageSize) throws -> CodecModel {
    CodecModel(
      try #require(CodecModel.Codec(rawValue: rawValue)),
      granules: pageSize.granules
    )
  }

  func stored(_ page: [UInt8], _ pageSize: PageSize) -> Stored {
    var buffer = [UInt8](repeating: 0xa5, count: pageSize.tagBytes + 8)
    var room = buffer.mutableSpan
    let encoded = encode(page.span, pageSize: pageSize, payload: &room)
    precondition(buffer.suffix(8).allSatisfy { $0 == 0xa5 }, "encoder wrote beyond the page")
    let bytes = encoded.sizeClass.isInline ? 0 : encoded.sizeClass.bytes
    return Stored(encoded: encoded, payload: Array(buffer.prefix(bytes)))
  }

  func restored(_ stored: Stored, _ pageSize: PageSize) throws(TagDecodingError) -> [UInt8] {
    var result = [UInt8](repeating: 0x5a, count: pageSize.tagBytes)
    var output = result.mutableSpan
    switch stored.encoded {
    case .inline(let handle): try decode(handle, pageSize: pageSize, into: &output)
    case .object: try decode(payload: stored.payload.span, pageSize: pageSize, into: &output)
    }
    return result
  }

  func inlineHandle(_ page: [UInt8], _ pageSize: PageSize) -> UInt64? {
    if case .inline(let handle) = stored(page, pageSize).encoded { return handle.rawValue }
    return nil
  }
}
