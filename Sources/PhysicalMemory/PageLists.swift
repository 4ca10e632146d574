// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The per-CPU page lists of a zone: free pages that one CPU keeps, so that most requests for one
/// page and most frees of one never reach the free lists.
///
/// There is one list for each requestable migrate type; pages of CMA pageblocks are kept among the
/// movable ones. The machine runs on one CPU and asks for single pages only, so that the lists of
/// orders 1 to 3 and of huge pages stay empty and are left out.
///
/// How many pages a list takes at once, and how many may stay, follow the traffic: refills double
/// while nothing is freed, and what is freed in a row is given back together.
///
/// Source: Linux v6.8 `struct per_cpu_pages`.
@frozen
@usableFromInline
struct PageLists {
  /// Pages by migrate type: unmovable, movable, reclaimable.
  @usableFromInline var lists = InlineArray<3, FrameList>(repeating: FrameList())
  /// Pages on all lists.
  @usableFromInline var count = 0
  /// The part of `count` that lies in CMA pageblocks.
  @usableFromInline var cmaPages = 0
  /// Pages that one refill takes at first; 0 turns the lists off.
  @usableFromInline var batch = 0
  /// The least that `high` can be.
  @usableFromInline var leastHigh = 0
  /// The most that `high` can be.
  @usableFromInline var mostHigh = 0
  /// Pages from which on some are given back.
  @usableFromInline var high = 0
  /// Refills since the last free, up to 5: the next takes `batch` doubled as often.
  @usableFromInline var refillDoublings = 0
  /// Pages freed lately; each request halves it.
  @usableFromInline var pagesFreed = 0
  /// Whether the zone was seen below its high watermark (`ZONE_BELOW_HIGH`).
  @usableFromInline var isZoneBelowHigh = false
  /// Whether kswapd is running (`ZONE_RECLAIM_ACTIVE`).
  @usableFromInline var isReclaimActive = false

  /// How often a refill doubles: `CONFIG_PCP_BATCH_SCALE_MAX`.
  static let mostDoublings = 5

  @usableFromInline init() {}

  /// Sets the sizes for a zone that has so many CPUs; the lists keep what they hold.
  mutating func fit(managedPages: Int, lowMark: Int, processors: Int, pageSize: PageSize) {
    let size = PerCPUListSize(
      managedPages: managedPages,
      lowMark: lowMark,
      processors: processors,
      pageSize: pageSize
    )
    batch = size.batch
    leastHigh = size.highMinimum
    mostHigh = max(size.highMinimum, size.highMaximum)
    high = min(max(high, leastHigh), mostHigh)
  }

  /// How many pages an empty list takes from the free lists now.
  ///
  /// Source: Linux v6.8 `nr_pcp_alloc`.
  mutating func refillSize() -> Int {
    let wanted = batch << refillDoublings
    if !isZoneBelowHigh { high = min(high + wanted, mostHigh) }
    let room = max(high - count - batch, batch)
    if wanted <= room && refillDoublings < Self.mostDoublings { refillDoublings += 1 }
    return min(wanted, room)
  }

  /// Notes that a page was put on a list.
  ///
  /// - Returns: how many pages are to be given back now.
  ///
  /// Source: Linux v6.8 `free_unref_page_commit`, `nr_pcp_high`, `nr_pcp_free`.
  @inline(__always)
  mutating func notePageFreed() -> Int {
    refillDoublings >>= 1
    if pagesFreed < batch << Self.mostDoublings { pagesFreed += 1 }
    let limit = limitNow()
    guard count >= limit else { return 0 }
    return min(max(pagesFreed, batch), max(limit - batch, batch), count)
  }

  /// Pages from which on some are given back now; it falls while memory is short.
  @inline(__always)
  private mutating func limitNow() -> Int {
    if isReclaimActive {
      high = max(high - max(pagesFreed, batch), leastHigh)
      return min(batch << 2, high)
    }
    if isZoneBelowHigh {
      high = max(high - max(pagesFreed, batch), leastHigh)
      return max(count, leastHigh)
    }
    let limit = high
    if count >= limit {
      high = min(max(high, pagesFreed + batch), mostHigh)
    }
    return limit
  }
}
