// SPDX-License-Identifier: Apache-2.0

/// A fixed-length array of bits that can find runs of clear bits.
///
/// One bit stands for one unit of something that is handed out in aligned runs, such as the pages
/// of a contiguous memory area; a set bit means taken. Bit *i* is bit *i* mod 64 of word *i* / 64.
public struct Bitmap: Equatable, InvariantChecks, Sendable {
  /// The number of bits.
  public let count: Int

  /// The number of set bits, 0 to `count`.
  public private(set) var population: Int

  private var words: [UInt64]

  private static let wordBits = 64

  /// Creates a bitmap of `count` clear bits.
  ///
  /// - Precondition: `count` is not negative.
  /// - Complexity: O(`count`).
  public init(count: Int) {
    precondition(count >= 0, "bitmap of \(count) bits")
    self.count = count
    population = 0
    words = Array(repeating: 0, count: (count + Self.wordBits - 1) / Self.wordBits)
  }

  /// Whether the bit at `index` is set.
  ///
  /// - Precondition: 0 <= `index` < `count`.
  /// - Complexity: O(1).
  public subscript(_ index: Int) -> Bool {
    get {
      precondition(index >= 0 && index < count, "bit \(index) of \(count)")
      return words[index / Self.wordBits] >> UInt64(index % Self.wordBits) & 1 == 1
    }
    set { setRange(index..<index + 1, to: newValue) }
  }

  /// Sets or clears a half-open range of bits.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  public mutating func setRange(_ range: Range<Int>, to value: Bool) {
    check(range)
    var low = range.lowerBound
    while low < range.upperBound {
      let (word, mask, next) = Self.part(from: low, to: range.upperBound)
      let old = words[word]
      let new = value ? old | mask : old & ~mask
      words[word] = new
      population += new.nonzeroBitCount - old.nonzeroBitCount
      low = next
    }
  }

  /// Whether every bit of a half-open range is clear; an empty range is.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  public func isClear(_ range: Range<Int>) -> Bool {
    check(range)
    return firstSet(in: range) == nil
  }

  /// Finds the first run of `length` clear bits that starts at `start` or later.
  ///
  /// The run begins at an index for which `index + offset` is a multiple of `alignment`; `offset`
  /// is the distance of bit 0 from an aligned unit. A bit in the way moves the search to the first
  /// aligned index after it, as the kernel's search for zero areas does.
  ///
  /// - Precondition: `length` > 0, `start` >= 0, `offset` >= 0, and `alignment` is a power of two.
  /// - Returns: the index of the run's first bit, `nil` where there is no such run.
  /// - Complexity: O(`count`) word operations for each blocked candidate in the worst case, and
  ///   O(`count` / 64 + `length` / 64) where the free bits are not fragmented.
  ///
  /// Source: Linux v6.8 `bitmap_find_next_zero_area_off`, behaviour.
  public func firstClearRun(
    length: Int,
    from start: Int,
    alignment: Int = 1,
    offset: Int = 0
  ) -> Int? {
    precondition(length > 0, "run of \(length) bits")
    precondition(start >= 0 && offset >= 0, "search from \(start) at offset \(offset)")
    precondition(
      alignment > 0 && alignment & (alignment - 1) == 0,
      "alignment \(alignment) is not a power of two"
    )
    var candidate = start
    while candidate < count {
      guard let clear = firstClear(in: candidate..<count) else { return nil }
      let aligned = ((clear + offset + alignment - 1) & ~(alignment - 1)) - offset
      guard aligned <= count - length else { return nil }
      guard let blocking = firstSet(in: aligned..<aligned + length) else { return aligned }
      candidate = blocking + 1
    }
    return nil
  }

  /// Checks the count of set bits, and that no bit beyond the end is set.
  ///
  /// - Complexity: O(`count`).
  public func verifyInvariants() throws(BrokenInvariant) {
    let found = words.reduce(0) { $0 + $1.nonzeroBitCount }
    try BrokenInvariant.unless(
      found == population,
      "bitmap",
      "bitmap holds \(found) set bits but counts \(population)"
    )
    let used = count % Self.wordBits
    guard used != 0, let last = words.last else { return }
    try BrokenInvariant.unless(
      last >> UInt64(used) == 0,
      "bitmap",
      "bitmap of \(count) bits has a bit beyond its end"
    )
  }

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "bits \(range) of a bitmap of \(count)"
    )
  }

  private func firstSet(in range: Range<Int>) -> Int? {
    var low = range.lowerBound
    while low < range.upperBound {
      let (word, mask, next) = Self.part(from: low, to: range.upperBound)
      let found = words[word] & mask
      if found != 0 { return word * Self.wordBits + found.trailingZeroBitCount }
      low = next
    }
    return nil
  }

  private func firstClear(in range: Range<Int>) -> Int? {
    var low = range.lowerBound
    while low < range.upperBound {
      let (word, mask, next) = Self.part(from: low, to: range.upperBound)
      let found = ~words[word] & mask
      if found != 0 { return word * Self.wordBits + found.trailingZeroBitCount }
      low = next
    }
    return nil
  }

  /// The part of `low..<high` that lies in the word of `low`, as a mask, and where the rest begins.
  ///
  /// `low` is below `high`, so the mask has at least one bit.
  private static func part(from low: Int, to high: Int) -> (word: Int, mask: UInt64, next: Int) {
    let word = low / wordBits
    let next = min(high, (word + 1) * wordBits)
    let bits = next - low
    let ones: UInt64 = bits == wordBits ? .max : 1 << UInt64(bits) - 1
    return (word, ones << UInt64(low % wordBits), next)
  }
}
