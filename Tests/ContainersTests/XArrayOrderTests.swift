// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Containers

/// What the map should hold: an entry for each first index.
private struct ModelEntry: Equatable {
  var order: Int
  var value: UInt64
  var marks: Set<Int> = []

  func last(from index: UInt64) -> UInt64 { index | (1 << UInt64(order) - 1) }
}

/// The same map as a plain dictionary, which is searched from end to end.
private struct Model {
  var entries: [UInt64: ModelEntry] = [:]

  func first(covering index: UInt64) -> UInt64? {
    entries.keys.first { $0 <= index && index <= entries[$0]?.last(from: $0) ?? 0 }
  }

  mutating func store(_ value: UInt64, at index: UInt64, order: Int) -> UInt64? {
    let old = first(covering: index)
    if let old, let present = entries[old], order == 0 || present.order >= order {
      entries[old]?.value = value
      return present.value
    }
    let oldValue = old.flatMap { entries[$0]?.value }
    let last = index | (1 << UInt64(order) - 1)
    for key in entries.keys where key >= index && key <= last { entries[key] = nil }
    entries[index] = ModelEntry(order: order, value: value)
    return oldValue
  }

  func next(from index: UInt64, marked mark: XArrayMark? = nil) -> UInt64? {
    entries.filter { first, entry in
      entry.last(from: first) >= index && (mark.map { entry.marks.contains($0.rawValue) } ?? true)
    }
    .keys.min()
  }
}

@Suite struct XArrayOrderTests {
  @Test func aTiedEntryIsOneEntryAtAllItsIndices() {
    var map = XArray<UInt64>()
    map.store(5, at: 64, order: 6)
    #expect(map.nodeCount == 1, "one slot of a node that decides bits 11 to 6")
    #expect(map.count == 1)
    #expect(map.load(64) == 5)
    #expect(map.load(127) == 5)
    #expect(map.load(63) == nil)
    #expect(map.load(128) == nil)
    #expect(map.order(at: 100) == 6)
    #expect(map.store(6, at: 100) == 5)
    #expect(map.load(64) == 6)
    #expect(map.erase(127) == 6)
    #expect(map.count == 0)
    #expect(map.nodeCount == 0)
  }

  @Test func nodesOfTiedEntries() {
    let vectors: [(index: UInt64, order: Int, nodes: Int)] = [
      (0, 1, 1), (0, 5, 1),
      // 64 indices from 0 on need a second level, because a root of one level would be full of them.
      (0, 6, 1), (0, 9, 1), (0, 12, 1), (64, 3, 2), (512, 9, 1), (4096, 9, 2), (1 << 58, 9, 9),
      (0, 63, 1), (1 << 63, 63, 1),
    ]
    for vector in vectors {
      var map = XArray<UInt64>()
      map.store(1, at: vector.index, order: vector.order)
      map.checkInvariants()
      #expect(map.nodeCount == vector.nodes, "\(vector)")
      #expect(map.order(at: vector.index) == vector.order, "\(vector)")
      map.erase(vector.index)
      #expect(map.nodeCount == 0, "\(vector)")
    }
  }

  @Test func aWiderEntryReplacesWhatItCovers() {
    var map = XArray<UInt64>()
    for index: UInt64 in 500..<1100 { map.store(index, at: index) }
    #expect(map.store(7, at: 512, order: 9) == 512)
    #expect(map.count == 12 + 1 + 76)
    var seen: [UInt64] = []
    map.forEach(in: 510...1025) { index, _ in seen.append(index) }
    #expect(seen == [510, 511, 512, 1024, 1025])
    map.checkInvariants()
  }

