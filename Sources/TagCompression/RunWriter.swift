// SPDX-License-Identifier: Apache-2.0

/// Writes runs of equal tags one after the other, 16 granules at a time.
struct RunWriter {
  private let order: GranuleOrder
  private var position = 0
  // The tags of the word that `position` lies in, right up to `position`.
  private var word: UInt64 = 0

  init(order: GranuleOrder) { self.order = order }

  /// Appends `granules` granules of `tag` to `output`.
  ///
  /// A word is stored as soon as it is complete, so that the runs of a whole page need no flush.
  @inline(__always)
  mutating func append(
    _ tag: UInt64,
    granules: Int,
    into output: inout MutableSpan<UInt8>
  ) {
    let pattern = TagWords.uniform(tag)
    let shift = UInt64(truncatingIfNeeded: position & 15) &* 4
    word = word & ~(.max &<< shift) | pattern &<< shift
    var offset = (position & ~15) &>> 1
    position += granules
    let completeBytes = (position & ~15) &>> 1
    while offset < completeBytes {
      let stored = order == .hardware ? word : TagWords.swappingNibbles(word)
      TagWords.store(stored, into: &output, at: offset)
      word = pattern
      offset &+= 8
    }
  }
}
