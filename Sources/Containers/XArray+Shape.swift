// SPDX-License-Identifier: Apache-2.0

// How the tree grows and shrinks.
extension XArray {
  /// How many nodes a ``store(_:at:)`` at `index` would add.
  ///
  /// - Complexity: O(levels), at most 11.
  public func nodesNeeded(at index: UInt64) -> Int {
    guard let root = head.node else {
      let levels = XArrayNode.shift(reaching: index) / XArrayNode.shiftStep + 1
      if head == .empty { return index == 0 ? 0 : levels }
      // The entry at index 0 keeps a path of its own, which leaves the other at the root.
      if index == 0 { return 0 }
      return levels == 1 ? 1 : 2 * levels - 1
    }
    let rootShift = nodes[root].shift
    let shift = max(rootShift, XArrayNode.shift(reaching: index))
    let added = (shift - rootShift) / XArrayNode.shiftStep
    if added > 0 { return added + shift / XArrayNode.shiftStep }
    var slot = head
    while let node = slot.node {
      slot = self[node, nodes[node].offset(of: index)]
      if slot == .empty { return nodes[node].shift / XArrayNode.shiftStep }
    }
    return 0
  }

  /// Makes the root reach `index`: a larger root has the old head in its slot 0.
  mutating func grow(toReach index: UInt64) {
    let shift = XArrayNode.shift(reaching: index)
    if head == .empty {
      head = XArraySlot(node: newNode(shift: shift))
      return
    }
    while true {
      let rootShift: Int
      if let root = head.node {
        if nodes[root].shift >= shift { return }
        rootShift = nodes[root].shift + XArrayNode.shiftStep
      } else {
        rootShift = 0
      }
      let root = newNode(shift: rootShift)
      raiseMarks(to: root)
      if let old = head.node { nodes[old].attach(to: root, offset: 0) }
      set(root, 0, head)
      head = XArraySlot(node: root)
    }
  }

  mutating func removeEmptyNodes(from leaf: Int) {
    var node = leaf
    while nodes[node].count == 0 {
      let parent = nodes[node].parent
      let offset = nodes[node].parentOffset
      slabs.free(node)
      guard let parent else {
        head = .empty
        return
      }
      set(parent, offset, .empty)
      node = parent
    }
    if nodes[node].parent == nil { shrink(from: node) }
  }

  /// Takes the root away while all it holds is in its slot 0.
  ///
  /// An entry tied to several indices stays below a root: the head stands for index 0 alone.
  private mutating func shrink(from root: Int) {
    var root = root
    while nodes[root].count == 1 {
      let only = self[root, 0]
      let isTied = only.node == nil && nodes[root].shift > 0
      if only == .empty || isTied { return }
      set(root, 0, .empty)
      slabs.free(root)
      if only.node == nil { lowerMarks(from: root) }
      head = only
      guard let child = only.node else { return }
      nodes[child].detach()
      root = child
    }
  }

  /// Puts a new node into a slot of `parent` that is empty.
  mutating func newChild(of parent: Int, offset: Int) -> Int {
    let child = newNode(shift: nodes[parent].shift - XArrayNode.shiftStep)
    nodes[child].attach(to: parent, offset: offset)
    set(parent, offset, XArraySlot(node: child))
    return child
  }

  private mutating func newNode(shift: Int) -> Int {
    let node = slabs.allocate()
    if node >= nodes.count {
      let newCount = max(slabs.objectLimit, nodes.count * 2)
      nodes.grow(to: newCount, repeating: XArrayNode())
      slots.grow(to: newCount * XArrayNode.slots, repeating: XArraySlot.empty.bits)
    }
    nodes[node] = XArrayNode(shift: shift)
    marks.clear(node, nodes: nodes.count)
    return node
  }
}
