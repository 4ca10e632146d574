// SPDX-License-Identifier: Apache-2.0

/// Finds where the tag changes, 16 granules at a time.
///
/// A word of 16 tags is compared with itself moved up by one granule. What differs is folded to one
/// bit for each granule that starts a run:
///
///     granule            3    2    1    0     previous word's last
///     tag                7    7    2    5     5
///     word        ...  0111 0111 0010 0101
///     boundaries  ...  0000 0001 0001 0000
enum RunScanner {
  /// Granules in a word.
  static let wordGranules = 16

  /// Tag bytes that are counted between two looks at the limit.
  private static let chunkBytes = 64

  /// The tags at byte `offset` with the first granule in bits 3..0.
  @inline(__always)
  static func word(_ tags: Span<UInt8>, at offset: Int, order: GranuleOrder) -> UInt64 {
    let word = TagWords.load(tags, at: offset)
    switch order {
    case .hardware: return word
    case .highNibbleFirst: return TagWords.swappingNibbles(word)
    }
  }

  /// One bit, the lowest of its granule, for each granule whose tag differs from the one before.
  @inline(__always)
  private static func boundaries(_ word: UInt64, after previousTag: UInt64) -> UInt64 {
    var difference = word ^ (word << 4 | previousTag)
    difference |= difference >> 2
    difference |= difference >> 1
    return difference & 0x1111_1111_1111_1111
  }

  /// The tag of the first granule.
  @inline(__always)
  static func firstTag(_ tags: Span<UInt8>, order: GranuleOrder) -> UInt64 {
    word(tags, at: 0, order: order) & 15
  }

  /// Counts runs until there are more than `limit`.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 64.
  /// - Returns: the number of runs if it is at most `limit`, some number above `limit` otherwise.
  @inline(__always)
  static func count(_ tags: Span<UInt8>, order: GranuleOrder, limit: Int) -> Int {
    var runs = 1
    var previousTag = firstTag(tags, order: order)
    var chunk = 0
    while chunk < tags.count && runs <= limit {
      // Each granule position counts for itself, up to 8 in its 4 bits; no population count needed.
      var sums: UInt64 = 0
      for index in 0..<chunkBytes / 8 {
        let word = word(tags, at: chunk &+ index &* 8, order: order)
        sums &+= boundaries(word, after: previousTag)
        previousTag = word >> 60
      }
      let pairs = (sums & 0x0f0f_0f0f_0f0f_0f0f) &+ (sums >> 4 & 0x0f0f_0f0f_0f0f_0f0f)
      runs += Int(truncatingIfNeeded: (pairs &* 0x0101_0101_0101_0101) >> 56)
      chunk += chunkBytes
    }
    return runs
  }

  /// Calls `body` for each granule that starts a run, the first granule of the page left out.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 8.
  @inline(__always)
  static func forEachBoundary(
    _ tags: Span<UInt8>,
    order: GranuleOrder,
    _ body: (_ granule: Int, _ tag: UInt64) -> Void
  ) {
    var previousTag = firstTag(tags, order: order)
    var offset = 0
    while offset < tags.count {
      let word = word(tags, at: offset, order: order)
      var starts = boundaries(word, after: previousTag)
      previousTag = word >> 60
      while starts != 0 {
        let bit = starts.trailingZeroBitCount
        body(offset &* 2 &+ bit &>> 2, word &>> UInt64(truncatingIfNeeded: bit) & 15)
        starts &= starts &- 1
      }
      offset &+= 8
    }
  }
}
