// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// How the kernel's `min_free_kbytes` is chosen.
public enum MinimumFree: Equatable, Sendable {
  /// The kernel's formula: the root of 16 times the managed KiB, within 128 KiB and 256 MiB.
  case standard
  /// The formula, raised as khugepaged does when transparent huge pages are on: 11 pageblocks for
  /// each zone, at most 5 % of what lies above the high mark. With 16 KiB and 64 KiB pages this is
  /// far above the formula.
  case raisedForHugePages
  /// A fixed number of KiB, as an administrator sets it.
  case kibibytes(Int)

  /// The minimum in KiB for one zone of `managedPages`.
  public func kibibytes(
    managedPages: Int,
    pageSize: PageSize,
    watermarkScaleFactor: Int = 10
  ) -> Int {
    var parameters = ZoneParameters()
    parameters.minimumFree = self
    parameters.watermarkScaleFactor = watermarkScaleFactor
    return Self.kibibytes(
      of: [ZoneSize(.normal, managedPages: managedPages)],
      pageSize: pageSize,
      parameters: parameters
    )
  }

  /// The minimum in KiB for a node of zones, of which Movable does not count.
  ///
  /// Source: Linux v6.8 `calculate_min_free_kbytes`, `set_recommended_min_free_kbytes`.
  public static func kibibytes(
    of zones: [ZoneSize],
    pageSize: PageSize,
    parameters: ZoneParameters
  ) -> Int {
    let kibPerPage = pageSize.bytes / 1024
    let sizes = zones.filter { $0.kind != .movable && $0.managedPages > 0 }.map(\.managedPages)
    let managedPages = sizes.reduce(0, +)
    let formula = min(max(squareRoot(16 * managedPages * kibPerPage), 128), 262_144)
    switch parameters.minimumFree {
    case .standard:
      return formula
    case .raisedForHugePages:
      // khugepaged starts when the marks of the formula are already in force.
      let above = sizes.reduce(0) { sum, pages in
        let share = Watermarks.share(of: formula / kibPerPage, pages, among: managedPages)
        let step = Watermarks.step(
          min: share,
          managedPages: pages,
          scaleFactor: parameters.watermarkScaleFactor
        )
        return sum + max(0, pages - (share + 2 * step))
      }
      let pageblocks = 11 * sizes.count << parameters.pageblockOrder(pageSize)
      return max(formula, min(pageblocks, above / 20) * kibPerPage)
    case .kibibytes(let fixed):
      return fixed
    }
  }

  /// The largest integer whose square is at most `value`, by Newton's method.
  static func squareRoot(_ value: Int) -> Int {
    guard value > 1 else { return max(value, 0) }
    // Any start above the root descends to it; half the bits, rounded up, is above.
    var guess = 1 << ((Int.bitWidth - value.leadingZeroBitCount + 1) / 2)
    while true {
      let better = (guess + value / guess) / 2
      if better >= guess { return guess }
      guess = better
    }
  }
}

/// The free-page marks of a zone, in pages, and the boost that stealing adds to all of them.
///
/// Requests are served at once while free pages are above `low`; below it kswapd is woken, which
/// works up to `high`; ordinary requests stop at `min`. The marks count all managed pages, those of
/// CMA areas included.
///
/// Source: Linux v6.8 `__setup_per_zone_wmarks`.
public struct Watermarks: Equatable, Sendable {
  /// Ordinary requests do not go below this.
  public let min: Int
  /// Below this, kswapd is woken.
  public let low: Int
  /// At this, kswapd stops.
  public let high: Int
  /// Added to every mark in every comparison, until kswapd has worked it off.
  public internal(set) var boost: Int

  /// Computes the marks of a zone of `managedPages` that is a machine's only one, without boost.
  public init(
    managedPages: Int,
    pageSize: PageSize,
    parameters: ZoneParameters = ZoneParameters()
  ) {
    self =
      Self.marks(
        of: [ZoneSize(.normal, managedPages: managedPages)],
        pageSize: pageSize,
        parameters: parameters
      )[0]
  }

