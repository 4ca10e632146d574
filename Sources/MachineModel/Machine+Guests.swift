// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel
import PhysicalMemory
import TagStorage

// Guests with MTE, whose memory is a process's: memory slots, stage-2 faults, tags of guests.
//
// The monitor maps the memory untagged, so that nothing but the frame says that a page has tags: swap,
// copies and moves follow the frame. A stage-2 entry goes whenever the host's own entry changes, as the
// MMU notifiers have it.
//
// Source: Linux v6.8 arm64 `user_mem_abort` and `sanitise_mte_tags`; dynamic tag storage RFC v3;
// specification of tag storage, section 10.

extension Machine {
  /// `KVM_SET_USER_MEMORY_REGION`: makes, moves or deletes a memory slot of a guest with MTE.
  ///
  /// EINVAL where the slot is not aligned to pages, its number is too high, a mapping in it may not be
  /// tagged, there is no slot to delete, or the design hides MTE from guests.
  mutating func setMemorySlot(
    _ number: UInt32,
    address: UInt64,
    length: UInt64,
    of process: Int
  ) -> Outcome {
    let mask = UInt64(pageSize.bytes - 1)
    let (end, overflow) = address.addingReportingOverflow(length)
    guard policy.guests != .hidden, number < GuestMemory.slotLimit, address & mask == 0,
      length & mask == 0, !overflow, end <= 1 << UInt64(configuration.addressBits)
    else { return .error(.einval) }
    let old = processes[process].guest.pages(ofSlot: number)
    var new: Range<VirtualPageNumber>?
    if length == 0 {
      guard old != nil else { return .error(.einval) }
    } else {
      let first = VirtualPageNumber(address: address, pageSize: pageSize)
      let pages = first..<VirtualPageNumber(address: end, pageSize: pageSize)
      guard processes[process].vmas.mayBelongToGuest(pages) else { return .error(.einval) }
      new = pages
    }
    if let old {
      markForGuest(false, old, of: process)
      dropStageTwo(in: old, of: process)
    }
    processes[process].guest.setSlot(number, to: new)
    if let new { markForGuest(true, new, of: process) }
    hasGuests = true
    return steps
  }

  /// A guest reads or writes its memory, or stores tags to it.
  ///
  /// What the host cannot map for the guest leaves `KVM_RUN` with EFAULT: memory outside every slot, or in a
  /// mapping that is gone, forbids the access or may not be tagged. `stamp` stands for what a write leaves.
  public mutating func perform(_ access: GuestAccess, of process: Int, stamp: UInt64) -> Outcome {
    guard processes[process].isAlive else { return .processGone }
    if process != currentProcess { switchProcessor(to: process) }
    steps = .hit
    lastValue = nil
    let number = VirtualPageNumber(address: access.address, pageSize: pageSize)
    guard processes[process].guest.contains(number), let vma = processes[process].vmas.find(number),
      vma.mayBelongToGuest, FaultArea(vma).allows(isWrite: access.kind.isWrite)
    else {
      counters.add(.s2Efault)
      return .error(.efault)
    }
    let page = processes[process].pageIndex.identifierAdding(number)
    guard reachFromGuest(page, isWrite: access.kind.isWrite, of: process) else {
      return processes[process].isAlive ? steps : steps.union(.processGone)
    }
    switch access.kind {
    case .read: break
    case .write: write(stamp, to: page, of: process)
    case .storeTags(let tags):
      let first = Int(access.address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
      let frame = PageFrameNumber(rawValue: processes[process].table.target(page))
      for (granule, tag) in zip(first..., tags) {
        storeTags(toFrame: frame, first: granule, count: 1, tag: MemoryTag(truncating: tag))
      }
    }
    return steps
  }

  /// Makes a page present for a guest, with tags: the host's fault where its own entry does not do, and
  /// the stage-2 fault.
  ///
  /// - Returns: whether the access can be performed; where not, ``steps`` says why.
  private mutating func reachFromGuest(
    _ page: PageIdentifier,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    var attempts = 0
    while true {
      let faults = counters[.pgfault]
      let isPresent =
        replacement.isBaseline
        ? accessNotingUse(page, isWrite: isWrite, of: process)
        : access(page, isWrite: isWrite, of: process)
      if counters[.pgfault] != faults { endStallOfFault() }
      guard isPresent else { return false }
      let target = processes[process].table.target(page)
      if processes[process].guest.hasEntry(page, to: target) { return true }
      beginStallOfFault()
      faultOnStageTwo(page, of: process)
      // Taking a tag page may swap the page out again, or end the process.
      settleTagPages()
      endStallOfFault()
      guard processes[process].isAlive else { return false }
      attempts += 1
      guard attempts <= replayCap else {
        counters.add(.livelocks)
        steps.insert(.livelock)
        return false
      }
    }
  }

  /// Maps a present page for a guest, unless it had to be replaced, or that failed: the guest's access is
  /// replayed in any case.
  private mutating func faultOnStageTwo(_ page: PageIdentifier, of process: Int) {
    counters.add(.s2Fault)
    steps.insert(.stageTwoFault)
    let address = processes[process].pageIndex.page(of: page)
    let next = VirtualPageNumber(rawValue: address.rawValue + 1)
    markForGuest(true, address..<next, of: process)
    let frame = PageFrameNumber(rawValue: processes[process].table.target(page))
    if processes[process].table.state(page) == .frame {
      guard makeTaggable(frame), processes[process].isAlive else { return }
      if !frames[frame].flags.contains(.tagged) { initializeTags(of: frame) }
    }
    processes[process].guest.addEntry(page, to: frame.rawValue)
  }

  /// Makes sure that a page of a guest can hold tags where it is: its tag storage is reserved, or the page
  /// is replaced by one that can.
  ///
  /// - Returns: `false` where the page is no longer where it was, or could not be helped.
  private mutating func makeTaggable(_ frame: PageFrameNumber) -> Bool {
    if canHoldTags(frame) { return true }
    guard let reservation else {
      preconditionFailure("frame \(frame.rawValue) cannot hold tags, though nothing is reserved")
    }
    noteSlow()
    let isTagStorage =
      frames[frame].flags.contains(.tagStorage) && policy.selfTagging == .untaggable
    if !isTagStorage {
      hold(frame)
      let result = reserveTagStorage(for: frame)
      letGo(frame)
      if result == .reserved {
        counters.add(.s2Reserve)
        return true
      }
    }
    replace(frame, reservation, cause: .s2Replace, failure: .s2ReplaceFail)
    return false
  }

  /// Marks VMAs as memory of a guest with MTE, or takes the mark away, where the design has it.
  private mutating func markForGuest(
    _ isMarked: Bool,
    _ range: Range<VirtualPageNumber>,
    of process: Int
  ) {
    guard reservation != nil, policy.guests == .flagged else { return }
    let changed = processes[process].vmas.markForGuest(isMarked, in: range)
    if isMarked { counters.add(.vmaFlagSet, changed) }
  }

  /// Takes stage-2 entries of a range away, as MMU notifiers do for what happens to the host's entries.
  mutating func dropStageTwo(in range: Range<VirtualPageNumber>, of process: Int) {
    let index = processes[process].pageIndex
    processes[process].guest.removeEntries { range.contains(index.page(of: $0)) }
  }
}
