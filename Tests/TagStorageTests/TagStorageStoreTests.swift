// SPDX-License-Identifier: Apache-2.0

import Containers
import TagStorage
import TestSupport
import Testing

/// The store against lists that say the same the slow way.
@Suite struct TagStorageStoreTests {
  /// Idle frames, the next to be claimed last; occupied frames, the most recently used last.
  private struct Model {
    var idle: [Int]
    var occupied: [Int] = []
    var tags: [Int] = []

    init(frames: Range<Int>) { idle = frames.reversed() }

    func state(of frame: Int) -> TagStorageStore.FrameState {
      idle.contains(frame) ? .idle : occupied.contains(frame) ? .occupied : .tags
    }
  }

  /// Takes a random element out, if there is one.
  private static func takeAny(from list: inout [Int], _ random: inout SplitMix64) -> Int? {
    list.isEmpty ? nil : list.remove(at: random.below(list.count))
  }

  private static func step(
    _ store: inout TagStorageStore,
    _ model: inout Model,
    _ random: inout SplitMix64,
    _ context: String
  ) {
    switch random.below(6) {
    case 0, 1:
      let claimed = store.claimIdle()
      #expect(claimed == model.idle.last, "\(context)")
      if let frame = model.idle.popLast() { model.occupied.append(frame) }
    case 2:
      if let frame = takeAny(from: &model.occupied, &random) {
        store.release(frame)
        model.idle.append(frame)
      }
    case 3:
      if let frame = takeAny(from: &model.occupied, &random) {
        store.touch(frame)
        model.occupied.append(frame)
      }
    case 4:
      if let frame = takeAny(from: &model.idle, &random) {
        store.take(frame)
        model.tags.append(frame)
      }
    default:
      if let frame = takeAny(from: &model.tags, &random) {
        store.giveBack(frame)
        model.idle.append(frame)
      }
    }
  }

  private static func compare(
    _ store: borrowing TagStorageStore,
    _ model: Model,
    _ context: String
  ) {
    let oldest = store.leastRecentlyUsed
    #expect(oldest == model.occupied.first, "\(context)")
    let counts = [store.idleFrames, store.occupiedFrames, store.tagFrames]
    let expected = [model.idle.count, model.occupied.count, model.tags.count]
    #expect(counts == expected, "\(context)")
    let states = store.frames.map { store.state(of: $0) }
    #expect(states == store.frames.map(model.state), "\(context)")
  }

  @Test(arguments: [1, 2, 63, 64, 65], [UInt64(1), 2, 3])
  func randomStepsAgreeWithLists(count: Int, seed: UInt64) throws {
    let frames = 1000..<1000 + count
    var store = TagStorageStore(frames: frames)
    var model = Model(frames: frames)
    var random = SplitMix64(seed: seed)
    for number in 0..<600 {
      let context = "seed \(seed), step \(number), \(count) frames"
      Self.step(&store, &model, &random, context)
      Self.compare(store, model, context)
      try store.verifyInvariants()
    }
  }

  @Test func aStoreWithoutFramesHasNone() throws {
    var store = TagStorageStore(frames: 7..<7)
    let claimed = store.claimIdle()
    #expect(claimed == nil)
    Self.compare(store, Model(frames: 7..<7), "no frames")
    try store.verifyInvariants()
  }

  @Test func anOccupiedFrameCannotHoldTags() async {
    await #expect(processExitsWith: .failure) {
      var store = TagStorageStore(frames: 0..<4)
      _ = store.claimIdle()
      store.take(0)
    }
  }
}
