// SPDX-License-Identifier: Apache-2.0

import MemoryModel

@testable import TagCompression

/// The codecs once more, bit by bit and with nothing but arrays.
struct SlowModel {
  let codec: TagCodec
  let pageSize: PageSize

  var granules: Int { pageSize.granules }
  var sizeBits: Int { granules.trailingZeroBitCount - 1 }
  var order: GranuleOrder { codec == .mtecomp ? .hardware : .highNibbleFirst }

  /// Runs that fit a class, counted up by trying.
  func capacity(bytes: Int) -> Int {
    let largestBits = bytes == 8 ? 4 : sizeBits + 1
    var runs = 1
    while largestBits + 4 * (runs + 1) + sizeBits * runs <= 8 * bytes { runs += 1 }
    return runs
  }

  func encode(_ page: [UInt8]) -> Stored {
    let whole = Stored(encoded: .object(TagSizeClass(bytes: page.count)), payload: page)
    if codec == .raw { return whole }
    if codec == .mtecompV11 { return encodeV11(page) ?? whole }
    var runs = slowRuns(unpacked(page, order: order))
    if codec == .mtecomp && runs.count == 2 && runs[0].size == granules / 2 {
      runs = [runs[0], (runs[1].tag, granules / 4), (runs[1].tag, granules / 4)]
    }
    var bytes = 8
    while bytes < page.count && capacity(bytes: bytes) < runs.count { bytes *= 2 }
    if bytes == page.count { return whole }

    let capacity = capacity(bytes: bytes)
    let longest = runs.map(\.size).max() ?? 0
    let largest = runs.firstIndex { $0.size == longest } ?? 0
    var sizes = runs.map(\.size)
    sizes.remove(at: largest)
    var tags = runs.map { Int($0.tag) }
    tags += Array(repeating: 0, count: capacity - tags.count)
    sizes += Array(repeating: 0, count: capacity - 1 - sizes.count)
    let tagField = tags.flatMap { bits($0, 4) }
    let sizeField = sizes.flatMap { bits($0, sizeBits) }

    if bytes == 8 {
      switch codec {
      case .mtecomp:
        let low = sizeField + tagField
        return inline(low + zeros(59 - low.count) + bits(largest, 4))
      default:
        return inline(bits(largest, 4) + tagField + sizeField)
      }
    }
    let all = bits(largest, sizeBits + 1) + tagField + sizeField
    let padded = all + zeros(8 * bytes - all.count)
    let payload = stride(from: 0, to: padded.count, by: 8).map { first in
      (0..<8).reduce(UInt8(0)) { $0 | UInt8(padded[first + $1]) << UInt8($1) }
    }
    return Stored(encoded: .object(TagSizeClass(bytes: bytes)), payload: payload)
  }

  private func encodeV11(_ page: [UInt8]) -> Stored? {
    var runs = slowRuns(unpacked(page, order: order))
    let capacity = capacity(bytes: 8)
    if runs.count > capacity { return nil }
    if runs.count == 1 { runs = [(runs[0].tag, granules / 2), (runs[0].tag, granules / 2)] }
    let longest = runs.map(\.size).max() ?? 0
    let largest = runs.firstIndex { $0.size == longest } ?? 0
    var sizes = runs.map(\.size)
    sizes.remove(at: largest)
    let tagField = runs.flatMap { bits(Int($0.tag), 4) } + zeros(4 * (capacity - runs.count))
    return inline([1] + bits(largest, 3) + tagField + sizes.flatMap { bits($0, sizeBits) })
  }

  private func inline(_ bits: [Int]) -> Stored {
    let value = bits.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << UInt64($1.offset) }
    return Stored(encoded: .inline(TagHandle(truncating: value)), payload: [])
  }

  private func bits(_ value: Int, _ count: Int) -> [Int] { (0..<count).map { value >> $0 & 1 } }

  private func zeros(_ count: Int) -> [Int] { Array(repeating: 0, count: count) }
}