  @Test func marksReachTheRootAndGoWithTheEntry() {
    var map = XArray<UInt64>()
    #expect(map.setMark(.mark0, at: 3) == false, "an empty index takes no mark")
    map.store(1, at: 0)
    #expect(map.setMark(.mark1, at: 0) == true)
    map.store(2, at: 70_000)
    #expect(map.isMarked(.mark1, at: 0) == true, "the mark moved from the head into the tree")
    #expect(map.isMarked(.mark1, at: 70_000) == false)
    map.setMark(.mark2, at: 70_000)
    #expect(map.next(marked: .mark2, from: 0)?.index == 70_000)
    map.erase(70_000)
    #expect(map.isMarked(.mark2) == false)
    #expect(map.isMarked(.mark1, at: 0) == true, "and back into the head")
    map.clearMark(.mark1, at: 0)
    #expect(map.isMarked(.mark1) == false)
    map.store(3, at: 0)
    #expect(map.isMarked(.mark1, at: 0) == false)
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6])
  func randomStepsAgreeWithDictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var map = XArray<UInt64>()
    var model = Model()
    let spans: [UInt64] = [64, 300, 5000, 1 << 18, 1 << 62]
    for step in 0..<1500 {
      let span = spans[Int.random(in: 0..<spans.count, using: &random)]
      var index = UInt64.random(in: 0..<span, using: &random)
      if let near = model.entries.keys.sorted().dropFirst(step % 7).first, step % 3 == 0 {
        index = near + UInt64.random(in: 0..<3, using: &random)
      }
      let order = Int.random(in: 0..<14, using: &random)
      let mark = XArrayMark.allCases[Int.random(in: 0..<3, using: &random)]
      let place = "seed \(seed), step \(step), index \(index), order \(order)"
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<4:
        let first = index & ~(1 << UInt64(order) - 1)
        let value = random.next() >> 1
        let old = map.store(value, at: first, order: order)
        #expect(old == model.store(value, at: first, order: order), "\(place)")
      case 4, 5:
        let old = map.erase(index)
        let first = model.first(covering: index)
        #expect(old == first.flatMap { model.entries.removeValue(forKey: $0)?.value }, "\(place)")
      case 6..<9:
        let first = model.first(covering: index)
        let isMarked = map.setMark(mark, at: index)
        #expect(isMarked == (first != nil), "\(place)")
        if let first { model.entries[first]?.marks.insert(mark.rawValue) }
      case 9:
        map.clearMark(mark, at: index)
        if let first = model.first(covering: index) {
          model.entries[first]?.marks.remove(mark.rawValue)
        }
      default:
        let last = index + UInt64.random(in: 0..<100, using: &random)
        let gone = model.entries.filter { $0.key <= last && $0.value.last(from: $0.key) >= index }
        for key in gone.keys { model.entries[key] = nil }
        let erased = map.erase(in: index...last)
        #expect(erased == gone.count, "\(place)")
      }
      compare(map, model, index, mark, place)
      if step % 50 == 0 { map.checkInvariants() }
    }
    map.checkInvariants()
  }

  private func compare(
    _ map: borrowing XArray<UInt64>,
    _ model: Model,
    _ index: UInt64,
    _ mark: XArrayMark,
    _ place: String
  ) {
    let first = model.first(covering: index)
    let entry = first.flatMap { model.entries[$0] }
    let found = (map.load(index), map.order(at: index), map.isMarked(mark, at: index))
    #expect(found.0 == entry?.value, "\(place)")
    #expect(found.1 == entry?.order, "\(place)")
    #expect(found.2 == (entry?.marks.contains(mark.rawValue) ?? false), "\(place)")
    let next = map.next(from: index)?.index
    #expect(next == model.next(from: index), "\(place)")
    let marked = map.next(marked: mark, from: index)?.index
    #expect(marked == model.next(from: index, marked: mark), "\(place)")
    var indices: [UInt64] = []
    map.forEach(marked: mark) { index, _ in indices.append(index) }
    let expected = model.entries.filter { $0.value.marks.contains(mark.rawValue) }.keys.sorted()
    #expect(indices == expected, "\(place)")
    let count = map.count
    #expect(count == model.entries.count, "\(place)")
  }
}
