// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The codec of the posted v5 patches, defects included.
///
/// Granules are read from the high nibble first. A handle that holds tags has, with C runs at most
/// and S bits for a size:
///
///     page   sizes of all runs but the        tags, run 0     number of the
///            longest, first lowest            lowest          longest run
///     4K     62 .. 28  (5 sizes)              27 .. 4         3 .. 0
///     16K    59 .. 24  (4 sizes)              23 .. 4         3 .. 0
///     64K    52 .. 20  (3 sizes)              19 .. 4         3 .. 0
///
/// What it gets wrong, and why it is here:
///
/// - Two runs of half a page decode as one run of the first tag, because the size G/2 does not fit
///   S bits. The tags are lost without an error.
/// - With 4K pages, a fifth stored size of 112 or more sets bits 62 to 60, and the handle is taken
///   for the address of an object.
/// - Runs with odd boundaries count as more runs than they are.
/// - A page of zero tags has handle 0, which the patch also stores when it has no memory.
///
/// Source: mtecomp v5 as posted, September 2023.
struct MtecompV5 {
  private static let order = GranuleOrder.highNibbleFirst

  private let pageSize: PageSize

  init(_ pageSize: PageSize) { self.pageSize = pageSize }

  // Not stored, because short pages take less time than making it.
  private var layout: RunLayout { RunLayout(pageSize) }

  /// Encodes a tag page.
  func encode(_ page: Span<UInt8>, payload: inout MutableSpan<UInt8>) -> EncodedTags {
    if pageSize == .kib4 { return encodeShort(page, payload: &payload) }
    if RunScanner.isUniform(page) {
      return .inline(handle(InlineRuns(uniform: RunScanner.firstTag(page, order: Self.order))))
    }
    let runs = RunScanner.count(page, order: Self.order, limit: layout.maxRuns)
    if runs > layout.maxRuns { return copyWhole(page, into: &payload) }
    if runs > layout.inlineCapacity {
      return PackedRuns(pageSize, order: Self.order).encode(page, runs: runs, payload: &payload)
    }
    return .inline(handle(InlineRuns(page, layout: layout, order: Self.order)))
  }

  /// Encodes the tags of a 4K page.
  @inline(__always)
  private func encodeShort(
    _ page: Span<UInt8>,
    payload: inout MutableSpan<UInt8>
  ) -> EncodedTags {
    switch ShortPageEncoder(order: Self.order).encode(page, payload: &payload) {
    case .uniform(let tag):
      return .inline(handle(InlineRuns(uniform: tag)))
    case .inline(let fields, runs: _):
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
    guard !handle.looksLikeAddress else { throw .notInline(handle) }
    let fields = InlineRuns(
      largest: handle.rawValue & 15,
      tags: handle.rawValue >> 4 & (1 << tagsBits - 1),
      sizes: handle.rawValue >> (4 + tagsBits)
    )
    try fields.decode(layout: layout, order: Self.order, into: &output)
  }

  private var tagsBits: UInt64 { UInt64(layout.inlineCapacity * RunLayout.tagBits) }

  private func handle(_ fields: InlineRuns) -> TagHandle {
    TagHandle(truncating: fields.largest | fields.tags << 4 | fields.sizes << (4 + tagsBits))
  }
}
