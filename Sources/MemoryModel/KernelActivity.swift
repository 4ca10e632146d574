// SPDX-License-Identifier: Apache-2.0

/// A kind of work that the kernel does for a process, told by the counters that it raises.
public enum KernelActivity: Int, CaseIterable, Sendable {
  /// Tag blocks taken out of the page allocator, or given back.
  case reservation
  /// Pages migrated.
  case migration
  /// Pages looked at and freed by reclaim.
  case reclaim
  /// Pages read from swap.
  case swapIn
  /// Pages written to swap.
  case swapOut
  /// Allocations that had to wait for reclaim.
  case allocationStall
  /// Accesses that faulted because their page had no tag storage.
  case faultOnAccess
  /// Accesses that had to wait beyond a plain fault.
  case stall

  /// The counters of the work; it was done where one of them rose.
  public var counters: [Counter] {
    switch self {
    case .reservation:
      [.reserveFast, .reserveSlow, .reserveReleases, .reserveFailBusy, .reserveFailNomem]
    case .migration: [.pgmigrateSuccess, .pgmigrateFail]
    case .reclaim:
      [.pgscanKswapd, .pgscanDirect, .pgstealKswapd, .pgstealDirect]
    case .swapIn: [.pswpin, .swapRa, .tagsRestoredSwap]
    case .swapOut: [.pswpout, .tagsSavedSwap, .swapoutRefusedSlots, .swapoutRefusedTags]
    case .allocationStall: [.allocstallNormal, .memcgCharges]
    case .faultOnAccess: [.foaFaults]
    case .stall: [.stallNanoseconds]
    }
  }

  /// The counters of all kinds, in their order; no counter belongs to two.
  public static let allCounters: [Counter] = allCases.flatMap(\.counters)
}

/// What the kernel did while one process ran.
public struct ProcessSeries: Equatable, Sendable {
  /// The trace's name, with the number of the copy and of the process where there are several.
  public var name: String
  /// The machine's number of the process.
  public var process: Int
  /// The stretches in which it ran.
  public var points: [ActivityPoint]

  /// Creates a series.
  public init(name: String, process: Int, points: [ActivityPoint]) {
    self.name = name
    self.process = process
    self.points = points
  }
}

/// What the kernel did during one stretch in which a process ran.
public struct ActivityPoint: SeriesPoint {
  /// The clock of the process's trace, from the first stretch's start to the last one's end.
  public private(set) var clocks: Range<UInt64>
  /// Accesses of the process.
  public private(set) var accesses: UInt64
  /// How far each counter rose, in the order of ``KernelActivity/allCounters``.
  public private(set) var rises: [UInt64]

  /// Creates a point without length, in which nothing happened.
  public init(at clock: UInt64) {
    clocks = clock..<clock
    accesses = 0
    rises = [UInt64](repeating: 0, count: KernelActivity.allCounters.count)
  }

  /// Adds a stretch in which the counters rose from `counts`, in the order of
  /// ``KernelActivity/allCounters``, to those of `counters`, which `counts` then are.
  ///
  /// - Precondition: no counter fell, and the stretch does not begin before the point.
  /// - Complexity: O(*n*), where *n* is the number of counters; allocates nothing.
  public mutating func add(
    _ stretch: Range<UInt64>,
    from counts: inout [UInt64],
    to counters: CounterSet
  ) {
    // A point without length begins with its first stretch, whatever ran before that.
    let start = accesses == 0 ? stretch.lowerBound : clocks.lowerBound
    clocks = start..<max(clocks.upperBound, stretch.upperBound)
    accesses += stretch.upperBound - stretch.lowerBound
    for (index, counter) in KernelActivity.allCounters.enumerated() {
      rises[index] += counters[counter] - counts[index]
      counts[index] = counters[counter]
    }
  }

  /// Adds a later stretch.
  public mutating func absorb(_ next: ActivityPoint) {
    clocks = clocks.lowerBound..<max(clocks.upperBound, next.clocks.upperBound)
    accesses += next.accesses
    for index in rises.indices { rises[index] += next.rises[index] }
  }

  /// How far the counters of an activity rose, in the order of ``KernelActivity/counters``; empty where
  /// none of them did.
  public func rises(of activity: KernelActivity) -> ArraySlice<UInt64> {
    var first = 0
    for other in KernelActivity.allCases {
      let count = other.counters.count
      guard other == activity else {
        first += count
        continue
      }
      let own = rises[first..<first + count]
      return own.contains { $0 > 0 } ? own : []
    }
    return []
  }
}
