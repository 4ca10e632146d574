// SPDX-License-Identifier: Apache-2.0

/// Leaves out as many elements as possible, so that the rest still has a property.
///
/// Chunks are left out, from halves down to single elements, until no single element can go. `has` is
/// asked about shorter and shorter lists; the elements keep their order.
///
/// - Precondition: `has(elements)`.
/// - Complexity: O(*n* log *n*) questions where few elements matter, O(*n*²) at worst.
///
/// Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002.
func reduced<Element>(_ elements: [Element], while has: ([Element]) -> Bool) -> [Element] {
  var kept = elements
  var chunk = max(1, kept.count / 2)
  while !kept.isEmpty {
    var removedAny = false
    // From the end: what comes last depends on what came before, and nothing depends on it.
    var end = kept.count
    while end > 0 {
      let start = max(0, end - chunk)
      var candidate = kept
      candidate.removeSubrange(start..<end)
      if has(candidate) {
        kept = candidate
        removedAny = true
      }
      end = start
    }
    if chunk > 1 {
      chunk = max(1, min(chunk, kept.count) / 2)
    } else if !removedAny {
      break
    }
  }
  return kept
}
