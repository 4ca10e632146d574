// SPDX-License-Identifier: Apache-2.0

/// What one replay looked like over time, in a bounded number of points.
///
/// It stands beside a ``DesignReport``, which has the means and totals of the same run.
public struct RunSeries: Equatable, Sendable {
  /// Memory by category, and what had been counted.
  public var memory: [MemoryPoint] = []
  /// What the tag storage was used for, by place.
  public var tagStorage = TagStorageSeries()
  /// Tag pages by runs, as they were saved at swap-out.
  public var tagRuns = TagRunCounts()
  /// What the kernel did for each process, in the order in which they first ran.
  public var processes: [ProcessSeries] = []
  /// The marks that the traces passed.
  public var marks: [SeriesMark] = []

  /// Creates an empty series.
  public init() {}
}

/// What memory was used for during one stretch of a run.
public struct MemoryPoint: SeriesPoint {
  /// Accesses that the stretch lasted.
  public private(set) var accesses: UInt64
  /// The clock of the traces at its end: the furthest of those that run together.
  public private(set) var clock: UInt64
  /// What had been counted at its end.
  public private(set) var counters: CounterSet
  /// Bytes of each category at its end, in the order of `MemoryCategory.allCases`.
  public private(set) var lastBytes: [UInt64]
  /// Bytes times accesses of each category; 128 bits, because 2^40 times 2^40 needs more than 64.
  private var integrals: [UInt128]

  /// Creates a point.
  ///
  /// `integrals` are bytes times accesses of each category over the stretch.
  ///
  /// - Precondition: `lastBytes` and `integrals` have one number for each category.
  public init(
    accesses: UInt64,
    clock: UInt64,
    counters: CounterSet,
    lastBytes: [UInt64],
    integrals: [UInt128]
  ) {
    let count = MemoryCategory.allCases.count
    precondition(lastBytes.count == count, "\(lastBytes.count) categories of \(count)")
    precondition(integrals.count == count, "\(integrals.count) categories of \(count)")
    self.accesses = accesses
    self.clock = clock
    self.counters = counters
    self.lastBytes = lastBytes
    self.integrals = integrals
  }

  /// Adds the stretch that follows.
  public mutating func absorb(_ next: MemoryPoint) {
    accesses += next.accesses
    clock = next.clock
    counters = next.counters
    lastBytes = next.lastBytes
    for index in integrals.indices { integrals[index] += next.integrals[index] }
  }

  /// Bytes of a category times accesses.
  public func integral(of category: MemoryCategory) -> UInt128 { integrals[category.rawValue] }

  /// The mean of a category over the stretch in bytes, rounded down.
  public func meanBytes(of category: MemoryCategory) -> UInt64 {
    accesses == 0
      ? lastBytes[category.rawValue] : UInt64(integrals[category.rawValue] / UInt128(accesses))
  }
}

/// What the tag storage was used for over a run, by place.
public struct TagStorageSeries: Equatable, Sendable {
  /// Tag blocks of the machine, 0 without tag storage in RAM.
  public var blocks = 0
  /// Tag blocks that one cell stands for; the last cell may stand for fewer.
  public var blocksPerCell = 1
  /// The use of each cell, in the order of addresses.
  public var points: [TagStoragePoint] = []

  /// Creates an empty series.
  public init() {}
}

/// What the tag storage was used for at the end of one stretch of a run.
public struct TagStoragePoint: SeriesPoint {
  /// Accesses that the stretch lasted.
  public private(set) var accesses: UInt64
  /// The use of each cell at its end.
  public private(set) var cells: [TagStorageUse]

  /// Creates a point.
  public init(accesses: UInt64, cells: [TagStorageUse]) {
    self.accesses = accesses
    self.cells = cells
  }

  /// Keeps the later cells.
  public mutating func absorb(_ next: TagStoragePoint) {
    accesses += next.accesses
    cells = next.cells
  }
}

/// What a part of the tag storage is used for; the raw value is its letter in compact forms.
public enum TagStorageUse: String, CaseIterable, Sendable {
  /// The page allocator never gets it.
  case withheld = "w"
  /// It holds tags.
  case held = "h"
  /// It holds data.
  case data = "d"
  /// It is free.
  case free = "f"
  /// It belongs to a store of copies and holds none, so that nothing else can use it.
  case idle = "i"
}

/// Tag pages by how many runs of equal tags they have.
public struct TagRunCounts: Equatable, Sendable {
  /// The room of a size class of the codec.
  public struct Limit: Equatable, Sendable {
    /// Bytes of an object; 8 for tags that fit the handle itself.
    public var bytes: Int
    /// The most runs that fit.
    public var runs: Int

    /// Creates a limit.
    public init(bytes: Int, runs: Int) {
      self.bytes = bytes
      self.runs = runs
    }
  }

  /// Pages with one run, with two, and so on up to as many as a page has granules.
  public var pages: [UInt64]
  /// The size classes that hold runs, smallest first; none where the codec's are not about runs.
  public var limits: [Limit]

  /// Creates counts of zero for pages of `granules` granules.
  public init(granules: Int = 0, limits: [Limit] = []) {
    pages = [UInt64](repeating: 0, count: granules)
    self.limits = limits
  }
}

/// A mark that a trace passed.
public struct SeriesMark: Equatable, Sendable {
  /// The mark's text.
  public var text: String
  /// The clock of its trace.
  public var clock: UInt64
  /// The machine's number of the process that passed it.
  public var process: Int

  /// Creates a mark.
  public init(text: String, clock: UInt64, process: Int) {
    self.text = text
    self.clock = clock
    self.process = process
  }
}
