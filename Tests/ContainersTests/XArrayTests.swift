// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Containers

/// The number of nodes that a set of indices needs, level by level as the specification sums it.
private func expectedNodes(_ indices: some Collection<UInt64>) -> Int {
  guard let maximum = indices.max(), maximum > 0 else { return 0 }
  var nodes = 0
  var shift: UInt64 = 6
  while true {
    nodes += Set(indices.map { $0 >> shift }).count
    if maximum >> shift == 0 { return nodes }
    shift += 6
  }
}

@Suite struct XArrayTests {
  @Test func nodeCountsOfTheSpecification() {
    let vectors: [(name: String, indices: [UInt64], nodes: Int)] = [
      ("empty", [], 0),
      ("{0}", [0], 0),
      ("{1}", [1], 1),
      ("{0...63}", Array(0...63), 1),
      ("{64}", [64], 2),
      ("type 1, offset 5", [1 << 58 + 5], 10),
      ("type 4, offset 5", [4 << 58 + 5], 11),
      ("{1...65535} in types 0 and 1", Array(1...65535) + (1...65535).map { 1 << 58 | $0 }, 2095),
      ("largest index", [.max], 11),
    ]
    for vector in vectors {
      var map = XArray<UInt64>()
      for index in vector.indices { map.store(index & 0xff, at: index) }
      #expect(map.nodeCount == vector.nodes, "\(vector.name)")
      #expect(map.nodeCount == expectedNodes(vector.indices), "\(vector.name)")
      map.checkInvariants()
      for index in vector.indices.reversed() { map.erase(index) }
      #expect(map.nodeCount == 0 && map.count == 0, "\(vector.name)")
    }
  }

  @Test func aDenseMillionNeedsTheNodesOfTheSpecification() {
    var map = XArray<UInt64>()
    for index: UInt64 in 1..<1 << 20 { map.store(index, at: index) }
    #expect(map.nodeCount == 16645)
    #expect(map.count == 1 << 20 - 1)
    #expect(map.load(123_456) == 123_456)
    #expect(map.load(0) == nil)
    #expect(map.load(1 << 20) == nil)
  }

  @Test func anEntryAtIndexZeroLivesInTheHead() {
    var map = XArray<UInt64>()
    #expect(map.store(7, at: 0) == nil)
    #expect(map.nodeCount == 0)
    #expect(map.load(0) == 7)
    #expect(map.load(1) == nil)
    #expect(map.store(8, at: 0) == 7)
    map.store(9, at: 1 << 58)
    #expect(map.nodeCount == 19, "two paths of ten nodes share the root")
    #expect(map.load(0) == 8)
    #expect(map.erase(1 << 58) == 9)
    #expect(map.nodeCount == 0, "the entry moved back to the head")
    #expect(map.erase(0) == 8)
    #expect(map.erase(0) == nil)
    map.checkInvariants()
  }

  @Test func valuesReachUpTo63Bits() {
    var map = XArray<UInt64>()
    let largest = UInt64.max >> 1
    map.store(largest, at: .max)
    map.store(0, at: .max - 1)
    #expect(map.load(.max) == largest)
    #expect(map.load(.max - 1) == 0)
  }

  @Test func aValueOf64BitsStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var map = XArray<UInt64>()
      map.store(1 << 63, at: 1)
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
  func randomStepsAgreeWithDictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var map = XArray<UInt64>(processors: Int(seed))
    var model: [UInt64: UInt64] = [:]
    let spans: [UInt64] = [2, 64, 65, 4096, 1 << 20, 1 << 59]
    for step in 0..<4000 {
      let span = spans[Int(UInt64.random(in: 0..<UInt64(spans.count), using: &random))]
      var index = UInt64.random(in: 0..<span, using: &random)
      if UInt64.random(in: 0..<8, using: &random) == 0 {
        index |= UInt64.random(in: 0..<32, using: &random) << 58
      }
      let place = "seed \(seed), step \(step), index \(index)"
      switch UInt64.random(in: 0..<16, using: &random) {
      case 0..<7:
        let value: UInt64 = random.next() >> 1
        let needed = map.nodesNeeded(at: index)
        let before = map.nodeCount
        let old = map.store(value, at: index)
        let after = map.nodeCount
        #expect(old == model.updateValue(value, forKey: index), "\(place)")
        #expect(after == before + needed, "\(place)")
      case 7..<13:
        let key =
          UInt64.random(in: 0..<2, using: &random) == 0 ? index : model.keys.sorted().last ?? index
        let old = map.erase(key)
        #expect(old == model.removeValue(forKey: key), "\(place)")
      case 13, 14:
        let found = map.load(index)
        #expect(found == model[index], "\(place)")
      default:
        let end = index + UInt64.random(in: 0..<200, using: &random)
        let gone = model.keys.filter { $0 >= index && $0 <= end }
        for key in gone { model[key] = nil }
        let erased = map.erase(in: index...end)
        #expect(erased == gone.count, "\(place)")
      }
      if step % 64 == 0 { compare(map, model, place) }
    }
    compare(map, model, "seed \(seed), end")
    map.erase(in: 0...UInt64.max)
    #expect(map.count == 0 && map.nodeCount == 0)
  }

  private func compare(_ map: borrowing XArray<UInt64>, _ model: [UInt64: UInt64], _ at: String) {
    map.checkInvariants()
    let nodes = map.nodeCount
    #expect(nodes == expectedNodes(model.keys), "\(at)")
    var found: [UInt64] = []
    map.forEach { index, value in
      found.append(index)
      #expect(model[index] == value, "\(at)")
    }
    #expect(found == model.keys.sorted(), "\(at)")
    for index in found.prefix(5) {
      let after = map.next(from: index + 1)?.index
      #expect(after == found.first { $0 > index }, "\(at)")
    }
  }

  @Test func nodesTakeSlabsOfTheKernel() {
    var map = XArray<UInt64>(pageBytes: 4096, processors: 8)
    for index: UInt64 in 0..<64 * 28 { map.store(index, at: index) }
    // 28 leaves and their root: one slab of 28 nodes and one more node.
    #expect(map.nodeCount == 29)
    #expect(map.nodeSlabBytes == 2 * 16384)
    #expect(map.nodeBytes == 29 * 584)
  }
}
