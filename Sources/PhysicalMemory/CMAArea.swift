// SPDX-License-Identifier: Apache-2.0

import Containers
public import MemoryModel

/// Why a CMA area cannot be created.
public enum CMAError: Error, Equatable, Sendable {
  /// The table already holds `limit` areas.
  case tableFull(limit: Int)
  /// The area would have no pages.
  case empty
  /// The range is not reserved memory of this machine.
  case notReserved(Range<Int>)
  /// A pageblock is not a multiple of what one bit stands for.
  case bitExceedsPageblock(orderPerBit: Int, pageblockOrder: Int)
  /// The first frame, or the number of frames, is not a multiple of a pageblock.
  case unaligned(Range<Int>, pageblockPages: Int)

  /// The number that `cma_init_reserved_mem` returns.
  public var errorNumber: ErrorNumber {
    switch self {
    case .tableFull: .enospc
    case .empty, .notReserved, .bitExceedsPageblock, .unaligned: .einval
    }
  }
}

extension CMAError: CustomStringConvertible {
  /// What was expected and what was found, in one line.
  public var description: String {
    switch self {
    case .tableFull(let limit):
      "expected at most \(limit) CMA areas, found one more"
    case .empty:
      "expected a CMA area with pages, found none"
    case .notReserved(let range):
      "expected reserved memory for a CMA area, found frames \(range)"
    case .bitExceedsPageblock(let orderPerBit, let pageblockOrder):
      "expected order per bit 0 to \(pageblockOrder), found \(orderPerBit)"
    case .unaligned(let range, let pageblockPages):
      "expected whole pageblocks of \(pageblockPages) frames, found frames \(range)"
    }
  }
}

/// An area of contiguous memory, and the record of what its owner has taken from it.
///
/// A set bit means that the owner has these frames. A clear bit says nothing about their use: the
/// allocator lends them to movable pages. The area keeps books only; who takes frames isolates and
/// claims them in the `BuddyAllocator`.
///
/// Source: Linux v6.8 `mm/cma.c`; dynamic tag storage RFC v3 for requests for a given range.
public struct CMAArea: ~Copyable {
  /// Areas that a machine without NUMA can have: `1 + CONFIG_CMA_AREAS`.
  public static let tableLimit = 8

  /// The first frame.
  public let base: PageFrameNumber
  /// The number of frames.
  public let count: Int
  /// The order of the unit that one bit of the record stands for.
  public let orderPerBit: Int
  /// The name in reports.
  public let name: String

  /// One byte per unit, 1 where the owner has it.
  private var taken: FlatStorage<UInt8>

  /// Creates an area over reserved frames, with nothing taken.
  ///
  /// A machine's boot gives the frames to the allocator afterwards. `registered` areas exist
  /// already. Without a name the area is called `cma` and its number. (v6.8 adds a line end to that
  /// name by mistake.) `pageblockOrder` is that of the zone, `nil` for the default of the page size.
  ///
  /// - Throws: `CMAError`, the first in the order of its cases that applies.
  /// - Complexity: O(`count`).
  ///
  /// Source: Linux v6.8 `cma_init_reserved_mem`.
  public init(
    base: PageFrameNumber,
    count: Int,
    orderPerBit: Int = 0,
    name: String? = nil,
    pageblockOrder: Int? = nil,
    registered: Int,
    limit: Int = CMAArea.tableLimit,
    frames: borrowing FrameTable
  ) throws(CMAError) {
    precondition(count >= 0, "an area of \(count) frames")
    let pageblockOrder = pageblockOrder ?? frames.pageSize.pageblockOrder
    let pageblockPages = 1 << pageblockOrder
    guard registered < limit else { throw .tableFull(limit: limit) }
    guard count > 0 else { throw .empty }
    let range = base.index..<base.index + count
    guard range.upperBound <= frames.count else { throw .notReserved(range) }
    for frame in range where frames[frame].use != .reserved { throw .notReserved(range) }
    guard orderPerBit >= 0 && orderPerBit <= pageblockOrder else {
      throw .bitExceedsPageblock(orderPerBit: orderPerBit, pageblockOrder: pageblockOrder)
    }
    guard (range.lowerBound | count) & (pageblockPages - 1) == 0 else {
      throw .unaligned(range, pageblockPages: pageblockPages)
    }
    self.base = base
    self.count = count
    self.orderPerBit = orderPerBit
    self.name = name ?? "cma\(registered)"
    taken = FlatStorage(repeating: 0, count: count >> orderPerBit)
  }

