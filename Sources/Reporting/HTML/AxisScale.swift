// SPDX-License-Identifier: Apache-2.0

/// The range of an axis, and where it has ticks.
///
/// Everything is computed in integers, so that a page is the same bytes everywhere.
struct AxisScale {
  /// How values are spread over the axis.
  private enum Spread {
    /// Equal differences have equal lengths.
    case even
    /// From 1 on each doubling has the same length, and equal differences within it have, too.
    case doubling
  }

  private let spread: Spread
  /// The value at the end of the axis, at least 1; it begins at 0, or at 1 where
  /// doublings have equal lengths.
  let maximum: UInt64
  /// The unit of the labels.
  let unit: String
  /// The ticks from 0 on, with their labels.
  let ticks: [(value: UInt64, label: String)]

  /// Steps that an axis has at most.
  private static let mostSteps: UInt64 = 5

  /// An axis of bytes that reaches `largest`, in the largest unit that leaves whole numbers.
  static func bytes(_ largest: UInt64) -> AxisScale {
    var step: UInt64 = 1
    while largest / step >= mostSteps && step < 1 << 62 { step *= 2 }
    let (divisor, unit) =
      step >= 1 << 30
      ? (UInt64(1 << 30), "GiB")
      : step >= 1 << 20 ? (1 << 20, "MiB") : step >= 1 << 10 ? (1 << 10, "KiB") : (1, "bytes")
    return AxisScale(roundingUp: largest, step: step, divisor: divisor, unit: unit)
  }

  /// An axis of numbers of things that reaches `largest`.
  static func count(_ largest: UInt64, of things: String) -> AxisScale {
    let step = decimalStep(largest)
    let (divisor, unit) = decimalUnit(step, things)
    return AxisScale(roundingUp: largest, step: step, divisor: divisor, unit: unit)
  }

  /// An axis that ends at `largest` exactly, whether there is a tick or not.
  static func exactCount(_ largest: UInt64, of things: String) -> AxisScale {
    let step = decimalStep(largest)
    let (divisor, unit) = decimalUnit(step, things)
    return AxisScale(
      maximum: max(1, largest),
      unit: unit,
      ticks: Self.ticks(upTo: largest, step: step, divisor: divisor)
    )
  }

  /// An axis from 1 to the first power of two that is not below `largest`, at least 2, with a tick at
  /// each power.
  static func doublings(_ largest: UInt64, of things: String) -> AxisScale {
    let powers = sequence(first: UInt64(1)) { $0 < largest ? $0 * 2 : nil }
    let ticks = powers.map { (value: $0, label: grouped($0)) }
    guard let last = ticks.last, last.value > 1 else {
      return AxisScale(maximum: 2, unit: things, ticks: [(1, "1"), (2, "2")], .doubling)
    }
    return AxisScale(maximum: last.value, unit: things, ticks: ticks, .doubling)
  }

  /// An axis from 1 to a power of two that is not below `largest`, with a tick at each power of ten.
  static func magnitudes(_ largest: UInt64, of things: String) -> AxisScale {
    magnitudes(largest, unit: things, label: grouped)
  }

  /// An axis of waits from a nanosecond on, with a tick at each power of ten and few labels, which have
  /// their units in them.
  ///
  /// The first tick has none, because it would meet that of the other axis.
  static func waits(_ largest: UInt64) -> AxisScale {
    let names: [UInt64: String] = [
      10: "10 ns", 1_000: "1 µs", 1_000_000: "1 ms", 1_000_000_000: "1 s",
      1_000_000_000_000: "1000 s",
    ]
    return magnitudes(largest, unit: "wait") { names[$0] ?? "" }
  }

  private static func magnitudes(
    _ largest: UInt64,
    unit: String,
    label: (UInt64) -> String
  ) -> AxisScale {
    let bits = UInt64.bitWidth - (max(largest, 2) - 1).leadingZeroBitCount
    let maximum = UInt64(1) << UInt64(min(bits, 63))
    let powers = sequence(first: UInt64(1)) { $0 <= maximum / 10 ? $0 * 10 : nil }
    return AxisScale(
      maximum: maximum,
      unit: unit,
      ticks: powers.map { (value: $0, label: label($0)) },
      .doubling
    )
  }

  /// The place of a value on an axis of `length` units, rounded down; values beyond the end stay there.
  func position(_ value: UInt64, length: Int) -> Int {
    let value = min(value, maximum)
    switch spread {
    case .even:
      return Int(UInt128(value) * UInt128(length) / UInt128(maximum))
    case .doubling:
      guard value > 1 else { return 0 }
      // Whole doublings, and the part of the one that the value lies in.
      let doublings = UInt128(value.leadingZeroBitCount ^ 63)
      let first = UInt128(1) << doublings
      return Int(
        (doublings * first + UInt128(value) - first) * UInt128(length)
          / (first * UInt128(maximum.trailingZeroBitCount))
      )
    }
  }

  private init(
    maximum: UInt64,
    unit: String,
    ticks: [(value: UInt64, label: String)],
    _ spread: Spread = .even
  ) {
    self.spread = spread
    self.maximum = maximum
    self.unit = unit
    self.ticks = ticks
  }

  private init(roundingUp largest: UInt64, step: UInt64, divisor: UInt64, unit: String) {
    let steps = max(1, largest / step + (largest % step == 0 ? 0 : 1))
    let end = clampedProduct(steps, step)
    self.init(
      maximum: end,
      unit: unit,
      ticks: Self.ticks(upTo: end, step: step, divisor: divisor)
    )
  }

  private static func ticks(
    upTo end: UInt64,
    step: UInt64,
    divisor: UInt64
  ) -> [(value: UInt64, label: String)] {
    stride(from: 0, through: end, by: UInt64.Stride(step)).map {
      (value: $0, label: grouped($0 / divisor))
    }
  }

  /// 1, 2 or 5 times a power of ten.
  private static func decimalStep(_ largest: UInt64) -> UInt64 {
    var power: UInt64 = 1
    while power < 1_000_000_000_000_000_000 {
      for factor in [UInt64(1), 2, 5] where largest / (power * factor) < mostSteps {
        return power * factor
      }
      power *= 10
    }
    return 5 * power
  }

  private static func decimalUnit(_ step: UInt64, _ things: String) -> (UInt64, String) {
    for (divisor, name) in [
      (UInt64(1_000_000_000), "billion"), (1_000_000, "million"), (1_000, "thousand"),
    ] where step >= divisor {
      return (divisor, "\(name) \(things)")
    }
    return (1, things)
  }
}
