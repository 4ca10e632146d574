// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A way to store the tags of one page while the page is in swap.
///
/// A codec turns a tag page, the 4-bit tags of one page's granules, into a ``TagHandle`` of 63 bits
/// and sometimes an object of a few bytes that the handle leads to. It allocates nothing itself.
///
/// The module's page has an example.
///
/// Source: "MTE tag compression" patch series, v5 and v11, re-described; Apple XNU for `xnu-rle`.
public enum TagCodec: String, CaseIterable, Sendable {
  /// The tags as they are, as Linux keeps them today.
  case raw
  /// Runs of equal tags in v5's size classes, without v5's defects; lossless for every input.
  case mtecomp
  /// The posted v5 codec with its defects, for comparison; it loses tags of some pages.
  case mtecompV5 = "mtecomp-v5"
  /// The posted v11 codec: tags in the handle or uncompressed.
  case mtecompV11 = "mtecomp-v11"
  /// A run-length byte stream after Apple XNU's.
  case xnuRunLength = "xnu-rle"
}

/// What an encoder made of a tag page.
public enum EncodedTags: Hashable, Sendable {
  /// The tags fit the handle.
  case inline(TagHandle)
  /// The tags need an object of this class; its bytes are in the caller's buffer.
  case object(TagSizeClass)

  /// The size class, which is ``TagSizeClass/inline`` for a handle that holds the tags.
  public var sizeClass: TagSizeClass {
    switch self {
    case .inline: .inline
    case .object(let sizeClass): sizeClass
    }
  }
}

extension TagCodec {
  /// Which granule of a byte the codec takes first when it looks for runs.
  public var granuleOrder: GranuleOrder {
    switch self {
    case .raw, .mtecomp, .xnuRunLength: .hardware
    case .mtecompV5, .mtecompV11: .highNibbleFirst
    }
  }

  /// The size classes of the codec in ascending order; the last one holds the tags as they are.
  ///
  /// - Complexity: O(*n*), where *n* is the number of classes.
  public func sizeClasses(pageSize: PageSize) -> [TagSizeClass] {
    let whole = TagSizeClass(bytes: pageSize.tagBytes)
    switch self {
    case .raw:
      return [whole]
    case .mtecomp, .mtecompV5:
      return [.inline] + RunLayout(pageSize).objectClasses + [whole]
    case .mtecompV11:
      return [.inline, whole]
    case .xnuRunLength:
      return [.inline] + XNURunLength(pageSize).objectClasses + [whole]
    }
  }

  /// Encodes a tag page.
  ///
  /// `tags` holds `pageSize.tagBytes` bytes, the even granule of each byte in its low nibble.
  /// `payload` is the caller's buffer of at least as many bytes; for an object its first
  /// `sizeClass.bytes` bytes are what the object has to hold, and the rest may have been changed.
  ///
  /// - Precondition: `tags.count` is `pageSize.tagBytes`, and `payload.count` is at least that.
  /// - Returns: the handle, or the class of the object to allocate.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public func encode(
    _ tags: Span<UInt8>,
    pageSize: PageSize,
    payload: inout MutableSpan<UInt8>
  ) -> EncodedTags {
    checkRoom(tags.count, payload.count, pageSize)
    switch self {
    case .raw:
      return copyWhole(tags, into: &payload)
    case .mtecomp:
      return Mtecomp(pageSize).encode(tags, payload: &payload)
    case .mtecompV5:
      return MtecompV5(pageSize).encode(tags, payload: &payload)
    case .mtecompV11:
      return MtecompV11(pageSize).encode(tags, payload: &payload)
    case .xnuRunLength:
      return XNURunLength(pageSize).encode(tags, payload: &payload)
    }
  }

  /// Decodes the tags that a handle itself holds.
  ///
  /// - Precondition: `output.count` is `pageSize.tagBytes`.
  /// - Throws: ``TagDecodingError`` where no encoder could have made the handle; `output` may have
  ///   been changed by then.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public func decode(
    _ handle: TagHandle,
    pageSize: PageSize,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    checkOutput(output.count, pageSize)
    switch self {
    case .raw:
      throw .notInline(handle)
    case .mtecomp:
      try Mtecomp(pageSize).decode(handle, into: &output)
    case .mtecompV5:
      try MtecompV5(pageSize).decode(handle, into: &output)
    case .mtecompV11:
      try MtecompV11(pageSize).decode(handle, into: &output)
    case .xnuRunLength:
      try XNURunLength(pageSize).decode(handle, into: &output)
    }
  }

  /// Decodes the tags that an object holds.
  ///
  /// `payload` is the whole object; its length is its size class.
  ///
  /// - Precondition: `output.count` is `pageSize.tagBytes`.
  /// - Throws: ``TagDecodingError`` where no encoder could have made the payload; `output` may have
  ///   been changed by then.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public func decode(
    payload: Span<UInt8>,
    pageSize: PageSize,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    checkOutput(output.count, pageSize)
    if payload.count == pageSize.tagBytes {
      TagWords.copy(payload, into: &output)
      return
    }
    switch self {
    case .raw, .mtecompV11:
      throw .unknownSizeClass(bytes: payload.count)
    case .mtecomp:
      try PackedRuns(pageSize, order: .hardware).decode(payload, into: &output)
    case .mtecompV5:
      try PackedRuns(pageSize, order: .highNibbleFirst).decode(payload, into: &output)
    case .xnuRunLength:
      try XNURunLength(pageSize).decode(payload, into: &output)
    }
  }

  private func checkRoom(_ tagBytes: Int, _ payloadBytes: Int, _ pageSize: PageSize) {
    precondition(
      tagBytes == pageSize.tagBytes,
      "tag page of \(tagBytes) bytes where \(pageSize.name) pages have \(pageSize.tagBytes)"
    )
    precondition(
      payloadBytes >= pageSize.tagBytes,
      "payload buffer of \(payloadBytes) bytes, \(pageSize.tagBytes) needed"
    )
  }

  private func checkOutput(_ outputBytes: Int, _ pageSize: PageSize) {
    precondition(
      outputBytes == pageSize.tagBytes,
      "output of \(outputBytes) bytes where \(pageSize.name) pages have \(pageSize.tagBytes)"
    )
  }
}

/// Stores the tags as they are, the last resort of every codec.
func copyWhole(_ tags: Span<UInt8>, into payload: inout MutableSpan<UInt8>) -> EncodedTags {
  TagWords.copy(tags, into: &payload)
  return .object(TagSizeClass(bytes: tags.count))
}
