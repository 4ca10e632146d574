// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

extension Machine {
  /// What an entry needs for a read to change nothing.
  private static var readHit: EntryFlags { [.readable, .young] }
  /// What an entry needs for a write to change nothing.
  ///
  /// `readable` is part of it, because an entry that faults on access keeps its write permission.
  private static var writeHit: EntryFlags { [.readable, .writable, .young, .dirty] }

  /// What an entry needs for a read to need no fault.
  private static var readRights: EntryFlags { .readable }
  /// What an entry needs for a write to need no fault.
  private static var writeRights: EntryFlags { [.readable, .writable] }

  /// Performs leading touches and tag stores of `records` that lie within a clock limit, with their
  /// faults.
  ///
  /// It is one loop over hits and faults, for runs without the shadow oracle: it leaves data stamps
  /// alone. It ends after an access that could not be performed; ``lastOutcome`` says why, and is
  /// that of the last event performed in any case.
  ///
  /// - Precondition: `range` lies within `records`.
  /// - Returns: the index of the first event not performed.
  /// - Complexity: O(*n*), where *n* is the number of events performed, plus their faults.
  public mutating func performTouchesAndTags(
    _ records: [EventRecord],
    in range: Range<Int>,
    until limit: UInt64,
    of process: Int
  ) -> Int {
    if process != currentProcess { switchProcessor(to: process) }
    var next = range.lowerBound
    while true {
      let missed = performHits(records, in: next..<range.upperBound, until: limit, of: process)
      if missed > next { steps = .hit }
      next = missed
      guard next < range.upperBound else { return next }
      let record = records[next]
      guard record.clock <= limit, processes[process].isAlive else { return next }
      if record.kind == .tagRun {
        next += 1
        guard storeTags(record, of: process) else { return next }
        continue
      }
      guard record.kind == .touch else { return next }
      steps = .hit
      next += 1
      let upcoming = prefetchNextFault(records, in: next..<range.upperBound, of: process)
      guard reach(record.page, at: nil, isWrite: record.count != 0, of: process) else {
        return next
      }
      if let upcoming { prefetchSlot(of: upcoming, of: process) }
    }
  }

  /// How many touches are looked through for the next one that faults.
  private static var lookahead: Int { 16 }

  /// Looks for the next touch that will fault and asks for what its fault reads first, so that it
  /// arrives while the present fault is handled.
  ///
  /// It changes nothing but speed, so that it may guess: an entry without read permission.
  ///
  /// - Returns: the page.
  @inline(__always)
  private func prefetchNextFault(
    _ records: [EventRecord],
    in range: Range<Int>,
    of process: Int
  ) -> PageIdentifier? {
    let table = processes[process].table
    let end = min(range.upperBound, range.lowerBound + Self.lookahead)
    let ahead = records.span.extracting(range.lowerBound..<end)
    let found: PageIdentifier? = table.withFlags { flags in
      var index = 0
      while index < ahead.count {
        // The loop's condition is the check of the index.
        let page = unsafe ahead[unchecked: index].page
        // The number of an operation is no page, and may be none of the table.
        guard Int(page) < flags.count else { return nil }
        if flags[Int(page)] & Self.readRights.rawValue == 0 { return page }
        index += 1
      }
      return nil
    }
    guard let found else { return nil }
    table.prefetchTarget(found)
    processes[process].pageIndex.prefetch(found)
    return found
  }

  /// Asks for the swap slot of a page that is about to fault.
  @inline(__always)
  private func prefetchSlot(of page: PageIdentifier, of process: Int) {
    let table = processes[process].table
    if table.state(page).hasSlot { device.prefetch(table.target(page)) }
  }

  /// The steps of the last event.
  public var lastOutcome: Outcome { steps }

