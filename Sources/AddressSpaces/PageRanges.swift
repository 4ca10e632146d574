// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VirtualPageNumber {
  /// The page that lies `pages` pages higher.
  ///
  /// - Precondition: the result is not negative.
  public func advanced(by pages: Int) -> VirtualPageNumber {
    VirtualPageNumber(rawValue: UInt64(Int64(rawValue) + Int64(pages)))
  }
}

extension Range<VirtualPageNumber> {
  /// The number of pages in the range.
  public var pageCount: Int { Int(upperBound.rawValue - lowerBound.rawValue) }

  /// A range of `pageCount` pages that starts at `start`.
  ///
  /// - Precondition: `pageCount` is not negative.
  public init(start: VirtualPageNumber, pageCount: Int) {
    self = start..<start.advanced(by: pageCount)
  }
}

extension [Range<VirtualPageNumber>] {
  /// Appends a range, and extends the last one instead where the two touch.
  mutating func appendJoining(_ range: Range<VirtualPageNumber>) {
    guard !range.isEmpty else { return }
    guard let tail = last, tail.upperBound == range.lowerBound else {
      append(range)
      return
    }
    self[count - 1] = tail.lowerBound..<range.upperBound
  }
}
