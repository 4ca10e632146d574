// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The runs of a page packed into an object, for both `mtecomp` and `mtecomp-v5`.
///
/// 4K pages have a faster way that gives the same, ``ShortPageEncoder`` and ``ShortPageDecoder``.
///
/// An object of B bytes is a sequence of little-endian 64-bit words, filled from bit 0 upwards.
/// With C = capacity(B), L = log2(G) and S = L - 1:
///
///     bit  0 ..< L          number of the longest run
///          L ..< L+4C       tags of the runs, in order; those of missing runs 0
///          L+4C ..< L+4C+S(C-1)   sizes of all runs but the longest, in order; missing ones 0
///          up to 8B         0
///
/// Source: mtecomp v5, out-of-line payload as its code writes it.
struct PackedRuns {
  private let pageSize: PageSize
  private let order: GranuleOrder

  init(_ pageSize: PageSize, order: GranuleOrder) {
    self.pageSize = pageSize
    self.order = order
  }

  // Not stored, because short pages take less time than making it.
  private var layout: RunLayout { RunLayout(pageSize) }

  /// Encodes a page of `runs` runs, of any page size.
  ///
  /// - Precondition: `runs` is the number of runs, above `layout.inlineCapacity` and at most
  ///   `layout.maxRuns`.
  func encode(
    _ page: Span<UInt8>,
    runs: Int,
    payload: inout MutableSpan<UInt8>
  ) -> EncodedTags {
    // The list of starts is cleared for each page, so it is as short as the page size allows.
    switch layout.granules {
    case 1024: encode(page, RunStarts<160>(count: runs), &payload)
    default: encode(page, RunStarts<548>(count: runs), &payload)
    }
    return .object(TagSizeClass(bytes: layout.objectBytes(runs: runs)))
  }

  @inline(__always)
  private func encode<let room: Int>(
    _ page: Span<UInt8>,
    _ empty: RunStarts<room>,
    _ payload: inout MutableSpan<UInt8>
  ) {
    let layout = layout
    var starts = empty
    let runs = starts.count
    let bytes = layout.objectBytes(runs: runs)
    let capacity = layout.capacity(bytes: bytes)
    var packer = BitPacker()
    // The number of the longest run is not known yet, and joins the first word at the end.
    packer.putZeros(layout.largestBits, into: &payload)
    packer.put(RunScanner.firstTag(page, order: order), bits: 4, into: &payload)
    var run = 1
    RunScanner.forEachBoundary(page, order: order) { granule, tag in
      starts[run] = granule
      packer.put(tag, bits: 4, into: &payload)
      run &+= 1
    }
    starts[runs] = layout.granules
    packer.putZeros((capacity - runs) * RunLayout.tagBits, into: &payload)

    let largest = starts.longest()
    for run in 0..<runs where run != largest {
      let size = UInt64(truncatingIfNeeded: starts[run + 1] &- starts[run])
      packer.put(size, bits: layout.sizeBits, into: &payload)
    }
    packer.finish(count: bytes, into: &payload)
    let first = TagWords.load(payload.span, at: 0)
    TagWords.store(first | UInt64(largest), into: &payload, at: 0)
  }

  /// Decodes an object.
  func decode(
    _ payload: Span<UInt8>,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    if pageSize == .kib4 {
      try ShortPageDecoder(order: order).decode(payload, into: &output)
    } else {
      try decodeRunByRun(payload, into: &output)
    }
  }

  /// Decodes an object of any page size.
  func decodeRunByRun(
    _ payload: Span<UInt8>,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let layout = layout
    let bytes = payload.count
    guard bytes >= 16 && bytes <= layout.largestObjectBytes && bytes & (bytes - 1) == 0 else {
      throw .unknownSizeClass(bytes: bytes)
    }
    let capacity = layout.capacity(bytes: bytes)
    var reader = BitReader(position: 0)
    let largest = Int(truncatingIfNeeded: reader.take(layout.largestBits, from: payload))
    let firstTag = layout.largestBits
    let firstSize = firstTag + capacity * RunLayout.tagBits

    reader.position = firstSize
    var runs = 1
    var sum = 0
    while runs < capacity {
      let size = Int(truncatingIfNeeded: reader.take(layout.sizeBits, from: payload))
      if size == 0 { break }
      sum &+= size
      runs &+= 1
    }
    guard largest < runs else { throw .largestOutOfRange(largest: largest, runs: runs) }
    guard sum < layout.granules else {
      throw .sizesTooLarge(granules: sum, pageGranules: layout.granules)
    }

    var tagReader = BitReader(position: firstTag)
    reader.position = firstSize
    var writer = RunWriter(runs: runs, order: order, into: &output)
    for run in 0..<runs {
      var size = layout.granules &- sum
      if run != largest {
        size = Int(truncatingIfNeeded: reader.take(layout.sizeBits, from: payload))
      }
      writer.append(tagReader.take(4, from: payload), granules: size, into: &output)
    }
    writer.finish(&output)
  }
}

/// The first granules of a page's runs, and the end of the page.
private struct RunStarts<let room: Int> {
  private var starts = InlineArray<room, UInt16>(repeating: 0)

  /// The number of runs, below `room`.
  let count: Int

  init(count: Int) { self.count = count }

  subscript(_ run: Int) -> Int {
    @inline(__always) get { Int(starts[run]) }
    @inline(__always) set { starts[run] = UInt16(truncatingIfNeeded: newValue) }
  }

  /// The number of the first run that no other is longer than.
  @inline(__always)
  func longest() -> Int {
    // One number to compare: the size above, and below it what prefers the lower run.
    var best = 0
    for run in 0..<count {
      best = max(best, (self[run + 1] &- self[run]) &<< 16 | (0xffff &- run))
    }
    return 0xffff - best & 0xffff
  }
}
