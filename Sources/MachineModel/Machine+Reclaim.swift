// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// Two-list reclaim of anonymous pages; that of files is in `FilePages`.
// Source: Linux v6.8 `mm/vmscan.c`; specification of the kernel around us, sections 6.1 to 6.6.

extension Machine {
  /// Pages that one step of reclaim isolates.
  ///
  /// Source: Linux v6.8 `SWAP_CLUSTER_MAX`.
  static let reclaimBatch = 32
  /// The priority at which reclaim begins.
  ///
  /// Source: Linux v6.8 `DEF_PRIORITY`.
  static let firstPriority = 12

  /// Fruitless runs in a row after which kswapd is not woken any more.
  ///
  /// Source: Linux v6.8 `MAX_RECLAIM_RETRIES`.
  static let kswapdFailureLimit = 16

  /// Who asked for reclaim.
  enum Reclaimer: Equatable {
    /// The background thread.
    case kswapd
    /// A process that found no free frame.
    case direct
    /// A process whose memory group is at its limit.
    case group
  }

  /// Adds a page that was not used of late to the lists of its group: to the young end of the inactive
  /// one, or to an old generation.
  mutating func addToInactive(_ frame: PageFrameNumber) {
    let group = group(of: frame)
    if replacement == .multiGenerational { return addUnused(frame, of: group) }
    addToInactive(frame, of: group)
  }

  /// Adds a page to the young end of the inactive list of its group, which the caller knows.
  @inline(__always)
  mutating func addToInactive(_ frame: PageFrameNumber, of group: Int) {
    frames[frame].flags = frames[frame].flags.union(.onList).subtracting(.active)
    groups[group].inactive.pushFront(frame, in: &frames)
  }

  /// Adds a page to the young end of the active list of its group, which the caller knows; where there
  /// is no active list, to its youngest generation, or for a baseline to the young end of its list.
  @inline(__always)
  mutating func addToActive(_ frame: PageFrameNumber, of group: Int) {
    if replacement != .twoList { return addToYoungEnd(frame, of: group) }
    frames[frame].flags.insert([.onList, .active])
    groups[group].active.pushFront(frame, in: &frames)
  }

  private mutating func addToYoungEnd(_ frame: PageFrameNumber, of group: Int) {
    if replacement == .multiGenerational {
      addToYoungest(frame, of: group)
    } else {
      addToInactive(frame, of: group)
    }
  }

  /// Takes a page off whatever LRU list it is on.
  mutating func takeOffList(_ frame: PageFrameNumber) {
    let flags = frames[frame].flags
    guard flags.contains(.onList) else { return }
    let group = group(of: frame)
    if !flags.contains(.swapBacked) {
      takeOffFileList(frame, of: group)
    } else if flags.contains(.active) {
      groups[group].active.remove(frame, in: &frames)
    } else if replacement == .multiGenerational {
      generations[group].remove(frame, in: &frames)
    } else {
      groups[group].inactive.remove(frame, in: &frames)
    }
    frames[frame].flags.remove([.onList])
  }

  /// Wakes kswapd where no zone up to the highest that a request may use is above its high mark, and
  /// lets it run to its end.
  mutating func wakeKswapd(for highest: ZoneKind) {
    guard !isReclaiming, kswapdFailures < Self.kswapdFailureLimit,
      !buddy.isBalanced(upTo: highest)
    else { return }
    isReclaiming = true
    highestReclaimedZone = highest
    buddy.setReclaimActive(true, upTo: highest)
    defer {
      isReclaiming = false
      highestReclaimedZone = .movable
      buddy.setReclaimActive(false, upTo: highest)
    }
    let costBefore = waitedCost()
    counters.add(.pageoutrun)
    noteCurrentProcessRan()
    let boosts = buddy.boosts(upTo: highest)
    let goal = buddy.reclaimGoal(upTo: highest, least: Self.reclaimBatch)
    var priority = firstKswapdPriority(goal: goal)
    var total = 0
    while priority >= 1 && !buddy.isBalanced(upTo: highest) {
      var reclaimed = 0
      let scannedBefore = counters[.pgscanKswapd]
      for group in 0..<groups.count {
        if replacement == .multiGenerational {
          ageForKswapd(group)
        } else if groups[group].isInactiveLow(pageSize: pageSize) {
          shrinkActive(group, count: Self.reclaimBatch)
        }
        reclaimed += reclaimPass(
          group,
          priority: priority,
          goal: goal,
          after: reclaimed,
          by: .kswapd,
          skippingCMA: false
        )
      }
      total += reclaimed
      let scanned = Int(counters[.pgscanKswapd] - scannedBefore)
      if scanned < goal || reclaimed == 0 { priority -= 1 }
    }
    kswapdFailures = total == 0 ? kswapdFailures + 1 : 0
    buddy.lowerBoosts(by: boosts)
    excludeFromStalls(since: costBefore)
  }

