// SPDX-License-Identifier: Apache-2.0

public import Containers

/// One slot of a swap device: who uses it, and what the swap cache holds for it, in one word.
///
///     bit 63 ........ 10   9 .. 8           7           6          5 .. 0
///         frame or shadow  what it is       continued   cache bit  users
///
/// The low byte is the kernel's map byte. What the swap cache holds is beside it, because whoever
/// reads one reads the other, and a fault then waits for one cache line and not for two.
@frozen
@usableFromInline
struct SwapSlot: BitwiseCopyable, Sendable {
  @usableFromInline var word: UInt64

  /// A free slot.
  @inlinable init() { word = 0 }

  /// Whether nobody uses the slot, and no page or shadow is in the swap cache for it.
  @inlinable var isFree: Bool { word == 0 }

  // MARK: Users

  @inlinable static var countMask: UInt8 { 0x3f }
  /// The most users that the map byte counts; more are kept aside.
  @inlinable static var largestCount: UInt8 { 62 }
  /// The map byte's count for a slot that must never be allocated.
  @inlinable static var bad: UInt8 { 63 }
  @inlinable static var cacheBit: UInt8 { 0x40 }
  @inlinable static var continuedBit: UInt8 { 0x80 }

  /// Count, cache bit and continuation.
  @inlinable var mapByte: UInt8 {
    @inline(__always) get { UInt8(truncatingIfNeeded: word) }
    @inline(__always) set { word = word & ~0xff | UInt64(newValue) }
  }

  @inlinable var hasCacheBit: Bool { mapByte & Self.cacheBit != 0 }

  // MARK: Swap cache

  @inlinable static var kindMask: UInt64 { 3 << 8 }
  @inlinable static var pageKind: UInt64 { 1 << 8 }
  @inlinable static var shadowKind: UInt64 { 2 << 8 }
  @inlinable static var contentShift: UInt64 { 10 }
  /// Shadows are below this power of two.
  @inlinable static var shadowBits: UInt64 { 54 }

  /// Whether the swap cache holds a page or a shadow.
  @inlinable var hasContent: Bool { word & Self.kindMask != 0 }

  /// The frame that the swap cache holds, `nil` if there is none.
  @inlinable var frame: UInt32? {
    guard word & Self.kindMask == Self.pageKind else { return nil }
    return UInt32(truncatingIfNeeded: word >> Self.contentShift)
  }

  /// The shadow that the evicted page left, `nil` if there is none.
  @inlinable var shadow: UInt64? {
    guard word & Self.kindMask == Self.shadowKind else { return nil }
    return word >> Self.contentShift
  }

  @inlinable @inline(__always) mutating func setFrame(_ frame: UInt32) {
    word = UInt64(frame) << Self.contentShift | Self.pageKind | word & 0xff
  }

  @inlinable @inline(__always) mutating func setShadow(_ shadow: UInt64) {
    word = shadow << Self.contentShift | Self.shadowKind | word & 0xff
  }

  /// Forgets page or shadow.
  @inlinable @inline(__always) mutating func clearContent() { word &= 0xff }
}

/// Up to a fixed number of slots in the order in which they came: a slot cache of one direction.
@usableFromInline
struct SlotCache: ~Copyable {
  @usableFromInline var slots: FlatStorage<UInt32>
  /// The first slot that was not taken out again.
  @usableFromInline var first = 0
  /// The end of the slots.
  @usableFromInline var end = 0

  init(capacity: Int) {
    slots = FlatStorage(repeating: 0, count: capacity)
  }

  @inlinable var isEmpty: Bool { first == end }
  @inlinable var isFull: Bool { end == slots.count }
  @inlinable var count: Int { end - first }

  /// Adds a slot.
  ///
  /// - Precondition: fewer slots than the capacity were added since ``removeAll()``.
  @inlinable mutating func append(_ slot: UInt32) {
    slots[end] = slot
    end += 1
  }

  /// Takes out the slot that came first.
  ///
  /// - Precondition: there is one.
  @inlinable mutating func takeFirst() -> UInt32 {
    let slot = slots[first]
    first += 1
    return slot
  }

  @inlinable mutating func removeAll() {
    first = 0
    end = 0
  }

  /// The slots, for a walk over all of them.
  var all: [UInt32] { (first..<end).map { slots[$0] } }
}
