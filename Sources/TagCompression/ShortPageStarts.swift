// SPDX-License-Identifier: Apache-2.0

/// Where the runs of a 4K page start: one bit for each of its 256 granules.
///
/// The page is looked at in sixteen words of 16 granules, four at a time, each word in the lane of
/// the 64 granules that it belongs to:
///
///     lane        0    1    2    3
///     step 0      w0   w4   w8   w12
///     step 1      w1   w5   w9   w13
///     step 2      w2   w6   w10  w14
///     step 3      w3   w7   w11  w15
///
/// so that the word before each is in the same lane of the step before, and what the four steps find
/// fits one word of each lane: a boundary takes one bit of its granule's four, and the step says
/// which. Four exchanges of index bits put the 64 bits in order.
struct ShortPageStarts {
  /// Granules of the pages it looks at.
  static let granules = 256

  /// Tag bytes of the pages it looks at.
  static let tagBytes = 128

  /// Granules in a lane.
  static let laneGranules = 64

  /// What each step found: the lowest of four bits for a granule that starts a run.
  private let boundaries: (SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>)

  /// How many bits each lane has.
  let counts: SIMD4<UInt64>

  /// The number of runs, 1 to 256.
  @inline(__always)
  var runs: Int {
    Int(truncatingIfNeeded: counts[0] &+ counts[1] &+ counts[2] &+ counts[3] &+ 1)
  }

  /// Looks at a page of 128 tag bytes.
  @inline(__always)
  init(_ low: SIMD8<UInt64>, _ high: SIMD8<UInt64>) {
    let steps = (
      SIMD4(low[0], low[4], high[0], high[4]), SIMD4(low[1], low[5], high[1], high[5]),
      SIMD4(low[2], low[6], high[2], high[6]), SIMD4(low[3], low[7], high[3], high[7])
    )
    // Only the last tag of the word before matters, and the page's first granule is no boundary.
    let before = SIMD4(low[0] &<< 60, low[3], low[7], high[3])
    boundaries = (
      Self.boundaries(steps.0, after: before), Self.boundaries(steps.1, after: steps.0),
      Self.boundaries(steps.2, after: steps.1), Self.boundaries(steps.3, after: steps.2)
    )
    // Each granule position counts for itself, up to 4 in its 4 bits; no population count needed.
    let sums = boundaries.0 &+ boundaries.1 &+ boundaries.2 &+ boundaries.3
    let nibbles = SIMD4<UInt64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
    let pairs = (sums & nibbles) &+ (sums &>> 4 & nibbles)
    counts = SIMD4(
      Self.sumOfBytes(pairs[0]),
      Self.sumOfBytes(pairs[1]),
      Self.sumOfBytes(pairs[2]),
      Self.sumOfBytes(pairs[3])
    )
  }

  /// Bit *i* of lane *l* is set if a run starts at granule 64*l* + *i*, that of granule 0 left out.
  @inline(__always)
  func masks() -> SIMD4<UInt64> {
    // Bit 4n + k of a lane belongs to granule n of the lane's word k, and has to become 16k + n.
    let merged =
      boundaries.0 | boundaries.1 &<< 1 | boundaries.2 &<< 2 | boundaries.3 &<< 3
    return Self.exchanged(
      Self.exchanged(
        Self.exchanged(
          Self.exchanged(merged, 30, 0x0000_0000_cccc_cccc),
          15,
          0x0000_aaaa_0000_aaaa
        ),
        6,
        0x00cc_00cc_00cc_00cc
      ),
      3,
      0x0a0a_0a0a_0a0a_0a0a
    )
  }

  /// Takes the first `limit` granules from `mask`, one in each byte of a word, plus `first` each.
  ///
  /// Bytes for which `mask` has no bit have some other value. There is no branch, since any that
  /// depends on a page is mispredicted every few pages.
  ///
  /// - Precondition: `limit` is at most 8, and `first` at most 192.
  @inline(__always)
  static func granules(_ mask: inout UInt64, limit: Int, first: UInt64) -> UInt64 {
    var granules: UInt64 = 0
    for byte in 0..<limit {
      // The highest bit is set so that there is always one to find.
      let granule = UInt64(truncatingIfNeeded: (mask | 1 &<< 63).trailingZeroBitCount)
      granules |= granule &<< UInt64(truncatingIfNeeded: byte &* 8)
      mask &= mask &- 1
    }
    return granules &+ first &* 0x0101_0101_0101_0101
  }

  /// One bit, the lowest of its granule, for each granule whose tag differs from the one before.
  @inline(__always)
  private static func boundaries(
    _ words: SIMD4<UInt64>,
    after previous: SIMD4<UInt64>
  ) -> SIMD4<UInt64> {
    var difference = words ^ (words &<< 4 | previous &>> 60)
    difference |= difference &>> 2
    difference |= difference &>> 1
    return difference & SIMD4(repeating: 0x1111_1111_1111_1111)
  }

  @inline(__always)
  private static func sumOfBytes(_ bytes: UInt64) -> UInt64 {
    (bytes &* 0x0101_0101_0101_0101) &>> 56
  }

  /// Exchanges the bits of `mask` with those that are `distance` above them.
  @inline(__always)
  private static func exchanged(
    _ bits: SIMD4<UInt64>,
    _ distance: UInt64,
    _ mask: UInt64
  ) -> SIMD4<UInt64> {
    let changed = (bits &>> distance ^ bits) & SIMD4(repeating: mask)
    return bits ^ changed ^ changed &<< distance
  }
}
