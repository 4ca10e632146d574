// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TraceSynthesis

@Suite struct PageSetTests {
  /// All sequences of three insertions and removals of ranges in 0..<5 agree with a plain set.
  @Test func agreesWithASet() {
    let ranges: [Range<UInt64>] = (0..<5).flatMap { low in
      (low...5).map { UInt64(low)..<UInt64($0) }
    }
    let steps = ranges.flatMap { [(true, $0), (false, $0)] }
    for first in ranges {
      for second in steps {
        for third in steps {
          var set = PageSet()
          var model = Set(first)
          set.insert(first)
          for (inserts, range) in [second, third] {
            if inserts {
              set.insert(range)
              model.formUnion(range)
            } else {
              set.remove(range)
              model.subtract(range)
            }
          }
          let text = "\(first) \(second) \(third)"
          #expect(set.ranges.flatMap { $0 } == model.sorted(), "\(text)")
          for (low, high) in zip(set.ranges, set.ranges.dropFirst()) {
            #expect(low.upperBound < high.lowerBound, "\(text)")
          }
          for page in 0..<6 as Range<UInt64> {
            #expect(set.contains(page) == model.contains(page), "\(text)")
          }
          let parts = set.parts(of: 1..<4).flatMap { $0 }
          #expect(parts == model.intersection([1, 2, 3]).sorted(), "\(text)")
          #expect(set.contains(1..<4) == model.isSuperset(of: [1, 2, 3]), "\(text)")
        }
      }
    }
  }
}
