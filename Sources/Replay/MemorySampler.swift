// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

/// Adds up what memory was used for over a run.
///
/// Every sample counts for the accesses since the one before, so that the mean is one over the
/// recorded programs' own time and does not depend on how often samples are taken where memory use
/// does not change.
struct MemorySampler {
  private struct Sum {
    /// The sum of bytes times accesses; 128 bits, because 2^40 bytes times 2^40 accesses need more
    /// than 64.
    var integral: UInt128 = 0
    var peak: UInt64 = 0
    var last: UInt64 = 0

    mutating func add(_ value: UInt64, weight: UInt64) {
      integral += UInt128(value) * UInt128(weight)
      peak = max(peak, value)
      last = value
    }

    func use(over weight: UInt64) -> MemoryUse {
      MemoryUse(
        mean: weight == 0 ? last : UInt64(integral / UInt128(weight)),
        peak: peak,
        last: last
      )
    }
  }

  private var sums = [Sum](repeating: Sum(), count: MemoryCategory.allCases.count)
  private var overhead = Sum()
  private var weight: UInt64 = 0

  /// Takes a sample that counts for `accesses` accesses.
  mutating func sample(_ machine: borrowing Machine, accesses: UInt64) {
    weight += accesses
    var total: UInt64 = 0
    for category in MemoryCategory.allCases {
      let bytes = machine.bytes(of: category)
      sums[category.rawValue].add(bytes, weight: accesses)
      if MemoryCategory.tagOverhead.contains(category) { total += bytes }
    }
    overhead.add(total, weight: accesses)
  }

  /// The use of every category, in the order of `MemoryCategory.allCases`.
  var memory: [MemoryUse] { sums.map { $0.use(over: weight) } }

  /// The bytes of every category at the last sample, in the order of `MemoryCategory.allCases`.
  var lastBytes: [UInt64] { sums.map(\.last) }

  /// Bytes times accesses of every category so far, in the order of `MemoryCategory.allCases`.
  var integrals: [UInt128] { sums.map(\.integral) }

  /// The sum of what is given up for tags.
  ///
  /// Its mean is the sum of the categories' means, each rounded
  /// down, so that a table adds up; peak and last are those of the sum.
  var tagOverhead: MemoryUse {
    var use = overhead.use(over: weight)
    let means = memory
    use.mean = MemoryCategory.tagOverhead.reduce(0) { $0 + means[$1.rawValue].mean }
    return use
  }
}
