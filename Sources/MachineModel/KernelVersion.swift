// SPDX-License-Identifier: Apache-2.0

/// A version of Linux whose reclaim a machine follows, where versions differ.
///
/// The machine is that of v6.8; v6.1 is there because counters of real machines are at hand for it, and
/// a comparison must not mix versions. The multi-generational LRU asks it, too, when to age and when to
/// stop.
public enum KernelVersion: String, CaseIterable, Sendable {
  /// Linux v6.1, of Debian 12.
  case linux61 = "6.1"
  /// Linux v6.8.
  case linux68 = "6.8"

  /// What reclaim of anonymous pages has cost: pages written, and in v6.8 each of them as much as 32
  /// pages that had to stay.
  ///
  /// The cost decides which share of a list one pass scans, and so how many pages one call reclaims.
  ///
  /// Source: Linux v6.1 and v6.8 `lru_note_cost`.
  func reclaimCost(written: Int, rotated: Int) -> Int {
    switch self {
    case .linux61: written
    case .linux68: 32 * written + rotated
    }
  }
}