  /// Direct reclaim from all groups, of pages in zones up to the highest that a request may use.
  ///
  /// - Returns: pages freed.
  mutating func reclaimDirectly(skippingCMA: Bool, for highest: ZoneKind) -> Int {
    isReclaiming = true
    highestReclaimedZone = highest
    defer {
      isReclaiming = false
      highestReclaimedZone = .movable
    }
    noteCurrentProcessRan()
    var total = 0
    for priority in stride(from: Self.firstPriority, through: 0, by: -1) {
      for group in 0..<groups.count {
        total += reclaimPass(
          group,
          priority: priority,
          goal: Self.reclaimBatch,
          after: total,
          by: .direct,
          skippingCMA: skippingCMA
        )
      }
      if total >= Self.reclaimBatch { break }
    }
    for group in 0..<groups.count { groups[group].noteReclaimEnded() }
    if total > 0 { kswapdFailures = 0 }
    return total
  }

  /// Reclaim from one group that is at its limit.
  ///
  /// - Returns: pages freed.
  mutating func reclaimGroup(_ group: Int) -> Int {
    guard !isReclaiming else { return 0 }
    isReclaiming = true
    defer { isReclaiming = false }
    noteCurrentProcessRan()
    var total = 0
    let goal = replacement.isBaseline ? 1 : Self.reclaimBatch
    for priority in stride(from: Self.firstPriority, through: 0, by: -1) {
      total += reclaimPass(
        group,
        priority: priority,
        goal: goal,
        after: total,
        by: .group,
        skippingCMA: false
      )
      if total >= goal { break }
    }
    groups[group].noteReclaimEnded()
    return total
  }

  /// Whether anonymous pages have anywhere to go.
  var hasFreeSlots: Bool { device.freeSlots > 0 }

  /// One pass over the lists of a group at one priority.
  ///
  /// `total` is what the caller has reclaimed so far.
  private mutating func reclaimPass(
    _ group: Int,
    priority: Int,
    goal: Int,
    after total: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    noteResidentPages(of: currentProcess)
    watch.reclaimer = who
    switch replacement {
    case .twoList: break
    case .multiGenerational:
      let pass = GenerationPass(
        group: group,
        priority: priority,
        goal: goal - total,
        who: who,
        skippingCMA: skippingCMA,
        maxSequence: generations[group].maxSequence
      )
      return shrinkGenerations(pass)
    case .exact, .clock:
      return evictOldest(
        group,
        priority: priority,
        goal: goal,
        by: who,
        skippingCMA: skippingCMA
      )
    }
    groups[group].flushStatistics()
    if hasFilePages {
      return shrinkAllLists(
        group,
        priority: priority,
        goal: goal,
        by: who,
        skippingCMA: skippingCMA
      )
    }
    var reclaimed = shrinkLazyFree(group, priority: priority, by: who)
    guard hasFreeSlots else { return reclaimed }
    let state = groups[group]
    let mayDeactivate =
      state.activations != state.activationsSnapshot
      || state.isInactiveLow(pageSize: pageSize)
    let swappiness = configuration.swappiness
    let inactivePages = eligiblePages(of: state.inactive)
    let activePages = eligiblePages(of: state.active)
    var inactiveLeft = scanAmount(state, size: inactivePages, priority, by: who)
    var activeLeft = scanAmount(state, size: activePages, priority, by: who)
    while inactiveLeft > 0 {
      let inactiveStep = min(inactiveLeft, Self.reclaimBatch)
      inactiveLeft -= inactiveStep
      reclaimed += shrinkInactive(group, count: inactiveStep, by: who, skippingCMA: skippingCMA)
      let activeStep = min(activeLeft, Self.reclaimBatch)
      activeLeft -= activeStep
      if activeStep > 0 && mayDeactivate { shrinkActive(group, count: activeStep) }
      let finishesPass = who == .direct && priority == Self.firstPriority
      if reclaimed >= goal && !finishesPass { break }
    }
    if swappiness > 0 && groups[group].isInactiveLow(pageSize: pageSize) {
      shrinkActive(group, count: Self.reclaimBatch)
    }
    return reclaimed
  }

  /// How much of a list to scan: without file pages, reclaim of the whole machine scans anonymous
  /// pages only ("file is tiny"), while a group at its limit scans the share that swappiness gives.
  private func scanAmount(
    _ state: MemoryGroup,
    size: Int,
    _ priority: Int,
    by who: Reclaimer
  ) -> Int {
    if who != .group && size >> priority > 0 { return size >> priority }
    return state.scanAmount(
      size: size,
      priority: priority,
      swappiness: configuration.swappiness
    )
  }

  /// Deactivates pages from the old end of the active list, referenced or not.
  mutating func shrinkActive(_ group: Int, count: Int) {
    drainBatch()
    var deactivated = 0
    var skipped: [PageFrameNumber] = []
    while deactivated < count, let frame = groups[group].active.popBack(in: &frames) {
      if isAboveReclaimedZones(frame) {
        countSkipped(frame)
        skipped.append(frame)
        continue
      }
      deactivated += 1
      _ = clearYoung(frame)
      frames[frame].flags = frames[frame].flags.subtracting(.active).union(.workingset)
      groups[group].inactive.pushFront(frame, in: &frames)
    }
    for frame in skipped { groups[group].active.pushFront(frame, in: &frames) }
    counters.add(.pgrefill, deactivated)
    counters.add(.pgdeactivate, deactivated)
  }

