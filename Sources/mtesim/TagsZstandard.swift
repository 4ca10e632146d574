// SPDX-License-Identifier: Apache-2.0

import CZstd

/// The general-purpose compressor that tag pages are compared with, at its fastest common level.
///
/// This file is the only one of the command that calls libzstd. The calls are sound because source
/// and destination are borrowed for the length of the call with their exact sizes, and the context
/// belongs to a noncopyable value that frees it once.
@safe struct TagsZstandard: ~Copyable {
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

  /// The length of the zstd frame of `bytes`.
  borrowing func compressedBytes(_ bytes: Span<UInt8>) -> Int {
    // Room for the largest frame of the largest tag page, 2,048 bytes, and more.
    var frame = InlineArray<4096, UInt8>(repeating: 0)
    var room = frame.mutableSpan
    let length = unsafe room.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compressCCtx(
          context,
          target.baseAddress,
          target.count,
          source.baseAddress,
          source.count,
          Self.level
        )
      }
    }
    precondition(ZSTD_isError(length) == 0, "zstd of \(bytes.count) bytes failed")
    return length
  }
}
