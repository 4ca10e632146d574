// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// A doubly linked list of frames whose links are the frame table's `next` and `previous`.
///
/// Free lists and LRU lists are all of this type; a frame is on at most one list. The list owns
/// nothing but its three numbers, so that a set of lists is an array of 12-byte values. Every
/// operation takes constant time and allocates nothing.
@frozen
public struct FrameList: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline var front: UInt32
  @usableFromInline var back: UInt32
  @usableFromInline var length: UInt32

  /// The first frame, ``FrameTable/none`` if the list is empty.
  @inlinable public var head: UInt32 { front }
  /// The last frame, ``FrameTable/none`` if the list is empty.
  @inlinable public var tail: UInt32 { back }
  /// The number of frames on the list.
  @inlinable public var count: UInt32 { length }

  /// Creates an empty list.
  @inlinable public init() {
    front = FrameTable.none
    back = FrameTable.none
    length = 0
  }

  /// Whether no frame is on the list.
  @inlinable public var isEmpty: Bool { count == 0 }

  /// The frame at the front, `nil` if the list is empty.
  @inlinable public var first: PageFrameNumber? {
    head == FrameTable.none ? nil : PageFrameNumber(rawValue: head)
  }

  /// The frame at the back, `nil` if the list is empty.
  @inlinable public var last: PageFrameNumber? {
    tail == FrameTable.none ? nil : PageFrameNumber(rawValue: tail)
  }

  /// Puts a frame at the front.
  ///
  /// - Precondition: the frame is on no list.
  @inlinable @inline(__always)
  public mutating func pushFront(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let index = frame.index
    frames.links[index] = FrameLinks(next: head, previous: FrameTable.none)
    if head == FrameTable.none {
      back = frame.rawValue
    } else {
      frames.links[Int(head)].previous = frame.rawValue
    }
    front = frame.rawValue
    length += 1
  }

  /// Puts a frame at the back.
  ///
  /// - Precondition: the frame is on no list.
  @inlinable public mutating func pushBack(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let index = frame.index
    frames.links[index] = FrameLinks(next: FrameTable.none, previous: tail)
    if tail == FrameTable.none {
      front = frame.rawValue
    } else {
      frames.links[Int(tail)].next = frame.rawValue
    }
    back = frame.rawValue
    length += 1
  }

  /// Takes a frame out, wherever on the list it is.
  ///
  /// - Precondition: the frame is on this list. A frame on another list, or on none, is noticed
  ///   where its neighbours do not lead back to it.
  @inlinable public mutating func remove(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let index = frame.index
    let next = frames.links[index].next
    let previous = frames.links[index].previous
    if previous == FrameTable.none {
      precondition(head == frame.rawValue, "frame \(index) is not on the list headed by \(head)")
      front = next
    } else {
      frames.links[Int(previous)].next = next
    }
    if next == FrameTable.none {
      precondition(tail == frame.rawValue, "frame \(index) is not on the list ended by \(tail)")
      back = previous
    } else {
      frames.links[Int(next)].previous = previous
    }
    frames.links[index] = FrameLinks(next: FrameTable.none, previous: FrameTable.none)
    length -= 1
  }

  /// Takes out the frame at the front.
  ///
  /// - Returns: `nil` if the list is empty.
  @inlinable @inline(__always)
  public mutating func popFront(in frames: inout FrameTable) -> PageFrameNumber? {
    guard let frame = first else { return nil }
    let next = frames.links[frame.index].next
    frames.links[frame.index] = FrameLinks(next: FrameTable.none, previous: FrameTable.none)
    front = next
    length -= 1
    if next == FrameTable.none {
      back = FrameTable.none
    } else {
      frames.links[Int(next)].previous = FrameTable.none
    }
    return frame
  }

  /// Takes out the frame at the back.
  ///
  /// - Returns: `nil` if the list is empty.
  @inlinable @inline(__always)
  public mutating func popBack(in frames: inout FrameTable) -> PageFrameNumber? {
    guard let frame = last else { return nil }
    takeBack(1, in: &frames) { _ in }
    return frame
  }

  /// Takes up to `count` frames off the back and hands them to `body`, the last one first.
  ///
  /// The list is linked anew once and not after each frame. `body` must not use this list.
  @inlinable @inline(__always)
  public mutating func takeBack(
    _ count: Int,
    in frames: inout FrameTable,
    _ body: (PageFrameNumber) -> Void
  ) {
    var frame = tail
    var taken = 0
    while taken < count && frame != FrameTable.none {
      frames.prefetch(frame)
      let previous = frames.links[Int(frame)].previous
      frames.links[Int(frame)] = FrameLinks(next: FrameTable.none, previous: FrameTable.none)
      body(PageFrameNumber(rawValue: frame))
      frame = previous
      taken += 1
    }
    guard taken > 0 else { return }
    back = frame
    length -= UInt32(taken)
    if frame == FrameTable.none {
      front = FrameTable.none
    } else {
      frames.links[Int(frame)].next = FrameTable.none
    }
  }

  /// Checks that links, ends and count agree.
  ///
  /// - Complexity: O(*n*), where *n* is the length of the list.
  public func verifyInvariants(in frames: borrowing FrameTable) throws(BrokenInvariant) {
    var previous = FrameTable.none
    var current = head
    var seen = 0
    while current != FrameTable.none {
      let index = Int(current)
      let back = frames.links[index].previous
      try BrokenInvariant.unless(
        back == previous,
        "B4",
        "list \(self): \(frames.dump(index)), expected \(previous)"
      )
      seen += 1
      try BrokenInvariant.unless(
        seen <= Int(count),
        "B4",
        "list \(self) is longer than its count, or a ring"
      )
      previous = current
      current = frames.links[index].next
    }
    try BrokenInvariant.unless(tail == previous, "B4", "list \(self) ends at frame \(previous)")
    try BrokenInvariant.unless(seen == Int(count), "B4", "list \(self) holds \(seen) frames")
  }

  /// Stops the program unless links, ends and count agree.
  ///
  /// - Complexity: O(*n*), where *n* is the length of the list.
  public func checkInvariants(in frames: borrowing FrameTable) {
    BrokenInvariant.stop { () throws(BrokenInvariant) in try verifyInvariants(in: frames) }
  }
}
