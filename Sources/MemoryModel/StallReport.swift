// SPDX-License-Identifier: Apache-2.0

/// How long accesses and allocations of one run had to wait beyond a plain fault, by the cost model.
public struct StallReport: Equatable, Sendable {
  /// Accesses that faulted, replays included.
  public var faults = StallHistogram()
  /// Allocations of pages with the tagged flag.
  public var allocations = StallHistogram()
  /// The same allocations by what their reservation took, in the order of
  /// `AllocationClass.allCases`.
  public var classes = [AllocationClassTotals](
    repeating: AllocationClassTotals(),
    count: AllocationClass.allCases.count
  )

  /// Creates a report of nothing.
  public init() {}
}

/// What the tag storage of an allocated page took; the raw value is the name in reports.
///
/// Source: specification of tag storage, section 16.
public enum AllocationClass: String, CaseIterable, Comparable, Sendable {
  /// Nothing: it was reserved already, or the design reserves none then.
  case reserved
  /// A tag block whose frames were all free.
  case fast
  /// A tag block by contiguous allocation at the first attempt, or by emptying frames of a store.
  case migrated
  /// A tag block by contiguous allocation, at a later attempt, or another frame instead.
  case retried
  /// No tag block: the page was handed out without.
  case failed

  /// Whether the first is the cheaper one.
  public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  /// The place in `allCases`.
  public var rank: Int {
    switch self {
    case .reserved: 0
    case .fast: 1
    case .migrated: 2
    case .retried: 3
    case .failed: 4
    }
  }
}

/// The allocations of one class.
public struct AllocationClassTotals: Equatable, Sendable {
  /// Allocations.
  public var count: UInt64
  /// Pages that were migrated for them.
  public var migratedPages: UInt64
  /// What they waited in nanoseconds, at most ``StallHistogram/largestTotal``.
  public var total: UInt64
  /// The longest wait in nanoseconds.
  public var maximum: UInt64

  /// Creates totals.
  public init(
    count: UInt64 = 0,
    migratedPages: UInt64 = 0,
    total: UInt64 = 0,
    maximum: UInt64 = 0
  ) {
    self.count = count
    self.migratedPages = migratedPages
    self.total = total
    self.maximum = maximum
  }

  /// Adds one allocation.
  public mutating func add(_ nanoseconds: UInt64, migratedPages pages: UInt64) {
    let (sum, overflow) = total.addingReportingOverflow(nanoseconds)
    count += 1
    migratedPages += pages
    total = overflow ? StallHistogram.largestTotal : min(sum, StallHistogram.largestTotal)
    maximum = max(maximum, min(nanoseconds, StallHistogram.largestTotal))
  }
}
