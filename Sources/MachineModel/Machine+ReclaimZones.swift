// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

// Which pages reclaim passes over: those above the highest zone that the request in need may use, and
// for requests that must not have CMA memory, those in CMA pageblocks.
//
// Lists belong to the node. The kernel keeps their lengths zone by zone; here a list is counted where
// they are needed, which is when a request of the kernel's own reclaims on a machine with pages in
// Movable. Nothing is paid for that anywhere else.
// Source: Linux v6.8 `isolate_lru_folios`, `lruvec_lru_size`.

extension Machine {
  /// Whether every page on a list lies in a zone that the running reclaim may free pages of.
  var reclaimsAllZones: Bool {
    @inline(__always) get { highestReclaimedZone == .movable || !buddy.hasMovableZone }
  }

  /// Whether a page lies above the zones that the running reclaim may free pages of.
  @inline(__always)
  func isAboveReclaimedZones(_ frame: PageFrameNumber) -> Bool {
    !reclaimsAllZones && buddy.zone(of: frame).rawValue > highestReclaimedZone.rawValue
  }

  /// Whether the running reclaim passes over a page.
  func isSkipped(_ frame: PageFrameNumber, skippingCMA: Bool) -> Bool {
    isAboveReclaimedZones(frame) || skippingCMA && buddy.migrateType(of: frame) == .cma
  }

  /// Counts a page that reclaim passes over, by its zone.
  mutating func countSkipped(_ frame: PageFrameNumber) {
    switch buddy.zone(of: frame) {
    case .dma: counters.add(.pgskipDma)
    case .dma32: counters.add(.pgskipDma32)
    case .normal: counters.add(.pgskipNormal)
    case .movable: counters.add(.pgskipMovable)
    }
  }

  /// The pages of a list in zones that the running reclaim may free pages of.
  ///
  /// - Complexity: O(1), or O(*n*) in the length of the list where some pages lie above these zones.
  @inline(__always)
  mutating func eligiblePages(of list: FrameList) -> Int {
    reclaimsAllZones ? Int(list.count) : countEligiblePages(of: list)
  }

  /// Nothing is changed; a borrowed machine would be copied for the call.
  private mutating func countEligiblePages(of list: FrameList) -> Int {
    var pages = 0
    var current = list.head
    while current != FrameTable.none {
      let frame = PageFrameNumber(rawValue: current)
      if !isAboveReclaimedZones(frame) { pages += 1 }
      current = frames.links[frame.index].next
    }
    return pages
  }

  /// Isolates pages from the old end of the inactive list, and passes over others, which go back to the
  /// young end.
  ///
  /// - Returns: how many were isolated.
  mutating func isolateEligible(
    _ group: Int,
    count: Int,
    skippingCMA: Bool,
    into isolated: inout InlineArray<32, PageFrameNumber>
  ) -> Int {
    var isolatedPages = 0
    var skipped: [PageFrameNumber] = []
    while isolatedPages < count, let frame = groups[group].inactive.popBack(in: &frames) {
      if isSkipped(frame, skippingCMA: skippingCMA) {
        countSkipped(frame)
        skipped.append(frame)
      } else {
        isolated[isolatedPages] = frame
        isolatedPages += 1
      }
    }
    for frame in skipped { addToInactive(frame, of: group) }
    return isolatedPages
  }
}
