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

  /// The minimum in KiB for `zones` zones of `managedPages` in all, not counting Movable.
  ///
  /// Source: Linux v6.8 `calculate_min_free_kbytes`, `set_recommended_min_free_kbytes`.
  public func kibibytes(
    managedPages: Int,
    pageSize: PageSize,
    zones: Int = 1,
    watermarkScaleFactor: Int = 10
  ) -> Int {
    let kibPerPage = pageSize.bytes / 1024
    let formula = min(max(Self.squareRoot(16 * managedPages * kibPerPage), 128), 262_144)
    switch self {
    case .standard:
      return formula
    case .raisedForHugePages:
      // khugepaged starts when the marks of the formula are already in force.
      let step = Watermarks.step(
        min: formula / kibPerPage,
        managedPages: managedPages,
        scaleFactor: watermarkScaleFactor
      )
      let above = max(0, managedPages - (formula / kibPerPage + 2 * step))
      let recommendedPages = min(11 * zones * pageSize.pagesPerPageblock, above / 20)
      return max(formula, recommendedPages * kibPerPage)
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

  /// Computes the marks of a zone of `managedPages`, without boost.
  ///
  /// `lowMemoryPages` are the managed pages of all zones but Movable, which share the minimum by size;
  /// the default is a machine with this zone alone. Movable keeps next to nothing for itself.
  public init(
    managedPages: Int,
    kind: ZoneKind = .normal,
    lowMemoryPages: Int? = nil,
    pageSize: PageSize,
    parameters: ZoneParameters = ZoneParameters()
  ) {
    let lowMemoryPages = lowMemoryPages ?? managedPages
    let kib = parameters.minimumFree.kibibytes(
      managedPages: lowMemoryPages,
      pageSize: pageSize,
      watermarkScaleFactor: parameters.watermarkScaleFactor
    )
    let minimumPages = kib / (pageSize.bytes / 1024)
    let share =
      lowMemoryPages == managedPages || lowMemoryPages == 0
      ? minimumPages
      : Int(UInt128(minimumPages) * UInt128(managedPages) / UInt128(lowMemoryPages))
    // 32 is SWAP_CLUSTER_MAX.
    min = kind == .movable ? Swift.min(Swift.max(managedPages / 1024, 32), 128) : share
    let step = Self.step(
      min: kind == .movable && managedPages == 0 ? 0 : share,
      managedPages: managedPages,
      scaleFactor: parameters.watermarkScaleFactor
    )
    low = min + step
    high = min + 2 * step
    boost = 0
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
    guard share > 0, 4 * pageSize.pagesPerPageblock <= managedPages else { return 0 }
    return Swift.max(share, pageSize.pagesPerPageblock)
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
