// SPDX-License-Identifier: Apache-2.0

/// How many pages were evicted and came back while their generation was the last to be evicted, by
/// tier: the controller that spares pages of a tier which comes back too often.
///
/// Anonymous pages have two tiers. In tier 1 are those that came back before and were not seen in use
/// by a walk since; tiers 2 and 3 are for pages that are used through file descriptors.
///
/// Source: Linux v6.8 `read_ctrl_pos`, `reset_ctrl_pos` and `positive_ctrl_err`.
struct TierRefaults: BitwiseCopyable, Sendable {
  /// What one tier counts.
  private struct Tier: BitwiseCopyable, Sendable {
    /// Pages that came back to the present oldest generation.
    var refaulted = 0
    /// Pages evicted from it.
    var evicted = 0
    /// Pages that it spared.
    var spared = 0
    /// The decaying average of `refaulted` over earlier generations.
    var averageRefaulted = 0
    /// The decaying average of pages evicted or spared over earlier generations.
    var averageTotal = 0

    var allRefaulted: Int { averageRefaulted + refaulted }
    var total: Int { averageTotal + evicted + spared }
  }

  private var first = Tier()
  private var second = Tier()

  /// Refaults that a tier may have at any rate, and what the comparison adds to a total, so that small
  /// numbers decide nothing (`MIN_LRU_BATCH`).
  private static let margin = 64

  /// Whether pages of tier 1 are spared: they come back more than half as often as those of tier 0.
  var sparesSecondTier: Bool {
    second.allRefaulted >= Self.margin
      && second.allRefaulted * (first.total + Self.margin)
        > (first.allRefaulted + 1) * second.total * 2
  }

  /// Counts an evicted page.
  mutating func noteEviction(inSecondTier: Bool) {
    if inSecondTier { second.evicted += 1 } else { first.evicted += 1 }
  }

  /// Counts a page that came back.
  mutating func noteRefault(inSecondTier: Bool) {
    if inSecondTier { second.refaulted += 1 } else { first.refaulted += 1 }
  }

  /// Counts a page of tier 1 that was spared.
  mutating func noteSpared() { second.spared += 1 }

  /// Starts to count for the next oldest generation; what was counted goes into the averages by half.
  mutating func startGeneration() {
    first = Self.next(first)
    second = Self.next(second)
  }

  private static func next(_ tier: Tier) -> Tier {
    var next = Tier()
    next.averageRefaulted = tier.allRefaulted / 2
    next.averageTotal = tier.total / 2
    return next
  }
}
