// SPDX-License-Identifier: Apache-2.0

extension XArray: InvariantChecks {
  /// Checks that the tree is one that the kernel would have built for its entries.
  ///
  /// It checks counts and links of every node, that no node is empty, that the root is as low as
  /// it can be, that siblings follow their entry, that marks reach the root, and that the number of
  /// nodes follows from the indices.
  ///
  /// - Complexity: O(64 * *n*), where *n* is the number of nodes.
  public func verifyInvariants() throws(BrokenInvariant) {
    try slabs.verifyInvariants()
    var found = 0
    var reached = 0
    if let root = head.node {
      try BrokenInvariant.unless(nodes[root].parent == nil, "X1", "root \(root) has a parent")
      let isTied = self[root, 0].value != nil && nodes[root].shift > 0
      let isNeedless = nodes[root].count == 1 && self[root, 0] != .empty && !isTied
      try BrokenInvariant.unless(!isNeedless, "X3", "root \(root) holds nothing but its slot 0")
      try check(root, &found, &reached)
    } else if head.value != nil {
      found = 1
    }
    try BrokenInvariant.unless(found == count, "X1", "\(found) entries found, \(count) counted")
    try BrokenInvariant.unless(
      reached == nodeCount,
      "X1",
      "\(reached) nodes reached, \(nodeCount) allocated"
    )
    try checkNodeFormula()
  }

  private func check(_ node: Int, _ found: inout Int, _ reached: inout Int) throws(BrokenInvariant)
  {
    try BrokenInvariant.unless(
      slabs.isLive(node),
      "X1",
      "node \(node) is in the tree but not allocated"
    )
    reached += 1
    var used = 0
    for offset in 0..<XArrayNode.slots {
      let slot = self[node, offset]
      try checkMarks(of: node, slot: offset)
      if slot == .empty { continue }
      used += 1
      if let child = slot.node {
        let isLinked = nodes[child].parent == node && nodes[child].parentOffset == offset
        try BrokenInvariant.unless(
          isLinked,
          "X1",
          "node \(child) does not know slot \(offset) of node \(node)"
        )
        try BrokenInvariant.unless(
          nodes[child].shift + XArrayNode.shiftStep == nodes[node].shift,
          "X1",
          "node \(child) has shift \(nodes[child].shift) below shift \(nodes[node].shift)"
        )
        try check(child, &found, &reached)
      } else if let first = slot.sibling {
        let isBehind = self[node, offset - 1] == slot || offset - 1 == first
        try BrokenInvariant.unless(
          isBehind,
          "X1",
          "slot \(offset) of node \(node) is no neighbour of slot \(first)"
        )
      } else {
        found += 1
      }
    }
    try BrokenInvariant.unless(
      used == nodes[node].count,
      "X1",
      "node \(node): \(used) slots, \(nodes[node].count)"
    )
    try BrokenInvariant.unless(used > 0, "X2", "node \(node) is empty")
  }

  private func checkMarks(of node: Int, slot: Int) throws(BrokenInvariant) {
    for mark in XArrayMark.allCases {
      let isMarked = marks[node, mark] >> UInt64(slot) & 1 == 1
      if let child = self[node, slot].node {
        let isBelow = marks[child, mark] != 0
        try BrokenInvariant.unless(
          isMarked == isBelow,
          "X1",
          "\(mark) of slot \(slot) of node \(node): \(isMarked)"
        )
      } else if self[node, slot].value == nil {
        try BrokenInvariant.unless(
          !isMarked,
          "X1",
          "slot \(slot) of node \(node) has \(mark) and no entry"
        )
      }
    }
  }

  /// Counts the nodes from the indices and orders alone: at each level those of the distinct prefixes.
  private func checkNodeFormula() throws(BrokenInvariant) {
    var maximum: UInt64 = 0
    forEach { index, _ in
      let last = lastIndex(at: index)
      // The head stands for index 0 alone: a tied entry there needs a root that reaches beyond it.
      maximum = max(maximum, index == 0 && last > 0 ? last + 1 : last)
    }
    if maximum == 0 {
      try BrokenInvariant.unless(
        nodeCount == 0,
        "X3",
        "\(nodeCount) nodes for at most an entry at index 0"
      )
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
    try BrokenInvariant.unless(
      expected == nodeCount,
      "X1",
      "\(nodeCount) nodes where the indices need \(expected)"
    )
  }
}
