// SPDX-License-Identifier: Apache-2.0

/// Writes the runs of a tag page one after the other.
///
/// There are two ways, because a processor mispredicts about once for each run whose words are
/// stored in a loop. With few runs, words are stored as they are completed. With many, only the
/// difference of each run's tag to the one before goes to the granule where the run starts, without
/// any branch, and at the end one pass over the page adds the differences up:
///
///     tags          5 5 5 2 2 7 7 7
///     differences   5 0 0 7 0 5 0 0      (exclusive or)
struct RunWriter {
  /// Words that are summed up in about the time that a run costs when its words are stored.
  private static let wordsPerRun = 4

  private let order: GranuleOrder
  private let marksDifferences: Bool
  private var position = 0
  // The tags of the word that `position` lies in, right up to `position`.
  private var word: UInt64 = 0
  private var previousTag: UInt64 = 0

  /// Starts a page of `runs` runs in `output`, whose length is a positive multiple of 64.
  @inline(__always)
  init(runs: Int, order: GranuleOrder, into output: inout MutableSpan<UInt8>) {
    self.order = order
    marksDifferences = runs &* Self.wordsPerRun > output.count / 8
    if marksDifferences { TagWords.fill(&output, with: 0) }
  }

  /// Appends `granules` granules of `tag`, 0 to 15, to `output`.
  ///
  /// - Precondition: `granules` > 0, and the granules of all runs do not exceed the page.
  @inline(__always)
  mutating func append(
    _ tag: UInt64,
    granules: Int,
    into output: inout MutableSpan<UInt8>
  ) {
    if marksDifferences {
      mark(tag, in: &output)
      position &+= granules
    } else {
      store(tag, granules: granules, in: &output)
    }
  }

  /// Completes the page.
  ///
  /// - Precondition: the runs fill the page.
  @inline(__always)
  mutating func finish(_ output: inout MutableSpan<UInt8>) {
    guard marksDifferences else { return }
    var lastTag: UInt64 = 0
    for offset in stride(from: 0, to: output.count, by: 8) {
      var word = TagWords.load(output.span, at: offset)
      word ^= word << 4
      word ^= word << 8
      word ^= word << 16
      word ^= word << 32
      let stored = word ^ TagWords.uniform(lastTag)
      lastTag ^= word >> 60
      TagWords.store(ordered(stored), into: &output, at: offset)
    }
  }

  @inline(__always)
  private mutating func mark(_ tag: UInt64, in output: inout MutableSpan<UInt8>) {
    // Bytes and not words, since the next run mostly starts in the same word and would wait for it.
    let shift = UInt64(truncatingIfNeeded: position & 1) &* 4
    output[position &>> 1] ^= UInt8(truncatingIfNeeded: (tag ^ previousTag) &<< shift)
    previousTag = tag
  }

  @inline(__always)
  private mutating func store(
    _ tag: UInt64,
    granules: Int,
    in output: inout MutableSpan<UInt8>
  ) {
    let pattern = TagWords.uniform(tag)
    let shift = UInt64(truncatingIfNeeded: position & 15) &* 4
    word = word & ~(.max &<< shift) | pattern &<< shift
    var offset = (position & ~15) &>> 1
    position &+= granules
    let completeBytes = (position & ~15) &>> 1
    while offset < completeBytes {
      TagWords.store(ordered(word), into: &output, at: offset)
      word = pattern
      offset &+= 8
    }
  }

  @inline(__always)
  private func ordered(_ word: UInt64) -> UInt64 {
    order == .hardware ? word : TagWords.swappingNibbles(word)
  }
}
