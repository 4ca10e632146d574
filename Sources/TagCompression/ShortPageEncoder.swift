// SPDX-License-Identifier: Apache-2.0

/// Encodes 4K pages, eight runs at a time in the eight bytes of a word.
///
/// Positions in a 4K page fit a byte, with 256, the end of the page, as 0: a size is the difference
/// of two bytes, whatever is carried. ``InlineRuns`` and ``PackedRuns`` do the same for any page
/// size, run by run; both ways give the same bits.
struct ShortPageEncoder {
  /// What a page has to be encoded as.
  enum Outcome {
    /// All tags are equal to this one.
    case uniform(UInt64)
    /// The runs fit a handle.
    case inline(InlineRuns, runs: Int)
    /// The runs are packed, in an object of this many bytes.
    case packed(bytes: Int)
    /// There are too many runs.
    case raw
  }

  private static let inlineCapacity = 6
  private static let maxRuns = 46
  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  private let order: GranuleOrder

  init(order: GranuleOrder) { self.order = order }

  /// Encodes a page.
  ///
  /// - Precondition: `page` has 128 bytes, and `payload` at least as many.
  @inline(__always)
  func encode(_ page: Span<UInt8>, payload: inout MutableSpan<UInt8>) -> Outcome {
    precondition(page.count == ShortPageStarts.tagBytes, "\(page.count) bytes of tags")
    // Equal tags are asked for first: such pages are the most frequent ones.
    if isUniform(page) { return .uniform(TagWords.load(page, at: 0) & 15) }
    guard let starts = ShortPageStarts(page, order: order, limit: Self.maxRuns) else {
      TagWords.copyShort(page, into: &payload)
      return .raw
    }
    let runs = starts.runs
    if runs <= Self.inlineCapacity { return .inline(inlineRuns(page, starts), runs: runs) }
    if runs <= 11 { return packed(page, starts, bytes: 16, capacity: 11, &payload) }
    if runs <= 23 { return packed(page, starts, bytes: 32, capacity: 23, &payload) }
    return packed(page, starts, bytes: 64, capacity: Self.maxRuns, &payload)
  }

  /// Whether all tags are equal.
  ///
  /// The loads are those that ``ShortPageStarts`` does, which makes them free there.
  @inline(__always)
  private func isUniform(_ page: Span<UInt8>) -> Bool {
    let expected = SIMD2(repeating: TagWords.uniform(TagWords.load(page, at: 0) & 15))
    var difference = SIMD2<UInt64>()
    for pair in 0..<8 { difference |= TagWords.loadTwo(page, at: pair &* 16) ^ expected }
    return TagWords.isZero(difference)
  }

  @inline(__always)
  private func inlineRuns(_ page: Span<UInt8>, _ found: ShortPageStarts) -> InlineRuns {
    let runs = found.runs
    let masks = found.masks()
    let counts = found.counts()
    // Byte i is where run i starts; bytes of runs that are missing are 0, the end of the page.
    var starts: UInt64 = 0
    var shift: UInt64 = 8
    for lane in 0..<4 {
      var mask = masks[lane]
      let granules = ShortPageStarts.granules(
        &mask,
        limit: Self.inlineCapacity - 1,
        first: UInt64(truncatingIfNeeded: lane &* ShortPageStarts.laneGranules)
      )
      let bits = UInt64(truncatingIfNeeded: counts[lane] &* 8)
      starts |= (granules & (1 &<< bits &- 1)) &<< shift
      shift &+= bits
    }
    let tags = tags(page, at: starts, runs: Self.inlineCapacity)
    var sizes = PackedSizes(from: starts, to: starts &>> 8)
    // One number to compare for each run; for equal sizes a lower run compares as more.
    var best: UInt64 = 0
    for run in 0..<UInt64(Self.inlineCapacity) {
      best = max(best, (sizes.bytes &>> (run &* 8) & 255) &<< 3 | (7 &- run))
    }
    let largest = 7 &- best & 7
    sizes.bytes = Self.removing(largest, from: sizes.bytes, sizes.bytes &>> 8)
    let tagBits = UInt64(truncatingIfNeeded: runs &* RunLayout.tagBits)
    return InlineRuns(largest: largest, tags: tags & (1 &<< tagBits &- 1), sizes: sizes.packed)
  }

  /// The tags of the first `runs` of eight granules, 4 bits each.
  @inline(__always)
  private func tags(_ page: Span<UInt8>, at granules: UInt64, runs: Int) -> UInt64 {
    var bytes: UInt64 = 0
    for run in 0..<runs {
      let bit = UInt64(truncatingIfNeeded: run &* 8)
      let byte = Int(truncatingIfNeeded: granules &>> (bit &+ 1) & 127)
      bytes |= UInt64(page[byte]) &<< bit
    }
    // The high nibble where the granule is the second of its byte as the codec reads it.
    let odd = granules & Self.lowBits
    var highNibble = odd &<< 4 &- odd
    if order == .highNibbleFirst { highNibble ^= Self.lowBits &* 15 }
    let tags = bytes & (highNibble ^ Self.lowBits &* 15) | bytes &>> 4 & highNibble
    let pairs = (tags | tags &>> 4) & 0x00ff_00ff_00ff_00ff
    let fours = (pairs | pairs &>> 8) & 0x0000_ffff_0000_ffff
    return (fours | fours &>> 16) & 0xffff_ffff
  }

