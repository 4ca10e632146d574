// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

/// The generations of one memory group's anonymous pages: the multi-generational LRU.
///
/// Generations are numbered by ever growing sequence numbers, of which those from ``minSequence`` to
/// ``maxSequence`` exist; the youngest has the largest. A list belongs to a sequence number modulo 4.
///
/// Which generation a page has and on which list it lies are two things: a walk over page tables only
/// renumbers pages, and eviction moves them when it comes to them. Sizes go by generation, as in the
/// kernel, and not by list.
///
/// Source: Linux v6.8 "Multi-Gen LRU" design document, `lru_gen_folio`.
struct GenerationLists: BitwiseCopyable, Sendable {
  /// Generations that there must be, because a page is to be spared for two rounds (`MIN_NR_GENS`).
  static let fewestGenerations: UInt64 = 2
  /// Generations that there may be (`MAX_NR_GENS`).
  static let mostGenerations: UInt64 = 4

  /// The end of a list to which a page is added.
  enum End {
    /// The one that eviction reaches last.
    case young
    /// The one that eviction reaches first.
    case old
  }

  /// The oldest generation, from which eviction takes pages.
  private(set) var minSequence: UInt64 = 0
  /// The youngest generation, which faults add to.
  ///
  /// A group begins with an empty window of all four.
  private(set) var maxSequence: UInt64 = GenerationLists.mostGenerations - 1
  /// What became of evicted pages, by tier.
  var refaults = TierRefaults()

  private var lists = InlineArray<4, FrameList>(repeating: FrameList())
  private var sizes = InlineArray<4, Int>(repeating: 0)

  /// The list of a sequence number, and the number of its generation in a frame's record.
  private static func slot(_ sequence: UInt64) -> Int { Int(sequence & 3) }

  /// How many generations there are, 2 to 4.
  var count: UInt64 { maxSequence - minSequence + 1 }

  /// Pages of all generations.
  var pages: Int { sizes[0] + sizes[1] + sizes[2] + sizes[3] }

  /// Pages of the two youngest generations, which count as active.
  var activePages: Int { pages(of: maxSequence) + pages(of: maxSequence - 1) }

  /// Pages of one generation.
  func pages(of sequence: UInt64) -> Int { sizes[Self.slot(sequence)] }

  /// Whether a page has the youngest generation.
  func isYoungest(_ place: GenerationPlace) -> Bool {
    place.generation == Self.slot(maxSequence)
  }

  /// Whether a page has the oldest generation.
  func isOldest(_ place: GenerationPlace) -> Bool {
    place.generation == Self.slot(minSequence)
  }

  /// Whether a page has one of the two youngest generations.
  func isActive(_ place: GenerationPlace) -> Bool {
    isYoungest(place) || place.generation == Self.slot(maxSequence - 1)
  }

  // MARK: Pages

  /// The page of the list of the oldest generation that eviction looks at next.
  var oldest: PageFrameNumber? { lists[Self.slot(minSequence)].last }

  /// Adds a page to a generation and to its list.
  ///
  /// - Precondition: the page is on no list.
  mutating func add(
    _ frame: PageFrameNumber,
    to sequence: UInt64,
    at end: End,
    in frames: inout FrameTable
  ) {
    precondition(
      minSequence...maxSequence ~= sequence,
      "generation \(sequence) is not one of \(minSequence)...\(maxSequence)"
    )
    let slot = Self.slot(sequence)
    frames[frame].place = GenerationPlace(generation: slot)
    sizes[slot] += 1
    switch end {
    case .young: lists[slot].pushFront(frame, in: &frames)
    case .old: lists[slot].pushBack(frame, in: &frames)
    }
  }

  /// Takes a page off its list and out of its generation.
  mutating func remove(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let place = frames[frame].place
    sizes[place.generation] -= 1
    lists[place.list].remove(frame, in: &frames)
  }

  /// Gives a page the youngest generation and leaves it where it lies.
  mutating func promote(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let youngest = Self.slot(maxSequence)
    sizes[frames[frame].place.generation] -= 1
    sizes[youngest] += 1
    frames[frame].place.promote(to: youngest)
  }

  /// Moves a page to the young end of the list of its generation.
  mutating func moveToOwnList(_ frame: PageFrameNumber, in frames: inout FrameTable) {
    let place = frames[frame].place
    lists[place.list].remove(frame, in: &frames)
    lists[place.generation].pushFront(frame, in: &frames)
    frames[frame].place = GenerationPlace(generation: place.generation)
  }

  /// Moves a page from the oldest generation to the next one.
  mutating func spare(_ frame: PageFrameNumber, at end: End, in frames: inout FrameTable) {
    remove(frame, in: &frames)
    add(frame, to: minSequence + 1, at: end, in: &frames)
  }

  // MARK: Generations

  /// Ends oldest generations whose lists are empty, as long as two are left.
  ///
  /// - Returns: whether any ended.
  mutating func endEmptyGenerations() -> Bool {
    let before = minSequence
    while minSequence + Self.fewestGenerations <= maxSequence,
      lists[Self.slot(minSequence)].isEmpty
    {
      minSequence += 1
    }
    guard minSequence != before else { return false }
    refaults.startGeneration()
    return true
  }

  /// Starts a generation younger than all others.
  ///
  /// - Precondition: there are at most three.
  mutating func startGeneration() {
    precondition(count < Self.mostGenerations, "generations \(minSequence)...\(maxSequence)")
    maxSequence += 1
  }

  /// Whether too few pages are old enough to be evicted, or too many are too young.
  ///
  /// The ideal is three generations of a third each. With two, nothing can be evicted; with four,
  /// nothing needs to be done.
  ///
  /// Source: Linux v6.8 `should_run_aging`.
  var needsAging: Bool {
    let ideal = Self.fewestGenerations + 1
    if count != ideal { return count < ideal }
    let fewest = Int(Self.fewestGenerations)
    return pages(of: maxSequence) * fewest > pages || pages(of: minSequence) * (fewest + 2) < pages
  }

  /// Checks lists, sizes and places against each other.
  ///
  /// - Complexity: O(*n*), where *n* is the number of pages.
  func verifyInvariants(in frames: borrowing FrameTable) throws(BrokenInvariant) {
    try BrokenInvariant.unless(
      Self.fewestGenerations...Self.mostGenerations ~= count,
      "L1",
      "generations \(minSequence)...\(maxSequence)"
    )
    var found = [0, 0, 0, 0]
    for list in 0..<4 {
      try lists[list].verifyInvariants(in: frames)
      var next = lists[list].head
      while next != FrameTable.none {
        let place = frames[Int(next)].place
        try BrokenInvariant.unless(
          place.list == list,
          "L1",
          "\(frames.dump(Int(next))) lies on list \(list)"
        )
        // How many generations after the oldest one the list and the page are.
        let behind = (list - Int(minSequence & 3)) & 3
        let ahead = (place.generation - Int(minSequence & 3)) & 3
        try BrokenInvariant.unless(
          behind <= ahead && ahead < Int(count),
          "L1",
          "\(frames.dump(Int(next))) on list \(list) has generation \(place.generation), of"
            + " \(minSequence)...\(maxSequence)"
        )
        found[place.generation] += 1
        next = frames.links[Int(next)].next
      }
    }
    for slot in 0..<4 {
      try BrokenInvariant.unless(
        found[slot] == sizes[slot],
        "L1",
        "generation \(slot) has \(found[slot]) pages, recorded \(sizes[slot])"
      )
    }
  }
}
