// SPDX-License-Identifier: Apache-2.0

import CLZ4
import CZstd

/// The general-purpose compressors that tag pages are compared with: LZ4, and zstd at its fastest
/// common level.
///
/// This file is the only one of the command that calls liblz4 and libzstd. The calls are sound because
/// source and destination are borrowed for the length of the call with their exact sizes, and the
/// context belongs to a noncopyable value that frees it once.
@safe struct TagsBaselines: ~Copyable {
  /// The names, in the order of ``compressedBytes(_:)``.
  static let names = ["lz4", "zstd -1"]

  private static let level: Int32 = 1

  private let context: OpaquePointer

  /// Creates a context.
  init() {
    guard let made = unsafe ZSTD_createCCtx() else {
      preconditionFailure("no memory for a compression context")
    }
    unsafe context = made
  }

  deinit {
    unsafe ZSTD_freeCCtx(context)
  }

  /// The lengths of the LZ4 block and of the zstd frame of `bytes`.
  borrowing func compressedBytes(_ bytes: Span<UInt8>) -> [Int] {
    // Room for what the largest tag page, 2,048 bytes, can become at most, and more.
    var frame = InlineArray<4096, UInt8>(repeating: 0)
    var room = frame.mutableSpan
    let (block, length) = unsafe room.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        let block = unsafe LZ4_compress_default(
          source.baseAddress?.assumingMemoryBound(to: CChar.self),
          target.baseAddress?.assumingMemoryBound(to: CChar.self),
          Int32(source.count),
          Int32(target.count)
        )
        let length = unsafe ZSTD_compressCCtx(
          context,
          target.baseAddress,
          target.count,
          source.baseAddress,
          source.count,
          Self.level
        )
        return (block, length)
      }
    }
    precondition(block > 0, "LZ4 of \(bytes.count) bytes failed")
    precondition(ZSTD_isError(length) == 0, "zstd of \(bytes.count) bytes failed")
    return [Int(block), length]
  }
}
