// SPDX-License-Identifier: Apache-2.0

/// The fields of a page that has so few runs that a handle holds them all.
///
/// Run *i* has bits 4*i*+3 ... 4*i* of `tags`. Size *j* has the bits from S * *j* of `sizes`, in
/// the order of the runs and without the longest. The codecs differ in where the fields go.
struct InlineRuns {
  /// The number of the first run that no other is longer than.
  var largest: UInt64 = 0

  /// The tags of the runs, those of missing runs 0.
  var tags: UInt64

  /// The sizes of all runs but one, those of missing runs 0.
  var sizes: UInt64 = 0

  /// The fields of a page with a single run.
  init(uniform tag: UInt64) { tags = tag }

  /// The fields that a handle had.
  init(largest: UInt64, tags: UInt64, sizes: UInt64) {
    self.largest = largest
    self.tags = tags
    self.sizes = sizes
  }

  /// The fields of a page.
  ///
  /// A size of half of the page is cut to S bits, which makes it 0.
  ///
  /// - Precondition: the page has at most `layout.inlineCapacity` runs.
  @inline(__always)
  init(_ page: Span<UInt8>, layout: RunLayout, order: GranuleOrder) {
    tags = RunScanner.firstTag(page, order: order)
    // Runs that are missing start and end at the end of the page, so that their size is 0.
    var starts = InlineArray<8, Int>(repeating: layout.granules)
    starts[0] = 0
    var runs = 1
    var runTags = tags
    RunScanner.forEachBoundary(page, order: order) { granule, tag in
      starts[runs & 7] = granule
      runTags |= tag &<< UInt64(truncatingIfNeeded: runs &* RunLayout.tagBits)
      runs &+= 1
    }
    tags = runTags

    // All sizes side by side, and the longest; for equal sizes a lower run compares as more.
    let sizeBits = UInt64(truncatingIfNeeded: layout.sizeBits)
    let mask: UInt64 = 1 &<< sizeBits &- 1
    var all: UInt64 = 0
    var best = 0
    for run in 0..<layout.inlineCapacity {
      let size = starts[run + 1] &- starts[run]
      best = max(best, size &<< 3 | (7 &- run))
      all |=
        (UInt64(truncatingIfNeeded: size) & mask)
        &<< (sizeBits &* UInt64(truncatingIfNeeded: run))
    }
    largest = UInt64(truncatingIfNeeded: 7 &- best & 7)
    // The sizes after the longest move down over it.
    let below: UInt64 = 1 &<< (sizeBits &* largest) &- 1
    sizes = all & below | (all &>> sizeBits) & ~below
  }

  /// Writes the page that the fields describe.
  ///
  /// The sizes end at the first one that is 0.
  ///
  /// - Returns: the number of runs.
  /// - Throws: ``TagDecodingError`` if `largest` is not the number of a run, or if the sizes leave
  ///   nothing to it.
  @inline(__always)
  @discardableResult
  func decode(
    layout: RunLayout,
    order: GranuleOrder,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) -> Int {
    layout.granules == WideRunWriter.granules
      ? try decodeShort(order: order, into: &output)
      : try decodeRunByRun(layout: layout, order: order, into: &output)
  }

  /// Writes a page of any size.
  @inline(__always)
  func decodeRunByRun(
    layout: RunLayout,
    order: GranuleOrder,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) -> Int {
    let sizeBits = UInt64(truncatingIfNeeded: layout.sizeBits)
    let mask: UInt64 = 1 &<< sizeBits &- 1
    var runs = 1
    var sum = 0
    var left = sizes
    while runs < layout.inlineCapacity && left & mask != 0 {
      sum &+= Int(truncatingIfNeeded: left & mask)
      left &>>= sizeBits
      runs &+= 1
    }
    guard largest < UInt64(truncatingIfNeeded: runs) else {
      throw .largestOutOfRange(largest: Int(truncatingIfNeeded: largest), runs: runs)
    }
    guard sum < layout.granules else {
      throw .sizesTooLarge(granules: sum, pageGranules: layout.granules)
    }
    if runs == 1 {
      TagWords.fill(&output, with: TagWords.uniform(tags & 15))
      return 1
    }
    var writer = RunWriter(runs: runs, order: order, into: &output)
    var leftTags = tags
    left = sizes
    for run in 0..<runs {
      var size = layout.granules &- sum
      if run != Int(truncatingIfNeeded: largest) {
        size = Int(truncatingIfNeeded: left & mask)
        left &>>= sizeBits
      }
      writer.append(leftTags & 15, granules: size, into: &output)
      leftTags &>>= 4
    }
    writer.finish(&output)
    return runs
  }

  /// The bits of the runs that a 4K page does not have, tags or sizes: 0 from every encoder.
  @inline(__always)
  var unusedBitsOfShortPage: UInt64 {
    let stored = UInt64(truncatingIfNeeded: PackedSizes(packed: sizes).count)
    return tags &>> (4 &* (stored &+ 1)) | sizes &>> (7 &* stored)
  }

  /// Writes a 4K page, all of whose sizes fit a word of bytes.
  @inline(__always)
  @discardableResult
  func decodeShort(
    order: GranuleOrder,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) -> Int {
    var stored = PackedSizes(packed: sizes & (1 << 35 - 1))
    let runs = stored.count &+ 1
    stored.keep(runs &- 1)
    let sum = stored.sum
    guard largest < UInt64(truncatingIfNeeded: runs) else {
      throw .largestOutOfRange(largest: Int(truncatingIfNeeded: largest), runs: runs)
    }
    guard sum < WideRunWriter.granules else {
      throw .sizesTooLarge(granules: sum, pageGranules: WideRunWriter.granules)
    }
    if runs == 1 {
      TagWords.fillShort(&output, with: TagWords.uniform(tags & 15))
      return 1
    }
    // The longest run's size goes back to its place, and the sizes after it move up.
    let below: UInt64 = 1 &<< (8 &* largest) &- 1
    let rest = UInt64(truncatingIfNeeded: WideRunWriter.granules &- sum)
    let sizes = stored.bytes & below | rest &<< (8 &* largest) | (stored.bytes & ~below) &<< 8
    let starts = (sizes &* 0x0101_0101_0101_0101) &<< 8
    var writer = WideRunWriter(longest: tags &>> (4 &* largest) & 15, order: order)
    writer.append(tags, at: starts, runs: runs, limit: runs)
    writer.finish(&output)
    return runs
  }
}
