// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// How the kernel's `min_free_kbytes` is chosen.
public enum MinimumFree: Equatable, Sendable {
  /// The kernel's formula: the root of 16 times the managed KiB, within 128 KiB and 256 MiB.
  case standard
  /// The formula, raised as khugepaged does when transparent huge pages are on: 11 pageblocks, at
  /// most 5 % of memory. With 16 KiB and 64 KiB pages this is far above the formula.
  case raisedForHugePages
  /// A fixed number of KiB, as an administrator sets it.
  case kibibytes(Int)

  /// The minimum in KiB for one zone of `managedPages`.
  ///
  /// Source: Linux v6.8 `calculate_min_free_kbytes`, `set_recommended_min_free_kbytes`.
  public func kibibytes(managedPages: Int, pageSize: PageSize) -> Int {
    let kibPerPage = pageSize.bytes / 1024
    let formula = min(max(Self.squareRoot(16 * managedPages * kibPerPage), 128), 262_144)
    switch self {
    case .standard:
      return formula
    case .raisedForHugePages:
      let recommendedPages = min(11 * pageSize.pagesPerPageblock, managedPages / 20)
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

  /// Computes the marks of a machine with one zone of `managedPages`, without boost.
  public init(managedPages: Int, pageSize: PageSize, minimumFree: MinimumFree = .standard) {
    let kib = minimumFree.kibibytes(managedPages: managedPages, pageSize: pageSize)
    min = kib / (pageSize.bytes / 1024)
    // watermark_scale_factor is 10: a tenth of a percent.
    let step = Swift.max(min / 4, managedPages * 10 / 10_000)
    low = min + step
    high = min + 2 * step
    boost = 0
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
