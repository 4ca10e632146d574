// SPDX-License-Identifier: Apache-2.0

/// The fields of one node of an ``XArray`` besides its slots.
///
/// Source: Linux v6.8 XArray, `struct xa_node`: 576 bytes, 584 with the allocator's free pointer.
struct XArrayNode: BitwiseCopyable, Sendable {
  /// Slots of a node.
  static let slots = 64

  /// Bits of the index that a node decides.
  static let shiftStep = 6

  /// The shift of the root that reaches every 64-bit index.
  static let maxShift = 60

  /// Bytes that a node takes in a slab.
  static let objectBytes = 584

  private static let noParent = UInt32.max

  private var parentNumber = XArrayNode.noParent
  private var shiftBits: UInt8 = 0
  private var offsetInParent: UInt8 = 0

  /// Slots that are not empty, 0 to 64.
  var count: UInt8 = 0

  init(shift: Int = 0) { shiftBits = UInt8(shift) }

  /// The bits of the index below those that this node decides.
  var shift: Int { Int(shiftBits) }

  /// The parent node, `nil` for the root.
  var parent: Int? { parentNumber == Self.noParent ? nil : Int(parentNumber) }

  /// The slot of the parent that holds this node.
  var parentOffset: Int { Int(offsetInParent) }

  /// The largest index that a root of this shift reaches.
  var maxIndex: UInt64 {
    shift >= Self.maxShift ? .max : 1 << UInt64(shift + Self.shiftStep) - 1
  }

  /// The slot for `index`.
  func offset(of index: UInt64) -> Int {
    Int(index >> UInt64(shiftBits) & UInt64(Self.slots - 1))
  }

  mutating func attach(to parent: Int, offset: Int) {
    parentNumber = UInt32(parent)
    offsetInParent = UInt8(offset)
  }

  mutating func detach() {
    parentNumber = Self.noParent
    offsetInParent = 0
  }

  /// The smallest shift whose root reaches `index`.
  static func shift(reaching index: UInt64) -> Int {
    let bits = UInt64.bitWidth - index.leadingZeroBitCount
    return bits <= shiftStep ? 0 : (bits - 1) / shiftStep * shiftStep
  }
}

/// The contents of one slot; ``XArray`` draws the bits.
struct XArraySlot: Equatable, BitwiseCopyable, Sendable {
  /// A slot without a value or child.
  static let empty = XArraySlot(bits: 0)

  let bits: UInt64

  init(bits: UInt64) { self.bits = bits }

  init(value: UInt64) {
    precondition(value >> 63 == 0, "value \(value) is not below 2^63")
    bits = value << 1 | 1
  }

  init(node: Int) { bits = UInt64(node + Self.firstNode) << 2 | 2 }

  /// A slot that belongs to the entry whose value is in `first`, a slot of the same node.
  init(siblingOf first: Int) { bits = UInt64(first) << 2 | 2 }

  /// Numbers below it are siblings, as addresses below 4,096 are no nodes in the kernel.
  private static let firstNode = 1024

  /// The value, `nil` for a node, a sibling or an empty slot.
  var value: UInt64? { bits & 1 == 1 ? bits >> 1 : nil }

  /// The child node, `nil` for a value, a sibling or an empty slot.
  var node: Int? {
    bits & 3 == 2 && bits >> 2 >= UInt64(Self.firstNode) ? Int(bits >> 2) - Self.firstNode : nil
  }

  /// The slot with the value, for one that belongs to an entry which begins in an earlier slot.
  var sibling: Int? {
    bits & 3 == 2 && bits >> 2 < UInt64(Self.firstNode) ? Int(bits >> 2) : nil
  }
}