  /// The frames of the area.
  public var frames: Range<Int> { base.index..<base.index + count }

  /// Units that the owner has.
  public private(set) var takenUnits = 0

  /// Checks a request for a given range.
  ///
  /// - Returns: `einval` where the range is empty, not inside the area or not made of whole units,
  ///   `eexist` where the owner has part of it already, `nil` where it may be taken.
  ///
  /// Source: dynamic tag storage RFC v3, `cma_alloc_range`.
  public func refusal(of range: Range<Int>) -> ErrorNumber? {
    guard !range.isEmpty && isInside(range) else { return .einval }
    let mask = 1 << orderPerBit - 1
    guard (range.lowerBound | range.count) & mask == 0 else { return .einval }
    return isClear(range) ? nil : .eexist
  }

  /// Whether the owner has no frame of the units that a range meets.
  ///
  /// - Precondition: the range lies in the area.
  public func isClear(_ range: Range<Int>) -> Bool {
    for unit in units(meeting: range) where taken[unit] != 0 { return false }
    return true
  }

  /// Records that the owner takes the units that a range meets.
  ///
  /// - Precondition: the range lies in the area, and is clear.
  public mutating func markAllocated(_ range: Range<Int>) {
    let units = units(meeting: range)
    for unit in units { precondition(taken[unit] == 0, "unit \(unit) of \(name) taken twice") }
    taken.fill(units, with: 1)
    takenUnits += units.count
  }

  /// Records that the owner gives back the units that a range meets.
  ///
  /// - Precondition: the range lies in the area, and the owner has all of it.
  public mutating func clear(_ range: Range<Int>) {
    let units = units(meeting: range)
    for unit in units { precondition(taken[unit] == 1, "unit \(unit) of \(name) is not taken") }
    taken.fill(units, with: 0)
    takenUnits -= units.count
  }

  /// The first clear run for `pages` at or after a unit, as `cma_alloc` looks for it.
  ///
  /// `alignOrder` refers to absolute frame numbers. A request is rounded up to whole units. After a
  /// failure to claim the run, the next search starts at `retryUnit(after:alignOrder:)`.
  ///
  /// - Returns: the run's units, `nil` if there is none or the request is empty.
  /// - Complexity: O(*u*), where *u* is the number of units.
  ///
  /// Source: Linux v6.8 `cma_alloc`, `bitmap_find_next_zero_area_off`.
  public func lookupRun(pages: Int, alignOrder: Int, startUnit: Int) -> Range<Int>? {
    precondition(pages >= 0 && startUnit >= 0, "run of \(pages) pages from unit \(startUnit)")
    let needed = (pages + 1 << orderPerBit - 1) >> orderPerBit
    guard needed > 0 && needed <= taken.count else { return nil }
    let mask = alignmentMask(alignOrder)
    let offset = (base.index & (1 << alignOrder - 1)) >> orderPerBit
    var first = startUnit
    while true {
      while first < taken.count && taken[first] != 0 { first += 1 }
      first = ((first + offset + mask) & ~mask) - offset
      guard first + needed <= taken.count else { return nil }
      var length = 0
      while length < needed && taken[first + length] == 0 { length += 1 }
      if length == needed { return first..<first + needed }
      first += length + 1
    }
  }

  /// The unit from which `cma_alloc` searches on after it could not claim a run.
  public func retryUnit(after unit: Int, alignOrder: Int) -> Int {
    unit + alignmentMask(alignOrder) + 1
  }

  /// The frames of a range of units.
  public func frames(ofUnits units: Range<Int>) -> Range<Int> {
    let first = base.index + units.lowerBound << orderPerBit
    return first..<first + units.count << orderPerBit
  }

  private func alignmentMask(_ alignOrder: Int) -> Int {
    alignOrder <= orderPerBit ? 0 : 1 << (alignOrder - orderPerBit) - 1
  }

  private func isInside(_ range: Range<Int>) -> Bool {
    range.lowerBound >= frames.lowerBound && range.upperBound <= frames.upperBound
  }

  private func units(meeting range: Range<Int>) -> Range<Int> {
    precondition(isInside(range), "frames \(range) are not in \(name)")
    let first = (range.lowerBound - base.index) >> orderPerBit
    guard !range.isEmpty else { return first..<first }
    return first..<(range.upperBound - base.index - 1) >> orderPerBit + 1
  }
}
