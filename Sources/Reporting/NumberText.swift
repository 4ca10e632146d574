// SPDX-License-Identifier: Apache-2.0

/// `number` in decimal with a comma between thousands.
func grouped(_ number: UInt64) -> String {
  let digits = Array(String(number))
  var text = ""
  for (index, digit) in digits.enumerated() {
    if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
    text.append(digit)
  }
  return text
}

/// `bytes` in KiB with thousands separators, rounded to the nearest, halves up.
///
/// - Returns: `<1` for less than half a KiB that is not nothing, so that only nothing looks so.
func kibibytes(_ bytes: UInt64) -> String {
  let rounded = bytes >> 10 + (bytes >> 9) & 1
  return rounded == 0 && bytes > 0 ? "<1" : grouped(rounded)
}

/// `nanoseconds` in microseconds with thousands separators, rounded to the nearest, halves up.
///
/// - Returns: `<1` for less than half a microsecond that is not nothing, so that only nothing looks so.
func microseconds(_ nanoseconds: UInt64) -> String {
  let rounded = nanoseconds / 1000 + (nanoseconds % 1000 >= 500 ? 1 : 0)
  return rounded == 0 && nanoseconds > 0 ? "<1" : grouped(rounded)
}

/// `hundredths` with two decimals, such as `3.13`.
func decimal(hundredths: UInt64) -> String {
  let fraction = hundredths % 100
  return grouped(hundredths / 100) + "." + (fraction < 10 ? "0" : "") + String(fraction)
}

/// `part` as hundredths of a percent of `whole`, rounded to the nearest, halves up.
///
/// - Returns: `nil` where `whole` is 0 or the result does not fit.
func hundredthsOfPercent(_ part: UInt64, of whole: UInt64) -> UInt64? {
  let product = part.multipliedFullWidth(by: 10_000)
  guard product.high < whole else { return nil }
  let (quotient, remainder) = whole.dividingFullWidth(product)
  return quotient + (remainder >= whole - remainder ? 1 : 0)
}

/// `text` with every control character shown as its number, so that it stays on its line.
func printable(_ text: String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars {
    if scalar.properties.generalCategory == .control {
      shown += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}

/// `left` times `right`, or the largest number where that is smaller.
///
/// A replay stays far below; only a stored report that somebody changed gets there, and it is to
/// be shown or refused, not to stop the program.
func clampedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let (product, overflow) = left.multipliedReportingOverflow(by: right)
  return overflow ? .max : product
}

/// `left` plus `right`, or the largest number where that is smaller.
func clampedSum(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let (sum, overflow) = left.addingReportingOverflow(right)
  return overflow ? .max : sum
}
