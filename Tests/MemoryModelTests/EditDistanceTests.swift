// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@Suite struct EditDistanceTests {
  @Test func distancesCountEdits() {
    for (left, right, distance) in [
      ("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ram", "ram", 0), ("ab", "ba", 2),
      ("swapiness", "swappiness", 1), ("xyz", "abc", 3),
    ] {
      #expect(editDistance(left, right) == distance, "\(left) \(right)")
      #expect(editDistance(right, left) == distance, "\(right) \(left)")
    }
  }
}
