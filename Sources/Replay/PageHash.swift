// SPDX-License-Identifier: Apache-2.0

import CXXHash

// The only file of this module that calls C. It is sound because XXH3 only reads the bytes it is
// given, and the buffer pointer cannot outlive the closure that uses it.

/// The XXH3-64 hash of some bytes.
func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
  unsafe bytes.withUnsafeBytes { buffer in
    unsafe XXH3_64bits_withSeed(buffer.baseAddress, buffer.count, seed)
  }
}

/// The XXH3-64 hash of one word, in little-endian byte order.
func hash(_ word: UInt64, seed: UInt64) -> UInt64 {
  unsafe withUnsafeBytes(of: word.littleEndian) { buffer in
    unsafe XXH3_64bits_withSeed(buffer.baseAddress, buffer.count, seed)
  }
}

/// The XXH3-64 hash of a text's UTF-8 bytes, as 16 hexadecimal digits.
func textDigest(_ text: String) -> String {
  let digits = hexadecimal(hash(Array(text.utf8), seed: 0))
  return String(repeating: "0", count: 16 - digits.count) + digits
}
