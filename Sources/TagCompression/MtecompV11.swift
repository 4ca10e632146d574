// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The codec of the v8 to v11 patches: tags in the handle, or the whole tag page in an object.
///
/// Granules are read from the high nibble first. Bit 0 tells a handle that holds tags from the
/// address of an object:
///
///     page   sizes of all runs but the        tags, run 0     number of the    1
///            longest, first lowest            lowest          longest run
///     4K     62 .. 28  (5 sizes)              27 .. 4         3 .. 1           0
///     16K    59 .. 24  (4 sizes)              23 .. 4         3 .. 1           0
///     64K    52 .. 20  (3 sizes)              19 .. 4         3 .. 1           0
///
/// Two equal halves are run 0 as the longest and a first size of 0, which stands for G/2; a page of
/// equal tags is written as two halves of the same tag.
///
/// Source: MTE tag compression, v11.
struct MtecompV11 {
  private static let order = GranuleOrder.highNibbleFirst

  private let layout: RunLayout

  init(_ pageSize: PageSize) { layout = RunLayout(pageSize) }

  /// Encodes a tag page.
  func encode(_ page: Span<UInt8>, payload: inout MutableSpan<UInt8>) -> EncodedTags {
    let runs = RunScanner.count(page, order: Self.order, limit: layout.inlineCapacity)
    if runs == 1 {
      let tag = RunScanner.firstTag(page, order: Self.order)
      return .inline(handle(InlineRuns(uniform: tag | tag << 4)))
    }
    if runs > layout.inlineCapacity { return copyWhole(page, into: &payload) }
    return .inline(handle(InlineRuns(page, layout: layout, order: Self.order)))
  }

  /// Decodes the tags that a handle holds.
  func decode(
    _ handle: TagHandle,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    guard handle.rawValue & 1 == 1 else { throw .notInline(handle) }
    let fields = InlineRuns(
      largest: handle.rawValue >> 1 & 7,
      tags: handle.rawValue >> 4 & (1 << tagsBits - 1),
      sizes: handle.rawValue >> (4 + tagsBits)
    )
    guard fields.largest < UInt64(layout.inlineCapacity) else {
      throw .largestOutOfRange(largest: Int(fields.largest), runs: layout.inlineCapacity)
    }
    let firstSize = fields.sizes & (1 << UInt64(layout.sizeBits) - 1)
    guard fields.largest == 0 && firstSize == 0 else {
      try fields.decode(layout: layout, order: Self.order, into: &output)
      return
    }
    // Two halves leave nothing for a third run.
    guard fields.sizes == 0 else { throw .reservedBits(fields.sizes) }
    var writer = RunWriter(runs: 2, order: Self.order, into: &output)
    writer.append(fields.tags & 15, granules: layout.granules / 2, into: &output)
    writer.append(fields.tags >> 4 & 15, granules: layout.granules / 2, into: &output)
    writer.finish(&output)
  }

  private var tagsBits: UInt64 { UInt64(layout.inlineCapacity * RunLayout.tagBits) }

  private func handle(_ fields: InlineRuns) -> TagHandle {
    TagHandle(
      truncating: 1 | fields.largest << 1 | fields.tags << 4 | fields.sizes << (4 + tagsBits)
    )
  }
}
