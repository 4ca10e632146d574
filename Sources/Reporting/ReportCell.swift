// SPDX-License-Identifier: Apache-2.0

/// What a report states for one row and one design.
public enum ReportCell: Equatable, Sendable {
  /// A number of things.
  case count(UInt64)
  /// A difference of numbers: its amount, and whether it is below nothing.
  case countChange(UInt64, isDecrease: Bool)
  /// Bytes.
  case bytes(UInt64)
  /// Nanoseconds.
  case nanoseconds(UInt64)
  /// A difference of nanoseconds: its amount, and whether it is below nothing.
  case nanosecondChange(UInt64, isDecrease: Bool)
  /// A difference of bytes: its amount, and whether it is below nothing.
  case byteChange(UInt64, isDecrease: Bool)
  /// Hundredths of a percent.
  case percent(UInt64)
  /// A difference in hundredths of a percent: its amount, and whether it is below nothing.
  case percentChange(UInt64, isDecrease: Bool)
  /// A name.
  case text(String)
  /// Nothing can be stated.
  case none

  /// Whether the cell says no more than that nothing happened.
  public var isZero: Bool {
    switch self {
    case .count(0), .bytes(0), .nanoseconds(0), .percent(0), .none: true
    case .countChange(0, _), .byteChange(0, _), .nanosecondChange(0, _), .percentChange(0, _): true
    default: false
    }
  }

  /// The number of a cell that is no difference: things, bytes, nanoseconds or hundredths of a percent.
  var amount: UInt64? {
    switch self {
    case .count(let number), .bytes(let number), .nanoseconds(let number), .percent(let number):
      number
    default: nil
    }
  }

  /// The cell for people: bytes in KiB, time in microseconds, thousands separated, `-` for nothing.
  public var forReading: String {
    switch self {
    case .count(let number): grouped(number)
    case .countChange(let number, let isDecrease): sign(number, isDecrease) + grouped(number)
    case .bytes(let bytes): kibibytes(bytes)
    case .byteChange(let bytes, let isDecrease): sign(bytes, isDecrease) + kibibytes(bytes)
    case .nanoseconds(let nanoseconds): microseconds(nanoseconds)
    case .nanosecondChange(let nanoseconds, let isDecrease):
      sign(nanoseconds, isDecrease) + microseconds(nanoseconds)
    case .percent(let hundredths): decimal(hundredths: hundredths)
    case .percentChange(let amount, let isDecrease):
      sign(amount, isDecrease) + decimal(hundredths: amount)
    case .text(let text): printable(text)
    case .none: "-"
    }
  }

  /// The cell for programs: bytes and nanoseconds exactly, no separators, empty for nothing.
  public var forPrograms: String {
    switch self {
    case .count(let number), .bytes(let number), .nanoseconds(let number): String(number)
    case .countChange(let amount, let isDecrease), .byteChange(let amount, let isDecrease),
      .nanosecondChange(let amount, let isDecrease):
      (isDecrease ? "-" : "") + String(amount)
    case .percent(let hundredths): decimal(hundredths: hundredths).filter { $0 != "," }
    case .percentChange(let amount, let isDecrease):
      (isDecrease ? "-" : "") + decimal(hundredths: amount).filter { $0 != "," }
    case .text(let text): text
    case .none: ""
    }
  }

  private func sign(_ amount: UInt64, _ isDecrease: Bool) -> String {
    amount == 0 ? "" : isDecrease ? "-" : "+"
  }
}
