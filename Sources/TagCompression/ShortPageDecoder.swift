// SPDX-License-Identifier: Apache-2.0

/// Decodes the objects of 4K pages, eight runs at a time in the eight bytes of a word.
///
/// Only how many groups of eight there are is a branch; see ``WideRunWriter`` for what writes them.
struct ShortPageDecoder {
  private static let granules = ShortPageStarts.granules
  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  private let order: GranuleOrder

  init(order: GranuleOrder) { self.order = order }

  /// Decodes an object, as ``PackedRuns`` draws it.
  ///
  /// - Precondition: `output` has 128 bytes.
  @inline(__always)
  func decode(
    _ payload: Span<UInt8>,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    precondition(output.count == ShortPageStarts.tagBytes, "\(output.count) bytes for tags")
    switch payload.count {
    case 16: try decode(payload, capacity: 11, into: &output)
    case 32: try decode(payload, capacity: 23, into: &output)
    case 64: try decode(payload, capacity: 46, into: &output)
    default: throw .unknownSizeClass(bytes: payload.count)
    }
  }

  @inline(__always)
  private func decode(
    _ payload: Span<UInt8>,
    capacity: Int,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    // The size of run i, or of the one after the longest, is byte i + 8.
    var sizeArray = InlineArray<64, UInt8>(repeating: 0)
    var sizes = sizeArray.mutableSpan
    let stored = Self.spread(payload, capacity: capacity, into: &sizes)
    let runs = stored.count &+ 1
    let largest = Int(payload[0])
    guard largest < runs else { throw .largestOutOfRange(largest: largest, runs: runs) }
    guard stored.sum < Self.granules else {
      throw .sizesTooLarge(granules: stored.sum, pageGranules: Self.granules)
    }

    let rest = UInt64(truncatingIfNeeded: Self.granules &- stored.sum)
    let pair = UInt64(payload[1 &+ largest &>> 1])
    let longestTag = pair &>> UInt64(truncatingIfNeeded: (largest & 1) &* 4) & 15
    var writer = WideRunWriter(longest: longestTag, order: order)
    var start: UInt64 = 0
    var first = 0
    while first < runs {
      // The longest run's size goes to its place, and the sizes after it move up.
      let place = UInt64(truncatingIfNeeded: largest &* 8)
      let below: UInt64 = 1 &<< place &- 1
      let same = TagWords.load(sizes.span, at: first &+ 8)
      let moved = TagWords.load(sizes.span, at: first &+ 7)
      var left = first > largest ? moved : same
      if (largest &- first) & ~7 == 0 {
        left = same & below | rest &<< place | moved & ~below & ~(255 &<< place)
      }
      let ends = left &* Self.lowBits
      writer.append(
        TagWords.load(payload, at: 1 &+ first &>> 1) & 0xffff_ffff,
        at: start &* Self.lowBits &+ ends &<< 8,
        runs: min(runs &- first, 8),
        limit: 8
      )
      start = (start &+ ends &>> 56) & 255
      first &+= 8
    }
    writer.finish(&output)
  }

  /// Puts one size into each byte of `sizes`, from byte 8 on.
  ///
  /// - Returns: how many there are before the first that is 0, and their sum.
  @inline(__always)
  private static func spread(
    _ payload: Span<UInt8>,
    capacity: Int,
    into sizes: inout MutableSpan<UInt8>
  ) -> (count: Int, sum: Int) {
    var count = 0
    var sum = 0
    for group in 0..<(capacity + 7) / 8 {
      // Eight sizes are seven bytes. The last word is read whole, and what is missing shifted in.
      let bit = 8 + capacity * RunLayout.tagBits + group * 56
      let byte = min(bit / 8, payload.count &- 8)
      var word = TagWords.load(payload, at: byte)
      word &>>= UInt64(truncatingIfNeeded: bit &- byte &* 8)
      let left = capacity &- 1 &- group &* 8
      if left < 8 { word &= 1 &<< UInt64(truncatingIfNeeded: left &* 7) &- 1 }
      var stored = PackedSizes(packed: word)
      let found = stored.count
      stored.keep(found)
      TagWords.store(stored.bytes, into: &sizes, at: group &* 8 &+ 8)
      sum &+= stored.sum
      count &+= found
      if found < 8 { break }
    }
    return (count, sum)
  }
}
