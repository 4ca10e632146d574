// SPDX-License-Identifier: Apache-2.0

/// 64-bit access to byte spans, 16 tags at a time.
///
/// Reading bytes one by one costs about seven times as much as reading words. This is the only file
/// of the module with unsafe code. It is sound because every load and store below is checked
/// against the length of its span, words need no alignment here, and every bit pattern is a word.
enum TagWords {
  /// The word at byte `offset`: byte 0 in bits 7..0.
  @inline(__always)
  static func load(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
    // The load checks its bounds; unsafe is only that it could load a type with invalid patterns.
    UInt64(
      littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    )
  }

  /// The two words at byte `offset`.
  @inline(__always)
  static func loadTwo(_ bytes: Span<UInt8>, at offset: Int) -> SIMD2<UInt64> {
    let words = unsafe bytes.bytes.unsafeLoadUnaligned(
      fromByteOffset: offset,
      as: SIMD2<UInt64>.self
    )
    #if _endian(big)
    return SIMD2(words[0].byteSwapped, words[1].byteSwapped)
    #else
    return words
    #endif
  }

  /// The eight words at byte `offset`.
  @inline(__always)
  static func loadEight(_ bytes: Span<UInt8>, at offset: Int) -> SIMD8<UInt64> {
    inByteOrder(
      unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
    )
  }

  /// Sixteen bytes at byte `offset` as eight numbers, the byte at the lower offset lower.
  @inline(__always)
  static func loadEightPairs(_ bytes: Span<UInt8>, at offset: Int) -> SIMD8<Int16> {
    let pairs = unsafe bytes.bytes.unsafeLoadUnaligned(
      fromByteOffset: offset,
      as: SIMD8<Int16>.self
    )
    #if _endian(big)
    return pairs &<< 8 | pairs &>> 8 & 255
    #else
    return pairs
    #endif
  }

  /// Stores a word at byte `offset`, least significant byte first.
  @inline(__always)
  static func store(_ word: UInt64, into bytes: inout MutableSpan<UInt8>, at offset: Int) {
    precondition(offset >= 0 && offset <= bytes.count - 8, "word at byte \(offset)")
    unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe buffer.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
  }

  /// Stores eight words at byte `offset`.
  @inline(__always)
  static func storeEight(
    _ words: SIMD8<UInt64>,
    into bytes: inout MutableSpan<UInt8>,
    at offset: Int
  ) {
    precondition(offset >= 0 && offset <= bytes.count - 64, "eight words at byte \(offset)")
    unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe buffer.storeBytes(
        of: inByteOrder(words),
        toByteOffset: offset,
        as: SIMD8<UInt64>.self
      )
    }
  }

  /// Words as memory has them, least significant byte first, and back.
  @inline(__always)
  private static func inByteOrder(_ words: SIMD8<UInt64>) -> SIMD8<UInt64> {
    #if _endian(big)
    var swapped = words
    for index in 0..<8 { swapped[index] = words[index].byteSwapped }
    return swapped
    #else
    return words
    #endif
  }

  /// Whether both words are 0.
  @inline(__always)
  static func isZero(_ words: SIMD2<UInt64>) -> Bool { words[0] | words[1] == 0 }

  /// Whether all words are 0.
  @inline(__always)
  static func isZero(_ words: SIMD8<UInt64>) -> Bool {
    let four = words.lowHalf | words.highHalf
    return isZero(four.lowHalf | four.highHalf)
  }

  /// Copies `source` to the start of `target`.
  ///
  /// - Precondition: `source.count` is a multiple of 64 and at most `target.count`.
  static func copy(_ source: Span<UInt8>, into target: inout MutableSpan<UInt8>) {
    for offset in stride(from: 0, to: source.count, by: 64) {
      storeEight(loadEight(source, at: offset), into: &target, at: offset)
    }
  }

  /// Copies the 128 bytes of a 4K page to the start of `target`.
  @inline(__always)
  static func copyShort(_ source: Span<UInt8>, into target: inout MutableSpan<UInt8>) {
    storeEight(loadEight(source, at: 0), into: &target, at: 0)
    storeEight(loadEight(source, at: 64), into: &target, at: 64)
  }

  /// Fills `target` with one word.
  ///
  /// - Precondition: `target.count` is a multiple of 64.
  static func fill(_ target: inout MutableSpan<UInt8>, with word: UInt64) {
    let words = SIMD8(repeating: word)
    for offset in stride(from: 0, to: target.count, by: 64) {
      storeEight(words, into: &target, at: offset)
    }
  }

  /// Fills the 128 bytes of a 4K page with one word.
  @inline(__always)
  static func fillShort(_ target: inout MutableSpan<UInt8>, with word: UInt64) {
    storeEight(SIMD8(repeating: word), into: &target, at: 0)
    storeEight(SIMD8(repeating: word), into: &target, at: 64)
  }

  /// A word of 16 equal tags.
  @inline(__always)
  static func uniform(_ tag: UInt64) -> UInt64 { tag &* 0x1111_1111_1111_1111 }

  /// Swaps the nibbles of each byte, which turns one granule order into the other.
  @inline(__always)
  static func swappingNibbles(_ word: UInt64) -> UInt64 {
    (word & lowNibbles) << 4 | (word >> 4) & lowNibbles
  }

  /// Swaps the nibbles of each byte of eight words.
  @inline(__always)
  static func swappingNibbles(_ words: SIMD8<UInt64>) -> SIMD8<UInt64> {
    let mask = SIMD8(repeating: lowNibbles)
    return (words & mask) &<< 4 | (words &>> 4) & mask
  }

  private static var lowNibbles: UInt64 { 0x0f0f_0f0f_0f0f_0f0f }
}

/// Which granule of a byte comes first.
public enum GranuleOrder: Sendable {
  /// The even granule is in the low nibble, as hardware has it.
  case hardware
  /// The even granule is read from the high nibble, as the posted v5 and v11 codecs do.
  case highNibbleFirst
}
