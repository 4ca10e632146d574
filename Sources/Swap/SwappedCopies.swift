// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// Copies of swapped pages: where in a pool each lies, what it says, and which was used last.
///
/// A copy is an object of a zsmalloc pool, compressed or a whole page, and belongs to a swap slot.
/// Objects of one class share spans of up to eight frames and may cross from one frame of a span to the next,
/// so that a frame is rid of its objects only with its whole span. A copy of a page that is one
/// repeated word takes no object.
public struct SwappedCopies: InvariantChecks, Sendable {
  /// The objects and their pool.
  public private(set) var memory: ZramStore

  private var stamps: [UInt64]
  private var links: [Link]
  /// The slots of each span's objects.
  private var slotsBySpan: [[UInt32]] = []
  private var newest = Self.none
  private var oldestSlot = Self.none

  /// Neighbours in the order of use.
  private struct Link: BitwiseCopyable, Sendable {
    var newer = SwappedCopies.none
    var older = SwappedCopies.none
  }

  private static let none = UInt32.max

  /// Creates room for the copies of so many slots; there are none yet.
  public init(slots: Int, pageSize: PageSize) {
    memory = ZramStore(slots: slots, pageSize: pageSize)
    stamps = [UInt64](repeating: 0, count: slots)
    links = [Link](repeating: Link(), count: slots)
  }

  /// The number of copies.
  public var count: Int { memory.storedPages }

  /// Whether there is a copy of the slot's page.
  public func holds(_ slot: UInt32) -> Bool { memory.holds(Int(slot)) }

  /// What the copy of a slot's page says, which the simulator represents by one number.
  ///
  /// - Precondition: there is a copy.
  public func stamp(of slot: UInt32) -> UInt64 {
    precondition(holds(slot), "no copy of swap slot \(slot)")
    return stamps[Int(slot)]
  }

  /// The slot whose copy was not used for longest, `nil` where there are no copies.
  public var leastRecentlyUsed: UInt32? { oldestSlot == Self.none ? nil : oldestSlot }

  /// The slots that have a copy in a span.
  public func slots(inSpan span: Int) -> [UInt32] {
    span < slotsBySpan.count ? slotsBySpan[span] : []
  }

  /// The frames that a copy of `content` needs.
  public func framesNeeded(for content: ZramContent) -> Int { memory.framesNeeded(for: content) }

  /// Stores a copy in place of the slot's older one; it is the most recently used.
  ///
  /// - Precondition: `frames` holds as many as ``framesNeeded(for:)`` says, which belong to the copies
  ///   until they are returned.
  /// - Returns: the span that holds it, `nil` where it takes no object, and frames that are not
  ///   needed any longer.
  public mutating func store(
    _ slot: UInt32,
    _ content: ZramContent,
    stamp: UInt64,
    frames: [UInt32]
  ) -> (span: Int?, freed: [UInt32]) {
    if holds(slot) {
      unlink(slot)
      forgetSpan(of: slot)
    }
    let (span, freed) = memory.write(Int(slot), content, frames: frames)
    stamps[Int(slot)] = stamp
    push(slot)
    if let span {
      while slotsBySpan.count <= span { slotsBySpan.append([]) }
      slotsBySpan[span].append(slot)
    }
    return (span, freed)
  }

  /// Drops the copy of a slot's page.
  ///
  /// - Precondition: there is a copy.
  /// - Returns: frames that are not needed any longer.
  public mutating func drop(_ slot: UInt32) -> [UInt32] {
    precondition(holds(slot), "no copy of swap slot \(slot) to drop")
    unlink(slot)
    forgetSpan(of: slot)
    stamps[Int(slot)] = 0
    return memory.free(Int(slot))
  }

  /// Makes the copy of a slot's page the most recently used.
  ///
  /// - Precondition: there is a copy.
  public mutating func touch(_ slot: UInt32) {
    precondition(holds(slot), "no copy of swap slot \(slot) to use")
    unlink(slot)
    push(slot)
  }

  /// Notes that a page of a span moved to another frame.
  public mutating func replaceFrame(ofSpan span: Int, at index: Int, with frame: UInt32) {
    memory.replaceFrame(ofSpan: span, at: index, with: frame)
  }

  private mutating func forgetSpan(of slot: UInt32) {
    guard let span = memory.span(of: Int(slot)) else { return }
    slotsBySpan[span].removeAll { $0 == slot }
  }

  private mutating func push(_ slot: UInt32) {
    links[Int(slot)] = Link(newer: Self.none, older: newest)
    if newest == Self.none { oldestSlot = slot } else { links[Int(newest)].newer = slot }
    newest = slot
  }

  private mutating func unlink(_ slot: UInt32) {
    let link = links[Int(slot)]
    if link.newer == Self.none {
      newest = link.older
    } else {
      links[Int(link.newer)].older = link.older
    }
    if link.older == Self.none {
      oldestSlot = link.newer
    } else {
      links[Int(link.older)].newer = link.newer
    }
  }

  /// Checks objects, spans and the order of use against each other.
  ///
  /// - Complexity: O(slots).
  public func verifyInvariants() throws(BrokenInvariant) {
    try memory.verifyInvariants()
    var slot = newest
    var newer = Self.none
    var found = 0
    while slot != Self.none {
      try BrokenInvariant.unless(
        holds(slot) && links[Int(slot)].newer == newer && found < count,
        "store",
        "swap slot \(slot) is in the order of use and has no copy, or is linked wrongly"
      )
      found += 1
      newer = slot
      slot = links[Int(slot)].older
    }
    try BrokenInvariant.unless(
      found == count && oldestSlot == newer,
      "store",
      "\(count) copies, \(found) of them in the order of use"
    )
    for (span, slots) in slotsBySpan.enumerated() {
      try BrokenInvariant.unless(
        slots.allSatisfy { memory.span(of: Int($0)) == span },
        "store",
        "span \(span) lists the slots \(slots)"
      )
    }
    let objects = slotsBySpan.reduce(0) { $0 + $1.count }
    try BrokenInvariant.unless(
      objects == count - memory.samePages,
      "store",
      "\(objects) objects for \(count) copies, \(memory.samePages) of which need none"
    )
  }
}