  /// Performs leading touches of `records` that need no fault and lie within a clock limit.
  ///
  /// This is the hit path: one load of the page-table entry's flags and one or two comparisons for
  /// each event; the young and dirty bits are set on the way, as hardware does. It asks neither the
  /// design nor the codec.
  ///
  /// - Returns: the index of the first event not performed.
  @inline(__always)
  private mutating func performHits(
    _ records: [EventRecord],
    in range: Range<Int>,
    until limit: UInt64,
    of process: Int
  ) -> Int {
    // Exact LRU has to see every use.
    if replacement == .exact { return range.lowerBound }
    let table = processes[process].table
    let events = records.span.extracting(range)
    return table.withFlags { flags in
      var index = 0
      let end = events.count
      while index < end {
        // The loop's condition is the check of the index.
        let record = unsafe events[unchecked: index]
        guard record.kind == .touch, record.clock <= limit else { break }
        let isWrite = record.count != 0
        let needed = (isWrite ? Self.writeHit : Self.readHit).rawValue
        let page = Int(record.page)
        let entry = flags[page]
        if entry & needed != needed {
          let rights = (isWrite ? Self.writeRights : Self.readRights).rawValue
          guard entry & rights == rights else { break }
          flags[page] = entry | needed
        }
        index += 1
      }
      return range.lowerBound + index
    }
  }

  /// Makes a page present with the rights that an access needs, as often as it faults.
  ///
  /// - Returns: whether the access can be performed; where not, ``steps`` says why.
  mutating func access(_ page: PageIdentifier, isWrite: Bool, of process: Int) -> Bool {
    let needed = isWrite ? Self.writeHit : Self.readHit
    let table = processes[process].table
    var attempts = 0
    var isRetry = false
    while !table.flags(page).isSuperset(of: needed) {
      if setAccessedBits(page, isWrite: isWrite, in: table) { return true }
      attempts += 1
      if attempts > replayCap {
        counters.add(.livelocks)
        steps.insert(.livelock)
        return false
      }
      let isReplay = attempts > 1
      if isReplay { noteSlow() } else { beginStallOfFault() }
      guard fault(page, isWrite: isWrite, of: process, isReplay: isReplay, isRetry: &isRetry)
      else {
        settleTagPages()
        return false
      }
      // Taking a tag page may swap the page out again, or end the process.
      settleTagPages()
      guard processes[process].isAlive else { return false }
    }
    return true
  }

  /// Replays after which an access counts as a livelock.
  var replayCap: Int {
    reservation?.replayCap ?? 8
  }

  /// Sets the young and dirty bits of an entry that allows the access, as hardware does.
  ///
  /// - Returns: `false` where the entry does not allow it.
  private func setAccessedBits(
    _ page: PageIdentifier,
    isWrite: Bool,
    in table: ProcessTable
  ) -> Bool {
    var flags = table.flags(page)
    guard flags.isSuperset(of: isWrite ? Self.writeRights : Self.readRights) else { return false }
    flags.insert(isWrite ? [.young, .dirty] : .young)
    table.setFlags(page, flags)
    return true
  }

  /// Runs the fault handler once.
  ///
  /// `isReplay` says that the access faulted before. `isRetry` says that the handler asked to be run
  /// again, which together makes one completed run, and is set where it does so now.
  ///
  /// - Returns: whether the access may be tried again.
  mutating func fault(
    _ page: PageIdentifier,
    isWrite: Bool,
    of process: Int,
    isReplay: Bool,
    isRetry: inout Bool
  ) -> Bool {
    let continues = isRetry
    isRetry = false
    finishWrites()
    let address = processes[process].pageIndex.page(of: page)
    guard let index = processes[process].vmas.index(of: address) else {
      counters.add(.faultSignal)
      steps.insert(.unmapped)
      return false
    }
    let vma = FaultArea(processes[process].vmas.areas[index])
    guard vma.allows(isWrite: isWrite) else {
      counters.add(.faultSignal)
      steps.insert(.protected)
      return false
    }
    // The kernel counts runs of the handler, which it never enters for an access that gets a signal.
    if !continues { counters.add(.pgfault) }
    switch processes[process].table.state(page) {
    case .none, .filePage:
      return faultOnNothing(page, at: address, in: vma, isWrite: isWrite, of: process)
    case .zeroPage:
      return faultOnZeroPage(page, at: address, in: vma, isWrite: isWrite, of: process)
    case .frame:
      return faultOnFrame(page, in: vma, isWrite: isWrite, of: process)
    case .faultOnAccess:
      if isReplay { counters.add(.foaReplay) }
      isRetry = faultOnAccess(page, in: vma, of: process, mayRetry: !continues)
      return true
    case .swap, .swapExclusive:
      return swapIn(page, at: address, in: vma, isWrite: isWrite, of: process)
    }
  }
}
