// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

extension BuddyAllocator {
  /// Whether a request of 2^`order` pages leaves the zone above a mark.
  ///
  /// `mark` is one of the three of `watermarks`, in pages; the boost is added here. Requests that
  /// may not use CMA memory do not count it; kswapd's own check is one of those. A request above
  /// order 0 also needs a free block that is large enough. `reserve` is one of `lowMemoryReserves`: 0
  /// for a request whose first choice the zone is. The reserve for atomic requests is empty.
  ///
  /// Source: Linux v6.8 `__zone_watermark_ok`.
  public func passes(
    order: Int,
    mark: Int,
    mayUseCMA: Bool,
    access: ReserveAccess = .none,
    reserve: Int = 0
  ) -> Bool {
    precondition(order >= 0 && order <= maxOrder, "check of order \(order)")
    let tryCMA = mayUseCMA && groupsByMobility
    var free = freePages - (1 << order - 1)
    if !tryCMA { free -= freeCMAPages }
    guard free > access.lowered(mark + watermarks.boost) + reserve else { return false }
    guard order > 0 else { return true }
    var orders = nonEmptyOrders[0] | nonEmptyOrders[1] | nonEmptyOrders[2]
    if tryCMA { orders |= nonEmptyOrders[4] }
    return orders >> UInt32(order) != 0
  }

  /// Whether a request of one page leaves the zone above a mark, as `passes(order:mark:mayUseCMA:)`
  /// says for order 0; it is inlined, since every allocation asks it at least once.
  ///
  /// Source: Linux v6.8 `zone_watermark_fast`.
  @inlinable @inline(__always)
  public func passesForOnePage(mark: Int, mayUseCMA: Bool, reserve: Int = 0) -> Bool {
    let free = mayUseCMA && groupsByMobility ? freePages : freePages - freeCMAPages
    return free > mark + watermarks.boost + reserve
  }

  /// Takes back boost that kswapd has worked off: what it saw when it started.
  ///
  /// More than there is takes all.
  public mutating func lowerBoost(by pages: Int) {
    watermarks.boost -= min(watermarks.boost, pages)
  }

  /// Raises the marks by a pageblock, because a pageblock has just become mixed.
  ///
  /// kswapd then frees ahead, which makes the next steal less likely.
  ///
  /// Source: Linux v6.8 `boost_watermark`.
  mutating func boostWatermarks() {
    let limit = Watermarks.largestBoost(
      highMark: watermarks.high,
      managedPages: managedPages,
      pageSize: pageSize,
      parameters: parameters
    )
    watermarks.boost = min(watermarks.boost + 1 << pageblockOrder, limit)
  }
}
