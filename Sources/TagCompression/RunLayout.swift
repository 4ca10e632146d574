// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// How many bits and runs the mtecomp codecs have room for, by page size and size class.
///
/// A page of G granules is described by the tags of its runs, 4 bits each, the sizes of all runs
/// but the longest, S = log2(G) - 1 bits each, and the number of the longest run, whose size is
/// what the others leave of G. A size of G/2 needs S + 1 bits, but only two equal halves have one.
///
/// | page | S | inline | 16 | 32 | 64 | 128 | 256 | 512 | 1024 | raw class |
/// |------|---|--------|----|----|----|-----|-----|-----|------|-----------|
/// | 4K   | 7 | 6      | 11 | 23 | 46 | -   | -   | -   | -    | 128       |
/// | 16K  | 9 | 5      | 9  | 19 | 39 | 78  | 157 | -   | -    | 512       |
/// | 64K  | 11| 4      | 8  | 17 | 34 | 68  | 136 | 273 | 546  | 2048      |
///
/// Source: mtecomp v5, capacity of its size classes.
struct RunLayout {
  /// Bits of a tag.
  static let tagBits = 4

  /// Bits of the number of the longest run in a handle.
  static let inlineLargestBits = 4

  /// Granules in a page: 256, 1,024 or 4,096.
  let granules: Int

  /// Bits of a stored size: 7, 9 or 11.
  let sizeBits: Int

  /// Bits of the number of the longest run in an object: 8, 10 or 12.
  let largestBits: Int

  /// Runs that fit a handle: 6, 5 or 4.
  let inlineCapacity: Int

  /// Runs that fit the largest object that holds runs: 46, 157 or 546.
  let maxRuns: Int

  init(_ pageSize: PageSize) {
    granules = pageSize.granules
    largestBits = granules.trailingZeroBitCount
    sizeBits = largestBits - 1
    // The numbers are written out because a division costs as much as a short page.
    switch pageSize {
    case .kib4: (inlineCapacity, maxRuns) = (6, 46)
    case .kib16: (inlineCapacity, maxRuns) = (5, 157)
    case .kib64: (inlineCapacity, maxRuns) = (4, 546)
    }
  }

  /// Runs that fit an object of `bytes`: as often as a tag and a size fit, one size left out.
  func capacity(bytes: Int) -> Int {
    let bits = 8 * bytes + sizeBits - largestBits
    // One constant divisor for each page size, which compilers turn into a multiplication.
    switch sizeBits {
    case 7: return bits / (Self.tagBits + 7)
    case 9: return bits / (Self.tagBits + 9)
    default: return bits / (Self.tagBits + 11)
    }
  }

  /// Bytes of the largest object that holds runs, half of a tag page.
  var largestObjectBytes: Int { granules / 4 }

  /// Bytes of the smallest object that holds `runs` runs.
  ///
  /// - Precondition: `runs` is at most `maxRuns`.
  func objectBytes(runs: Int) -> Int {
    var bytes = 16
    while capacity(bytes: bytes) < runs { bytes *= 2 }
    return bytes
  }

  /// The classes of objects that hold runs, in ascending order.
  var objectClasses: [TagSizeClass] {
    sequence(first: 16) { $0 * 2 }
      .prefix { $0 <= largestObjectBytes }
      .map { TagSizeClass(bytes: $0) }
  }
}
