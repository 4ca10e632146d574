// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The rule by which both kinds of swap read-ahead choose how many pages to read.
///
/// Source: Linux v6.8 `__swapin_nr_pages`.
public enum ReadAhead {
  /// Hits that a state without history starts with, so that its first window is large.
  static let firstHits = 4
  /// The largest window of VMA-based read-ahead, in pages, whatever `page_cluster` says.
  static let largestAreaWindow = 32

  /// Pages to read, the faulting one included.
  ///
  /// `position` and `previous` are page numbers or slots; `hits` is how many pages read ahead were used
  /// since the last call; `limit` is the largest window and `previousWindow` the last one.
  ///
  /// - Returns: at least 1; a power of two when `limit` and `previousWindow` are.
  public static func window(
    previous: UInt64,
    position: UInt64,
    hits: Int,
    limit: Int,
    previousWindow: Int
  ) -> Int {
    var pages = hits + 2
    if pages == 2 {
      // Without any hit only a neighbour of the last fault is worth two pages.
      let isNeighbour = position == previous &+ 1 || position == previous &- 1
      if !isNeighbour { pages = 1 }
    } else {
      var rounded = 4
      while rounded < pages { rounded *= 2 }
      pages = rounded
    }
    // Windows shrink by no more than half at a time.
    return max(min(pages, limit), previousWindow / 2)
  }
}

/// The state of VMA-based read-ahead, which the kernel keeps in each VMA.
///
///     bit 63 ................. 12   11 .... 6   5 ..... 0
///         last page               window      hits
///
/// The value 0 means that there is no history. It is used when no swap device is rotational.
///
/// Source: Linux v6.8 `swap_vma_readahead`.
public struct AreaReadAhead: RawRepresentable, Equatable, Sendable {
  /// The packed state, as a VMA keeps it.
  public let rawValue: UInt64
  /// Creates a state from its packed form.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Creates a state without history.
  public init() { rawValue = 0 }

  private init(lastPage: UInt64, window: Int, hits: Int) {
    rawValue = lastPage << 12 | UInt64(window) << 6 | UInt64(min(hits, 63))
  }

  /// The page of the last fault or swap-cache hit.
  public var lastPage: VirtualPageNumber { VirtualPageNumber(rawValue: rawValue >> 12) }
  /// The last window in pages.
  public var window: Int { Int(rawValue >> 6 & 63) }
  /// Pages read ahead that were used since the last window, at most 63.
  public var hits: Int { rawValue == 0 ? ReadAhead.firstHits : Int(rawValue & 63) }

  /// Chooses the pages to read for a fault at `page`, and remembers it.
  ///
  /// The window continues in the direction of the last two faults, or lies around the page; it is
  /// clipped to `area`, the VMA, and to the page's leaf page table. Of its pages those with a swap entry
  /// are read. `pageCluster` is the power of two of the largest window; 0 reads nothing ahead.
  ///
  /// - Returns: a range that holds `page`.
  /// - Precondition: `area` holds `page`, and `pageCluster` is not negative.
  public mutating func pages(
    faulting page: VirtualPageNumber,
    in area: Range<VirtualPageNumber>,
    pageSize: PageSize,
    pageCluster: Int
  ) -> Range<VirtualPageNumber> {
    precondition(area.contains(page), "page \(page) is not in VMA \(area)")
    precondition(pageCluster >= 0, "page_cluster \(pageCluster)")
    let position = page.rawValue
    let alone = page..<VirtualPageNumber(rawValue: position + 1)
    let limit = min(1 << min(pageCluster, 5), ReadAhead.largestAreaWindow)
    if limit == 1 { return alone }
    let previous = lastPage.rawValue
    let size = ReadAhead.window(
      previous: previous,
      position: position,
      hits: hits,
      limit: limit,
      previousWindow: window
    )
    self = AreaReadAhead(lastPage: position, window: size, hits: 0)
    if size == 1 { return alone }

    let below: Int
    if position == previous + 1 {
      below = 0
    } else if previous == position + 1 {
      below = size - 1
    } else {
      below = (size - 1) / 2
    }
    let table = UInt64(pageSize.entriesPerTable)
    let tableStart = position - position % table
    let lowest = max(area.lowerBound.rawValue, tableStart)
    let highest = min(area.upperBound.rawValue, tableStart + table)
    let start = position - min(UInt64(below), position - lowest)
    let end = min(position + UInt64(size - below), highest)
    return VirtualPageNumber(rawValue: start)..<VirtualPageNumber(rawValue: end)
  }

  /// Notes that a swapped page was found in the swap cache; `wasReadAhead` says whether it is the first
  /// use of a page that was read ahead.
  ///
  /// Source: Linux v6.8 `swap_cache_get_folio`.
  public mutating func noteCacheHit(at page: VirtualPageNumber, wasReadAhead: Bool) {
    self = AreaReadAhead(
      lastPage: page.rawValue,
      window: window,
      hits: hits + (wasReadAhead ? 1 : 0)
    )
  }
}

/// The state of cluster-based read-ahead, one for the whole machine.
///
/// It reads the aligned block of slots around the faulting one, and is used when a swap device is
/// rotational.
///
/// Source: Linux v6.8 `swap_cluster_readahead`.
public struct ClusterReadAhead: Equatable, Sendable {
  /// Pages read ahead that were used since the last window.
  public private(set) var hits = ReadAhead.firstHits
  /// The last window in slots; 1 reads nothing ahead.
  public private(set) var window = 0
  private var previous: UInt64 = 0

  /// Creates the state of a machine that has just booted.
  public init() {}

  /// Chooses the slots to read for a fault on `slot`; unused ones among them are skipped.
  ///
  /// `slots` counts the device's slots with its header, which is never read; `pageCluster` is the power
  /// of two of the largest window; 0 reads nothing ahead.
  ///
  /// - Returns: a range that holds `slot`.
  /// - Precondition: 0 < `slot` < `slots`, and 0 <= `pageCluster` < 28.
  public mutating func slots(
    faulting slot: UInt32,
    of slots: Int,
    pageCluster: Int
  ) -> Range<UInt32> {
    precondition(slot > 0 && Int(slot) < slots, "swap slot \(slot) of \(slots)")
    precondition(pageCluster >= 0 && pageCluster < 28, "page_cluster \(pageCluster)")
    if pageCluster == 0 {
      window = 1
      return slot..<slot + 1
    }
    let size = ReadAhead.window(
      previous: previous,
      position: UInt64(slot),
      hits: hits,
      limit: 1 << pageCluster,
      previousWindow: window
    )
    if hits == 0 { previous = UInt64(slot) }
    hits = 0
    window = size
    let start = slot & ~UInt32(size - 1)
    return max(start, 1)..<min(start + UInt32(size), UInt32(slots))
  }

  /// Notes the first use of a page that was read ahead.
  public mutating func noteReadAheadHit() { hits += 1 }
}