  /// Computes the marks of all zones of a node, without boost.
  ///
  /// All zones but Movable share the minimum by size; Movable keeps next to nothing for itself.
  ///
  /// - Complexity: O(*n*), where *n* is the number of zones.
  public static func marks(
    of zones: [ZoneSize],
    pageSize: PageSize,
    parameters: ZoneParameters
  ) -> [Watermarks] {
    let lowMemoryPages = zones.reduce(0) { $0 + ($1.kind == .movable ? 0 : $1.managedPages) }
    let kib = MinimumFree.kibibytes(of: zones, pageSize: pageSize, parameters: parameters)
    return zones.map {
      Watermarks(
        $0,
        minimumPages: kib / (pageSize.bytes / 1024),
        lowMemoryPages: lowMemoryPages,
        scaleFactor: parameters.watermarkScaleFactor
      )
    }
  }

  private init(_ zone: ZoneSize, minimumPages: Int, lowMemoryPages: Int, scaleFactor: Int) {
    let managedPages = zone.managedPages
    let share = Self.share(of: minimumPages, managedPages, among: lowMemoryPages)
    // 32 is SWAP_CLUSTER_MAX.
    min = zone.kind == .movable ? Swift.min(Swift.max(managedPages / 1024, 32), 128) : share
    let step = Self.step(min: share, managedPages: managedPages, scaleFactor: scaleFactor)
    low = min + step
    high = min + 2 * step
    boost = 0
  }

  /// What a zone of `managedPages` gets of the minimum, rounded down; without low memory all of it.
  static func share(of minimumPages: Int, _ managedPages: Int, among lowMemoryPages: Int) -> Int {
    guard lowMemoryPages > 0 else { return minimumPages }
    return Int(UInt128(minimumPages) * UInt128(managedPages) / UInt128(lowMemoryPages))
  }

  /// The most that stealing adds to the marks of a zone, in pages.
  ///
  /// That is the share of the high mark that the parameters name, by default 150 %, or one pageblock
  /// where that is more. Zones below 4 pageblocks are left alone.
  ///
  /// Source: Linux v6.8 `boost_watermark`.
  public static func largestBoost(
    highMark: Int,
    managedPages: Int,
    pageSize: PageSize,
    parameters: ZoneParameters
  ) -> Int {
    let share = highMark * parameters.watermarkBoostFactor / 10_000
    let pageblockPages = 1 << parameters.pageblockOrder(pageSize)
    guard share > 0, 4 * pageblockPages <= managedPages else { return 0 }
    return Swift.max(share, pageblockPages)
  }

  /// The distance from one mark to the next: a quarter of the minimum, or as many 1/10,000 of the zone
  /// as the scale factor says where that is more.
  static func step(min: Int, managedPages: Int, scaleFactor: Int) -> Int {
    Swift.max(min / 4, Int(UInt128(managedPages) * UInt128(scaleFactor) / 10_000))
  }
}

/// How far below a mark a request may go.
///
/// Source: Linux v6.8 `__zone_watermark_ok`.
public enum ReserveAccess: Sendable {
  /// Not at all.
  case none
  /// To half the mark: `__GFP_HIGH`.
  case high
  /// To three eighths of the mark: `__GFP_HIGH` that cannot wait.
  case highNonBlocking
  /// To half the mark: a victim of the out-of-memory killer.
  case outOfMemoryVictim

  /// What is left of `mark`; the divisions are the kernel's and round the subtrahend down.
  func lowered(_ mark: Int) -> Int {
    switch self {
    case .none: return mark
    case .high, .outOfMemoryVictim: return mark - mark / 2
    case .highNonBlocking:
      let half = mark - mark / 2
      return half - half / 4
    }
  }
}

/// One of the marks of a zone.
public enum WatermarkLevel: Sendable {
  /// ``Watermarks/min``.
  case min
  /// ``Watermarks/low``.
  case low
  /// ``Watermarks/high``.
  case high
}

extension Watermarks {
  /// The mark of a level, in pages, without the boost; it is inlined into every allocation.
  @inlinable public subscript(_ level: WatermarkLevel) -> Int {
    @inline(__always) get {
      switch level {
      case .min: min
      case .low: low
      case .high: high
      }
    }
  }
}
