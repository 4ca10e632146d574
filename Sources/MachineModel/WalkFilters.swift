// SPDX-License-Identifier: Apache-2.0

/// Which leaf page tables are worth a visit when page tables are walked for young bits.
///
/// There are two sets, for the walk that ends the present generation and for the next one. A walk, and
/// eviction when it meets a page in use, note tables in which at least one entry of eight was young. A
/// table is a number that its process and its place make.
///
/// The kernel keeps Bloom filters, which now and then admit a table more; here the sets are exact. They
/// are never iterated, so that their order decides nothing.
///
/// Source: Linux v6.8 `test_bloom_filter`, `update_bloom_filter`, `reset_bloom_filter`.
struct WalkFilters: Sendable {
  /// By the lowest bit of the sequence number; without a set, every table is visited.
  private var sets: [Set<UInt64>?] = [nil, nil]

  /// Whether the walk that ends generation `sequence` visits a table.
  func admits(_ table: UInt64, at sequence: UInt64) -> Bool {
    sets[Int(sequence & 1)]?.contains(table) ?? true
  }

  /// Lets the walk that ends generation `sequence` visit a table.
  mutating func note(_ table: UInt64, at sequence: UInt64) {
    sets[Int(sequence & 1)]?.insert(table)
  }

  /// Empties the set of the walk that ends generation `sequence`.
  mutating func reset(at sequence: UInt64) {
    sets[Int(sequence & 1)] = []
  }

  /// Whether a table is worth another visit: at least one young entry for each cache line of eight.
  ///
  /// Source: Linux v6.8 `suitable_to_scan`.
  static func isWorthVisiting(young: Int, of entries: Int) -> Bool { young * 8 >= entries }
}
