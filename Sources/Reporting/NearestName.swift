// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The one of `candidates` that is most like `name`, for a message about a mistyped name.
///
/// - Returns: the first with the fewest insertions, removals and exchanges of a character; `nil` where
///   these are more than a third of the name.
/// - Complexity: O(*n* * *m*) for each candidate, with the lengths of both names.
func nearestName(to name: String, in candidates: [String]) -> String? {
  var best: (name: String, steps: Int)?
  for candidate in candidates {
    let steps = editDistance(name, candidate)
    if steps < best?.steps ?? name.count / 3 + 1 { best = (candidate, steps) }
  }
  return best?.name
}
