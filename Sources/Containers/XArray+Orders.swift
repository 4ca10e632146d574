// SPDX-License-Identifier: Apache-2.0

// Entries tied to an aligned power of two of indices, as the kernel stores huge pages: what is done at
// one of the indices is done at all of them.
extension XArray {
  /// Stores `value` at the 2^`order` indices from `index` on, as one entry.
  ///
  /// The entry takes one slot, or up to 32 neighbouring slots of one node, at the level that decides
  /// bits `order` and up; no node lies below. Entries within the range are replaced, with their marks.
  /// An entry that the whole range is part of keeps its own order and takes the value.
  ///
  /// - Precondition: `order` is 0 to 63, `index` a multiple of 2^`order`, and the bits of `value` are
  ///   below 2^63.
  /// - Returns: the value that was at `index` before, `nil` if there was none.
  /// - Complexity: O(levels), at most 11, and as ``erase(in:)`` for what is replaced.
  @discardableResult
  public mutating func store(_ value: Value, at index: UInt64, order: Int) -> Value? {
    precondition((0..<64).contains(order), "order \(order) of an entry")
    let mask: UInt64 = 1 << UInt64(order) - 1
    precondition(index & mask == 0, "index \(index) is no multiple of 2^\(order)")
    if order == 0 { return store(value, at: index) }
    if let present = self.order(at: index), present >= order { return store(value, at: index) }
    let old = load(index)
    erase(in: index...(index | mask))
    // The head stands for index 0 alone, so a range from 0 on needs a root that reaches beyond it.
    grow(toReach: index == 0 ? mask + 1 : index | mask)
    guard var node = head.node else { preconditionFailure("no root after growing to \(index)") }
    let shift = order / XArrayNode.shiftStep * XArrayNode.shiftStep
    while nodes[node].shift > shift {
      let offset = nodes[node].offset(of: index)
      node = self[node, offset].node ?? newChild(of: node, offset: offset)
    }
    let first = nodes[node].offset(of: index)
    set(node, first, XArraySlot(value: value.xarrayBits))
    for next in first + 1..<first + 1 << (order - shift) {
      set(node, next, XArraySlot(siblingOf: first))
    }
    count += 1
    return old
  }

  /// The order of the entry at `index`: it is tied to 2^order indices; `nil` if there is no entry.
  ///
  /// - Complexity: O(levels), at most 11, and the slots of the entry.
  public func order(at index: UInt64) -> Int? {
    guard let place = place(of: index) else {
      return head.node == nil && load(index) != nil ? 0 : nil
    }
    let slots = lastSlot(of: place) - place.slot + 1
    return nodes[place.node].shift + slots.trailingZeroBitCount
  }

  /// The node and the slot with the value for `index`; `nil` without one, or where the head has it.
  func place(of index: UInt64) -> (node: Int, slot: Int)? {
    guard var node = head.node, index <= nodes[node].maxIndex else { return nil }
    while let child = self[node, nodes[node].offset(of: index)].node { node = child }
    let slot = firstSlot(in: node, of: index)
    return self[node, slot].value == nil ? nil : (node, slot)
  }

  /// The last of the slots that the entry at `place` takes.
  private func lastSlot(of place: (node: Int, slot: Int)) -> Int {
    var last = place.slot
    while last + 1 < XArrayNode.slots, self[place.node, last + 1].sibling == place.slot {
      last += 1
    }
    return last
  }

  /// The last of the indices that are tied to the entry at `index`.
  func lastIndex(at index: UInt64) -> UInt64 {
    guard let order = order(at: index) else { return index }
    return index | (1 << UInt64(order) - 1)
  }
}
