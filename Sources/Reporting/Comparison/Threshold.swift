// SPDX-License-Identifier: Apache-2.0

/// A bound on one number of a comparison, by which a build can be refused.
///
///     pswpin>+1%               the number grew by more than one percent
///     tag_overhead.mean>+64KiB it grew by more than 64 KiB
///     rfc3:pgfault<-5%         under rfc3 alone, it shrank by more than five percent
///     tags_lost>0              it is above zero now, whatever it was
///
/// With a sign the change is bounded, without one the new number. Numbers of bytes may be followed by
/// `KiB`, `MiB` or `GiB`. Numbers that are percentages themselves are bounded in points: for them `+1%`
/// is one point. A change of a number that was zero is larger than any percentage.
public struct Threshold: Equatable, Sendable {
  /// The threshold as it was written.
  public let text: String
  /// The design it is for, `nil` for all of them.
  let design: String?
  /// The row.
  let value: RowValue
  let isUpperBound: Bool
  let bound: Bound

  /// What is compared with the bound; numbers are in the row's unit, percentages in hundredths.
  enum Bound: Equatable {
    case value(UInt64)
    case change(UInt64, isDecrease: Bool)
    case percentChange(UInt64, isDecrease: Bool)
  }

  /// Reads a threshold.
  ///
  /// - Throws: ``ThresholdError`` that says what is wrong with `text`.
  public init(_ text: String) throws(ThresholdError) {
    guard let sign = text.firstIndex(where: { $0 == ">" || $0 == "<" }) else {
      throw ThresholdError(text, "expected METRIC>BOUND or METRIC<BOUND, found neither > nor <")
    }
    let left = text[..<sign].split(separator: ":", omittingEmptySubsequences: false)
    guard left.count <= 2, let name = left.last.map({ trimmed($0) }), !name.isEmpty else {
      throw ThresholdError(text, "expected METRIC or DESIGN:METRIC before the bound")
    }
    guard let value = RowValue.named(name) else {
      let hint = RowValue.nearest(to: name).map { "; did you mean \($0)?" } ?? ""
      throw ThresholdError(text, "no number of a report is called \(name)\(hint)")
    }
    self.text = text
    design = left.count == 2 ? trimmed(left[0]) : nil
    self.value = value
    isUpperBound = text[sign] == ">"
    let unit = Glossary.entry(for: value.name)?.unit ?? .text
    guard let bound = Self.bound(trimmed(text[text.index(after: sign)...]), unit: unit) else {
      throw ThresholdError(
        text,
        "expected a bound such as +1%, -20\(unit == .bytes ? ", +64KiB" : "") or 0"
      )
    }
    self.bound = bound
  }

  private static func bound(_ text: String, unit: GlossaryUnit) -> Bound? {
    guard unit != .text else { return nil }
    var number = text[...]
    let isSigned = number.first == "+" || number.first == "-"
    let isDecrease = number.first == "-"
    if isSigned { number.removeFirst() }
    let isPercent = number.last == "%"
    if isPercent { number.removeLast() }
    if isPercent || unit == .percent {
      guard let hundredths = hundredths(number) else { return nil }
      if unit == .percent {
        return isSigned ? .change(hundredths, isDecrease: isDecrease) : .value(hundredths)
      }
      return isSigned ? .percentChange(hundredths, isDecrease: isDecrease) : nil
    }
    var factor: UInt64 = 1
    if unit == .bytes {
      for (suffix, bytes) in [("KiB", UInt64(1) << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
      where number.hasSuffix(suffix) {
        number.removeLast(suffix.count)
        factor = bytes
        break
      }
    }
    guard number.allSatisfy(\.isASCIIDigit), let whole = UInt64(number) else { return nil }
    let amount = clampedProduct(whole, factor)
    return isSigned ? .change(amount, isDecrease: isDecrease) : .value(amount)
  }

  /// A number with at most two decimals, in hundredths.
  private static func hundredths(_ text: Substring) -> UInt64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ $0.allSatisfy(\.isASCIIDigit) }),
      let whole = UInt64(parts[0])
    else { return nil }
    let decimals = parts.count == 2 ? parts[1] : "0"
    guard (1...2).contains(decimals.count), let fraction = UInt64(decimals) else { return nil }
    return clampedSum(clampedProduct(whole, 100), decimals.count == 1 ? fraction * 10 : fraction)
  }
}

/// What is wrong with a threshold.
public struct ThresholdError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One line.
  public let description: String

  init(_ text: String, _ message: String) {
    description = "threshold \"\(printable(text))\": \(message)"
  }
}

extension RowValue {
  /// The numbers that a threshold can name.
  private static let all: [RowValue] =
    GroupDefinition.all(classes: [8, 16, 32, 64, 128, 256, 512, 1024, 2048])
    .flatMap { $0.rows.map(\.value) }.filter { !$0.isAgainstFirstDesign }

  /// The row called `name`; without a statistic, the mean of a category.
  static func named(_ name: String) -> RowValue? {
    all.first { $0.name == name } ?? all.first { $0.name == "\(name).mean" }
  }

  /// The name that needs the fewest changes to become `name`, `nil` where all need many.
  static func nearest(to name: String) -> String? {
    nearestName(to: name, in: all.map(\.name))
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

private func trimmed(_ text: Substring) -> String {
  var rest = text
  while rest.first == " " { rest.removeFirst() }
  while rest.last == " " { rest.removeLast() }
  return String(rest)
}
