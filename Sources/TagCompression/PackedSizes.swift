// SPDX-License-Identifier: Apache-2.0

/// Eight sizes of 7 bits, in the bytes of a word.
///
/// Positions in a 4K page are less than 256, so that one multiplication adds up eight sizes.
struct PackedSizes {
  /// The sizes; number *i* lies in bits 8*i*+7 to 8*i*.
  var bytes: UInt64

  /// Spreads eight sizes of 7 bits each, the first one lowest, over the bytes of a word.
  @inline(__always)
  init(packed: UInt64) {
    // 56 bits become two halves of 28 bits, four quarters of 14, and eight bytes of 7.
    let halves = packed & 0x0fff_ffff | (packed & 0x00ff_ffff_f000_0000) << 4
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2
    bytes = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1
  }

  /// The differences of the bytes of two words, modulo 256.
  @inline(__always)
  init(from starts: UInt64, to ends: UInt64) {
    // The highest bits are kept out of the subtraction, so that no byte borrows from the next.
    let high: UInt64 = 0x8080_8080_8080_8080
    bytes = ((ends | high) &- (starts & ~high)) ^ ((ends ^ ~starts) & high)
  }

  /// Sizes that are already in the bytes of a word.
  @inline(__always)
  init(bytes: UInt64) { self.bytes = bytes }

  /// The low 7 bits of each size, next to each other.
  @inline(__always)
  var packed: UInt64 {
    let quarters = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) &>> 1
    let halves = quarters & 0x0000_3fff_0000_3fff | (quarters & 0x3fff_0000_3fff_0000) &>> 2
    return halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) &>> 4
  }

  /// How many sizes there are before the first that is 0, up to 8.
  @inline(__always)
  var count: Int {
    // A byte of 0 borrows from its highest bit, which sizes leave clear; what borrows further up
    // does not matter, and where no byte is 0 there are 64 trailing zeros.
    ((bytes &- 0x0101_0101_0101_0101) & 0x8080_8080_8080_8080).trailingZeroBitCount &>> 3
  }

  /// Clears all sizes from number `count` on.
  @inline(__always)
  mutating func keep(_ count: Int) { bytes &= ~(UInt64.max << UInt64(count &* 8)) }

  /// The sum of all sizes.
  @inline(__always)
  var sum: Int {
    let pairs = (bytes & 0x00ff_00ff_00ff_00ff) &+ (bytes >> 8 & 0x00ff_00ff_00ff_00ff)
    return Int(truncatingIfNeeded: (pairs &* 0x0001_0001_0001_0001) >> 48)
  }
}
