// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A request for one page.
public struct PageRequest: Sendable {
  /// The migrate type: unmovable, movable or reclaimable.
  public var migrateType: MigrateType
  /// Whether free CMA memory may serve it; only movable requests may.
  public var mayUseCMA: Bool
  /// The highest zone that may serve it: Normal or Movable.
  public var highestZone: ZoneKind

  /// Creates a request.
  @inlinable public init(_ migrateType: MigrateType, mayUseCMA: Bool, highestZone: ZoneKind) {
    self.migrateType = migrateType
    self.mayUseCMA = mayUseCMA
    self.highestZone = highestZone
  }
}

// Requests for one page and frees of one.
extension PageAllocator {
  /// Takes one page from the first zone that stays above a mark; without a mark, from the first that
  /// has one.
  ///
  /// Where the zones below are asked, each must also keep its reserve. The attempt at the low mark is a
  /// request's first: on a machine with the kernel's zones it looks for a zone that can serve it without
  /// mixing migrate types in a pageblock, before it takes what there is.
  ///
  /// - Returns: `nil` if no zone that the request may use is above the mark and has a page.
  ///
  /// Source: Linux v6.8 `get_page_from_freelist`, `alloc_flags_nofragment`.
  @inlinable @inline(__always)
  public mutating func allocatePage(
    _ request: PageRequest,
    above level: WatermarkLevel?,
    frames: inout FrameTable
  ) -> PageFrameNumber? {
    let index = firstChoice(of: request)
    let avoids = avoidsFragments && level == .low && index == firstChoiceForOthers
    if let frame = allocatePage(request, in: index, above: level, 0, avoids, &frames) {
      return frame
    }
    guard index > 0 || avoids else { return nil }
    return allocateBelow(index, request, above: level, avoids, &frames)
  }

  @inlinable @inline(__always)
  func firstChoice(of request: PageRequest) -> Int {
    request.highestZone == .movable ? firstChoiceForMovable : firstChoiceForOthers
  }

  /// One attempt at one zone, which keeps `reserve` pages from the request.
  @inlinable @inline(__always)
  mutating func allocatePage(
    _ request: PageRequest,
    in index: Int,
    above level: WatermarkLevel?,
    _ reserve: Int,
    _ avoidsFragments: Bool,
    _ frames: inout FrameTable
  ) -> PageFrameNumber? {
    if let level {
      let mark = zones[index].watermarks[level]
      guard zones[index].admitsPage(mark: mark, mayUseCMA: request.mayUseCMA, reserve: reserve)
      else { return nil }
    }
    return zones[index].allocatePage(
      request.migrateType,
      mayUseCMA: request.mayUseCMA,
      avoidingFragments: avoidsFragments,
      frames: &frames
    )
  }

  /// The zones below the first choice, and if fragments were avoided, all of them once more.
  @inline(never) @usableFromInline
  mutating func allocateBelow(
    _ first: Int,
    _ request: PageRequest,
    above level: WatermarkLevel?,
    _ avoidsFragments: Bool,
    _ frames: inout FrameTable
  ) -> PageFrameNumber? {
    for index in stride(from: first - 1, through: 0, by: -1) {
      let reserve = zones[index].lowMemoryReserves[request.highestZone.rawValue]
      let frame = allocatePage(request, in: index, above: level, reserve, avoidsFragments, &frames)
      if let frame { return frame }
    }
    guard avoidsFragments else { return nil }
    if let frame = allocatePage(request, in: first, above: level, 0, false, &frames) {
      return frame
    }
    return allocateBelow(first, request, above: level, false, &frames)
  }

  /// Gives back one page to its zone.
  ///
  /// - Precondition: as for ``BuddyAllocator/freePage(_:frames:)``.
  @inlinable @inline(__always)
  public mutating func freePage(_ frame: PageFrameNumber, frames: inout FrameTable) {
    zones[zoneIndex(of: frame)].freePage(frame, frames: &frames)
  }

  /// Gives back a page that was taken and not used, to be used last in its zone.
  ///
  /// - Precondition: as for ``BuddyAllocator/putBackLast(_:frames:)``.
  public mutating func putBackLast(_ frame: PageFrameNumber, frames: inout FrameTable) {
    zones[zoneIndex(of: frame)].putBackLast(frame, frames: &frames)
  }

  /// Sets in all zones the share of free memory above which CMA memory serves first.
  public mutating func preferCMA(abovePercent percent: Int) {
    for index in 0..<zoneCount { zones[index].preferCMAAbovePercent = percent }
  }

  /// Lets freed pages of CMA pageblocks go to the free lists at once, in all zones.
  public mutating func keepCMAOffPageLists() {
    for index in 0..<zoneCount { zones[index].keepCMAOffPageLists() }
  }

  /// Empties the per-CPU lists of all zones.
  ///
  /// Source: Linux v6.8 `drain_all_pages` without a zone.
  public mutating func drainPageLists(frames: inout FrameTable) {
    for index in 0..<zoneCount { zones[index].drainPageLists(frames: &frames) }
  }
}

// Contiguous allocation, in the zone of the range; see `BuddyAllocator+Isolation.swift`.
extension PageAllocator {
  /// The migrate type of the pageblock that holds a frame.
  public func migrateType(of frame: PageFrameNumber) -> MigrateType {
    zones[zoneIndex(of: frame)].migrateType(of: frame)
  }

  /// Whether a frame is in a free block, isolated ones included.
  public func isFree(_ frame: PageFrameNumber, frames: borrowing FrameTable) -> Bool {
    frames[frame].use == .free
  }

  /// Takes exactly this frame out of the free block that holds it.
  ///
  /// - Returns: `false`, and nothing changed, if the frame is not free.
  public mutating func takeFree(_ frame: PageFrameNumber, frames: inout FrameTable) -> Bool {
    zones[zoneIndex(of: frame)].takeFree(frame, frames: &frames)
  }

  /// Makes all free memory of the pageblocks that a range meets unavailable.
  ///
  /// - Precondition: the range is not empty and lies in one zone.
  /// - Returns: `false`, and nothing changed, if one of the pageblocks is isolated already.
  public mutating func isolate(_ range: Range<Int>, frames: inout FrameTable) -> Bool {
    zones[zoneIndex(of: PageFrameNumber(range.lowerBound))].isolate(range, frames: &frames)
  }

  /// Takes all frames of an isolated range that has become free, as single frames in hand.
  ///
  /// - Precondition: as for `isolate`.
  /// - Returns: `false`, and nothing changed, if a frame of the range is in use or not isolated.
  public mutating func claimIsolated(_ range: Range<Int>, frames: inout FrameTable) -> Bool {
    zones[zoneIndex(of: PageFrameNumber(range.lowerBound))].claimIsolated(range, frames: &frames)
  }

  /// Gives isolated pageblocks a type again.
  ///
  /// - Precondition: as for ``BuddyAllocator/undoIsolation(_:as:frames:)``.
  public mutating func undoIsolation(
    _ range: Range<Int>,
    as type: MigrateType,
    frames: inout FrameTable
  ) {
    let index = zoneIndex(of: PageFrameNumber(range.lowerBound))
    zones[index].undoIsolation(range, as: type, frames: &frames)
  }
}
