// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Aging of the multi-generational LRU: page tables are walked for young bits, and a generation starts.
// Source: Linux v6.8 `try_to_inc_max_seq` and the walk below it; specification of the kernel around us,
// section 6.8.

extension Machine {
  /// Pages below which a process's page tables are not walked, and which one step of eviction takes at
  /// most.
  ///
  /// Source: Linux v6.8 `MIN_LRU_BATCH`.
  static let generationBatch = 64

  /// Notes that the process that asks for reclaim has run, so that its page tables are worth a walk.
  ///
  /// The kernel notes when it switches to an address space. A process that reclaims page after page is
  /// interrupted between one request and the next, so that each request counts as a switch here.
  mutating func noteCurrentProcessRan() {
    guard replacement == .multiGenerational, processes.indices.contains(currentProcess) else {
      return
    }
    processes[currentProcess].hasRunSinceWalk = true
  }

  /// Lets kswapd age a group where it needs that; from Linux 6.3 on, eviction does it.
  mutating func ageForKswapd(_ group: Int) {
    guard configuration.kernel == .linux61, hasSlotsForGenerations,
      generations[group].needsAging
    else { return }
    age(group)
  }

  /// Walks the page tables of a group's processes, and starts a generation.
  ///
  /// Pages in use get the generation that was the youngest up to now, and so become the second
  /// youngest.
  mutating func age(_ group: Int) {
    let sequence = generations[group].maxSequence
    var isFirst = true
    // From the first process on that no walk has seen yet, all tables are visited.
    var isForced = false
    for process in processes.indices
    where processes[process].group == group && processes[process].isAlive {
      if !processes[process].wasWalked { isForced = true }
      guard isForced || processes[process].hasRunSinceWalk else { continue }
      processes[process].wasWalked = true
      processes[process].hasRunSinceWalk = false
      guard processes[process].table.residentPages >= Self.generationBatch else { continue }
      if isFirst { walkFilters[group].reset(at: sequence + 1) }
      isFirst = false
      walkTables(of: process, group: group, at: sequence, visitingAll: isForced)
    }
    generations[group].startGeneration()
  }

  /// Visits the leaf tables of a process by ascending address.
  private mutating func walkTables(
    of process: Int,
    group: Int,
    at sequence: UInt64,
    visitingAll isForced: Bool
  ) {
    var current: UInt64?
    var isVisited = false
    var young = 0
    var entries = 0
    for area in processes[process].vmas.areas where area.isWalkedForYoungBits {
      var start = area.start.rawValue
      while start < area.end.rawValue {
        let table = tableNumber(of: start, process)
        if table != current {
          if isVisited, let current, WalkFilters.isWorthVisiting(young: young, of: entries) {
            walkFilters[group].note(current, at: sequence + 1)
          }
          (current, young, entries) = (table, 0, 0)
          isVisited = isForced || walkFilters[group].admits(table, at: sequence)
        }
        let end = min(area.end.rawValue, (start | (tableSpan - 1)) + 1)
        if isVisited {
          entries += Int(end - start)
          let range = VirtualPageNumber(rawValue: start)..<VirtualPageNumber(rawValue: end)
          young += promoteYoung(range, of: process, group: group)
        }
        start = end
      }
    }
    if isVisited, let current, WalkFilters.isWorthVisiting(young: young, of: entries) {
      walkFilters[group].note(current, at: sequence + 1)
    }
  }

  /// Clears the young bits of a range and gives the pages that had them the youngest generation.
  ///
  /// - Returns: how many had one.
  private mutating func promoteYoung(
    _ range: Range<VirtualPageNumber>,
    of process: Int,
    group: Int
  ) -> Int {
    var young = 0
    for page in processes[process].pageIndex.identifiers(in: range) {
      guard let frame = takeYoung(page, of: process, group: group) else { continue }
      young += 1
      promote(frame, in: group)
    }
    return young
  }

  /// Clears the young bit of an entry that maps a page of a group.
  ///
  /// Pages that MADV_FREE made droppable keep theirs: they have a list of their own, which looks at it.
  ///
  /// - Returns: the page's frame; `nil` where there is none, or the bit was clear.
  mutating func takeYoung(
    _ page: PageIdentifier,
    of process: Int,
    group: Int
  ) -> PageFrameNumber? {
    let table = processes[process].table
    guard table.flags(page).contains(.young), let frame = table.frame(page),
      frames[frame].flags.contains(.swapBacked), self.group(of: frame) == group
    else { return nil }
    return table.clearYoung(page) ? frame : nil
  }

  /// Gives a page in use the youngest generation, where it lies; one that is isolated is only marked.
  mutating func promote(_ frame: PageFrameNumber, in group: Int) {
    guard frames[frame].flags.contains(.onList) else {
      frames[frame].flags.insert(.referenced)
      return
    }
    frames[frame].flags.subtract([.referenced, .workingset])
    generations[group].promote(frame, in: &frames)
  }

  /// Pages that a leaf table spans.
  var tableSpan: UInt64 { UInt64(pageSize.bytes / 8) }

  /// A number for the leaf table of a page, different for each process.
  func tableNumber(of page: UInt64, _ process: Int) -> UInt64 {
    // Page numbers have 52 bits at most, and a table spans 512 pages or more.
    UInt64(process) << 44 | page / tableSpan
  }
}

extension VirtualMemoryArea {
  /// Whether a walk for young bits visits the area: it can be accessed, is not locked, and nobody said
  /// that it is used in an order that tells nothing.
  fileprivate var isWalkedForYoungBits: Bool {
    !protection.isDisjoint(with: [.read, .write, .execute])
      && flags.isDisjoint(with: [.locked, .randomRead, .sequentialRead])
  }
}
