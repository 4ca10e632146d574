// SPDX-License-Identifier: Apache-2.0

extension XArray {
  /// Stops the program if the tree is not one that the kernel would have built for its entries.
  ///
  /// It checks counts and links of every node, that no node is empty, that the root is as low as
  /// it can be, that siblings follow their entry, that marks reach the root, and that the number of
  /// nodes follows from the indices.
  ///
  /// - Complexity: O(64 * *n*), where *n* is the number of nodes.
  public func checkInvariants() {
    slabs.checkInvariants()
    var found = 0
    var reached = 0
    if let root = head.node {
      precondition(nodes[root].parent == nil, "root \(root) has a parent")
      let isTied = self[root, 0].value != nil && nodes[root].shift > 0
      let isNeedless = nodes[root].count == 1 && self[root, 0] != .empty && !isTied
      precondition(!isNeedless, "root \(root) holds nothing but its slot 0")
      check(root, &found, &reached)
    } else if head.value != nil {
      found = 1
    }
    precondition(found == count, "\(found) entries found, \(count) counted")
    precondition(reached == nodeCount, "\(reached) nodes reached, \(nodeCount) allocated")
    checkNodeFormula()
  }

  private func check(_ node: Int, _ found: inout Int, _ reached: inout Int) {
    precondition(slabs.isLive(node), "node \(node) is in the tree but not allocated")
    reached += 1
    var used = 0
    for offset in 0..<XArrayNode.slots {
      let slot = self[node, offset]
      checkMarks(of: node, slot: offset)
      if slot == .empty { continue }
      used += 1
      if let child = slot.node {
        let isLinked = nodes[child].parent == node && nodes[child].parentOffset == offset
        precondition(isLinked, "node \(child) does not know slot \(offset) of node \(node)")
        precondition(
          nodes[child].shift + XArrayNode.shiftStep == nodes[node].shift,
          "node \(child) has shift \(nodes[child].shift) below shift \(nodes[node].shift)"
        )
        check(child, &found, &reached)
      } else if let first = slot.sibling {
        let isBehind = self[node, offset - 1] == slot || offset - 1 == first
        precondition(isBehind, "slot \(offset) of node \(node) is no neighbour of slot \(first)")
      } else {
        found += 1
      }
    }
    precondition(used == nodes[node].count, "node \(node): \(used) slots, \(nodes[node].count)")
    precondition(used > 0, "node \(node) is empty")
  }

  private func checkMarks(of node: Int, slot: Int) {
    for mark in XArrayMark.allCases {
      let isMarked = marks[node, mark] >> UInt64(slot) & 1 == 1
      if let child = self[node, slot].node {
        let isBelow = marks[child, mark] != 0
        precondition(isMarked == isBelow, "\(mark) of slot \(slot) of node \(node): \(isMarked)")
      } else if self[node, slot].value == nil {
        precondition(!isMarked, "slot \(slot) of node \(node) has \(mark) and no entry")
      }
    }
  }

  /// Counts the nodes from the indices and orders alone: at each level those of the distinct prefixes.
  private func checkNodeFormula() {
    var maximum: UInt64 = 0
    forEach { index, _ in
      let last = lastIndex(at: index)
      // The head stands for index 0 alone: a tied entry there needs a root that reaches beyond it.
      maximum = max(maximum, index == 0 && last > 0 ? last + 1 : last)
    }
    if maximum == 0 {
      precondition(nodeCount == 0, "\(nodeCount) nodes for at most an entry at index 0")
      return
    }
    let levels = XArrayNode.shift(reaching: maximum) / XArrayNode.shiftStep + 1
    // Entries come in order, so a prefix is new exactly when it differs from the last of its level.
    var lastPrefixes = [UInt64?](repeating: nil, count: levels)
    var expected = 0
    forEach { index, _ in
      for level in (order(at: index) ?? 0) / XArrayNode.shiftStep..<levels {
        let prefix = index >> UInt64((level + 1) * XArrayNode.shiftStep)
        if lastPrefixes[level] != prefix { expected += 1 }
        lastPrefixes[level] = prefix
      }
    }
    precondition(expected == nodeCount, "\(nodeCount) nodes where the indices need \(expected)")
  }
}
