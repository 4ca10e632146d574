// SPDX-License-Identifier: Apache-2.0

import MachineModel
import PhysicalMemory

/// A place in a configuration; what a key's functions hold.
typealias ConfigurationPath<Value> = WritableKeyPath<MachineConfiguration, Value> & Sendable

// The kinds of values that keys have.
extension MachineKey {
  /// A key whose value is a whole number.
  static func number<Number: FixedWidthInteger & Sendable>(
    _ name: String,
    _ path: any ConfigurationPath<Number>,
    in range: ClosedRange<Number>,
    unit: String,
    meaning: String,
    source: String,
    option: String? = nil
  ) -> MachineKey {
    MachineKey(
      name,
      values: "\(range.lowerBound) to \(range.upperBound)",
      unit: unit,
      meaning: meaning,
      source: source,
      option: option,
      read: { "\($0[keyPath: path])" },
      write: { configuration, text in
        guard let value = wholeNumber(text, in: range) else { return false }
        configuration[keyPath: path] = value
        return true
      }
    )
  }

  /// A key whose value is one of a few numbers.
  static func oneOf(
    _ name: String,
    _ path: any ConfigurationPath<Int>,
    _ choices: [Int],
    unit: String,
    meaning: String,
    source: String
  ) -> MachineKey {
    MachineKey(
      name,
      values: alternatives(choices.map(String.init)),
      unit: unit,
      meaning: meaning,
      source: source,
      read: { "\($0[keyPath: path])" },
      write: { configuration, text in
        guard let value = choices.first(where: { "\($0)" == text }) else { return false }
        configuration[keyPath: path] = value
        return true
      }
    )
  }

  /// A key whose value is a number of bytes.
  static func size(
    _ name: String,
    _ path: any ConfigurationPath<Int>,
    meaning: String,
    source: String,
    option: String? = nil
  ) -> MachineKey {
    MachineKey(
      name,
      values: "a size such as 64M or 2G",
      unit: "bytes",
      meaning: meaning,
      source: source,
      option: option,
      read: { sizeText($0[keyPath: path]) },
      write: { configuration, text in
        guard let bytes = byteCount(text) else { return false }
        configuration[keyPath: path] = bytes
        return true
      }
    )
  }

  /// A key whose value is a number of bytes, or `none`.
  static func optionalSize(
    _ name: String,
    _ path: any ConfigurationPath<Int?>,
    meaning: String,
    source: String,
    option: String? = nil
  ) -> MachineKey {
    MachineKey(
      name,
      values: "none or a size such as 64M or 2G",
      unit: "bytes",
      meaning: meaning,
      source: source,
      option: option,
      read: { $0[keyPath: path].map(sizeText) ?? "none" },
      write: { configuration, text in
        let bytes = byteCount(text)
        guard bytes != nil || text == "none" else { return false }
        configuration[keyPath: path] = bytes
        return true
      }
    )
  }

