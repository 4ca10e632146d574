// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Swap

@Suite struct SwapCacheNodesTests {
  /// Counts the nodes of each tree from its set of indices, level by level from the leaves.
  private func slowCount(_ slots: Set<UInt32>) -> Int {
    var count = 0
    for (_, indices) in Dictionary(grouping: slots, by: { $0 / 16384 }) {
      let largest = indices.max() ?? 0
      var level = Set(indices)
      var shift: UInt32 = 0
      repeat {
        level = Set(level.map { $0 >> 6 })
        count += level.count
        shift += 6
      } while largest >> shift > 0
    }
    return count
  }

  @Test func smallSets() {
    var nodes = SwapCacheNodes(slots: 1 << 20)
    #expect(nodes.count == 0)
    nodes.insert(1)
    #expect(nodes.count == 1)
    nodes.insert(63)
    #expect(nodes.count == 1)
    nodes.insert(64)
    #expect(nodes.count == 3)
    nodes.remove(1)
    nodes.remove(63)
    #expect(nodes.count == 2)
    nodes.insert(16384)
    #expect(nodes.count == 5)
    nodes.insert(1 << 18)
    #expect(nodes.count == 9)
    for slot in [64, 16384, 1 << 18] as [UInt32] { nodes.remove(slot) }
    #expect(nodes.count == 0)
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func randomSetsAgreeWithTheSlowCount(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    // The last shape reaches indices above 2^24, which need a fifth level.
    let slots = [100, 5000, 16384, 40000, 1 << 20, 1 << 25][Int(seed)]
    var nodes = SwapCacheNodes(slots: slots)
    var model: Set<UInt32> = []
    for step in 0..<600 {
      var slot = UInt32(1 + random.below(slots - 1))
      if step % 3 == 0 { slot = 1 + slot % 90 }
      if model.contains(slot) || (random.below(2) == 0 && !model.isEmpty) {
        let gone = model.contains(slot) ? slot : model.min() ?? slot
        model.remove(gone)
        nodes.remove(gone)
      } else {
        model.insert(slot)
        nodes.insert(slot)
      }
      #expect(nodes.count == slowCount(model), "seed \(seed), step \(step)")
    }
  }
}
