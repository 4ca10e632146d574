// SPDX-License-Identifier: Apache-2.0

import Containers
import Testing

@Suite struct FlatStorageTests {
  /// Storage whose elements are their own indices.
  private func numbered(_ count: Int) -> FlatStorage<UInt32> {
    var storage = FlatStorage<UInt32>(repeating: 0, count: count)
    for index in 0..<count { storage[index] = UInt32(index) }
    return storage
  }

  private func elements(_ storage: borrowing FlatStorage<UInt32>) -> [UInt32] {
    var list: [UInt32] = []
    for index in 0..<storage.count { list.append(storage[index]) }
    return list
  }

  @Test func copyingIntoASpanTakesAsManyAsItHolds() {
    let storage = numbered(10)
    for start in 0...7 {
      var copy: [UInt32] = [99, 99, 99]
      var span = copy.mutableSpan
      storage.copy(from: start, into: &span)
      #expect(copy == [UInt32(start), UInt32(start + 1), UInt32(start + 2)])
    }
    var nothing: [UInt32] = []
    var span = nothing.mutableSpan
    storage.copy(from: 10, into: &span)
    #expect(nothing.isEmpty)
  }

  @Test func copyingASpanChangesItsPlaceOnly() {
    let source: [UInt32] = [70, 71, 72]
    for start in 0...7 {
      var storage = numbered(10)
      storage.copy(source.span, to: start)
      var expected = (0..<10).map { UInt32($0) }
      expected.replaceSubrange(start..<(start + 3), with: source)
      #expect(elements(storage) == expected, "start \(start)")
    }
  }

  @Test func rangesMayOverlapWhatTheyAreCopiedTo() {
    for first in 0...6 {
      for start in 0...6 {
        var storage = numbered(10)
        storage.copy(first..<(first + 4), to: start)
        var expected = (0..<10).map { UInt32($0) }
        let moved = Array(expected[first..<(first + 4)])
        expected.replaceSubrange(start..<(start + 4), with: moved)
        #expect(elements(storage) == expected, "from \(first) to \(start)")
      }
    }
  }

  @Test func growingKeepsElementsAndFillsTheRest() {
    var storage = numbered(3)
    storage.grow(to: 6, repeating: 8)
    storage.fill(4..<5, with: 9)
    #expect(elements(storage) == [0, 1, 2, 8, 9, 8])
  }
}
