// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// Eviction from the oldest generation of the multi-generational LRU.
// Source: Linux v6.1 and v6.8 `lru_gen_shrink_lruvec`, `evict_folios`, `scan_folios`, `sort_folio`,
// `lru_gen_look_around`; specification of the kernel around us, section 6.8.

/// One pass of reclaim over the generations of a group.
struct GenerationPass {
  /// The group.
  let group: Int
  /// How hard to try: the share of all pages that is looked at is 2^-`priority`.
  let priority: Int
  /// Pages to free until whoever asked is content.
  let goal: Int
  /// Who asked.
  let who: Machine.Reclaimer
  /// Whether pages in CMA pageblocks are of no use.
  let skippingCMA: Bool
  /// The youngest generation when the pass began.
  let maxSequence: UInt64
  /// Pages freed so far.
  var reclaimed = 0
  /// Whether reclaim has the state of a walk at hand, and renumbers pages in use where they lie; without
  /// it the kernel moves them, because that needs no lock on all lists.
  var hasWalkState = false
}

extension Machine {
  /// Pages that one step of eviction looks at, at most.
  ///
  /// Source: Linux v6.8 `MAX_LRU_BATCH`.
  private static let mostPagesSorted = 4096
  /// Pages in use around one of them that the kernel prefers to renumber all at once.
  ///
  /// Source: Linux v6.1 `PAGEVEC_SIZE`.
  private static let manyPages = 15

  /// Whether anonymous pages may be evicted: enough slots for a batch are free.
  ///
  /// Source: Linux v6.8 `get_swappiness`.
  var hasSlotsForGenerations: Bool {
    hasFreeSlots && configuration.swappiness > 0 && device.freeSlots >= Self.generationBatch
  }

  /// One pass over the generations of a group.
  ///
  /// - Returns: pages freed.
  mutating func shrinkGenerations(_ pass: consuming GenerationPass) -> Int {
    var pass = pass
    drainBatch()
    pass.hasWalkState = pass.who == .kswapd
    let dropped =
      hasFilePages
      ? shrinkFileLists(
        pass.group,
        priority: pass.priority,
        by: pass.who,
        skippingCMA: pass.skippingCMA
      ) : shrinkLazyFree(pass.group, priority: pass.priority, by: pass.who)
    pass.reclaimed = dropped
    guard hasSlotsForGenerations, !hasFilePages || dropped < pass.goal else { return dropped }
    var scanned = 0
    while true {
      let wanted = pagesToScan(&pass)
      guard wanted > 0 else { break }
      let step = evictBatch(&pass)
      scanned += step
      if step == 0 || scanned >= wanted || endsEarly(pass) { break }
    }
    countReclaimed(pass.reclaimed - dropped, by: pass.who)
    return pass.reclaimed
  }

  /// How many pages a pass looks at, after aging where that is due.
  ///
  /// - Returns: 0 where nothing can be evicted now.
  private mutating func pagesToScan(_ pass: inout GenerationPass) -> Int {
    let group = pass.group
    let wanted = generations[group].pages >> pass.priority
    guard generations[group].needsAging else { return wanted }
    let canEvict = generations[group].count > GenerationLists.fewestGenerations
    if pass.priority == Self.firstPriority { return canEvict ? wanted : 0 }
    switch configuration.kernel {
    case .linux61:
      // kswapd ages before its passes.
      if pass.who == .kswapd { return 0 }
      age(group)
      pass.hasWalkState = true
      return wanted
    case .linux68:
      // A group that had to be aged is low on old pages; eviction leaves it alone this time.
      age(group)
      return 0
    }
  }

