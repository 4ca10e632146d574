// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel
import PhysicalMemory
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

  /// Performs leading touches of `records` that need no fault and lie within a clock limit.
  ///
  /// This is the hit path: one load of the page-table entry's flags and one or two comparisons for
  /// each event; the young and dirty bits are set on the way, as hardware does. It asks neither the design nor the codec, and it leaves data stamps alone, so it is for
  /// runs without the shadow oracle.
  ///
  /// - Precondition: `range` lies within `records`.
  /// - Returns: the index of the first event not performed.
  /// - Complexity: O(*n*), where *n* is the number of events performed.
  public mutating func performHits(
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
      while index < events.count {
        let record = events[index]
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
      guard fault(page, isWrite: isWrite, of: process, isReplay: isReplay, isRetry: &isRetry)
      else { return false }
    }
    return true
  }

  /// Replays after which an access counts as a livelock.
  private var replayCap: Int {
    policy.reservation?.replayCap ?? 8
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
  private mutating func fault(
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
    guard let vma = processes[process].vmas.find(address) else {
      counters.add(.faultSignal)
      steps.insert(.unmapped)
      return false
    }
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
      return isWrite
        ? fillPage(page, at: address, in: vma, of: process)
        : mapZeroPage(page, at: address, in: vma, of: process)
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

extension VirtualMemoryArea {
  /// Whether the mapping's protection allows an access; arm64 user mappings that can be written can
  /// be read, too.
  func allows(isWrite: Bool) -> Bool {
    protection.contains(.write) || !isWrite && !protection.isDisjoint(with: [.read, .write])
  }
}
