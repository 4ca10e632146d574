// SPDX-License-Identifier: Apache-2.0

/// Where the runs of a 4K page start: one bit for each of its 256 granules.
///
/// The page is looked at in pairs of words, 32 granules at a time. Every byte is compared with
/// itself moved up by one granule, and its first granule with the byte before, which a second load
/// gets from one byte further down. Unlike a move across words this stays in vectors:
///
///     granule        5 4   3 2   1 0   byte before
///     tags           7 7   2 5   5 5   5 0
///     one earlier    7 2   5 5   5 5
///     starts         0 1   1 0   0 0
///
/// Four pairs at a time then share one, because a start takes one bit of its granule's four, and
/// exchanges of index bits put all bits in order.
struct ShortPageStarts {
  /// Granules of the pages it looks at.
  static let granules = 256

  /// Tag bytes of the pages it looks at.
  static let tagBytes = 128

  /// Granules in a lane of the masks.
  static let laneGranules = 64

  /// For each 32 granules of half a page, the lowest of four bits of those that start a run.
  private typealias Half = InlineArray<4, SIMD2<UInt64>>

  private let low: Half
  private let high: Half

  /// The number of runs.
  let runs: Int

  /// Looks at a page of 128 tag bytes.
  ///
  /// - Returns: `nil` if there are more than `limit` runs; noise is known after half of the page.
  @inline(__always)
  init?(_ page: Span<UInt8>, order: GranuleOrder, limit: Int) {
    low = Half { pair in Self.starts(page, at: pair &* 16, order: order) }
    let lowCount = Self.count(low[0] &+ low[1] &+ low[2] &+ low[3])
    if lowCount >= limit { return nil }
    high = Half { pair in Self.starts(page, at: 64 &+ pair &* 16, order: order) }
    let highCount = Self.count(high[0] &+ high[1] &+ high[2] &+ high[3])
    runs = Int(truncatingIfNeeded: lowCount &+ highCount &+ 1)
    if runs > limit { return nil }
  }

  /// Bit *i* of lane *l* is set if a run starts at granule 64*l* + *i*, that of granule 0 left out.
  @inline(__always)
  func masks() -> SIMD4<UInt64> {
    let even = Self.ordered(low[0], low[2], high[0], high[2])
    let odd = Self.ordered(low[1], low[3], high[1], high[3])
    // Now word w of four has the 16 granules of words w, w + 4, w + 8 and w + 12 of the page.
    var (a, b, c, d) = (even[0], even[1], odd[0], odd[1])
    Self.exchange(&a, &b, 16, 0x0000_ffff_0000_ffff)
    Self.exchange(&c, &d, 16, 0x0000_ffff_0000_ffff)
    Self.exchange(&a, &c, 32, 0x0000_0000_ffff_ffff)
    Self.exchange(&b, &d, 32, 0x0000_0000_ffff_ffff)
    return SIMD4(a, b, c, d)
  }

  /// How many bits each lane of the masks has.
  @inline(__always)
  func counts() -> InlineArray<4, Int> {
    [
      Self.count(low[0] &+ low[1]), Self.count(low[2] &+ low[3]),
      Self.count(high[0] &+ high[1]), Self.count(high[2] &+ high[3]),
    ]
  }

  /// Adds up 32 numbers of 4 bits, each at most 7.
  @inline(__always)
  private static func count(_ sums: SIMD2<UInt64>) -> Int {
    // Each granule position has counted for itself, which saves the population count.
    let nibbles = sums[0] &+ sums[1]
    let bytes = (nibbles & 0x0f0f_0f0f_0f0f_0f0f) &+ (nibbles &>> 4 & 0x0f0f_0f0f_0f0f_0f0f)
    return Int(truncatingIfNeeded: (bytes &* 0x0101_0101_0101_0101) &>> 56)
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

  /// One bit, the lowest of its granule, for each of 32 granules whose tag differs from the one
  /// before.
  @inline(__always)
  private static func starts(
    _ page: Span<UInt8>,
    at offset: Int,
    order: GranuleOrder
  ) -> SIMD2<UInt64> {
    let words = inOrder(TagWords.loadTwo(page, at: offset), order)
    let before: SIMD2<UInt64>
    if offset == 0 {
      // The page's first granule is no start: the byte before it ends with the same tag.
      let second = inOrder(SIMD2(repeating: TagWords.load(page, at: 7)), order)
      before = SIMD2(words[0] &<< 8 | (words[0] & 15) &<< 4, second[0])
    } else {
      before = inOrder(TagWords.loadTwo(page, at: offset &- 1), order)
    }
    var difference = words ^ ((words & lowNibbles) &<< 4 | before &>> 4 & lowNibbles)
    difference |= difference &>> 2
    difference |= difference &>> 1
    return difference & SIMD2(repeating: 0x1111_1111_1111_1111)
  }

  @inline(__always)
  private static func inOrder(_ words: SIMD2<UInt64>, _ order: GranuleOrder) -> SIMD2<UInt64> {
    switch order {
    case .hardware: words
    case .highNibbleFirst: (words & lowNibbles) &<< 4 | words &>> 4 & lowNibbles
    }
  }

  /// Every fourth bit of four pairs: those of the first in bits 15 to 0 of each lane, and so on.
  @inline(__always)
  private static func ordered(
    _ first: SIMD2<UInt64>,
    _ second: SIMD2<UInt64>,
    _ third: SIMD2<UInt64>,
    _ fourth: SIMD2<UInt64>
  ) -> SIMD2<UInt64> {
    // Bit 4n + k belongs to granule n of word k, and has to become bit 16k + n.
    var bits = first | second &<< 1 | third &<< 2 | fourth &<< 3
    exchange(&bits, 30, 0x0000_0000_cccc_cccc)
    exchange(&bits, 15, 0x0000_aaaa_0000_aaaa)
    exchange(&bits, 6, 0x00cc_00cc_00cc_00cc)
    exchange(&bits, 3, 0x0a0a_0a0a_0a0a_0a0a)
    return bits
  }

  /// Exchanges the bits of `mask` with those that are `distance` above them.
  @inline(__always)
  private static func exchange(_ bits: inout SIMD2<UInt64>, _ distance: UInt64, _ mask: UInt64) {
    let changed = (bits &>> distance ^ bits) & SIMD2(repeating: mask)
    bits ^= changed ^ changed &<< distance
  }

  /// Exchanges the bits of `mask` in `high` with those that are `distance` above them in `low`.
  @inline(__always)
  private static func exchange(
    _ low: inout UInt64,
    _ high: inout UInt64,
    _ distance: UInt64,
    _ mask: UInt64
  ) {
    let changed = (low &>> distance ^ high) & mask
    high ^= changed
    low ^= changed &<< distance
  }

  private static var lowNibbles: SIMD2<UInt64> { SIMD2(repeating: 0x0f0f_0f0f_0f0f_0f0f) }
}