  /// Whether a pass ends although it has not looked at all the pages that it might.
  private mutating func endsEarly(_ pass: GenerationPass) -> Bool {
    let hasEnough = pass.reclaimed >= pass.goal
    switch configuration.kernel {
    case .linux61:
      if pass.who == .kswapd {
        if !hasEnough { return false }
      } else {
        if hasEnough || generations[pass.group].maxSequence > pass.maxSequence + 1 { return true }
        if pass.who == .group { return false }
      }
      let isKswapd = pass.who == .kswapd
      return pass.priority <= Self.firstPriority - 2
        && buddy.hasFreePages(upTo: highestReclaimedZone) { isKswapd ? $0.high : $0.low }
    case .linux68:
      if pass.who == .group { return false }
      if hasEnough || pass.who != .kswapd { return hasEnough }
      return buddy.isBalancedInAllZones(upTo: highestReclaimedZone, margin: Self.generationBatch)
    }
  }

  /// The priority at which kswapd begins: Linux 6.8 estimates from the pages of the old generations what
  /// it takes to reach the goal.
  ///
  /// Source: Linux v6.8 `set_initial_priority`.
  func firstKswapdPriority(goal: Int) -> Int {
    guard replacement == .multiGenerational, configuration.kernel == .linux68,
      goal >= Self.generationBatch, hasSlotsForGenerations
    else { return Self.firstPriority }
    var old = 0
    for group in 0..<groups.count { old += pagesOnLists(of: group) - activePages(of: group) }
    let estimate = Self.bits(old) - 1 - Self.bits(goal - 1)
    return max(0, min(estimate, Self.firstPriority))
  }

  /// The number of bits that a value needs.
  private static func bits(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }

  /// Takes a batch of pages from the oldest generation and frees those that are not in use.
  ///
  /// - Returns: how many pages it looked at, or 0 where it is of no use to go on.
  private mutating func evictBatch(_ pass: inout GenerationPass) -> Int {
    finishWrites()
    let group = pass.group
    var isolated = InlineArray<64, PageFrameNumber>(repeating: zeroFrame)
    var isolatedPages = 0
    var sorted = 0
    let sparesSecondTier = generations[group].refaults.sparesSecondTier
    if generations[group].count > GenerationLists.fewestGenerations {
      while isolatedPages < Self.generationBatch,
        isolatedPages + sorted < Self.mostPagesSorted,
        let frame = generations[group].oldest
      {
        if sort(frame, in: pass, sparesSecondTier: sparesSecondTier) {
          sorted += 1
          continue
        }
        generations[group].remove(frame, in: &frames)
        frames[frame].flags.subtract([.onList, .referenced])
        isolated[isolatedPages] = frame
        isolatedPages += 1
      }
    }
    countScanned(isolatedPages, by: pass.who)
    counters.add(.pgrefill, sorted)
    let isExhausted = isolatedPages == 0 && sorted < Self.mostPagesSorted
    var looked = isExhausted ? 0 : isolatedPages + sorted
    if generations[group].endEmptyGenerations() {
      looked += 1
      groups[group].nonresidentAge = generations[group].minSequence
    }
    if generations[group].count == GenerationLists.fewestGenerations { looked = 0 }
    for index in 0..<isolatedPages { evict(isolated[index], in: &pass) }
    return looked
  }

  /// Moves a page of the oldest list that is not to be evicted to where it belongs.
  ///
  /// - Returns: whether it was moved.
  private mutating func sort(
    _ frame: PageFrameNumber,
    in pass: GenerationPass,
    sparesSecondTier: Bool
  ) -> Bool {
    let group = pass.group
    let flags = frames[frame].flags
    if !generations[group].isOldest(frames[frame].place) {
      generations[group].moveToOwnList(frame, in: &frames)
      return true
    }
    if sparesSecondTier && flags.contains(.workingset) {
      generations[group].refaults.noteSpared()
      frames[frame].flags.subtract([.referenced, .workingset])
      generations[group].spare(frame, at: .old, in: &frames)
      return true
    }
    if isSkipped(frame, skippingCMA: pass.skippingCMA) {
      countSkipped(frame)
      frames[frame].flags.subtract([.referenced, .workingset])
      generations[group].spare(frame, at: .old, in: &frames)
      return true
    }
    guard !flags.isDisjoint(with: [.held, .writeback]) else { return false }
    frames[frame].flags.subtract([.referenced, .workingset])
    generations[group].spare(frame, at: .young, in: &frames)
    return true
  }

