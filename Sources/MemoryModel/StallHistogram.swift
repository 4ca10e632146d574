// SPDX-License-Identifier: Apache-2.0

/// How long things had to wait, in nanoseconds: how many waited how long.
///
/// Waits below 16 are kept exactly; above, each doubling is divided into eight buckets of equal width, so
/// that a bucket's ends are at most one eighth apart. What waited not at all is only counted.
///
/// | index | waits |
/// |---|---|
/// | 1 to 15 | the index itself |
/// | 8*(*e* - 2) + *s* for *e* >= 3, *s* in 0 to 7 | (8 + *s*) * 2^(*e* - 3) up to the next |
public struct StallHistogram: Equatable, Sendable {
  /// Things that were recorded.
  public private(set) var count: UInt64 = 0
  /// What all waits add up to, at most ``largestTotal``.
  public private(set) var total: UInt64 = 0
  /// The longest wait.
  public private(set) var maximum: UInt64 = 0
  /// Things by the bucket of their wait, up to the last that has any; the first is always 0.
  public private(set) var buckets: [UInt64] = []
  /// Things that waited.
  public private(set) var waited: UInt64 = 0

  /// The largest total, 2^53 - 1, which every reader of a report holds exactly: 104 days.
  public static let largestTotal: UInt64 = 1 << 53 - 1
  /// Buckets that there can be, the first included.
  public static let bucketCount = 496

  /// Creates an empty histogram.
  public init() {}

  /// Creates a histogram from its parts.
  ///
  /// - Returns: `nil` where they do not go together: more waited than there are, the longest wait is not in
  ///   the last bucket, or the total is out of its range.
  public init?(count: UInt64, total: UInt64, maximum: UInt64, buckets: [UInt64]) {
    self.count = count
    self.total = total
    self.maximum = maximum
    self.buckets = buckets
    for number in buckets {
      let (sum, overflow) = waited.addingReportingOverflow(number)
      guard !overflow else { return nil }
      waited = sum
    }
    guard waited <= count, total <= Self.largestTotal, buckets.first ?? 0 == 0 else { return nil }
    guard waited > 0 else {
      guard total > 0 || maximum > 0 || !buckets.isEmpty else { return }
      return nil
    }
    guard buckets.last != 0, Self.bucket(of: maximum) == buckets.count - 1 else { return nil }
    guard total >= min(maximum, Self.largestTotal) else { return nil }
  }

  /// Records something that did not wait.
  @inline(__always)
  public mutating func recordNothing() { count += 1 }

  /// Records a wait.
  ///
  /// - Complexity: O(1), amortised.
  public mutating func record(_ nanoseconds: UInt64) {
    count += 1
    guard nanoseconds > 0 else { return }
    waited += 1
    let (sum, overflow) = total.addingReportingOverflow(nanoseconds)
    total = overflow ? Self.largestTotal : min(sum, Self.largestTotal)
    maximum = max(maximum, min(nanoseconds, Self.largestTotal))
    let bucket = Self.bucket(of: min(nanoseconds, Self.largestTotal))
    while buckets.count <= bucket { buckets.append(0) }
    buckets[bucket] += 1
  }

  /// The mean wait, rounded down; 0 for an empty histogram.
  public var mean: UInt64 { count == 0 ? 0 : total / count }

  /// The wait that `share` ten-thousandths of all things did not exceed: the end of its bucket, or the
  /// longest wait where that is shorter; 0 for an empty histogram.
  ///
  /// - Precondition: `share` is 1 to 10,000.
  /// - Complexity: O(*n*), where *n* is the number of buckets.
  public func percentile(_ share: UInt64) -> UInt64 {
    precondition((1...10_000).contains(share), "\(share) ten-thousandths")
    let product = count.multipliedFullWidth(by: share)
    let (quotient, remainder) = UInt64(10_000).dividingFullWidth(product)
    let rank = quotient + (remainder > 0 ? 1 : 0)
    var seen = count - waited
    guard rank > seen else { return 0 }
    for (bucket, number) in buckets.enumerated() {
      seen += number
      if seen >= rank { return min(maximum, Self.waits(in: bucket).upperBound) }
    }
    return maximum
  }

  /// The bucket that a wait belongs to.
  public static func bucket(of nanoseconds: UInt64) -> Int {
    guard nanoseconds >= 8 else { return Int(nanoseconds) }
    let exponent = 63 - nanoseconds.leadingZeroBitCount
    return 8 * (exponent - 2) + Int(nanoseconds >> UInt64(exponent - 3) & 7)
  }

  /// The waits that belong to a bucket.
  ///
  /// - Precondition: `bucket` is below ``bucketCount``.
  public static func waits(in bucket: Int) -> ClosedRange<UInt64> {
    precondition((0..<bucketCount).contains(bucket), "bucket \(bucket)")
    let end = bucket + 1 == bucketCount ? UInt64.max : lowerBound(of: bucket + 1) - 1
    return lowerBound(of: bucket)...end
  }

  private static func lowerBound(of bucket: Int) -> UInt64 {
    bucket < 8 ? UInt64(bucket) : UInt64(8 + bucket % 8) << UInt64(bucket / 8 - 1)
  }
}
