// SPDX-License-Identifier: Apache-2.0

import CXXHash

/// The 64-bit XXH3 hash of some bytes.
///
/// This file is the only one that calls libxxhash. Each call is sound because the library reads
/// exactly the bytes of a buffer that is borrowed for the length of the call, and keeps no pointer
/// to it; the state of the streaming hash is allocated and freed by the library and never leaves
/// the noncopyable value that owns it.
///
/// Source: xxHash specification, XXH3.
enum XXH3 {
  /// Hashes `bytes`.
  ///
  /// - Complexity: O(*n*), where *n* is the number of bytes.
  static func hash64(_ bytes: some Collection<UInt8>, seed: UInt64 = 0) -> UInt64 {
    let hashed = bytes.withContiguousStorageIfAvailable { buffer in
      unsafe XXH3_64bits_withSeed(buffer.baseAddress, buffer.count, seed)
    }
    return hashed ?? hash64(Array(bytes), seed: seed)
  }
}

/// The 128-bit XXH3 hash of bytes that arrive in pieces.
@safe struct StreamingHash: ~Copyable {
  private let state: OpaquePointer

  init() {
    // Creation fails only where malloc does, and then nothing else would work either.
    guard let created = unsafe XXH3_createState() else {
      preconditionFailure("no memory for the state of a hash")
    }
    unsafe state = created
    unsafe XXH3_128bits_reset(state)
  }

  deinit {
    unsafe XXH3_freeState(state)
  }

  /// Adds bytes.
  mutating func update(_ bytes: some Collection<UInt8>) {
    let done: Void? = bytes.withContiguousStorageIfAvailable { buffer in
      unsafe XXH3_128bits_update(state, buffer.baseAddress, buffer.count)
    }
    if done == nil { update(Array(bytes)) }
  }

  /// The hash of all bytes so far, as 16 bytes, most significant first.
  func digest() -> [UInt8] {
    let hash = unsafe XXH3_128bits_digest(state)
    var bytes: [UInt8] = []
    for half in [hash.high64, hash.low64] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: half >> UInt64(shift)))
      }
    }
    return bytes
  }
}
