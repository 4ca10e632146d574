// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Swap
import TestSupport
import Testing

/// Copies of swapped pages against a list of what was stored, in the order of use.
@Suite struct SwappedCopiesTests {
  private struct Model {
    /// What each slot's copy says, and its compressed bytes.
    var copies: [UInt32: (stamp: UInt64, bytes: Int)] = [:]
    /// The slots, the most recently used last.
    var order: [UInt32] = []
    /// Frames that the copies were given and have not returned.
    var frames = Set<UInt32>()

    mutating func use(_ slot: UInt32) {
      order.removeAll { $0 == slot }
      order.append(slot)
    }
  }

  private static func step(
    _ copies: inout SwappedCopies,
    _ model: inout Model,
    _ random: inout SplitMix64,
    stamp: UInt64,
    pageSize: PageSize
  ) {
    let slot = UInt32(random.below(60))
    switch random.below(5) {
    case 0, 1, 2:
      let contents: [ZramContent] = [
        .sameFilled, .compressed(bytes: pageSize.bytes),
        .compressed(bytes: 1 + random.below(pageSize.bytes)),
      ]
      let content = contents[random.below(3)]
      let first = UInt32(stamp) * 8
      let given = (0..<copies.framesNeeded(for: content)).map { first + UInt32($0) }
      let stored = copies.store(slot, content, stamp: stamp, frames: given)
      #expect(stored.span == copies.memory.span(of: Int(slot)))
      model.frames.formUnion(given)
      model.frames.subtract(stored.freed)
      model.copies[slot] = (stamp, copies.memory.objectBytes(of: content))
      model.use(slot)
    case 3:
      guard copies.holds(slot) else { return }
      copies.touch(slot)
      model.use(slot)
    default:
      guard copies.holds(slot) else { return }
      model.frames.subtract(copies.drop(slot))
      model.copies[slot] = nil
      model.order.removeAll { $0 == slot }
    }
  }

  @Test(arguments: PageSize.allCases, [UInt64(1), 2, 3])
  func randomStepsAgreeWithALists(pageSize: PageSize, seed: UInt64) throws {
    var copies = SwappedCopies(slots: 60, pageSize: pageSize)
    var model = Model()
    var random = SplitMix64(seed: seed)
    for number in 1...1500 {
      let context: Comment = "\(pageSize), seed \(seed), step \(number)"
      Self.step(&copies, &model, &random, stamp: UInt64(number), pageSize: pageSize)
      #expect(copies.count == model.copies.count, context)
      #expect(copies.leastRecentlyUsed == model.order.first, context)
      #expect(copies.memory.compressedBytes == model.copies.values.reduce(0) { $0 + $1.bytes })
      #expect(copies.memory.pool.pages == model.frames.count, context)
      guard number.isMultiple(of: 50) else { continue }
      for slot in 0..<UInt32(60) {
        #expect(copies.holds(slot) == (model.copies[slot] != nil), context)
        guard let copy = model.copies[slot] else { continue }
        #expect(copies.stamp(of: slot) == copy.stamp, context)
        guard let span = copies.memory.span(of: Int(slot)) else { continue }
        #expect(copies.slots(inSpan: span).contains(slot), context)
      }
      try copies.verifyInvariants()
    }
  }

  /// A frame is rid of its objects only with all of its span.
  @Test func objectsOfASpanAreListed() {
    var copies = SwappedCopies(slots: 10, pageSize: .kib4)
    let content = ZramContent.compressed(bytes: 1000)
    let frames = (0..<copies.framesNeeded(for: content)).map { UInt32(100 + $0) }
    #expect(copies.store(3, content, stamp: 1, frames: frames).span == 0)
    _ = copies.store(5, content, stamp: 2, frames: [])
    #expect(copies.slots(inSpan: 0) == [3, 5] && copies.slots(inSpan: 1) == [])
    #expect(copies.drop(3) == [] && copies.slots(inSpan: 0) == [5])
    #expect(copies.drop(5) == frames && copies.leastRecentlyUsed == nil)
  }
}
