// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A set of page numbers as ranges, ascending, that neither overlap nor touch.
struct PageSet: Equatable {
  private(set) var ranges: [Range<UInt64>] = []

  /// The pages that an address and a length cover.
  static func pages(_ address: UInt64, _ length: UInt64, pageBytes: UInt64) -> Range<UInt64> {
    let first = VirtualPageNumber.untagged(address) / pageBytes
    return first..<first + length / pageBytes + (length % pageBytes > 0 ? 1 : 0)
  }

  func contains(_ page: UInt64) -> Bool {
    let index = firstIndex(endingAfter: page)
    return index < ranges.count && ranges[index].lowerBound <= page
  }

  /// Whether a range is in the set as a whole.
  func contains(_ range: Range<UInt64>) -> Bool {
    let index = firstIndex(endingAfter: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
      && range.upperBound <= ranges[index].upperBound
  }

  /// The parts of a range that are in the set.
  func parts(of range: Range<UInt64>) -> [Range<UInt64>] {
    var found: [Range<UInt64>] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < ranges.count, ranges[index].lowerBound < range.upperBound {
      found.append(ranges[index].clamped(to: range))
      index += 1
    }
    return found.filter { !$0.isEmpty }
  }

  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let touching = ranges.filter {
      $0.lowerBound <= range.upperBound && range.lowerBound <= $0.upperBound
    }
    let low = min(range.lowerBound, touching.first?.lowerBound ?? range.lowerBound)
    let high = max(range.upperBound, touching.last?.upperBound ?? range.upperBound)
    ranges.removeAll {
      $0.lowerBound <= range.upperBound && range.lowerBound <= $0.upperBound
    }
    ranges.insert(low..<high, at: firstIndex(endingAfter: low))
  }

  mutating func remove(_ range: Range<UInt64>) {
    ranges = ranges.flatMap { old in
      guard old.overlaps(range) else { return [old] }
      return [
        old.lowerBound..<max(old.lowerBound, range.lowerBound),
        min(old.upperBound, range.upperBound)..<old.upperBound,
      ].filter { !$0.isEmpty }
    }
  }

  /// The index of the first range that ends above `page`.
  private func firstIndex(endingAfter page: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > page { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
