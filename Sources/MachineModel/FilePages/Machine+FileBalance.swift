// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

// How reclaim divides its work between anonymous pages and those of files.
// Source: Linux v6.8 `prepare_scan_count`, `get_scan_count`, `shrink_lruvec`.

/// Which lists a pass of reclaim scans.
private enum ScanBalance {
  /// All of them, as the priority says.
  case equal
  /// The anonymous ones.
  case anonymous
  /// Those of files.
  case file
  /// All of them, shared out by what reclaim of each kind has cost.
  case byCost
}

/// Pages to be looked at, list by list.
private struct ScanAmounts {
  var inactiveAnonymous = 0
  var activeAnonymous = 0
  var inactiveFile = 0
  var activeFile = 0

  var anonymous: Int { inactiveAnonymous + activeAnonymous }
  var file: Int { inactiveFile + activeFile }

  /// Gives up the kind that has less left, and leaves of the other as large a part of what was planned
  /// as the first had left when it was given up.
  mutating func keepProportion(of planned: ScanAmounts) {
    func rest(_ planned: Int, _ left: Int, _ percent: Int) -> Int {
      let scanned = planned - left
      return max(0, planned * (100 - percent) / 100 - scanned)
    }
    if file > anonymous {
      let percent = anonymous * 100 / (planned.anonymous + 1)
      (inactiveAnonymous, activeAnonymous) = (0, 0)
      inactiveFile = rest(planned.inactiveFile, inactiveFile, percent)
      activeFile = rest(planned.activeFile, activeFile, percent)
    } else {
      let percent = file * 100 / (planned.file + 1)
      (inactiveFile, activeFile) = (0, 0)
      inactiveAnonymous = rest(planned.inactiveAnonymous, inactiveAnonymous, percent)
      activeAnonymous = rest(planned.activeAnonymous, activeAnonymous, percent)
    }
  }
}

/// The kinds of pages whose active lists a pass may shorten.
private struct Deactivation {
  var anonymous: Bool
  var file: Bool
}

extension Machine {
  /// One pass over the four lists of a group at one priority.
  ///
  /// - Returns: pages freed.
  mutating func shrinkAllLists(
    _ group: Int,
    priority: Int,
    goal: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    let deactivation = deactivation(of: group)
    let planned = amounts(group, priority: priority, by: who, deactivation)
    var left = planned
    var reclaimed = 0
    let finishesPass = who == .direct && priority == Self.firstPriority
    while left.inactiveAnonymous > 0 || left.file > 0 {
      var step = Self.take(from: &left.inactiveAnonymous)
      if step > 0 {
        reclaimed += shrinkInactive(group, count: step, by: who, skippingCMA: skippingCMA)
      }
      step = Self.take(from: &left.activeAnonymous)
      if step > 0 && deactivation.anonymous { shrinkActive(group, count: step) }
      step = Self.take(from: &left.inactiveFile)
      if step > 0 {
        reclaimed += shrinkInactiveFile(group, count: step, by: who, skippingCMA: skippingCMA)
      }
      step = Self.take(from: &left.activeFile)
      if step > 0 && deactivation.file { shrinkActiveFile(group, count: step) }
      if reclaimed < goal || finishesPass { continue }
      if left.anonymous == 0 || left.file == 0 { break }
      left.keepProportion(of: planned)
    }
    let mayAge = configuration.swappiness > 0 && hasFreeSlots
    if mayAge && groups[group].isInactiveLow(pageSize: pageSize) {
      shrinkActive(group, count: Self.reclaimBatch)
    }
    return reclaimed
  }

  private static func take(from amount: inout Int) -> Int {
    let step = min(amount, reclaimBatch)
    amount -= step
    return step
  }

  /// Which active lists are too long, or lose pages that come back too soon.
  private func deactivation(of group: Int) -> Deactivation {
    let state = groups[group]
    return Deactivation(
      anonymous: state.activations != state.activationsSnapshot
        || state.isInactiveLow(pageSize: pageSize),
      file: state.fileActivations != state.fileActivationsSnapshot
        || state.isInactiveLow(.file, pageSize: pageSize)
    )
  }

  private mutating func amounts(
    _ group: Int,
    priority: Int,
    by who: Reclaimer,
    _ deactivation: Deactivation
  ) -> ScanAmounts {
    let state = groups[group]
    var amounts = ScanAmounts(
      inactiveAnonymous: eligiblePages(of: state.inactive) >> priority,
      activeAnonymous: eligiblePages(of: state.active) >> priority,
      inactiveFile: eligiblePages(of: state.inactiveFile) >> priority,
      activeFile: eligiblePages(of: state.activeFile) >> priority
    )
    let swappiness = configuration.swappiness
    switch balance(of: state, priority: priority, by: who, deactivation) {
    case .equal: break
    case .anonymous: (amounts.inactiveFile, amounts.activeFile) = (0, 0)
    case .file: (amounts.inactiveAnonymous, amounts.activeAnonymous) = (0, 0)
    case .byCost:
      func share(_ pages: Int, _ kind: PageKind) -> Int {
        state.share(of: pages, kind, swappiness: swappiness)
      }
      amounts.inactiveAnonymous = share(amounts.inactiveAnonymous, .anonymous)
      amounts.activeAnonymous = share(amounts.activeAnonymous, .anonymous)
      amounts.inactiveFile = share(amounts.inactiveFile, .file)
      amounts.activeFile = share(amounts.activeFile, .file)
    }
    return amounts
  }

  private func balance(
    of state: MemoryGroup,
    priority: Int,
    by who: Reclaimer,
    _ deactivation: Deactivation
  ) -> ScanBalance {
    let swappiness = configuration.swappiness
    if !hasFreeSlots || who == .group && swappiness == 0 { return .file }
    if priority == 0 && swappiness > 0 { return .equal }
    if who != .group && !deactivation.anonymous && state.knownInactivePages >> priority > 0 {
      // Of files hardly anything is left, so that only anonymous pages can bring memory about.
      let file = state.knownInactiveFilePages + state.knownActiveFilePages
      let highMarks = buddy.reclaimGoal(upTo: .movable, least: 0)
      if file + buddy.freePages <= highMarks { return .anonymous }
    }
    // Plenty of pages of files were used once and not again; they go first.
    if state.knownInactiveFilePages >> priority > 0 && !deactivation.file { return .file }
    return .byCost
  }

  /// One pass over the file lists of a group that has generations for its anonymous pages.
  ///
  /// The kernel has generations for pages of files, too, and a controller that weighs both kinds by
  /// their refaults; here each pass scans as much of the file lists as its priority says.
  ///
  /// - Returns: pages freed.
  mutating func shrinkFileLists(
    _ group: Int,
    priority: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    groups[group].flushStatistics()
    let mayDeactivate = deactivation(of: group).file
    var inactive = eligiblePages(of: groups[group].inactiveFile) >> priority
    var active = eligiblePages(of: groups[group].activeFile) >> priority
    var reclaimed = 0
    while inactive > 0 || active > 0 {
      let step = Self.take(from: &inactive)
      if step > 0 {
        reclaimed += shrinkInactiveFile(group, count: step, by: who, skippingCMA: skippingCMA)
      }
      let aged = Self.take(from: &active)
      if aged > 0 && mayDeactivate { shrinkActiveFile(group, count: aged) }
    }
    return reclaimed
  }
}
