// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory

/// A memory control group: its charge, its limit, and the LRU lists of its pages.
///
/// Without limits, all processes share one group, whose lists are then those of the node.
///
/// Source: Linux v6.8 memory controller and `lruvec`; specification of the kernel around us,
/// sections 6.1 and 6.4.
struct MemoryGroup: BitwiseCopyable, Sendable {
  /// `memory.max` in pages, `nil` without a limit.
  let limitPages: Int?
  /// Pages charged: anonymous and swap-cache pages, page tables, and what describes address spaces.
  var chargedPages = 0

  /// Pages that are candidates for reclaim, youngest at the head.
  var inactive = FrameList()
  /// Pages that were used again, youngest at the head.
  var active = FrameList()
  /// Pages that MADV_FREE made droppable, youngest at the head.
  var lazyFree = FrameList()

  /// The clock of refaults, which evicted pages leave behind: evictions and activations so far.
  ///
  /// Under the multi-generational LRU it is the sequence number of the oldest generation instead.
  var nonresidentAge: UInt64 = 0
  /// What an eviction or an activation adds to ``nonresidentAge``: 0 where generations set the clock.
  let agePerEviction: UInt64
  /// Refaults that went straight to the active list, for the decision to deactivate.
  var activations: UInt64 = 0
  /// ``activations`` when direct reclaim last ended.
  var activationsSnapshot: UInt64 = 0
  /// The decaying cost of reclaiming anonymous pages.
  var anonymousCost: UInt64 = 0

  /// ``inactivePages`` when the statistics were last flushed.
  var knownInactivePages = 0
  /// ``activePages`` when the statistics were last flushed.
  var knownActivePages = 0

  init(limitPages: Int?, replacement: PageReplacement) {
    self.limitPages = limitPages
    agePerEviction = replacement == .multiGenerational ? 0 : 1
  }

  /// Pages on ``inactive``.
  var inactivePages: Int { Int(inactive.count) }
  /// Pages on ``active``.
  var activePages: Int { Int(active.count) }
  /// Pages on ``lazyFree``.
  var lazyFreePages: Int { Int(lazyFree.count) }

  /// Lets decisions see how long the lists are now.
  ///
  /// The kernel counts list lengths CPU by CPU and adds them up when a pass of reclaim begins, and every
  /// two seconds. The balance of the lists and the working set of a refault are judged by those sums,
  /// so that what a pass itself moved is seen by the next one; how much to scan follows the exact
  /// lengths.
  ///
  /// Source: Linux v6.8 `mem_cgroup_flush_stats`, `lruvec_page_state` and `lruvec_lru_size`.
  mutating func flushStatistics() {
    knownInactivePages = inactivePages
    knownActivePages = activePages
  }

  /// Whether the inactive list is too short for the active one, as far as the statistics know.
  ///
  /// `inactive * R < active` with R = isqrt(10 * GiB of both lists), 1 below 1 GiB.
  func isInactiveLow(pageSize: PageSize) -> Bool {
    let gibibytes = (knownInactivePages + knownActivePages) * pageSize.bytes >> 30
    let ratio = gibibytes == 0 ? 1 : integerSquareRoot(10 * gibibytes)
    return knownInactivePages * ratio < knownActivePages
  }

  /// Adds to the cost of anonymous reclaim; costs decay by halves when they outgrow the lists.
  mutating func noteCost(_ amount: Int) {
    anonymousCost += UInt64(amount)
    if anonymousCost > UInt64(inactivePages + activePages) / 4 { anonymousCost /= 2 }
  }

  /// How many pages of a list of `size` to scan at `priority`, with no file pages to share with.
  ///
  /// Swappiness scales the amount, never the choice: the anonymous share is ap / (ap + fp), where
  /// ap = s(T + 1)/(A + 1) and fp = (200 - s)(T + 1)/(F + 1), with the decayed costs
  /// A = 2a, F = a and T = A + F of anonymous reclaim cost a.
  ///
  /// A list that a priority shift makes empty is not scanned at that priority.
  func scanAmount(size: Int, priority: Int, swappiness: Int) -> Int {
    let shifted = size >> priority
    if priority == 0 { return swappiness == 0 ? 0 : shifted }
    let anonymous = 2 * anonymousCost
    let file = anonymousCost
    let total = anonymous + file
    let anonymousShare = UInt64(swappiness) * (total + 1) / (anonymous + 1)
    let fileShare = UInt64(200 - swappiness) * (total + 1) / (file + 1)
    return Int(UInt64(shifted) * anonymousShare / (anonymousShare + fileShare))
  }
}

/// The largest integer whose square is at most `value`.
func integerSquareRoot(_ value: Int) -> Int {
  var root = 0
  while (root + 1) * (root + 1) <= value { root += 1 }
  return root
}
