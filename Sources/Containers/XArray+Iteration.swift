// SPDX-License-Identifier: Apache-2.0

extension XArray {
  /// Finds the first entry that covers `index` or begins later.
  ///
  /// - Returns: the entry's first index and its value, `nil` where no entry follows.
  /// - Complexity: O(64 * levels) slots in the worst case.
  public func next(from index: UInt64) -> (index: UInt64, value: Value)? {
    guard let root = head.node else {
      guard index == 0, let bits = head.value else { return nil }
      return (0, Value(xarrayBits: bits))
    }
    guard index <= nodes[root].maxIndex else { return nil }
    var node = root
    var offset = nodes[node].offset(of: index)
    // The index of the first entry that `node` could hold, and whether all of `node` qualifies.
    var base: UInt64 = 0
    var lowest = index
    while true {
      if offset == XArrayNode.slots {
        guard let parent = nodes[node].parent else { return nil }
        offset = nodes[node].parentOffset + 1
        node = parent
        // Above this node's span only; a root of the largest shift has no bits above it.
        base = nodes[node].shift >= XArrayNode.maxShift ? 0 : base & ~nodes[node].maxIndex
        lowest = 0
        continue
      }
      // Only the first slot that is looked at can be a sibling: later ones follow their entry.
      offset = self[node, offset].sibling ?? offset
      let slot = self[node, offset]
      let slotBase = base | UInt64(offset) << UInt64(nodes[node].shift)
      if let bits = slot.value { return (slotBase, Value(xarrayBits: bits)) }
      guard let child = slot.node else {
        offset += 1
        lowest = 0
        continue
      }
      node = child
      base = slotBase
      offset = lowest == 0 ? 0 : nodes[child].offset(of: lowest)
    }
  }

  /// Calls `body` with the entries of a closed range of indices in ascending order.
  ///
  /// An entry tied to several indices counts as in the range if one of them is, and comes once.
  ///
  /// - Complexity: O(*n* * 64) slots in the worst case, where *n* is the number of nodes.
  public func forEach(
    in range: ClosedRange<UInt64> = 0...UInt64.max,
    _ body: (_ index: UInt64, _ value: Value) -> Void
  ) {
    var from = range.lowerBound
    while let entry = next(from: from), entry.index <= range.upperBound {
      body(entry.index, entry.value)
      let last = lastIndex(at: entry.index)
      if last >= range.upperBound { return }
      from = last + 1
    }
  }

  /// Removes the first entry of a closed range of indices, with all indices tied to it.
  ///
  /// A loop over it empties the range in ascending order and may use each value in between.
  ///
  /// - Returns: the entry removed, `nil` if the range is empty.
  /// - Complexity: as ``next(from:)``.
  public mutating func eraseFirst(
    in range: ClosedRange<UInt64>
  ) -> (index: UInt64, value: Value)? {
    guard let entry = next(from: range.lowerBound), entry.index <= range.upperBound else {
      return nil
    }
    erase(entry.index)
    return entry
  }

  /// Removes the entries of a closed range of indices, with all indices tied to them.
  ///
  /// - Returns: how many there were.
  /// - Complexity: O(*n* * levels), where *n* is the number of entries removed.
  @discardableResult
  public mutating func erase(in range: ClosedRange<UInt64>) -> Int {
    var erased = 0
    while let entry = eraseFirst(in: range) {
      erased += 1
      if entry.index >= range.upperBound { break }
    }
    return erased
  }
}