  /// Frees an isolated page, or returns it to a generation.
  private mutating func evict(_ frame: PageFrameNumber, in pass: inout GenerationPass) {
    let group = pass.group
    let wasInWorkingset = frames[frame].flags.contains(.workingset)
    switch judge(frame, in: pass) {
    case .reclaim:
      generations[group].refaults.noteEviction(inSecondTier: wasInWorkingset)
      pass.reclaimed += 1
      return
    case .keep: break
    case .activate:
      counters.add(.pgactivate)
      freeSwapCopyIfFull(frame)
    }
    if frames[frame].flags.contains(.writeback) {
      addUnused(frame, of: group)
    } else {
      // A page that was rejected must not come to the oldest generation again.
      frames[frame].flags.subtract([.referenced, .workingset])
      addToYoungest(frame, of: group)
    }
  }

  /// Frees an isolated page unless it is in use, or says what to do with it.
  private mutating func judge(_ frame: PageFrameNumber, in pass: GenerationPass) -> Verdict {
    // A neighbour that was judged before found it in use.
    if frames[frame].flags.contains(.referenced) && mapCount(frame) > 0 { return .keep }
    for mapping in mappings(of: frame) { lookAround(mapping, in: pass) }
    return frames[frame].flags.contains(.referenced)
      ? .activate : reclaimUnused(frame, of: pass.group)
  }

  /// Looks at the neighbours of a page whose entry is young: the 64 pages around it, within its VMA and
  /// its leaf table.
  ///
  /// The young bits of all of them are cleared. Those of the group get the youngest generation, and those
  /// that are isolated, the page itself among them, are marked.
  private mutating func lookAround(_ mapping: Mapping, in pass: GenerationPass) {
    let process = Int(mapping.process)
    guard processes[process].table.flags(mapping.page).contains(.young) else { return }
    let address = processes[process].pageIndex.page(of: mapping.page)
    guard let area = processes[process].vmas.find(address) else {
      preconditionFailure("page \(mapping.page) of process \(process) is mapped outside any VMA")
    }
    let window = lookAroundWindow(address.rawValue, in: area.pages)
    var found = InlineArray<64, PageFrameNumber>(repeating: zeroFrame)
    var foundPages = 0
    var young = 0
    for page in processes[process].pageIndex.identifiers(in: window) {
      guard let frame = takeYoung(page, of: process, group: pass.group) else { continue }
      young += 1
      if !frames[frame].flags.contains(.onList) {
        frames[frame].flags.insert(.referenced)
      } else if !generations[pass.group].isYoungest(frames[frame].place) {
        found[foundPages] = frame
        foundPages += 1
      }
    }
    if WalkFilters.isWorthVisiting(young: young, of: window.pageCount) {
      let table = tableNumber(of: address.rawValue, process)
      walkFilters[pass.group].note(table, at: generations[pass.group].maxSequence)
    }
    let renumbers =
      pass.hasWalkState || configuration.kernel == .linux61 && foundPages >= Self.manyPages
    for index in 0..<foundPages {
      if renumbers {
        promote(found[index], in: pass.group)
      } else {
        counters.add(.pgactivate)
        generations[pass.group].remove(found[index], in: &frames)
        addToYoungest(found[index], of: pass.group)
      }
    }
  }

  /// The pages around one that are looked at: 64 of them, fewer where its VMA or table has fewer.
  private func lookAroundWindow(
    _ page: UInt64,
    in area: Range<VirtualPageNumber>
  ) -> Range<VirtualPageNumber> {
    let table = page & ~(tableSpan - 1)
    var start = max(table, area.lowerBound.rawValue)
    var end = min(table + tableSpan, area.upperBound.rawValue)
    let most = UInt64(Self.generationBatch)
    if end - start > most {
      if page - start < most / 2 {
        end = start + most
      } else if end - page < most / 2 {
        start = end - most
      } else {
        (start, end) = (page - most / 2, page + most / 2)
      }
    }
    return VirtualPageNumber(rawValue: start)..<VirtualPageNumber(rawValue: end)
  }
}
