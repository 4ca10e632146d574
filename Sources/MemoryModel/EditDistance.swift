// SPDX-License-Identifier: Apache-2.0

/// The characters to insert, remove or replace that turn one text into another, for messages about
/// mistyped names.
///
/// - Complexity: O(*m* * *n*), where *m* and *n* are the lengths.
///
/// Source: Wagner and Fischer, "The string-to-string correction problem", 1974.
public func editDistance(_ left: String, _ right: String) -> Int {
  let right = Array(right)
  var row = Array(0...right.count)
  for (index, letter) in left.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in right.indices {
      let replaced = diagonal + (letter == right[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
    }
  }
  return row[right.count]
}
