// SPDX-License-Identifier: Apache-2.0

/// What two designs came to at one value of what was varied.
public struct BreakEvenPoint: Equatable, Sendable {
  /// The value of what was varied.
  public let value: UInt64
  /// The metric of both designs.
  public let metric: DesignPair
  /// The mean memory given up for tags, in bytes.
  public let memory: DesignPair
  /// The time of the run, in nanoseconds.
  public let time: DesignPair

  /// Creates a point.
  public init(value: UInt64, metric: DesignPair, memory: DesignPair, time: DesignPair) {
    self.value = value
    self.metric = metric
    self.memory = memory
    self.time = time
  }

  /// Which design is better by the metric.
  public var order: DesignPair.Order { metric.order }

  /// What the design that gives up less memory pays in time for each mebibyte, in nanoseconds; `nil` where
  /// it pays nothing, or both give up the same.
  public var nanosecondsPerMebibyte: UInt64? {
    guard memory.order != .equal, time.order != .equal, memory.order != time.order else {
      return nil
    }
    let saved = memory.difference
    let product = time.difference.multipliedFullWidth(by: 1 << 20)
    guard product.high < saved else { return nil }
    return saved.dividingFullWidth(product).quotient
  }
}

/// A number of each of two designs, the smaller the better.
public struct DesignPair: Equatable, Sendable {
  /// Which design is better; the raw value is the name in results.
  public enum Order: String, Sendable {
    /// The first one is.
    case first = "a"
    /// The second one is.
    case second = "b"
    /// Neither is.
    case equal
  }

  /// That of the first design.
  public let first: UInt64
  /// That of the second design.
  public let second: UInt64

  /// Creates a pair.
  public init(_ first: UInt64, _ second: UInt64) {
    self.first = first
    self.second = second
  }

  /// Which is smaller.
  public var order: Order { first == second ? .equal : first < second ? .first : .second }

  /// How far they lie apart.
  public var difference: UInt64 { max(first, second) - min(first, second) }
}

/// Looks for the value at which one of two designs stops being the better one.
///
/// Values lie on a grid: multiples of a step above the first. A number of them is tried at equal distances,
/// and the first interval at whose ends the order of the designs differs is halved until its ends are
/// neighbours on the grid. A change that lies between two tried values of equal order is not seen.
public struct BreakEvenSearch: Equatable, Sendable {
  /// The values in question, both ends included.
  public let range: ClosedRange<UInt64>
  /// The distance of the grid.
  public let step: UInt64
  /// Values that are tried at least, at equal distances; fewer where the grid has fewer.
  public let points: Int

  /// Creates a search.
  ///
  /// - Precondition: `step` is positive and `points` at least 2.
  public init(range: ClosedRange<UInt64>, step: UInt64, points: Int) {
    precondition(step > 0, "a grid without a step")
    precondition(points >= 2, "\(points) points have no interval")
    self.range = range
    self.step = step
    self.points = points
  }

  /// What was found.
  public struct Result: Equatable, Sendable {
    /// Everything that was tried, by value.
    public let points: [BreakEvenPoint]
    /// The neighbours on the grid between which the order changes first, `nil` where none do.
    public let crossing: (before: BreakEvenPoint, after: BreakEvenPoint)?
    /// Intervals behind the first in which the order changes again, as the values at their ends.
    public let furtherChanges: [ClosedRange<UInt64>]

    /// Whether all parts are equal.
    public static func == (left: Self, right: Self) -> Bool {
      left.points == right.points && left.furtherChanges == right.furtherChanges
        && left.crossing?.before == right.crossing?.before
        && left.crossing?.after == right.crossing?.after
    }
  }

  /// Tries values until it is known where the order changes first.
  ///
  /// - Complexity: calls `point` once for each value; O(`points` + log *n*) times, where *n* is the number of
  ///   values between two points.
  public func run<Failure>(
    _ point: (_ value: UInt64) throws(Failure) -> BreakEvenPoint
  ) throws(Failure) -> Result {
    let last = (range.upperBound - range.lowerBound) / step
    let intervals = min(last, UInt64(points - 1))
    var places: [UInt64] = [0]
    for index in 0..<intervals { places.append(placed(index + 1, of: intervals, last)) }
    var found: [(place: UInt64, point: BreakEvenPoint)] = []
    for place in places { found.append((place, try point(value(at: place)))) }
    let changes = found.indices.dropFirst().filter {
      found[$0 - 1].point.order != found[$0].point.order
    }
    guard let first = changes.first else {
      return Result(points: found.map(\.point), crossing: nil, furtherChanges: [])
    }
    var (before, after) = (found[first - 1], found[first])
    let further = changes.dropFirst().map {
      found[$0 - 1].point.value...found[$0].point.value
    }
    while after.place - before.place > 1 {
      let place = before.place + (after.place - before.place) / 2
      let tried = (place: place, point: try point(value(at: place)))
      found.append(tried)
      if tried.point.order == before.point.order { before = tried } else { after = tried }
    }
    return Result(
      points: found.sorted { $0.place < $1.place }.map(\.point),
      crossing: (before.point, after.point),
      furtherChanges: further
    )
  }

  private func value(at place: UInt64) -> UInt64 { range.lowerBound + place * step }

  /// The place of the end of an interval, rounded down; the last is `last` itself.
  private func placed(_ index: UInt64, of intervals: UInt64, _ last: UInt64) -> UInt64 {
    let product = last.multipliedFullWidth(by: index)
    // At most `last`, because `index` is at most `intervals`.
    return intervals.dividingFullWidth(product).quotient
  }
}