  /// The first eight bytes of nine without byte `index`, 0 to 7; `next` has those from byte 1 on.
  @inline(__always)
  private static func removing(_ index: UInt64, from bytes: UInt64, _ next: UInt64) -> UInt64 {
    let below: UInt64 = 1 &<< (index &* 8) &- 1
    return bytes & below | next & ~below
  }
}

extension ShortPageEncoder {
  /// Writes what ``PackedRuns`` draws.
  @inline(__always)
  private func packed(
    _ page: Span<UInt8>,
    _ found: ShortPageStarts,
    bytes: Int,
    capacity: Int,
    _ payload: inout MutableSpan<UInt8>
  ) -> Outcome {
    let runs = found.runs
    // Room for 46 runs, the end of the page, and what eight at a time write too much.
    var startArray = InlineArray<64, UInt8>(repeating: 0)
    var starts = startArray.mutableSpan
    Self.list(found, into: &starts)

    var sizeArray = InlineArray<64, UInt8>(repeating: 0)
    var sizes = sizeArray.mutableSpan
    let groups = (capacity + 7) / 8
    for group in 0..<groups {
      let granules = TagWords.load(starts.span, at: group &* 8)
      let next = TagWords.load(starts.span, at: group &* 8 &+ 1)
      TagWords.store(PackedSizes(from: granules, to: next).bytes, into: &sizes, at: group &* 8)
      let present = UInt64(truncatingIfNeeded: min(max(runs &- group &* 8, 0), 8))
      let tags = tags(page, at: granules, runs: 8) & (1 &<< (present &* 4) &- 1)
      TagWords.store(tags, into: &payload, at: 1 &+ group &* 4)
    }

    let largest = Self.largest(sizes.span, groups: groups)
    payload[0] = UInt8(truncatingIfNeeded: largest)
    // The sizes after the longest move down over it: in its own group here, and in later groups
    // because they are read one byte further on.
    let own = largest & ~7
    let group = Self.removing(
      UInt64(truncatingIfNeeded: largest & 7),
      from: TagWords.load(sizes.span, at: own),
      TagWords.load(sizes.span, at: own &+ 1)
    )
    TagWords.store(group, into: &sizes, at: own)

    // Eight sizes are seven bytes, so every group begins at the same bit of its byte.
    let firstBit = 8 + capacity * RunLayout.tagBits
    let shift = UInt64(truncatingIfNeeded: firstBit & 7)
    var carried = UInt64(payload[firstBit / 8]) & (1 &<< shift &- 1)
    for group in 0..<groups {
      let first = group &* 8
      let packed = PackedSizes(
        bytes: TagWords.load(sizes.span, at: first &+ (first > largest ? 1 : 0))
      ).packed
      let word = packed &<< shift | carried
      TagWords.store(word, into: &payload, at: firstBit / 8 &+ group &* 7)
      carried = word &>> 56
    }
    return .packed(bytes: bytes)
  }

  /// Lists where runs start, one byte each; all further bytes are 0, the end of the page.
  @inline(__always)
  private static func list(
    _ found: ShortPageStarts,
    into starts: inout MutableSpan<UInt8>
  ) {
    let masks = found.masks()
    let counts = found.counts()
    var end = 1
    for lane in 0..<4 {
      var mask = masks[lane]
      let first = UInt64(truncatingIfNeeded: lane &* ShortPageStarts.laneGranules)
      var next = end
      end &+= counts[lane]
      // Eight at a time, of which the next lane overwrites what is too much.
      repeat {
        TagWords.store(
          ShortPageStarts.granules(&mask, limit: 8, first: first),
          into: &starts,
          at: next
        )
        next &+= 8
      } while next < end
    }
    TagWords.store(0, into: &starts, at: found.runs)
  }

  /// The number of the first byte of all groups that no other is greater than.
  @inline(__always)
  private static func largest(_ sizes: Span<UInt8>, groups: Int) -> Int {
    // One number to compare: the size above, and below it what prefers the lower run.
    var best = SIMD8<Int16>(repeating: 0)
    let lower = SIMD8<Int16>(0, 2, 4, 6, 8, 10, 12, 14)
    for pair in 0..<(groups + 1) / 2 {
      let bytes = TagWords.loadEightPairs(sizes, at: pair &* 16)
      let even = SIMD8(repeating: Int16(63 - pair * 16)) &- lower
      best = pointwiseMax(best, (bytes & 255) &<< 6 | even)
      best = pointwiseMax(best, (bytes &>> 8 & 255) &<< 6 | (even &- 1))
    }
    let four = pointwiseMax(best.lowHalf, best.highHalf)
    let two = pointwiseMax(four.lowHalf, four.highHalf)
    return 63 &- Int(max(two[0], two[1])) & 63
  }
}
