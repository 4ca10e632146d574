// SPDX-License-Identifier: Apache-2.0

import CLZ4
import CZstd
import MemoryModel

// This file is unsafe because it calls C libraries. Source and destination are parts of arrays that
// are borrowed for the length of a call, with the lengths that they have.

/// The room that each page's compressed form has, for pages of `tagBytes`.
private func roomBytes(_ tagBytes: Int) -> Int { tagBytes * 2 + 64 }

/// LZ4 as most programs call it, or as it is fastest for many small inputs.
///
/// `LZ4_compress_default` clears a table of 16 KiB for each page. A stream can keep its table from
/// page to page, although they are compressed independently.
@safe struct LZ4Subject: Subject {
  let corpus: TagCorpus
  private let keepsTable: Bool
  // Never freed: the program ends soon.
  private let stream: UnsafeMutablePointer<LZ4_stream_t>
  private var lengths: [Int32]
  private var compressed: [CChar]
  private var output: [CChar]

  init(_ corpus: TagCorpus, keepsTable: Bool) {
    guard let stream = unsafe LZ4_createStream() else {
      preconditionFailure("no memory for LZ4")
    }
    self.corpus = corpus
    self.keepsTable = keepsTable
    unsafe self.stream = stream
    lengths = Array(repeating: 0, count: corpus.pages)
    compressed = Array(repeating: 0, count: corpus.pages * roomBytes(corpus.pageSize.tagBytes))
    output = Array(repeating: 0, count: corpus.pageSize.tagBytes)
  }

  var name: String { keepsTable ? "LZ4, table kept" : "LZ4" }

  mutating func encodeAll() {
    let bytes = corpus.pageSize.tagBytes
    let room = roomBytes(bytes)
    unsafe corpus.bytes.withUnsafeBytes { tags in
      guard let source = unsafe tags.assumingMemoryBound(to: CChar.self).baseAddress else { return }
      unsafe compressed.withUnsafeMutableBufferPointer { compressed in
        guard let target = compressed.baseAddress else { return }
        for page in 0..<corpus.pages {
          let from = unsafe source + page * bytes
          let to = unsafe target + page * room
          if keepsTable {
            unsafe LZ4_resetStream_fast(stream)
            lengths[page] =
              unsafe LZ4_compress_fast_continue(stream, from, to, Int32(bytes), Int32(room), 1)
          } else {
            lengths[page] = unsafe LZ4_compress_default(from, to, Int32(bytes), Int32(room))
          }
        }
      }
    }
  }

  mutating func decodeAll() {
    for page in 0..<corpus.pages { decode(page) }
  }

  func stored(_ page: Int) -> StoredTags? { nil }

  mutating func restored(_ page: Int) -> [UInt8] {
    decode(page)
    return output.map { UInt8(bitPattern: $0) }
  }

  @inline(__always)
  private mutating func decode(_ page: Int) {
    let room = roomBytes(corpus.pageSize.tagBytes)
    unsafe compressed.withUnsafeBufferPointer { compressed in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard let source = compressed.baseAddress else { return }
        let length = unsafe LZ4_decompress_safe(
          source + page * room,
          output.baseAddress,
          lengths[page],
          Int32(output.count)
        )
        precondition(length == output.count, "LZ4 restores \(length) bytes")
      }
    }
  }
}

/// zstd at its fastest common level.
@safe struct ZstandardSubject: Subject {
  private static let level: Int32 = 1

  let corpus: TagCorpus
  // Never freed: the program ends soon.
  private let compressor: OpaquePointer
  private let decompressor: OpaquePointer
  private var lengths: [Int]
  private var compressed: [UInt8]
  private var output: [UInt8]

  init(_ corpus: TagCorpus) {
    guard
      let compressor = unsafe ZSTD_createCCtx(), let decompressor = unsafe ZSTD_createDCtx()
    else { preconditionFailure("no memory for zstd") }
    self.corpus = corpus
    unsafe self.compressor = compressor
    unsafe self.decompressor = decompressor
    lengths = Array(repeating: 0, count: corpus.pages)
    compressed = Array(repeating: 0, count: corpus.pages * roomBytes(corpus.pageSize.tagBytes))
    output = Array(repeating: 0, count: corpus.pageSize.tagBytes)
  }

  var name: String { "zstd -\(Self.level)" }

  mutating func encodeAll() {
    let bytes = corpus.pageSize.tagBytes
    let room = roomBytes(bytes)
    unsafe corpus.bytes.withUnsafeBytes { tags in
      guard let source = tags.baseAddress else { return }
      unsafe compressed.withUnsafeMutableBytes { compressed in
        guard let target = compressed.baseAddress else { return }
        for page in 0..<corpus.pages {
          lengths[page] = unsafe ZSTD_compressCCtx(
            compressor,
            target + page * room,
            room,
            source + page * bytes,
            bytes,
            Self.level
          )
        }
      }
    }
  }

  mutating func decodeAll() {
    for page in 0..<corpus.pages { decode(page) }
  }

  func stored(_ page: Int) -> StoredTags? { nil }

  mutating func restored(_ page: Int) -> [UInt8] {
    decode(page)
    return output
  }

  @inline(__always)
  private mutating func decode(_ page: Int) {
    let room = roomBytes(corpus.pageSize.tagBytes)
    unsafe compressed.withUnsafeBytes { compressed in
      unsafe output.withUnsafeMutableBytes { output in
        guard let source = compressed.baseAddress else { return }
        let length = unsafe ZSTD_decompressDCtx(
          decompressor,
          output.baseAddress,
          output.count,
          source + page * room,
          lengths[page]
        )
        precondition(length == output.count, "zstd restores \(length) bytes")
      }
    }
  }
}