  /// A key whose value is a list of ranges of addresses, or `none`.
  static func ranges(
    _ name: String,
    _ path: any ConfigurationPath<[MemoryRange]>,
    meaning: String,
    source: String
  ) -> MachineKey {
    var key = MachineKey(
      name,
      values: "none or ranges such as 2G@0x80000000,2G@0x880000000",
      unit: "size@start",
      meaning: meaning,
      source: source,
      isList: true,
      read: { configuration in
        let ranges = configuration[keyPath: path].map(rangeText)
        return ranges.isEmpty ? "none" : ranges.joined(separator: ",")
      },
      write: { configuration, text in
        if text == "none" {
          configuration[keyPath: path] = []
          return true
        }
        var ranges: [MemoryRange] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
          guard let range = memoryRange(String(part)) else { return false }
          ranges.append(range)
        }
        configuration[keyPath: path] = ranges
        return true
      }
    )
    key.isRangeList = true
    return key
  }

  /// A key whose value is a whole number, or `unset` where something else decides: the design, unless
  /// another word is given.
  static func optionalNumber(
    _ name: String,
    _ path: any ConfigurationPath<Int?>,
    in range: ClosedRange<Int>,
    unset: String = designsAnswer,
    unit: String,
    meaning: String,
    source: String
  ) -> MachineKey {
    MachineKey(
      name,
      values: "\(unset) or \(range.lowerBound) to \(range.upperBound)",
      unit: unit,
      meaning: meaning,
      source: source,
      read: { $0[keyPath: path].map(String.init) ?? unset },
      write: { configuration, text in
        let value = wholeNumber(text, in: range)
        guard value != nil || text == unset else { return false }
        configuration[keyPath: path] = value
        return true
      }
    )
  }

  /// A key whose value is one of the names of an enumeration, or of some of its cases.
  static func choice<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String,
    _ path: any ConfigurationPath<Choice>,
    among choices: [Choice] = Array(Choice.allCases),
    meaning: String,
    source: String,
    option: String? = nil
  ) -> MachineKey {
    MachineKey(
      name,
      values: alternatives(choices.map(\.rawValue)),
      meaning: meaning,
      source: source,
      option: option,
      read: { $0[keyPath: path].rawValue },
      write: { configuration, text in
        guard let value = choices.first(where: { $0.rawValue == text }) else { return false }
        configuration[keyPath: path] = value
        return true
      }
    )
  }

  /// A key that replaces an answer of the design by one of the names of an enumeration.
  static func answer<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String,
    _ path: any ConfigurationPath<Choice?>,
    meaning: String,
    source: String
  ) -> MachineKey {
    MachineKey(
      name,
      values: alternatives([designsAnswer] + Choice.allCases.map(\.rawValue)),
      meaning: meaning,
      source: source,
      read: { $0[keyPath: path]?.rawValue ?? designsAnswer },
      write: { configuration, text in
        let value = Choice(rawValue: text)
        guard value != nil || text == designsAnswer else { return false }
        configuration[keyPath: path] = value
        return true
      }
    )
  }

  /// A key whose value is `yes` or `no`.
  static func yesOrNo(
    _ name: String,
    _ path: any ConfigurationPath<Bool>,
    meaning: String,
    source: String
  ) -> MachineKey {
    MachineKey(
      name,
      values: "yes or no",
      meaning: meaning,
      source: source,
      read: { $0[keyPath: path] ? "yes" : "no" },
      write: { configuration, text in
        guard text == "yes" || text == "no" else { return false }
        configuration[keyPath: path] = text == "yes"
        return true
      }
    )
  }
}

/// The value of a key that leaves an answer to the design.
private let designsAnswer = "design"

/// `a`, `a or b`, `a, b or c`.
func alternatives(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.joined() }
  return names.dropLast().joined(separator: ", ") + " or " + last
}

/// The number that a text of digits is, `nil` for anything else and for numbers out of range.
func wholeNumber<Number: FixedWidthInteger>(
  _ text: String,
  in range: ClosedRange<Number>
) -> Number? {
  // The initialiser would also take a sign.
  guard text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Number(text),
    range.contains(value)
  else { return nil }
  return value
}

/// The bytes that a text such as `64M` stands for: digits, with K, M, G or T for powers of 1,024.
public func byteCount(_ text: String) -> Int? {
  var digits = text[...]
  var shift = 0
  if let last = text.last, let unit = "KMGT".firstIndex(of: Character(last.uppercased())) {
    shift = 10 * ("KMGT".distance(from: "KMGT".startIndex, to: unit) + 1)
    digits = text.dropLast()
  }
  return wholeNumber(String(digits), in: 0...(Int.max >> shift)).map { $0 << shift }
}

/// Bytes in the largest unit that leaves a whole number, as ``byteCount(_:)`` reads it.
public func sizeText(_ bytes: Int) -> String {
  for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)]
  where bytes > 0 && bytes & (1 << shift - 1) == 0 {
    return "\(bytes >> shift)\(unit)"
  }
  return "\(bytes)"
}

/// The range that a text such as `2G@0x80000000` stands for; sizes as ``byteCount(_:)`` reads them,
/// starts so too or in hexadecimal digits.
func memoryRange(_ text: String) -> MemoryRange? {
  let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
  guard parts.count == 2, let size = byteCount(parts[0]), let start = address(parts[1]),
    size >> 62 == 0, start >> 62 == 0
  else { return nil }
  return MemoryRange(start: start, size: size)
}

private func address(_ text: String) -> Int? {
  guard text.hasPrefix("0x") else { return byteCount(text) }
  let digits = text.dropFirst(2)
  // The initialiser would also take a sign.
  guard digits.utf8.allSatisfy({ $0 != 43 && $0 != 45 }) else { return nil }
  return Int(digits, radix: 16)
}

/// A range as ``memoryRange(_:)`` reads it.
func rangeText(_ range: MemoryRange) -> String {
  "\(sizeText(range.size))@0x\(String(range.start, radix: 16))"
}
