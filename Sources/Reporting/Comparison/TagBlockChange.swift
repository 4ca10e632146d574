// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The change of the memory of tag blocks, split into its two causes.
///
/// Tag blocks in use are tagged pages divided by the pages that a block serves:
///
///     B = T * q,  where q = B / T is tag-block memory for each byte of tagged pages
///     B1 - B0 = (T1 - T0) * (q0 + q1) / 2  +  (q1 - q0) * (T0 + T1) / 2
///
/// The first term is that of more or fewer tagged pages, the second that of blocks which serve fewer or
/// more of them. What both do together, (T1 - T0) * (q1 - q0), is half in each, so that neither comes
/// first and exchanging the reports changes nothing but the signs. The first term is rounded to the
/// nearest byte, halves away from zero, and the second is the rest, so that they add up exactly.
///
/// Without tagged pages on one side there is no q there, and that of the other counts for both. Blocks
/// that serve no page on either side are a matter of the second term.
struct TagBlockChange: Equatable {
  /// Bytes that more or fewer tagged pages account for.
  let byPages: Int64
  /// Bytes that the number of pages which a block serves accounts for.
  let byPacking: Int64

  init(_ base: ComparisonSide, _ side: ComparisonSide) {
    self.init(
      blocks: (base.mean(.tagStorageHeld), side.mean(.tagStorageHeld)),
      pages: (base.mean(.pagesWithTagStorage), side.mean(.pagesWithTagStorage))
    )
  }

  /// Splits a change from the first to the second of both pairs, which are bytes.
  init(blocks: (Int64, Int64), pages: (Int64, Int64)) {
    // Only their ratio counts, so that they may be halved until all products fit: 37 bits and twice 54.
    var (old, new) = (Int128(pages.0), Int128(pages.1))
    while max(old, new) >= 1 << 36 { (old, new) = (old / 2, new / 2) }
    let (oldBlocks, newBlocks) = (Int128(min(blocks.0, 1 << 53)), Int128(min(blocks.1, 1 << 53)))
    let share: Int128
    switch (old > 0, new > 0) {
    case (false, false): share = 0
    case (true, false): share = Self.quotient((new - old) * oldBlocks, old)
    case (false, true): share = Self.quotient((new - old) * newBlocks, new)
    case (true, true):
      share = Self.quotient(
        (new - old) * (oldBlocks * new + newBlocks * old),
        2 * old * new
      )
    }
    // A report that somebody changed may call for more than any memory has.
    byPages = Int64(max(-(1 << 62), min(share, 1 << 62)))
    byPacking = blocks.1 - blocks.0 - byPages
  }

  /// A quotient rounded to the nearest, halves away from zero.
  private static func quotient(_ dividend: Int128, _ divisor: Int128) -> Int128 {
    let half = divisor / 2
    return (dividend < 0 ? dividend - half : dividend + half) / divisor
  }
}
