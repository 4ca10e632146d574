// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagCompression

/// Something that encodes and decodes all pages of a corpus.
///
/// One dynamic call starts a batch of pages, so that it costs nothing.
protocol Subject {
  /// The heading of its column.
  var name: String { get }

  /// The pages.
  var corpus: TagCorpus { get }

  /// Whether it is mtecomp-v5, which does not restore all pages.
  var isPostedCodec: Bool { get }

  /// Encodes every page.
  mutating func encodeAll()

  /// Decodes every page, all into the same place.
  ///
  /// - Precondition: `encodeAll` was called, and `releaseAll` not since.
  mutating func decodeAll()

  /// Gives back what `encodeAll` has taken.
  mutating func releaseAll()

  /// The stored form of a page; `nil` from general-purpose compressors.
  func stored(_ page: Int) -> StoredTags?

  /// The tags of a page decoded.
  mutating func restored(_ page: Int) -> [UInt8]
}

extension Subject {
  var isPostedCodec: Bool { false }
  mutating func releaseAll() {}
}

/// The stored form of a page: the object's bytes, or the handle where it holds the tags.
///
/// Handles of objects have different addresses in the two implementations; their size class is the
/// number of bytes.
struct StoredTags: Equatable {
  var inlineHandle: UInt64?
  var object: [UInt8]

  /// What mtecomp stores where mtecomp-v5 stores this, and both see the same runs.
  ///
  /// Objects are the same, but for whole tag pages, which have the nibbles of each byte swapped as the
  /// pages have. In a handle, the number of the longest run, tags and sizes stand in this
  /// order from bit 0 upwards in mtecomp-v5, and the other way round in mtecomp.
  func inDefaultCodec(_ pageSize: PageSize) -> StoredTags {
    guard let handle = inlineHandle else {
      let isWhole = object.count == pageSize.tagBytes
      return isWhole ? StoredTags(object: object.map { $0 << 4 | $0 >> 4 }) : self
    }
    let (tagsBits, sizesBits): (UInt64, UInt64) =
      switch pageSize {
      case .kib4: (24, 35)
      case .kib16: (20, 36)
      case .kib64: (16, 33)
      }
    let largest = handle & 15
    let tags = handle >> 4 & (1 << tagsBits - 1)
    let sizes = handle >> (4 + tagsBits)
    return StoredTags(inlineHandle: largest << 59 | tags << sizesBits | sizes, object: [])
  }
}

/// One of the project's codecs, with its objects in an array.
struct CodecSubject: Subject {
  let corpus: TagCorpus
  private let codec: TagCodec
  private var encoded: [EncodedTags]
  private var payloads: [UInt8]
  private var output: [UInt8]

  init(_ corpus: TagCorpus, codec: TagCodec) {
    self.corpus = corpus
    self.codec = codec
    encoded = Array(repeating: .object(TagSizeClass(bytes: 16)), count: corpus.pages)
    payloads = Array(repeating: 0, count: corpus.bytes.count)
    output = Array(repeating: 0, count: corpus.pageSize.tagBytes)
  }

  var name: String { codec.rawValue }

  var isPostedCodec: Bool { codec == .mtecompV5 }

  mutating func encodeAll() {
    Self.encodeAll(corpus, codec, into: &encoded, &payloads)
  }

  mutating func decodeAll() {
    Self.decodeAll(encoded, payloads, corpus.pageSize, codec, into: &output)
  }

  private static func encodeAll(
    _ corpus: TagCorpus,
    _ codec: TagCodec,
    into results: inout [EncodedTags],
    _ payloads: inout [UInt8]
  ) {
    let pageSize = corpus.pageSize
    let bytes = pageSize.tagBytes
    let tags = corpus.bytes.span
    var objects = payloads.mutableSpan
    for page in 0..<results.count {
      let range = page * bytes..<(page + 1) * bytes
      var room = objects._mutatingExtracting(range)
      results[page] = codec.encode(tags.extracting(range), pageSize: pageSize, payload: &room)
    }
  }

  private static func decodeAll(
    _ results: [EncodedTags],
    _ payloads: [UInt8],
    _ pageSize: PageSize,
    _ codec: TagCodec,
    into output: inout [UInt8]
  ) {
    let objects = payloads.span
    var room = output.mutableSpan
    for page in 0..<results.count {
      decode(results[page], objects, page, pageSize, codec, &room)
    }
  }

  @inline(__always)
  private static func decode(
    _ encoded: EncodedTags,
    _ payloads: Span<UInt8>,
    _ page: Int,
    _ pageSize: PageSize,
    _ codec: TagCodec,
    _ output: inout MutableSpan<UInt8>
  ) {
    do throws(TagDecodingError) {
      switch encoded {
      case .inline(let handle):
        try codec.decode(handle, pageSize: pageSize, into: &output)
      case .object(let sizeClass):
        let first = page * pageSize.tagBytes
        let payload = payloads.extracting(first..<first + sizeClass.bytes)
        try codec.decode(payload: payload, pageSize: pageSize, into: &output)
      }
    } catch {
      preconditionFailure("page \(page): \(error)")
    }
  }

  func stored(_ page: Int) -> StoredTags? {
    switch encoded[page] {
    case .inline(let handle):
      return StoredTags(inlineHandle: handle.rawValue, object: [])
    case .object(let sizeClass):
      let first = page * corpus.pageSize.tagBytes
      return StoredTags(object: Array(payloads[first..<first + sizeClass.bytes]))
    }
  }

  mutating func restored(_ page: Int) -> [UInt8] {
    var restored = [UInt8](repeating: 0x5a, count: corpus.pageSize.tagBytes)
    var room = restored.mutableSpan
    Self.decode(encoded[page], payloads.span, page, corpus.pageSize, codec, &room)
    return restored
  }
}
