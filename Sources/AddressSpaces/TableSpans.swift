// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

/// Which page tables of one process exist: for each level, the aligned spans that have one.
///
/// A table comes into being when a page of its span is first mapped, by any fault, and goes only when
/// an unmapped range leaves its whole span to nobody; `MADV_DONTNEED` frees none. A level is a sorted
/// array, because spans are few (one for 2 MiB of 4 KiB pages) and are freed by range.
///
/// Addresses above the layout's are counted as if the top table were larger, so that a trace of a
/// machine with longer addresses can be replayed.
struct TableSpans: InvariantChecks {
  /// The power of two of the pages in one span, by level.
  let shifts: [Int]
  /// The numbers of the spans that have a table, ascending, by level.
  private(set) var spans: [[UInt64]]
  /// Leaf spans that are known to have a table, each at its number modulo the count: most first
  /// touches need no search then.
  private var knownLeaves: [UInt64]

  private static let knownLeafCount = 512
  /// The number of no span.
  private static let noSpan = UInt64.max

  init(layout: TableLayout) {
    shifts = layout.spanShifts
    spans = shifts.map { _ in [] }
    knownLeaves = Array(repeating: Self.noSpan, count: Self.knownLeafCount)
  }

  /// The number of tables, without the top one.
  var count: Int { spans.reduce(0) { $0 + $1.count } }

  /// Makes the tables that `page` needs.
  ///
  /// - Returns: how many are new.
  mutating func note(_ page: UInt64) -> Int {
    // With one level there is only the top table.
    guard let leafShift = shifts.first else { return 0 }
    let leaf = page >> UInt64(leafShift)
    let known = Int(leaf % UInt64(Self.knownLeafCount))
    if knownLeaves[known] == leaf { return 0 }
    knownLeaves[known] = leaf
    var created = 0
    for level in shifts.indices {
      let span = page >> UInt64(shifts[level])
      let index = Self.lowerIndex(spans[level], span)
      // A table that exists has all tables above it.
      if index < spans[level].count, spans[level][index] == span { break }
      spans[level].insert(span, at: index)
      created += 1
    }
    return created
  }

  /// Frees the tables that overlap `range` and whose spans lie in `bounds`.
  ///
  /// - Returns: how many were freed.
  mutating func release(_ range: Range<UInt64>, within bounds: Range<UInt64>) -> Int {
    guard !range.isEmpty else { return 0 }
    for known in knownLeaves.indices { knownLeaves[known] = Self.noSpan }
    var released = 0
    for level in shifts.indices {
      let shift = UInt64(shifts[level])
      let firstWhole = (bounds.lowerBound + (1 << shift) - 1) >> shift
      let endWhole = bounds.upperBound >> shift
      let first = max(range.lowerBound >> shift, firstWhole)
      let end = min((range.upperBound - 1) >> shift + 1, endWhole)
      guard first < end else { continue }
      let low = Self.lowerIndex(spans[level], first)
      let high = Self.lowerIndex(spans[level], end)
      spans[level].removeSubrange(low..<high)
      released += high - low
    }
    return released
  }

  /// Whether the leaf table that spans `page` exists.
  func hasLeaf(_ page: UInt64) -> Bool {
    guard let shift = shifts.first else { return true }
    let index = Self.lowerIndex(spans[0], page >> UInt64(shift))
    return index < spans[0].count && spans[0][index] == page >> UInt64(shift)
  }

  /// Makes the tables that `parent` has for `range`.
  ///
  /// - Returns: how many are new.
  mutating func copy(_ range: Range<UInt64>, from parent: TableSpans) -> Int {
    var created = 0
    for level in shifts.indices {
      let shift = UInt64(shifts[level])
      let low = Self.lowerIndex(parent.spans[level], range.lowerBound >> shift)
      let high = Self.lowerIndex(parent.spans[level], (range.upperBound - 1) >> shift + 1)
      for span in parent.spans[level][low..<high] {
        let index = Self.lowerIndex(spans[level], span)
        if index < spans[level].count, spans[level][index] == span { continue }
        spans[level].insert(span, at: index)
        created += 1
      }
    }
    return created
  }

  func verifyInvariants() throws(BrokenInvariant) {
    for level in shifts.indices {
      for index in spans[level].indices.dropFirst() {
        try BrokenInvariant.unless(
          spans[level][index - 1] < spans[level][index],
          "page tables",
          "table spans of level \(level) are not ascending"
        )
      }
      guard level + 1 < shifts.count else { continue }
      let bits = UInt64(shifts[level + 1] - shifts[level])
      for span in spans[level] {
        let index = Self.lowerIndex(spans[level + 1], span >> bits)
        try BrokenInvariant.unless(
          index < spans[level + 1].count && spans[level + 1][index] == span >> bits,
          "page tables",
          "table \(span) of level \(level) has no table above it"
        )
      }
    }
  }

  /// The first index with a span at or above `span`.
  private static func lowerIndex(_ spans: [UInt64], _ span: UInt64) -> Int {
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low + high) / 2
      if spans[middle] < span { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
