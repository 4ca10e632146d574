// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

// What kswapd asks of a node. It works for the highest zone that was asked for: zones above it count for
// nothing.
extension PageAllocator {
  /// Whether some zone up to `highest` is above its high mark, its reserve included; free CMA pages do
  /// not count.
  ///
  /// Nothing is changed; it is mutating because it is asked at every request in need, and a borrowed
  /// allocator would copy its zones for the answer.
  ///
  /// Source: Linux v6.8 `pgdat_balanced`.
  public mutating func isBalanced(upTo highest: ZoneKind) -> Bool {
    for index in 0..<zoneCount where zones[index].kind.rawValue <= highest.rawValue {
      guard zones[index].managedPages > 0 else { continue }
      let isAbove = zones[index].passesForOnePage(
        mark: zones[index].watermarks.high,
        mayUseCMA: false,
        reserve: zones[index].lowMemoryReserves[highest.rawValue]
      )
      if isAbove { return true }
    }
    return false
  }

  /// Whether every zone up to `highest` is above its high mark and a margin in pages, its reserve
  /// included; free CMA pages do not count.
  ///
  /// Mutating for the same reason as ``isBalanced(upTo:)``.
  ///
  /// Source: Linux v6.8 `should_abort_scan`.
  public mutating func isBalancedInAllZones(upTo highest: ZoneKind, margin: Int) -> Bool {
    for index in 0..<zoneCount where isEligible(index, highest) {
      let isAbove = zones[index].passesForOnePage(
        mark: zones[index].watermarks.high + margin,
        mayUseCMA: false,
        reserve: zones[index].lowMemoryReserves[highest.rawValue]
      )
      guard isAbove else { return false }
    }
    return true
  }

  /// Whether every zone up to `highest` has as many free pages as one of its marks, free CMA pages
  /// included.
  ///
  /// Source: Linux v6.1 `should_abort_scan`.
  public func hasFreePages(
    upTo highest: ZoneKind,
    mark: (Watermarks) -> Int
  ) -> Bool {
    for index in 0..<zoneCount where isEligible(index, highest) {
      guard zones[index].freePages >= mark(zones[index].watermarks) else { return false }
    }
    return true
  }

  /// Pages that one pass of kswapd is to free: the high marks of the zones, each at least `least`.
  ///
  /// Source: Linux v6.8 `kswapd_shrink_node`.
  public func reclaimGoal(upTo highest: ZoneKind, least: Int) -> Int {
    var goal = 0
    for index in 0..<zoneCount where isEligible(index, highest) {
      goal += max(zones[index].watermarks.high, least)
    }
    return goal
  }

  /// The boost of each zone up to `highest`, 0 for the others: what kswapd sees when it begins.
  public func boosts(upTo highest: ZoneKind) -> InlineArray<4, Int> {
    InlineArray { index in
      index < zoneCount && isEligible(index, highest) ? zones[index].watermarks.boost : 0
    }
  }

  /// Takes back the boost that kswapd has worked off, zone by zone.
  public mutating func lowerBoosts(by boosts: InlineArray<4, Int>) {
    for index in 0..<zoneCount { zones[index].lowerBoost(by: boosts[index]) }
  }

  /// Notes that kswapd begins or ends, during which few pages stay on the lists of the zones up to
  /// `highest`.
  ///
  /// Source: Linux v6.8 `set_reclaim_active`, `clear_reclaim_active`.
  public mutating func setReclaimActive(_ isActive: Bool, upTo highest: ZoneKind) {
    for index in 0..<zoneCount where zones[index].kind.rawValue <= highest.rawValue {
      zones[index].setReclaimActive(isActive)
    }
  }

  private func isEligible(_ index: Int, _ highest: ZoneKind) -> Bool {
    zones[index].kind.rawValue <= highest.rawValue && zones[index].managedPages > 0
  }

  /// What the kernel would show of each zone in ``extents`` now.
  ///
  /// - Complexity: O(*p*), where *p* is the number of pageblocks.
  public func snapshots(processors: Int) -> [ZoneSnapshot] {
    let sizes = self.sizes
    let marks = Watermarks.marks(of: sizes, pageSize: pageSize, parameters: parameters)
    let reserves = ZoneSize.lowMemoryReserves(of: sizes)
    return extents.indices.map { position in
      let extent = extents[position]
      var zone = ZoneSnapshot(
        name: extent.kind.name,
        pageblockOrder: parameters.pageblockOrder(pageSize)
      )
      if let index = index(of: extent.kind) {
        zone = zones[index].snapshot(presentPages: extent.frames.count, processors: processors)
      } else {
        let marks = marks[position]
        (zone.min, zone.low, zone.high) = (marks.min, marks.low, marks.high)
      }
      zone.startFrame = extent.firstPFN
      zone.spannedPages = extent.spannedPages
      zone.protection = reserves[position]
      return zone
    }
  }

  /// Checks that each zone keeps its promises, and that the zones cover all frames in order.
  ///
  /// - Complexity: O(*n*), where *n* is the number of frames.
  public func verifyInvariants(frames: borrowing FrameTable) throws(BrokenInvariant) {
    var end = 0
    for index in 0..<zoneCount {
      try BrokenInvariant.unless(
        zones[index].firstFrame == end,
        "zones",
        "zone \(zones[index].kind.name) begins at frame \(zones[index].firstFrame), not \(end)"
      )
      end = zones[index].endFrame
      try BrokenInvariant.unless(
        zones[index].nodePages == managedPages,
        "zones",
        "zone \(zones[index].kind.name) knows of \(zones[index].nodePages) pages, not \(managedPages)"
      )
      try zones[index].verifyInvariants(frames: frames)
    }
    try BrokenInvariant.unless(
      end == frames.count,
      "zones",
      "the zones end at frame \(end) of \(frames.count)"
    )
  }

  /// Stops the program unless all promises hold.
  ///
  /// - Complexity: O(*n*), where *n* is the number of frames.
  public func checkInvariants(frames: borrowing FrameTable) {
    BrokenInvariant.stop { () throws(BrokenInvariant) in try verifyInvariants(frames: frames) }
  }
}
