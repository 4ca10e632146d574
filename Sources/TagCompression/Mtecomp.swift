// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The default codec: v5's size classes and capacities, lossless for every tag page.
///
/// A handle that holds tags has, with C runs at most and S bits for a size:
///
///     page   63   62 .. 59          58 ........ S(C-1)       S(C-1)-1 ........ 0
///            0    number of the     0s, then tags: run 0     sizes of all runs but the
///                 longest run       lowest, missing ones 0   longest: first lowest
///     4K     0    62 .. 59          58 .. 35  (6 tags)       34 .. 0  (5 sizes)
///     16K    0    62 .. 59          55 .. 36  (5 tags)       35 .. 0  (4 sizes)
///     64K    0    62 .. 59          48 .. 33  (4 tags)       32 .. 0  (3 sizes)
///
/// The number of the longest run is at most 5, so bits 62 to 60 are never all ones and no handle
/// can be taken for an address. ``PackedRuns`` draws the objects.
///
/// Two equal halves are the only page with a stored size that S bits cannot hold, G/2. They are
/// written as three runs, the second half split in two of the same tag, which every capacity has
/// room for and which need no rule of their own for decoding.
///
/// Source: mtecomp v5 with defects C1 and C2 of its posted code cured.
struct Mtecomp {
  private static let largestShift: UInt64 = 59

  /// Bits of all sizes in the handle of a 4K page.
  private static let shortSizesBits: UInt64 = 35

  private let pageSize: PageSize

  init(_ pageSize: PageSize) { self.pageSize = pageSize }

  // Not stored, because short pages take less time than making it.
  private var layout: RunLayout { RunLayout(pageSize) }

  /// Encodes a tag page.
  func encode(_ page: Span<UInt8>, payload: inout MutableSpan<UInt8>) -> EncodedTags {
    if pageSize == .kib4 { return encodeShort(page, payload: &payload) }
    if RunScanner.isUniform(page) {
      return .inline(handle(InlineRuns(uniform: RunScanner.firstTag(page, order: .hardware))))
    }
    let runs = RunScanner.count(page, order: .hardware, limit: layout.maxRuns)
    if runs > layout.maxRuns { return copyWhole(page, into: &payload) }
    if runs > layout.inlineCapacity {
      return PackedRuns(pageSize, order: .hardware).encode(page, runs: runs, payload: &payload)
    }
    var fields = InlineRuns(page, layout: layout, order: .hardware)
    if runs == 2 && fields.sizes == 0 { splitSecondHalf(&fields) }
    return .inline(handle(fields))
  }

  /// Encodes the tags of a 4K page.
  @inline(__always)
  private func encodeShort(
    _ page: Span<UInt8>,
    payload: inout MutableSpan<UInt8>
  ) -> EncodedTags {
    switch ShortPageEncoder(order: .hardware).encode(page, payload: &payload) {
    case .uniform(let tag):
      return .inline(handle(InlineRuns(uniform: tag)))
    case .inline(var fields, let runs):
      if runs == 2 && fields.sizes == 0 { splitSecondHalf(&fields) }
      return .inline(handle(fields))
    case .packed(let bytes):
      return .object(TagSizeClass(bytes: bytes))
    case .raw:
      return .object(TagSizeClass(bytes: page.count))
    }
  }

  /// Decodes the tags that a handle holds.
  func decode(
    _ handle: TagHandle,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let bits = handle.rawValue
    if pageSize == .kib4 {
      // One run has neither sizes nor a second tag. It is most frequent, and alone needs no buffer.
      if bits & ~(15 &<< Self.shortSizesBits) == 0 {
        TagWords.fillShort(&output, with: TagWords.uniform(bits &>> Self.shortSizesBits))
      } else {
        try decodeShort(bits, into: &output)
      }
      return
    }
    try decodeLong(bits, into: &output)
  }

  @inline(never)
  private func decodeLong(
    _ bits: UInt64,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let layout = layout
    let sizesBits = UInt64(truncatingIfNeeded: (layout.inlineCapacity - 1) * layout.sizeBits)
    let tagsBits = UInt64(truncatingIfNeeded: layout.inlineCapacity * RunLayout.tagBits)
    let reserved = (bits & (1 << Self.largestShift - 1)) >> (sizesBits + tagsBits)
    guard reserved == 0 else { throw .reservedBits(reserved) }
    let fields = InlineRuns(
      largest: bits >> Self.largestShift,
      tags: bits >> sizesBits & (1 << tagsBits - 1),
      sizes: bits & (1 << sizesBits - 1)
    )
    let runs = try fields.decode(layout: layout, order: .hardware, into: &output)
    // A run that is missing has neither tag nor size.
    let unused =
      fields.tags &>> UInt64(truncatingIfNeeded: runs * RunLayout.tagBits)
      | fields.sizes &>> UInt64(truncatingIfNeeded: (runs - 1) * layout.sizeBits)
    guard unused == 0 else { throw .reservedBits(unused) }
  }

  /// Decodes the handle of a 4K page: the same with all widths known to the compiler.
  ///
  /// Number, tags and sizes leave no bit of it unused: 4 + 6 * 4 + 5 * 7 = 63.
  @inline(never)
  private func decodeShort(
    _ bits: UInt64,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let fields = InlineRuns(
      largest: bits &>> Self.largestShift,
      tags: bits &>> Self.shortSizesBits & 0xff_ffff,
      sizes: bits & (1 &<< Self.shortSizesBits &- 1)
    )
    let unused = fields.unusedBitsOfShortPage
    guard unused == 0 else { throw .reservedBits(unused) }
    try fields.decodeShort(order: .hardware, into: &output)
  }

  private func handle(_ fields: InlineRuns) -> TagHandle {
    let sizesBits = UInt64(truncatingIfNeeded: (layout.inlineCapacity - 1) * layout.sizeBits)
    return TagHandle(
      truncating: fields.largest << Self.largestShift | fields.tags << sizesBits | fields.sizes
    )
  }

  private func splitSecondHalf(_ fields: inout InlineRuns) {
    let quarter = UInt64(layout.granules / 4)
    fields.tags |= (fields.tags >> 4) << 8
    fields.sizes = quarter | quarter << UInt64(layout.sizeBits)
  }
}
