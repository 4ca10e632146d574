// SPDX-License-Identifier: Apache-2.0

/// The one of `candidates` that is most like `name`, for a message about a mistyped name.
///
/// - Returns: the first with the fewest insertions, removals and exchanges of a character; `nil` where
///   these are more than a third of the name.
/// - Complexity: O(*n* * *m*) for each candidate, with the lengths of both names.
func nearestName(to name: String, in candidates: [String]) -> String? {
  let wanted = Array(name.utf8)
  var best: (name: String, steps: Int)?
  for candidate in candidates {
    let steps = editSteps(wanted, Array(candidate.utf8))
    if steps < best?.steps ?? wanted.count / 3 + 1 { best = (candidate, steps) }
  }
  return best?.name
}

/// The Levenshtein distance of two texts.
private func editSteps(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var row = Array(0...right.count)
  for (index, byte) in left.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for (column, other) in right.enumerated() {
      let steps = min(diagonal + (byte == other ? 0 : 1), row[column] + 1, row[column + 1] + 1)
      diagonal = row[column + 1]
      row[column + 1] = steps
    }
  }
  return row[right.count]
}
