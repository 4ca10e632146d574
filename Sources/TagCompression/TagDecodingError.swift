// SPDX-License-Identifier: Apache-2.0

/// Why a handle or a payload cannot be the tags of a page.
public enum TagDecodingError: Error, Hashable, Sendable {
  /// The handle does not hold tags.
  case notInline(TagHandle)
  /// The codec has no objects of so many bytes.
  case unknownSizeClass(bytes: Int)
  /// The number of the longest run is not below the number of runs there can be.
  case largestOutOfRange(largest: Int, runs: Int)
  /// The stored sizes leave no granule to the longest run.
  case sizesTooLarge(granules: Int, pageGranules: Int)
  /// Bits that every encoder clears are set.
  case reservedBits(UInt64)
  /// A byte stream ends before the tags of the page are complete, or goes on after them.
  case badLength(granules: Int, pageGranules: Int, byteOffset: Int)
}

extension TagDecodingError: CustomStringConvertible {
  /// What was expected and what was found, in one line.
  public var description: String {
    switch self {
    case .notInline(let handle):
      "expected tags in the handle, found \(handle)"
    case .unknownSizeClass(let bytes):
      "expected an object of one of the codec's classes, found \(bytes) bytes"
    case .largestOutOfRange(let largest, let runs):
      "expected the number of the longest run below \(runs), found \(largest)"
    case .sizesTooLarge(let granules, let pageGranules):
      "expected sizes below \(pageGranules) granules in all, found \(granules)"
    case .reservedBits(let bits):
      "expected unused bits to be 0, found 0x\(String(bits, radix: 16))"
    case .badLength(let granules, let pageGranules, let byteOffset):
      "+\(byteOffset): expected \(pageGranules) granules, found \(granules)"
    }
  }
}
