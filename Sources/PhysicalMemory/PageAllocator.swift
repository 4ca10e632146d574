// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The page allocator of a node: its zones, and the order in which requests try them.
///
/// A request names the highest zone that may serve it: Movable for pages of user memory, Normal for the
/// kernel's own. Its first choice is the highest zone with memory up to there; where that is at its
/// mark, the zones below follow, each of which keeps something back from requests that aim higher.
///
/// A machine with one zone pays one comparison for this. The kept pages of a first choice are always 0,
/// because no memory lies between it and what the request aims at, so that the way of most requests
/// knows nothing of reserves.
///
/// Source: Linux v6.8 `get_page_from_freelist`, `build_zonerefs_node`.
public struct PageAllocator: ~Copyable {
  /// The zones with frames, lowest first; those from ``zoneCount`` on are empty.
  @usableFromInline var zones: InlineArray<4, BuddyAllocator>
  /// The number of zones with frames.
  public let zoneCount: Int
  /// Where the zones end and which they are, each as a number of its own.
  ///
  /// They stand beside ``zones``, because a look at one zone of a borrowed allocator copies all of them,
  /// and so does the call of a function that is not inlined. Of zones that are not there, the end is
  /// behind all frames.
  @usableFromInline let ends: (first: Int, second: Int, third: Int)
  @usableFromInline
  let kinds: (first: ZoneKind, second: ZoneKind, third: ZoneKind, fourth: ZoneKind)
  /// Whether some frames lie in Movable.
  public let hasMovableZone: Bool
  /// Where the zones lie, those without memory included.
  public let extents: [ZoneExtent]
  /// The zone that requests for movable pages try first.
  @usableFromInline var firstChoiceForMovable = 0
  /// The zone that all other requests try first.
  @usableFromInline var firstChoiceForOthers = 0
  /// Whether the first attempt of those that try Normal first steals no part of a pageblock.
  @usableFromInline var avoidsFragments = false

  let pageSize: PageSize
  let parameters: ZoneParameters

  /// Creates the allocator of all frames of a table, none of which is managed yet.
  ///
  /// Frames behind the last zone belong to it and are never given out: tag storage that the kernel
  /// does not know.
  ///
  /// - Precondition: the extents are in the kernel's order, cover the table's frames from 0 without
  ///   gaps, and at least one has memory; the last is Movable, with or without memory; all frames are
  ///   reserved.
  /// - Complexity: O(*n*), where *n* is the number of frames.
  public init(
    _ extents: [ZoneExtent],
    selection: ZoneSelection,
    parameters: ZoneParameters,
    frames: inout FrameTable
  ) {
    let populated = extents.filter { !$0.frames.isEmpty }
    precondition(!populated.isEmpty && populated.count <= 4, "\(populated.count) zones")
    precondition(extents.last?.kind == .movable, "the zones end with \(extents)")
    var end = 0
    for extent in populated {
      precondition(extent.frames.lowerBound == end, "zone \(extent.kind) begins behind a gap")
      end = extent.frames.upperBound
    }
    let frameCount = frames.count
    zones = InlineArray { index in
      guard index < populated.count else {
        return BuddyAllocator(.movable, of: 0..<0, parameters: parameters, frames: &frames)
      }
      let extent = populated[index]
      let end = index == populated.count - 1 ? frameCount : extent.frames.upperBound
      let range = extent.frames.lowerBound..<end
      return BuddyAllocator(extent.kind, of: range, parameters: parameters, frames: &frames)
    }
    func border(_ index: Int) -> Int {
      index < populated.count - 1 ? populated[index].frames.upperBound : .max
    }
    func kind(_ index: Int) -> ZoneKind {
      index < populated.count ? populated[index].kind : .movable
    }
    ends = (border(0), border(1), border(2))
    kinds = (kind(0), kind(1), kind(2), kind(3))
    hasMovableZone = populated.contains { $0.kind == .movable }
    zoneCount = populated.count
    self.extents = extents
    pageSize = frames.pageSize
    self.parameters = parameters
    avoidsFragments = selection == .kernel
  }