  /// What reclaim decided about one page.
  enum Verdict {
    /// Frees its frame.
    case reclaim
    /// Goes back to the young end of the inactive list.
    case keep
    /// Goes to the active list.
    case activate
  }

  /// Looks at pages from the old end of the inactive list.
  ///
  /// - Returns: pages freed.
  mutating func shrinkInactive(
    _ group: Int,
    count: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    drainBatch()
    finishWrites()
    let writesBefore = counters[.pswpout]
    // A batch lies on the stack, so that reclaim allocates nothing.
    precondition(count <= Self.reclaimBatch, "a step of reclaim over \(count) pages")
    var isolated = InlineArray<32, PageFrameNumber>(repeating: zeroFrame)
    var verdicts = InlineArray<32, Verdict>(repeating: .keep)
    var isolatedPages = 0
    let skips = skippingCMA || !reclaimsAllZones
    groups[group].inactive.takeBack(skips ? 0 : count, in: &frames) { frame in
      isolated[isolatedPages] = frame
      isolatedPages += 1
    }
    if skips {
      isolatedPages = isolateEligible(
        group,
        count: count,
        skippingCMA: skippingCMA,
        into: &isolated
      )
    }
    countScanned(isolatedPages, by: who)
    // All pages are judged before any is touched, which changes no verdict, since a verdict depends on
    // its own page only: in a short loop the look-ups of different pages wait for memory together.
    for index in 0..<isolatedPages {
      frames[isolated[index]].flags.remove(.onList)
      verdicts[index] = judge(isolated[index])
    }
    var reclaimed = 0
    for index in 0..<isolatedPages {
      let frame = isolated[index]
      switch verdicts[index] == .reclaim ? reclaimUnused(frame, of: group) : verdicts[index] {
      case .reclaim: reclaimed += 1
      case .keep: addToInactive(frame, of: group)
      case .activate: activate(frame, in: group)
      }
    }
    countReclaimed(reclaimed, by: who)
    let written = Int(counters[.pswpout] - writesBefore)
    groups[group].noteCost(
      configuration.kernel.reclaimCost(written: written, rotated: isolatedPages - reclaimed)
    )
    return reclaimed
  }

  /// Moves a page that is in use to the active list.
  mutating func activate(_ frame: PageFrameNumber, in group: Int) {
    counters.add(.pgactivate)
    groups[group].nonresidentAge += groups[group].agePerEviction
    addToActive(frame, of: group)
    freeSwapCopyIfFull(frame)
  }

  /// Gives up the swap-cache copy of a page that is in use, where swap is more than half full.
  mutating func freeSwapCopyIfFull(_ frame: PageFrameNumber) {
    if frames[frame].flags.contains(.inSwapCache) && device.isMoreThanHalfFull {
      _ = freeSwapCopy(of: frame)
    }
  }

  /// What to do with an isolated page, before its swap slot is considered.
  @inline(__always)
  mutating func judge(_ frame: PageFrameNumber) -> Verdict {
    let flags = frames[frame].flags
    if !flags.isDisjoint(with: [.held, .writeback]) {
      return flags.contains(.held) ? .keep : .activate
    }
    return referenceCheck(frame)
  }

  /// The second chance: what the young bits and the referenced flag say about a page.
  @inline(__always)
  mutating func referenceCheck(_ frame: PageFrameNumber) -> Verdict {
    let young = clearYoung(frame)
    let flags = frames[frame].flags
    guard young > 0 else {
      frames[frame].flags = flags.subtracting(.referenced)
      return .reclaim
    }
    frames[frame].flags = flags.union(.referenced)
    return flags.contains(.referenced) || young > 1 ? .activate : .keep
  }

  /// Clears the young bit of every mapping.
  ///
  /// - Returns: how many mappings had it set.
  @inline(__always)
  mutating func clearYoung(_ frame: PageFrameNumber) -> Int {
    if frames[frame].flags.contains(.sharedMapping) { return clearYoungOfAll(frame) }
    let page = frames[frame].ownerPage
    guard page != Self.noPage else { return 0 }
    let table = processes[Int(frames[frame].ownerSpace)].table
    return table.clearYoung(page) ? 1 : 0
  }

  private mutating func clearYoungOfAll(_ frame: PageFrameNumber) -> Int {
    var young = 0
    for mapping in mappings(of: frame)
    where processes[Int(mapping.process)].table.clearYoung(mapping.page) { young += 1 }
    return young
  }

  mutating func countScanned(_ count: Int, by who: Reclaimer, _ kind: PageKind = .anonymous) {
    counters.add(who == .kswapd ? .pgscanKswapd : .pgscanDirect, count)
    counters.add(kind == .anonymous ? .pgscanAnon : .pgscanFile, count)
  }

  mutating func countReclaimed(_ count: Int, by who: Reclaimer, _ kind: PageKind = .anonymous) {
    counters.add(who == .kswapd ? .pgstealKswapd : .pgstealDirect, count)
    counters.add(kind == .anonymous ? .pgstealAnon : .pgstealFile, count)
  }
}
