// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Compression of one column of a block.
///
/// This file is the only one of its module that calls libzstd. Each call is sound because source
/// and destination are buffers borrowed for the length of the call, the library is told their exact
/// sizes and writes nothing beyond them, and its answer is compared with those sizes before any
/// byte is used. The one-shot functions keep no state between calls; they cost a context for each
/// call, which is nothing beside a block of 100,000 records.
///
/// Source: RFC 8878.
enum Zstandard {
  /// Compresses `bytes` and appends the result to `output`.
  ///
  /// - Complexity: O(*n*) with a factor that grows with `level`, 1 to 22.
  static func compress(_ bytes: [UInt8], level: Int32, into output: inout [UInt8]) {
    let capacity = ZSTD_compressBound(bytes.count)
    var written = 0
    let packed = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
      written = unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compress(buffer.baseAddress, capacity, source.baseAddress, source.count, level)
      }
      initialized = ZSTD_isError(written) == 0 ? written : 0
    }
    // With room for the largest result, compression fails only where memory is exhausted.
    precondition(ZSTD_isError(written) == 0, "compression of \(bytes.count) bytes failed")
    output.append(contentsOf: packed)
  }

  /// Decompresses the whole of `packed` to the bytes of `output` from `start` on.
  ///
  /// - Precondition: `output` holds at least `start + count` bytes.
  /// - Throws: where `packed` is damaged or does not hold exactly `count` bytes.
  static func decompress(
    _ packed: ArraySlice<UInt8>,
    into output: inout [UInt8],
    at start: Int,
    count: Int
  ) throws(Malformed) {
    precondition(start >= 0 && count >= 0 && start + count <= output.count, "no room to decompress")
    let result = unsafe output.withUnsafeMutableBytes { target in
      unsafe packed.withUnsafeBytes { source in
        unsafe ZSTD_decompress(
          target.baseAddress.map { unsafe $0 + start },
          count,
          source.baseAddress,
          source.count
        )
      }
    }
    guard ZSTD_isError(result) == 0 else {
      throw Malformed(expected: "a zstd frame of \(count) bytes", found: "damaged data")
    }
    guard result == count else {
      throw Malformed(expected: "a zstd frame of \(count) bytes", found: "\(result) bytes")
    }
  }
}