  /// Gives a range of frames to the zones for good, as
  /// ``BuddyAllocator/release(_:as:frames:)`` does; ``finishBoot()`` must follow.
  public mutating func release(
    _ range: Range<Int>,
    as type: MigrateType,
    frames: inout FrameTable
  ) {
    for index in 0..<zoneCount {
      let part = range.clamped(to: zones[index].firstFrame..<zones[index].endFrame)
      zones[index].release(part, as: type, frames: &frames)
    }
  }

  /// Shares out the minimum, computes what zones keep from each other, and decides which zone each
  /// kind of request tries first.
  ///
  /// - Precondition: some zone has managed pages.
  ///
  /// Source: Linux v6.8 `init_per_zone_wmark_min`.
  public mutating func finishBoot() {
    let sizes = self.sizes
    let marks = Watermarks.marks(of: sizes, pageSize: pageSize, parameters: parameters)
    let reserves = ZoneSize.lowMemoryReserves(of: sizes)
    let all = managedPages
    precondition(all > 0, "no zone has managed pages")
    for (position, extent) in extents.enumerated() {
      guard let index = index(of: extent.kind) else { continue }
      var row = InlineArray<4, Int>(repeating: 0)
      for (column, other) in extents.enumerated() {
        row[other.kind.rawValue] = reserves[position][column]
      }
      zones[index].setShare(marks: marks[position], reserves: row, nodePages: all)
    }
    for index in 0..<zoneCount where zones[index].managedPages > 0 {
      firstChoiceForMovable = index
      if zones[index].kind != .movable { firstChoiceForOthers = index }
    }
    if zones[firstChoiceForOthers].kind != .normal { avoidsFragments = false }
  }

  /// The managed pages of every zone in ``extents``.
  public var sizes: [ZoneSize] {
    extents.map { extent in
      ZoneSize(
        extent.kind,
        managedPages: index(of: extent.kind).map { zones[$0].managedPages } ?? 0
      )
    }
  }

  /// The place of a zone with frames, `nil` for others.
  func index(of kind: ZoneKind) -> Int? {
    extents.filter { !$0.frames.isEmpty }.firstIndex { $0.kind == kind }
  }

  /// The place of the zone that a frame is in; it is inlined into every free.
  @inlinable @inline(__always)
  func zoneIndex(of frame: PageFrameNumber) -> Int {
    let number = frame.index
    if number < ends.first { return 0 }
    return number < ends.second ? 1 : number < ends.third ? 2 : 3
  }

  /// The zone that a frame is in; it is inlined into every allocation.
  @inlinable @inline(__always)
  public func zone(of frame: PageFrameNumber) -> ZoneKind {
    let number = frame.index
    if number < ends.first { return kinds.first }
    return number < ends.second ? kinds.second : number < ends.third ? kinds.third : kinds.fourth
  }
}

// Sums over the zones.
extension PageAllocator {
  /// Pages that requests may get now, per-CPU lists left out.
  public var freePages: Int { sum { $0.freePages } }
  /// The part of ``freePages`` in CMA pageblocks.
  public var freeCMAPages: Int { sum { $0.freeCMAPages } }
  /// Pages on per-CPU lists.
  public var listedPages: Int { sum { $0.listedPages } }
  /// The part of ``listedPages`` in CMA pageblocks.
  public var listedCMAPages: Int { sum { $0.listedCMAPages } }
  /// Pages that were ever given to the zones.
  public var managedPages: Int { sum { $0.managedPages } }

  /// Pageblocks that are isolated, in all zones.
  public var isolatedPageblocks: Int { sum { $0.isolatedPageblocks } }

  private func sum(_ pages: (borrowing BuddyAllocator) -> Int) -> Int {
    var sum = 0
    for index in 0..<zoneCount { sum += pages(zones[index]) }
    return sum
  }
}
