// SPDX-License-Identifier: Apache-2.0

public import Containers

/// Which frames of tag storage a store has, and which of them hold something.
///
/// A frame is *idle* (the store's, and empty), *occupied* (the store's, with a copy in it) or holds
/// *tags*, which are none of the store's business:
///
///     idle --claimIdle--> occupied --release--> idle
///     idle --take-------> tags     --giveBack-> idle
///
/// So an occupied frame has to be released before it can hold tags; what becomes of its copy is its
/// owner's to decide. The idle frame that became so last is claimed first, and occupied frames are kept in
/// the order of their last use.
///
/// The links of both lists lie outside the frames' page descriptors, which a store may not have.
///
/// Source: specification of tag storage, sections 15.8 to 15.14.
public struct TagStorageStore: ~Copyable, InvariantChecks {
  /// What a frame of tag storage is to its store.
  public enum FrameState: UInt8, BitwiseCopyable, CaseIterable, Sendable {
    /// Empty.
    case idle
    /// It holds a copy.
    case occupied
    /// Taken for tags.
    case tags
  }

  /// The frames of tag storage, half-open; empty for a machine without a store.
  public let frames: Range<Int>
  /// Frames that are empty.
  public var idleFrames: Int { idle.count }
  /// Frames that hold copies.
  public var occupiedFrames: Int { occupied.count }
  /// Frames that hold tags.
  public var tagFrames: Int { frames.count - idle.count - occupied.count }

  private var states: FlatStorage<FrameState>
  private var links: FlatStorage<Link>
  private var idle = List()
  private var occupied = List()

  /// Neighbours in a list, as places from the first frame of tag storage.
  ///
  /// Not private, because the compiler cannot then destroy a store in another module.
  struct Link: BitwiseCopyable {
    var newer = TagStorageStore.none
    var older = TagStorageStore.none
  }

  struct List {
    var newest = TagStorageStore.none
    var oldest = TagStorageStore.none
    var count = 0

    mutating func push(_ place: Int, in links: inout FlatStorage<Link>) {
      links[place] = Link(newer: TagStorageStore.none, older: newest)
      if newest == TagStorageStore.none {
        oldest = UInt32(place)
      } else {
        links[Int(newest)].newer = UInt32(place)
      }
      newest = UInt32(place)
      count += 1
    }

    mutating func remove(_ place: Int, in links: inout FlatStorage<Link>) {
      let link = links[place]
      if link.newer == TagStorageStore.none {
        newest = link.older
      } else {
        links[Int(link.newer)].older = link.older
      }
      if link.older == TagStorageStore.none {
        oldest = link.newer
      } else {
        links[Int(link.older)].newer = link.newer
      }
      count -= 1
    }
  }

  static let none = UInt32.max

  /// Creates a store of frames, all of them idle; the first is claimed first.
  ///
  /// - Complexity: O(*n*), where *n* is the number of frames.
  public init(frames: Range<Int>) {
    self.frames = frames
    states = FlatStorage(repeating: .idle, count: frames.count)
    links = FlatStorage(repeating: Link(), count: frames.count)
    for place in (0..<frames.count).reversed() { idle.push(place, in: &links) }
  }

  /// What a frame is.
  ///
  /// - Precondition: the frame is one of ``frames``.
  public func state(of frame: Int) -> FrameState { states[place(of: frame)] }

  /// Occupies the frame that became idle last; it is the most recently used.
  ///
  /// - Returns: `nil` where no frame is idle.
  /// - Complexity: O(1).
  public mutating func claimIdle() -> Int? {
    guard idle.newest != Self.none else { return nil }
    let place = Int(idle.newest)
    idle.remove(place, in: &links)
    occupied.push(place, in: &links)
    states[place] = .occupied
    return frames.lowerBound + place
  }

  /// Empties an occupied frame.
  ///
  /// - Precondition: the frame is occupied.
  public mutating func release(_ frame: Int) {
    let place = change(frame, from: .occupied, to: .idle)
    occupied.remove(place, in: &links)
    idle.push(place, in: &links)
  }

  /// Makes an occupied frame the most recently used one.
  ///
  /// - Precondition: the frame is occupied.
  public mutating func touch(_ frame: Int) {
    let place = change(frame, from: .occupied, to: .occupied)
    occupied.remove(place, in: &links)
    occupied.push(place, in: &links)
  }

  /// The occupied frame that was not used for longest, `nil` where none is occupied.
  public var leastRecentlyUsed: Int? {
    occupied.oldest == Self.none ? nil : frames.lowerBound + Int(occupied.oldest)
  }

  /// Takes an idle frame for tags.
  ///
  /// - Precondition: the frame is idle.
  public mutating func take(_ frame: Int) {
    let place = change(frame, from: .idle, to: .tags)
    idle.remove(place, in: &links)
  }

  /// Gives a frame back that held tags.
  ///
  /// - Precondition: the frame was taken.
  public mutating func giveBack(_ frame: Int) {
    let place = change(frame, from: .tags, to: .idle)
    idle.push(place, in: &links)
  }

  private func place(of frame: Int) -> Int {
    precondition(frames.contains(frame), "frame \(frame) is not in a store of \(frames)")
    return frame - frames.lowerBound
  }

  /// Changes the state of a frame.
  ///
  /// - Returns: its place.
  private mutating func change(_ frame: Int, from old: FrameState, to new: FrameState) -> Int {
    let place = place(of: frame)
    precondition(
      states[place] == old,
      "frame \(frame) of the store is \(states[place]), not \(old)"
    )
    states[place] = new
    return place
  }

  /// Checks that each list holds exactly the frames of its state, linked both ways.
  ///
  /// - Complexity: O(*n*), where *n* is the number of frames.
  public func verifyInvariants() throws(BrokenInvariant) {
    try verify(idle, .idle)
    try verify(occupied, .occupied)
  }

  private func verify(_ list: List, _ state: FrameState) throws(BrokenInvariant) {
    var place = list.newest
    var newer = Self.none
    var found = 0
    while place != Self.none {
      try BrokenInvariant.unless(
        states[Int(place)] == state && links[Int(place)].newer == newer && found < list.count,
        "store",
        "frame \(frames.lowerBound + Int(place)) is \(states[Int(place)]), in the list \(state)"
      )
      found += 1
      newer = place
      place = links[Int(place)].older
    }
    let expected = (0..<states.count).count { states[$0] == state }
    try BrokenInvariant.unless(
      found == list.count && found == expected && list.oldest == newer,
      "store",
      "\(expected) frames are \(state), \(found) listed, \(list.count) recorded"
    )
  }
}
