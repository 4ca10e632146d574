// SPDX-License-Identifier: Apache-2.0

extension XArray {
  /// Stops the program if the tree is not one that the kernel would have built for its entries.
  ///
  /// It checks counts and links of every node, that no node is empty, that the root is as low as
  /// it can be, and that the number of nodes follows from the indices.
  ///
  /// - Complexity: O(64 * *n*), where *n* is the number of nodes.
  public func checkInvariants() {
    slabs.checkInvariants()
    var found = 0
    var reached = 0
    if let root = head.node {
      precondition(nodes[root].parent == nil, "root \(root) has a parent")
      let isNeedless = nodes[root].count == 1 && self[root, 0] != .empty
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
      } else {
        precondition(nodes[node].shift == 0, "node \(node) holds a value above the leaves")
        found += 1
      }
    }
    precondition(used == nodes[node].count, "node \(node): \(used) slots, \(nodes[node].count)")
    precondition(used > 0, "node \(node) is empty")
  }

  /// Counts the nodes from the indices alone: at each level those of the distinct prefixes.
  private func checkNodeFormula() {
    var last: UInt64?
    var expected = 0
    var maximum: UInt64 = 0
    forEach { index, _ in maximum = index }
    let levels = XArrayNode.shift(reaching: maximum) / XArrayNode.shiftStep + 1
    if maximum == 0 {
      precondition(nodeCount == 0, "\(nodeCount) nodes for at most an entry at index 0")
      return
    }
    forEach { index, _ in
      // Entries come in order, so a prefix is new exactly when it differs from the previous one.
      for level in 1...levels {
        let shift = UInt64(level * XArrayNode.shiftStep)
        if let last, index >> shift == last >> shift { break }
        expected += 1
      }
      last = index
    }
    precondition(expected == nodeCount, "\(nodeCount) nodes where the indices need \(expected)")
  }
}
