// SPDX-License-Identifier: Apache-2.0

/// What an ``XArray`` can hold: something that is one to one with an integer below 2^63.
public protocol XArrayValue: Sendable {
  /// The value as an integer, below 2^63.
  var xarrayBits: UInt64 { get }

  /// Makes the value again from what `xarrayBits` gave.
  ///
  /// - Precondition: `xarrayBits` came from a value of this type.
  init(xarrayBits: UInt64)
}

extension UInt64: XArrayValue {
  /// The integer itself, which has to be below 2^63 to be stored.
  public var xarrayBits: UInt64 { self }

  /// Creates the integer.
  public init(xarrayBits: UInt64) { self = xarrayBits }
}

/// A map from 64-bit index to 63-bit value with the kernel's tree of 64-slot nodes.
///
/// The tree is as the kernel would build it, node for node, so that ``nodeCount`` is what the map
/// costs there: a single entry at index 0 needs no node; any other set of indices has a root that
/// reaches its largest index, and every node below it that holds at least one of them. Each node
/// has 64 slots of 8 bytes:
///
///     bits of a slot   63 ........ 2   1   0
///     empty            0               0   0
///     child node n     n               1   0
///     value v          v ..............v   1
///
/// Nodes are numbers in one flat array, and ``SlabAccounting`` gives the numbers out, so that slabs
/// of nodes are accounted with the placement that the kernel's allocator would choose.
///
/// Source: Linux v6.8 XArray, behaviour.
public struct XArray<Value: XArrayValue>: ~Copyable {
  /// The number of entries.
  public private(set) var count = 0

  /// The entry at index 0 when it is the only one, or the root node, or empty.
  private(set) var head = XArraySlot.empty

  // Flat arrays over nodes; the slots of node n are 64 * n ..< 64 * n + 64.
  private(set) var slots: FlatStorage<UInt64>
  private(set) var nodes: FlatStorage<XArrayNode>
  private(set) var slabs: SlabAccounting

  /// Creates an empty map on a machine with pages of `pageBytes` and `processors` processors.
  ///
  /// Page size and processors matter for the accounting of slabs only.
  public init(pageBytes: Int = 4096, processors: Int = 1) {
    slabs = SlabAccounting(
      geometry: SlabGeometry(
        objectBytes: XArrayNode.objectBytes,
        pageBytes: pageBytes,
        processors: processors
      )
    )
    slots = FlatStorage(repeating: XArraySlot.empty.bits, count: 0)
    nodes = FlatStorage(repeating: XArrayNode(), count: 0)
  }

  /// The number of nodes of the tree.
  public var nodeCount: Int { slabs.liveObjects }

  /// Bytes of the nodes themselves.
  public var nodeBytes: Int { nodeCount * XArrayNode.objectBytes }

  /// Bytes of the slabs that hold the nodes, with their slack.
  public var nodeSlabBytes: Int { slabs.slabBytes }

  /// The value at `index`, `nil` if there is none.
  ///
  /// - Complexity: O(levels), at most 11.
  public func load(_ index: UInt64) -> Value? {
    var slot = head
    if let root = slot.node {
      guard index <= nodes[root].maxIndex else { return nil }
    } else if index != 0 {
      return nil
    }
    while let node = slot.node { slot = self[node, nodes[node].offset(of: index)] }
    guard let bits = slot.value else { return nil }
    return Value(xarrayBits: bits)
  }

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

  /// Stores `value` at `index`.
  ///
  /// - Precondition: the bits of `value` are below 2^63.
  /// - Returns: the value that was there before, `nil` if there was none.
  /// - Complexity: O(levels), at most 11, amortised over the growth of the node pool.
  @discardableResult
  public mutating func store(_ value: Value, at index: UInt64) -> Value? {
    let entry = XArraySlot(value: value.xarrayBits)
    if index == 0 && head.node == nil {
      let old = head
      head = entry
      return replaced(old)
    }
    grow(toReach: index)
    guard var node = head.node else { preconditionFailure("no root after growing to \(index)") }
    while nodes[node].shift > 0 {
      let offset = nodes[node].offset(of: index)
      if let child = self[node, offset].node {
        node = child
      } else {
        let child = newNode(shift: nodes[node].shift - XArrayNode.shiftStep)
        nodes[child].attach(to: node, offset: offset)
        set(node, offset, XArraySlot(node: child))
        node = child
      }
    }
    let offset = nodes[node].offset(of: index)
    let old = self[node, offset]
    set(node, offset, entry)
    return replaced(old)
  }

  /// Removes the value at `index`, with the nodes that are empty or needless after that.
  ///
  /// - Returns: the value that was there, `nil` if there was none.
  /// - Complexity: O(levels), at most 11.
  @discardableResult
  public mutating func erase(_ index: UInt64) -> Value? {
    guard var node = head.node else {
      guard index == 0, let bits = head.value else { return nil }
      head = .empty
      count = 0
      return Value(xarrayBits: bits)
    }
    guard index <= nodes[node].maxIndex else { return nil }
    while let child = self[node, nodes[node].offset(of: index)].node { node = child }
    let offset = nodes[node].offset(of: index)
    guard let bits = self[node, offset].value else { return nil }
    count -= 1
    set(node, offset, .empty)
    removeEmptyNodes(from: node)
    return Value(xarrayBits: bits)
  }

  private mutating func replaced(_ old: XArraySlot) -> Value? {
    guard let bits = old.value else {
      count += 1
      return nil
    }
    return Value(xarrayBits: bits)
  }

  subscript(_ node: Int, _ offset: Int) -> XArraySlot {
    @inline(__always) get { XArraySlot(bits: slots[node * XArrayNode.slots + offset]) }
  }

  private mutating func set(_ node: Int, _ offset: Int, _ slot: XArraySlot) {
    let place = node * XArrayNode.slots + offset
    let wasEmpty = slots[place] == XArraySlot.empty.bits
    slots[place] = slot.bits
    let isEmpty = slot == .empty
    if wasEmpty && !isEmpty { nodes[node].count += 1 }
    if !wasEmpty && isEmpty { nodes[node].count -= 1 }
  }
}

// How the tree grows and shrinks.
extension XArray {
  /// Makes the root reach `index`: a larger root has the old head in its slot 0.
  private mutating func grow(toReach index: UInt64) {
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
      if let old = head.node { nodes[old].attach(to: root, offset: 0) }
      set(root, 0, head)
      head = XArraySlot(node: root)
    }
  }

  private mutating func removeEmptyNodes(from leaf: Int) {
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
  private mutating func shrink(from root: Int) {
    var root = root
    while nodes[root].count == 1 {
      let only = self[root, 0]
      if only == .empty { return }
      set(root, 0, .empty)
      slabs.free(root)
      head = only
      guard let child = only.node else { return }
      nodes[child].detach()
      root = child
    }
  }

  private mutating func newNode(shift: Int) -> Int {
    let node = slabs.allocate()
    if node >= nodes.count {
      let newCount = max(slabs.objectLimit, nodes.count * 2)
      nodes.grow(to: newCount, repeating: XArrayNode())
      slots.grow(to: newCount * XArrayNode.slots, repeating: XArraySlot.empty.bits)
    }
    nodes[node] = XArrayNode(shift: shift)
    return node
  }
}
