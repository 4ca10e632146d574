// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel

@testable import TagCompression

/// How many random pages a test of one codec and page size tries.
///
/// `MTESIM_RANDOM_PAGES` overrides it, for long runs in a release build.
let randomPages =
  ProcessInfo.processInfo.environment["MTESIM_RANDOM_PAGES"].flatMap { Int($0) } ?? 3000

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
  /// The order of granules as a page of runs with these starts and changing tags.
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
