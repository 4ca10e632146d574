// SPDX-License-Identifier: Apache-2.0

/// Packs fields of a few bits into little-endian 64-bit words, from bit 0 upwards.
struct BitPacker {
  private var word: UInt64 = 0
  private var fill: UInt64 = 0
  private var offset = 0

  /// Appends the low `bits` bits of `value`, which has no others.
  ///
  /// `bits` is 0 to 64; a word goes to `output` as soon as it is full.
  @inline(__always)
  mutating func put(_ value: UInt64, bits: Int, into output: inout MutableSpan<UInt8>) {
    word |= value &<< fill
    let end = fill &+ UInt64(truncatingIfNeeded: bits)
    if end < 64 {
      fill = end
      return
    }
    TagWords.store(word, into: &output, at: offset)
    offset &+= 8
    // The bits that did not fit; with `fill` 0 all of them did, and a shift by 64 would be none.
    word = fill == 0 ? 0 : value &>> (64 &- fill)
    fill = end &- 64
  }

  /// Appends `bits` clear bits.
  @inline(__always)
  mutating func putZeros(_ bits: Int, into output: inout MutableSpan<UInt8>) {
    var left = bits
    while left > 0 {
      put(0, bits: min(left, 32), into: &output)
      left &-= 32
    }
  }

  /// Fills the rest of the first `count` bytes of `output` with clear bits.
  mutating func finish(count: Int, into output: inout MutableSpan<UInt8>) {
    while offset < count {
      TagWords.store(word, into: &output, at: offset)
      word = 0
      offset &+= 8
    }
  }
}

/// Reads fields of a few bits from little-endian 64-bit words, from bit 0 upwards.
struct BitReader {
  /// The next bit.
  var position: Int

  /// Reads `bits` bits, at most 32.
  ///
  /// - Precondition: the bits lie within `input`, which has at least 8 bytes.
  @inline(__always)
  mutating func take(_ bits: Int, from input: Span<UInt8>) -> UInt64 {
    // The last word is read whole where one that begins at the byte would reach beyond the end.
    let byte = min(position &>> 3, input.count &- 8)
    let shift = UInt64(truncatingIfNeeded: position &- byte &* 8)
    position &+= bits
    return TagWords.load(input, at: byte) &>> shift
      & ((1 &<< UInt64(truncatingIfNeeded: bits)) &- 1)
  }
}
