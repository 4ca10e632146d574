// SPDX-License-Identifier: Apache-2.0

// Marks: up to three bits on each entry, by which a walk finds the marked entries without visiting the
// others. A mark is kept on every node above a marked entry.
extension XArray {
  /// Whether any entry carries `mark`.
  ///
  /// - Complexity: O(1).
  public func isMarked(_ mark: XArrayMark) -> Bool {
    guard let root = head.node else { return marks.isHeadMarked(mark) }
    return marks[root, mark] != 0
  }

  /// Whether the entry at `index` carries `mark`; `false` where there is no entry.
  ///
  /// - Complexity: O(levels), at most 11.
  public func isMarked(_ mark: XArrayMark, at index: UInt64) -> Bool {
    guard head.node != nil else { return index == 0 && marks.isHeadMarked(mark) }
    guard let place = place(of: index) else { return false }
    return marks[place.node, mark] >> UInt64(place.slot) & 1 == 1
  }

  /// Sets `mark` on the entry at `index`, for all indices tied to it.
  ///
  /// - Returns: whether there is an entry; an empty index takes no mark.
  /// - Complexity: O(levels), at most 11; the first mark of a map allocates room for those of all nodes.
  @discardableResult
  public mutating func setMark(_ mark: XArrayMark, at index: UInt64) -> Bool {
    guard head.node != nil else {
      guard index == 0 && head.value != nil else { return false }
      marks.setHead(mark, true)
      return true
    }
    guard let place = place(of: index) else { return false }
    marks.reserve(nodes: nodes.count)
    var node = place.node
    var slot = place.slot
    while true {
      let bit: UInt64 = 1 << UInt64(slot)
      if marks[node, mark] & bit != 0 { return true }
      marks[node, mark] |= bit
      guard let parent = nodes[node].parent else { return true }
      slot = nodes[node].parentOffset
      node = parent
    }
  }

  /// Clears `mark` on the entry at `index`, for all indices tied to it.
  ///
  /// - Complexity: O(levels), at most 11.
  public mutating func clearMark(_ mark: XArrayMark, at index: UInt64) {
    guard head.node != nil else {
      if index == 0 { marks.setHead(mark, false) }
      return
    }
    guard let place = place(of: index) else { return }
    clear(mark, of: place.node, slot: place.slot)
  }

  /// Finds the first entry with `mark` that covers `index` or begins later.
  ///
  /// - Returns: the first index and the value of the entry, `nil` where no such entry follows.
  /// - Complexity: O(levels), at most 11 up and down: a node without the mark is not entered.
  public func next(marked mark: XArrayMark, from index: UInt64) -> (index: UInt64, value: Value)? {
    guard var node = head.node else {
      guard index == 0, marks.isHeadMarked(mark), let bits = head.value else { return nil }
      return (0, Value(xarrayBits: bits))
    }
    guard index <= nodes[node].maxIndex else { return nil }
    // Down the path of `index` as far as there are nodes, then up until a marked slot is not behind.
    while let child = self[node, nodes[node].offset(of: index)].node { node = child }
    var offset = firstSlot(in: node, of: index)
    var prefix = index
    while true {
      let behind: UInt64 = offset < XArrayNode.slots ? 1 << UInt64(offset) - 1 : .max
      let ahead = marks[node, mark] & ~behind
      if ahead != 0 {
        offset = ahead.trailingZeroBitCount
        break
      }
      guard let parent = nodes[node].parent else { return nil }
      offset = nodes[node].parentOffset + 1
      node = parent
    }
    // Down along the first marked slots.
    while true {
      let shift = UInt64(nodes[node].shift)
      let above = nodes[node].shift >= XArrayNode.maxShift ? 0 : prefix & ~nodes[node].maxIndex
      prefix = above | UInt64(offset) << shift
      if let bits = self[node, offset].value { return (prefix, Value(xarrayBits: bits)) }
      guard let child = self[node, offset].node else {
        preconditionFailure("slot \(offset) of node \(node) has a mark and no entry")
      }
      node = child
      offset = marks[node, mark].trailingZeroBitCount
    }
  }

  /// Calls `body` with the entries that carry `mark` and lie in a closed range, in ascending order.
  ///
  /// - Complexity: O(*n* * levels), where *n* is the number of marked entries in the range.
  public func forEach(
    marked mark: XArrayMark,
    in range: ClosedRange<UInt64> = 0...UInt64.max,
    _ body: (_ index: UInt64, _ value: Value) -> Void
  ) {
    var from = range.lowerBound
    while let entry = next(marked: mark, from: from), entry.index <= range.upperBound {
      body(entry.index, entry.value)
      let last = lastIndex(at: entry.index)
      if last >= range.upperBound { return }
      from = last + 1
    }
  }

  /// Clears all marks of one entry, before it goes.
  mutating func clearMarks(of node: Int, slot: Int) {
    guard marks.isUsed else { return }
    for mark in XArrayMark.allCases { clear(mark, of: node, slot: slot) }
  }

  private mutating func clear(_ mark: XArrayMark, of node: Int, slot: Int) {
    guard marks.isUsed else { return }
    var node = node
    var slot = slot
    while true {
      let bit: UInt64 = 1 << UInt64(slot)
      if marks[node, mark] & bit == 0 { return }
      marks[node, mark] &= ~bit
      guard marks[node, mark] == 0, let parent = nodes[node].parent else { return }
      slot = nodes[node].parentOffset
      node = parent
    }
  }

  /// Hands the marks of the head, which is an entry or a node, on to slot 0 of the root above it.
  mutating func raiseMarks(to root: Int) {
    let old = head.node
    for mark in XArrayMark.allCases where isMarked(mark) {
      if old == nil { marks.reserve(nodes: nodes.count) }
      marks[root, mark] |= 1
    }
    marks.clearHead()
  }

  /// Hands the marks of slot 0 of `root` on to the entry that becomes the head.
  mutating func lowerMarks(from root: Int) {
    for mark in XArrayMark.allCases { marks.setHead(mark, marks[root, mark] & 1 == 1) }
  }
}
