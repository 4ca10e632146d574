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
///     child node n     n + 1024        1   0
///     sibling of s     s, 0 to 62      1   0
///     value v          v ..............v   1
///
/// An entry may be tied to an aligned power of two of indices: ``store(_:at:order:)``. Its value is
/// in the slot of its first index, and the other slots of its node that it covers are siblings, which
/// name that slot.
///
/// Nodes are numbers in one flat array, and ``SlabAccounting`` gives the numbers out, so that slabs
/// of nodes are accounted with the placement that the kernel's allocator would choose.
///
/// Source: Linux v6.8 XArray, behaviour.
public struct XArray<Value: XArrayValue>: ~Copyable {
  /// The number of entries.
  public internal(set) var count = 0

  /// The entry at index 0 when it is the only one, or the root node, or empty.
  var head = XArraySlot.empty

  // Flat arrays over nodes; the slots of node n are 64 * n ..< 64 * n + 64.
  var slots: FlatStorage<UInt64>
  var nodes: FlatStorage<XArrayNode>
  var slabs: SlabAccounting

  /// The marks of the slots, which cost nothing until the first one is set.
  var marks = XArrayMarks()

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
    while let node = slot.node {
      slot = self[node, nodes[node].offset(of: index)]
      if let first = slot.sibling { slot = self[node, first] }
    }
    guard let bits = slot.value else { return nil }
    return Value(xarrayBits: bits)
  }

  /// Stores `value` at `index`, and at all indices that are tied to it.
  ///
  /// The marks of an entry that is replaced stay.
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
      let slot = self[node, offset]
      if let child = slot.node {
        node = child
      } else if slot == .empty {
        node = newChild(of: node, offset: offset)
      } else {
        break
      }
    }
    let offset = firstSlot(in: node, of: index)
    let old = self[node, offset]
    set(node, offset, entry)
    return replaced(old)
  }

  /// Removes the value at `index` and at all indices tied to it, with its marks.
  ///
  /// The nodes that are empty or needless after that go, too.
  ///
  /// - Returns: the value that was there, `nil` if there was none.
  /// - Complexity: O(levels), at most 11, and the slots of a tied entry.
  @discardableResult
  public mutating func erase(_ index: UInt64) -> Value? {
    guard var node = head.node else {
      guard index == 0, let bits = head.value else { return nil }
      head = .empty
      marks.clearHead()
      count = 0
      return Value(xarrayBits: bits)
    }
    guard index <= nodes[node].maxIndex else { return nil }
    while let child = self[node, nodes[node].offset(of: index)].node { node = child }
    let first = firstSlot(in: node, of: index)
    guard let bits = self[node, first].value else { return nil }
    clearMarks(of: node, slot: first)
    count -= 1
    set(node, first, .empty)
    var next = first + 1
    while next < XArrayNode.slots, self[node, next].sibling == first {
      set(node, next, .empty)
      next += 1
    }
    removeEmptyNodes(from: node)
    return Value(xarrayBits: bits)
  }

  /// The slot of `node` with the value for `index`, where a sibling says which one that is.
  func firstSlot(in node: Int, of index: UInt64) -> Int {
    let offset = nodes[node].offset(of: index)
    return self[node, offset].sibling ?? offset
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

  mutating func set(_ node: Int, _ offset: Int, _ slot: XArraySlot) {
    let place = node * XArrayNode.slots + offset
    let wasEmpty = slots[place] == XArraySlot.empty.bits
    slots[place] = slot.bits
    let isEmpty = slot == .empty
    if wasEmpty && !isEmpty { nodes[node].count += 1 }
    if !wasEmpty && isEmpty { nodes[node].count -= 1 }
  }
}
