// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel

@testable import TagCompression
import TestSupport

/// How many random 4K pages go through each codec and back; larger pages are as many fewer.
///
/// `MTESIM_RANDOM_PAGES` overrides it, for long runs in a release build.
let randomPages =
  ProcessInfo.processInfo.environment["MTESIM_RANDOM_PAGES"].flatMap { Int($0) } ?? 20_000

/// How many of them are compared with the slow model, which takes a hundred times as long.
let modelPages = max(1, randomPages / 20)

/// The bytes of tags given one by one, granule 0 first.
func packed(_ tags: [UInt8]) -> [UInt8] {
  stride(from: 0, to: tags.count, by: 2).map { tags[$0] | tags[$0 + 1] << 4 }
}

/// The tags of a page one by one, granule 0 first.
func unpacked(_ bytes: [UInt8], order: GranuleOrder = .hardware) -> [UInt8] {
  bytes.flatMap { byte in
    switch order {
    case .hardware: [byte & 15, byte >> 4]
    case .highNibbleFirst: [byte >> 4, byte & 15]
    }
  }
}

/// The runs of a list of tags, found one tag at a time.
func slowRuns(_ tags: [UInt8]) -> [(tag: UInt8, size: Int)] {
  var runs: [(tag: UInt8, size: Int)] = []
  for tag in tags {
    if let last = runs.last, last.tag == tag {
      runs[runs.count - 1].size += 1
    } else {
      runs.append((tag, 1))
    }
  }
  return runs
}

/// The tag page with the given runs.
func page(_ runs: [(tag: UInt8, size: Int)], order: GranuleOrder = .hardware) -> [UInt8] {
  let bytes = packed(runs.flatMap { Array(repeating: $0.tag, count: $0.size) })
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
    var starts: Set<Int> = [0]
    while starts.count < runs { starts.insert(Int.random(in: 1..<granules, using: &random)) }
    var tags = [UInt8](repeating: 0, count: granules)
    var tag = UInt8.random(in: 0...15, using: &random)
    for granule in 0..<granules {
      if granule > 0 && starts.contains(granule) {
        tag = (tag + UInt8.random(in: 1...15, using: &random)) & 15
      }
      tags[granule] = tag
    }
    return packed(tags)
  }

  /// A page of a kind that is worth trying: few runs mostly, capacities and their neighbours,
  /// noise, and heap-like blocks.
  func interestingPage(using random: inout SplitMix64) -> [UInt8] {
    let limits = [
      1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 17, 19, 23, 34, 39, 46, 68, 78, 136, 157, 273, 546,
    ]
    switch Int.random(in: 0..<8, using: &random) {
    case 0..<4:
      let wanted =
        (limits.randomElement(using: &random) ?? 1) + Int.random(in: 0...1, using: &random)
      return randomPage(runs: min(wanted, granules), using: &random)
    case 4:
      return (0..<tagBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    case 5:
      // Blocks of one size, as a heap has them.
      let block = Int.random(in: 1...64, using: &random)
      let tags = (0..<granules / block + 1).map { _ in UInt8.random(in: 0...15, using: &random) }
      return packed((0..<granules).map { tags[$0 / block] })
    case 6:
      return page([(1, granules / 2), (UInt8.random(in: 2...15, using: &random), granules / 2)])
    default:
      return randomPage(runs: Int.random(in: 1...60, using: &random), using: &random)
    }
  }
}

/// The stored form of a page and its way back.
struct Stored: Equatable {
  var encoded: EncodedTags
  var payload: [UInt8]
}

extension TagCodec {
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
