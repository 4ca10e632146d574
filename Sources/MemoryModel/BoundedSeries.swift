// SPDX-License-Identifier: Apache-2.0

/// What a series knows of one stretch of a run.
public protocol SeriesPoint: Equatable, Sendable {
  /// Accesses that the stretch lasted.
  var accesses: UInt64 { get }

  /// Makes the point that of its own stretch and of `next`, which follows it.
  mutating func absorb(_ next: Self)
}

/// A series over a run of unknown length, in a bounded number of points.
///
/// A point is complete when it lasted ``accessesPerPoint`` accesses. When there are more points than
/// the capacity, that length is doubled and neighbours are merged, from the first on, until each
/// has the new length; this is repeated until half of the capacity is left. So the points of a series
/// depend on what was appended and on nothing else, and long runs only get coarser.
public struct BoundedSeries<Point: SeriesPoint>: Equatable, Sendable {
  /// The most points that the series keeps.
  public let capacity: Int
  /// The points in order; the last may be shorter than the others.
  public private(set) var points: [Point] = []
  /// Accesses after which a point is complete, a power of two.
  public private(set) var accessesPerPoint: UInt64 = 1

  /// Creates a series without points.
  ///
  /// - Precondition: `capacity` is at least 2.
  public init(capacity: Int) {
    precondition(capacity >= 2, "a series of \(capacity) points")
    self.capacity = capacity
  }

  /// Creates the series of at most `capacity` points that `points` make.
  public init(_ points: some Sequence<Point>, capacity: Int) {
    self.init(capacity: capacity)
    for point in points { append(point) }
  }

  /// Appends what happened next.
  ///
  /// - Complexity: O(1), amortised.
  public mutating func append(_ point: Point) {
    add(point)
    guard points.count > capacity else { return }
    while points.count > capacity / 2 {
      accessesPerPoint *= 2
      let all = points
      points.removeAll(keepingCapacity: true)
      for point in all { add(point) }
    }
  }

  private mutating func add(_ point: Point) {
    if let last = points.indices.last, points[last].accesses < accessesPerPoint {
      points[last].absorb(point)
    } else {
      points.append(point)
    }
  }
}
