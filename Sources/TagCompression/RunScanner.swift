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

  /// Whether all tags of a page are equal, in either order.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 64.
  @inline(__always)
  static func isUniform(_ tags: Span<UInt8>) -> Bool {
    let expected = SIMD8(repeating: TagWords.uniform(TagWords.load(tags, at: 0) & 15))
    var difference = TagWords.loadEight(tags, at: 0) ^ expected
    var chunk = chunkBytes
    while chunk < tags.count {
      difference |= TagWords.loadEight(tags, at: chunk) ^ expected
      chunk += chunkBytes
    }
    return TagWords.isZero(difference)
  }

  /// Counts runs until there are more than `limit`.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 64.
  /// - Returns: the number of runs if it is at most `limit`, some number above `limit` otherwise.
  @inline(__always)
  static func count(_ tags: Span<UInt8>, order: GranuleOrder, limit: Int) -> Int {
    var runs = 1
    // Only the last tag of the word before matters, and the page's first granule is no boundary.
    var previous = firstTag(tags, order: order) << 60
    var chunk = 0
    while chunk < tags.count && runs <= limit {
      var words = TagWords.loadEight(tags, at: chunk)
      if order == .highNibbleFirst { words = TagWords.swappingNibbles(words) }
      let before = SIMD8(
        previous,
        words[0],
        words[1],
        words[2],
        words[3],
        words[4],
        words[5],
        words[6]
      )
      var differences = words ^ (words &<< 4 | before &>> 60)
      differences |= differences &>> 2
      differences |= differences &>> 1
      differences &= SIMD8(repeating: 0x1111_1111_1111_1111)
      // Each granule position counts for itself, up to 8 in its 4 bits; no population count needed.
      let sums = differences.wrappedSum()
      let pairs = (sums & 0x0f0f_0f0f_0f0f_0f0f) &+ (sums >> 4 & 0x0f0f_0f0f_0f0f_0f0f)
      runs += Int(truncatingIfNeeded: (pairs &* 0x0101_0101_0101_0101) >> 56)
      previous = words[7]
      chunk += chunkBytes
    }
    return runs
  }

  /// Calls `body` for each granule that starts a run, the first granule of the page left out.
  ///
  /// Boundaries are looked for 64 granules at a time, because leaving the inner loop costs more
  /// than what it does.
  ///
  /// - Precondition: `tags.count` is a multiple of 32.
  @inline(__always)
  static func forEachBoundary(
    _ tags: Span<UInt8>,
    order: GranuleOrder,
    _ body: (_ granule: Int, _ tag: UInt64) -> Void
  ) {
    var previousTag = firstTag(tags, order: order)
    var offset = 0
    while offset < tags.count {
      let first = word(tags, at: offset, order: order)
      let second = word(tags, at: offset &+ 8, order: order)
      let third = word(tags, at: offset &+ 16, order: order)
      let fourth = word(tags, at: offset &+ 24, order: order)
      let found = (
        boundaries(first, after: previousTag), boundaries(second, after: first >> 60),
        boundaries(third, after: second >> 60), boundaries(fourth, after: third >> 60)
      )
      previousTag = fourth >> 60
      offset &+= 32
      if found.0 | found.1 | found.2 | found.3 == 0 { continue }
      var starts =
        gathered(found.0) | gathered(found.1) << 16 | gathered(found.2) << 32
        | gathered(found.3) << 48
      while starts != 0 {
        let granule = (offset &- 32) &* 2 &+ starts.trailingZeroBitCount
        body(granule, tag(tags, granule, order))
        starts &= starts &- 1
      }
    }
  }

  @inline(__always)
  private static func tag(_ tags: Span<UInt8>, _ granule: Int, _ order: GranuleOrder) -> UInt64 {
    let byte = UInt64(tags[granule &>> 1])
    let nibble = order == .hardware ? granule & 1 : ~granule & 1
    return byte &>> UInt64(truncatingIfNeeded: nibble &* 4) & 15
  }

  /// Every fourth bit of `bits`, from bit 0, moved to bits 0 to 15; it has no other bits.
  ///
  /// The first product has bit 4*n* + 3*c* for every set bit 4*n* and c in 1...4, all different, so
  /// that nothing carries, and bits 15..12 of each 16 are what four nibbles had. The second
  /// collects those in the same way.
  @inline(__always)
  private static func gathered(_ bits: UInt64) -> UInt64 {
    let nibbles = (bits &* 0x1248) &>> 12 & 0x000f_000f_000f_000f
    return (nibbles &* 0x0001_0010_0100_1000) &>> 48
  }
}
