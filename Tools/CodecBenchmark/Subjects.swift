// SPDX-License-Identifier: Apache-2.0

import CReference
import MemoryModel
import TagCompression

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The only file of the benchmark that is unsafe: it calls C with pointers into arrays that it
// borrows for the length of the call, and whose sizes it has checked when it was made.

/// Ends the program.
func exitProgram(_ code: Int32) -> Never { exit(code) }

/// The stored form of a page: the object's bytes, or the handle where it holds the tags.
///
/// Handles of objects have different addresses in the two implementations; their size class is the
/// number of bytes.
struct StoredTags: Equatable {
  var inlineHandle: UInt64?
  var object: [UInt8]
}

/// One of the project's codecs, with its objects in an array.
struct CodecSubject {
  private let corpus: TagCorpus
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

  func stored(_ page: Int) -> StoredTags {
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

/// The codec in C, with its objects in a pool.
@safe struct ReferenceSubject {
  private let corpus: TagCorpus
  // Never freed: the program ends soon.
  private let codec: OpaquePointer
  private var handles: [UInt64]
  private var output: [UInt8]

  init(_ corpus: TagCorpus) {
    guard
      let codec = unsafe codec_reference_create(
        UInt32(corpus.pageSize.bytes),
        UInt32(corpus.pages)
      )
    else { preconditionFailure("no memory for the reference codec") }
    self.corpus = corpus
    unsafe self.codec = codec
    handles = Array(repeating: 0, count: corpus.pages)
    output = Array(repeating: 0, count: corpus.pageSize.tagBytes)
  }

  mutating func encodeAll() {
    let bytes = corpus.pageSize.tagBytes
    unsafe corpus.bytes.withUnsafeBufferPointer { tags in
      guard let base = tags.baseAddress else { return }
      for page in 0..<corpus.pages {
        handles[page] = unsafe codec_reference_encode(codec, base + page * bytes)
      }
    }
  }

  mutating func releaseAll() {
    // Last first, so that the pool hands objects out in the same order again.
    for handle in handles.reversed() { unsafe codec_reference_release(codec, handle) }
  }

  mutating func decodeAll() {
    unsafe output.withUnsafeMutableBufferPointer { output in
      for page in 0..<corpus.pages {
        let result = unsafe codec_reference_decode(codec, handles[page], output.baseAddress)
        precondition(result == 0, "page \(page) cannot be decoded")
      }
    }
  }

  func stored(_ page: Int) -> StoredTags {
    guard let object = unsafe codec_reference_object(codec, handles[page]) else {
      return StoredTags(inlineHandle: handles[page], object: [])
    }
    let bytes = Int(codec_reference_bytes(handles[page]))
    return StoredTags(object: (0..<bytes).map { unsafe object[$0] })
  }

  mutating func restored(_ page: Int) -> [UInt8] {
    unsafe output.withUnsafeMutableBufferPointer { output in
      _ = unsafe codec_reference_decode(codec, handles[page], output.baseAddress)
    }
    return output
  }
}
