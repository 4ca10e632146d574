// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// A fault on a swapped page.
// Source: Linux v6.8 `do_swap_page`; specification of the kernel around us, sections 5.6, 5.7, 6.4.

extension Machine {
  /// Brings a swapped page back and maps it.
  mutating func swapIn(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    noteSlow()
    let slot = processes[process].table.target(page)
    if device.isSynchronous(slot) && device.hasOnlyOneUser(slot) {
      return swapInDirectly(page, slot: slot, in: vma, isWrite: isWrite, of: process)
    }
    let frame: PageFrameNumber
    if let cached = device.cachedFrame(slot) {
      frame = PageFrameNumber(rawValue: cached)
      noteCacheHit(frame, at: address, of: process)
    } else {
      guard let read = readFromDevice(page, slot: slot, at: address, in: vma, of: process) else {
        return false
      }
      frame = read
      countDeviceRead()
    }
    return finishSwapIn(frame, page, slot: slot, in: vma, isWrite: isWrite, of: process)
  }

  @inline(__always)
  private mutating func countDeviceRead() {
    counters.add(.faultSwapDevice)
    counters.add(.pgmajfault)
    steps.insert(.swappedIn)
  }

  /// Counts a fault on a page that is in the swap cache, and lets read-ahead learn from it.
  private mutating func noteCacheHit(
    _ frame: PageFrameNumber,
    at address: VirtualPageNumber,
    of process: Int
  ) {
    counters.add(.faultSwapCache)
    steps.insert(.swapCacheHit)
    let wasReadAhead = noteUseOfReadAhead(frame)
    guard !device.hasRotational else {
      if wasReadAhead { clusterReadAhead.noteReadAheadHit() }
      return
    }
    guard let area = processes[process].vmas.find(address) else { return }
    var state = AreaReadAhead(rawValue: area.readAhead)
    state.noteCacheHit(at: address, wasReadAhead: wasReadAhead)
    processes[process].vmas.setReadAhead(state.rawValue, at: address)
  }

  /// Counts the first use of a page that was read ahead.
  ///
  /// - Returns: whether it is that.
  @discardableResult
  mutating func noteUseOfReadAhead(_ frame: PageFrameNumber) -> Bool {
    guard frames[frame].flags.contains(.readAhead) else { return false }
    frames[frame].flags.remove(.readAhead)
    counters.add(.swapRaHit)
    return true
  }

  /// Reads a page from a synchronous device into a frame of its own, past the swap cache.
  ///
  /// The page has no other user, so that its slot is given back at once, and the page has no copy on
  /// the device any more: it must be written again.
  ///
  /// Source: Linux v6.8 `do_swap_page`, `SWP_SYNCHRONOUS_IO`.
  private mutating func swapInDirectly(
    _ page: PageIdentifier,
    slot: UInt32,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    guard let frame = allocateFrame(for: page, swappedTo: slot, in: vma, of: process) else {
      return false
    }
    readSlot(slot, into: frame)
    addToBatch(frame)
    countDeviceRead()
    // Before the slot can be reused, whoever owns the page next must find the tags in place.
    restoreTags(of: frame, from: slot)
    device.takeBack(slot, released: &releasedSlots)
    frames[frame].flags.insert([.dirty, .exclusive])
    endKeptTags(page, of: process)
    mapFrame(frame, at: page, in: vma, of: process, writable: isWrite, dirty: isWrite)
    dropReleasedSlots()
    note(.swapIn, process: process, page: page)
    return true
  }

  /// Allocates a frame for a swapped page, for the list that its past deserves.
  ///
  /// - Returns: `nil` where memory ran out, or the allocation ended the process or brought the page
  ///   back by another way.
  @inline(__always)
  private mutating func allocateFrame(
    for page: PageIdentifier,
    swappedTo slot: UInt32,
    in vma: FaultArea,
    of process: Int
  ) -> PageFrameNumber? {
    guard let frame = allocateUserFrame(tagged: vma.flags.wantsTagStorage, charging: process) else {
      return nil
    }
    guard processes[process].isAlive, processes[process].table.target(page) == slot else {
      freeUserFrame(frame)
      return nil
    }
    let group = processes[process].group
    frames[frame].flags.insert(.swapBacked)
    noteRefault(of: frame, slot: slot, in: group, for: .fault)
    return frame
  }

  /// Allocates a frame for a swapped page and reads the page and its neighbours into the swap cache.
  private mutating func readFromDevice(
    _ page: PageIdentifier,
    slot: UInt32,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> PageFrameNumber? {
    guard let frame = allocateFrame(for: page, swappedTo: slot, in: vma, of: process) else {
      return nil
    }
    guard device.claimForCache(slot) == .claimed else {
      preconditionFailure("slot \(slot) is in a page table, not cached, and cannot be claimed")
    }
    readSlot(slot, into: frame)
    device.addToCache(slot, frame: frame.rawValue)
    frames[frame].swapSlot = slot
    frames[frame].flags.insert(.inSwapCache)
    hold(frame)
    if device.hasRotational {
      readAhead(around: slot, of: frame)
    } else {
      readAhead(around: address, of: frame, of: process)
    }
    letGo(frame)
    return frame
  }

  /// Copies the contents of a slot into a frame.
  @inline(__always)
  private mutating func readSlot(_ slot: UInt32, into frame: PageFrameNumber) {
    if storesSwappedPages {
      readStoredSlot(slot, into: frame)
      return
    }
    readDevice(slot, into: frame)
  }

  /// ``readSlot(_:into:)`` where the page may be in the store, or lie on another device.
  private mutating func readStoredSlot(_ slot: UInt32, into frame: PageFrameNumber) {
    guard let stamp = readFromStore(slot) else {
      readDevice(forwards.target(of: slot) ?? slot, into: frame)
      return
    }
    guard configuration.isObserved else { return }
    contents[frame.index] = configuration.injectedFaults.contains(.dropData) ? 0 : stamp
  }

  @inline(__always)
  private mutating func readDevice(_ slot: UInt32, into frame: PageFrameNumber) {
    counters.add(.pswpin)
    if device.isSynchronous(slot) { counters.add(.pswpinSync) }
    guard configuration.isObserved else { return }
    contents[frame.index] =
      configuration.injectedFaults.contains(.dropData) ? 0 : device.read(slot)
  }

  /// Restores the tags of a page in the swap cache, drops the entry's reference, and maps the page.
  private mutating func finishSwapIn(
    _ frame: PageFrameNumber,
    _ page: PageIdentifier,
    slot: UInt32,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    // A batch that holds the page has a reference to it, which must not count as a user.
    if isWrite && !frames[frame].flags.contains(.onList) { drainBatch() }
    let table = processes[process].table
    let exclusive = table.state(page) == .swapExclusive
    // Before the slot can be reused, whoever owns the page next must find the tags in place.
    restoreTags(of: frame, from: slot)
    table.clear(page)
    endKeptTags(page, of: process)
    device.drop(slot, released: &releasedSlots)
    if device.isMoreThanHalfFull || isWrite && mapCount(frame) == 0 {
      _ = freeSwapCopy(of: frame)
    }
    if exclusive { frames[frame].flags.insert(.exclusive) }
    let writable = isWrite && (exclusive || device.count(slot) == 0 && mapCount(frame) == 0)
    if writable { frames[frame].flags.insert(.exclusive) }
    mapFrame(frame, at: page, in: vma, of: process, writable: writable, dirty: writable)
    dropReleasedSlots()
    note(.swapIn, process: process, page: page)
    guard isWrite && !writable && table.state(page) == .frame else { return true }
    // A write to a page that others share goes on to copy it within the same fault.
    return faultOnFrame(page, in: vma, isWrite: true, of: process)
  }

  /// Looks at what an evicted page left behind and decides whether it belongs to the working set.
  @inline(__always)
  private mutating func noteRefault(
    of frame: PageFrameNumber,
    slot: UInt32,
    in group: Int,
    for cause: ReadCause
  ) {
    guard let word = device.shadow(slot) else { return }
    let shadow = Shadow(word: word)
    guard replacement == .twoList else {
      return noteRefault(of: frame, leaving: shadow, in: group, for: cause)
    }
    counters.add(.workingsetRefaultAnon)
    let distance = groups[group].nonresidentAge - shadow.age
    // A refault competes with the file lists, which are the droppable pages where files have no frames,
    // and with the active list as long as that could be swapped out.
    let filePages =
      hasFilePages
      ? groups[group].knownInactiveFilePages + groups[group].knownActiveFilePages
      : groups[group].inactiveFilePages
    let workingSet = filePages + (hasFreeSlots ? groups[group].knownActivePages : 0)
    guard distance <= UInt64(workingSet) else { return }
    counters.add(.workingsetActivateAnon)
    groups[group].nonresidentAge += 1
    groups[group].activations += 1
    frames[frame].flags.insert(.active)
    if shadow.wasInWorkingset {
      counters.add(.workingsetRestoreAnon)
      frames[frame].flags.insert(.workingset)
      groups[group].noteCost(configuration.kernel.reclaimCost(written: 1, rotated: 0))
    }
  }

  /// Reads the swapped neighbours of a faulting page into the swap cache, and lets all of them and the
  /// page itself wait for their list by address; an empty window leaves the batch alone.
  private mutating func readAhead(
    around address: VirtualPageNumber,
    of frame: PageFrameNumber,
    of process: Int
  ) {
    guard let vma = processes[process].vmas.find(address) else {
      preconditionFailure("no VMA at \(address), which has just faulted")
    }
    var state = AreaReadAhead(rawValue: vma.readAhead)
    let window = state.pages(
      faulting: address,
      in: vma.pages,
      pageSize: pageSize,
      pageCluster: configuration.swap.pageCluster
    )
    processes[process].vmas.setReadAhead(state.rawValue, at: address)
    let index = processes[process].pageIndex
    var neighbour = window.lowerBound
    while neighbour < window.upperBound {
      defer { neighbour = VirtualPageNumber(rawValue: neighbour.rawValue + 1) }
      if neighbour == address {
        addToBatch(frame)
      } else if let page = index.identifier(of: neighbour),
        let frame = readUnmapped(page, of: process, for: .fault)
      {
        noteReadAhead(frame)
      }
    }
    if configuration.swap.pageCluster > 0 && state.window > 1 { drainBatch() }
  }

  /// ``readAhead(around:of:of:)`` by slots of the device, on machines with a rotational one.
  ///
  /// The neighbours may be pages of others, whose groups pay for them.
  private mutating func readAhead(around slot: UInt32, of frame: PageFrameNumber) {
    let slots = device.slots(of: device.type(of: slot))
    let window = clusterReadAhead.slots(
      faulting: slot - slots.lowerBound,
      of: slots.count,
      pageCluster: configuration.swap.pageCluster
    )
    for offset in window {
      let neighbour = slots.lowerBound + offset
      if neighbour == slot {
        addToBatch(frame)
      } else if let frame = readIntoCache(
        neighbour,
        charging: Int(slotOwners[Int(neighbour)]),
        for: .fault
      ) {
        noteReadAhead(frame)
      }
    }
    if clusterReadAhead.window > 1 { drainBatch() }
  }

  private mutating func noteReadAhead(_ frame: PageFrameNumber) {
    frames[frame].flags.insert(.readAhead)
    counters.add(.swapRa)
  }

  /// `MADV_WILLNEED`: reads the swapped pages of a range into the swap cache.
  ///
  /// Source: Linux v6.8 `swapin_walk_pmd_entry`, whose pages do not count as read ahead.
  mutating func readFromSwap(_ range: Range<VirtualPageNumber>, of process: Int) {
    for page in processes[process].pageIndex.identifiers(in: range) {
      _ = readUnmapped(page, of: process, for: .advice)
    }
    drainBatch()
  }

  /// Reads one swapped page into the swap cache without mapping it.
  ///
  /// - Returns: its frame; `nil` where the page is not swapped, or cached already, or memory is short.
  private mutating func readUnmapped(
    _ page: PageIdentifier,
    of process: Int,
    for cause: ReadCause
  ) -> PageFrameNumber? {
    let table = processes[process].table
    let state = table.state(page)
    guard state == .swap || state == .swapExclusive else { return nil }
    return readIntoCache(table.target(page), charging: process, for: cause)
  }

  /// Reads the page of a slot into the swap cache without mapping it.
  ///
  /// - Returns: its frame; `nil` where the slot has no users, or its page is cached already, or memory is
  ///   short.
  mutating func readIntoCache(
    _ slot: UInt32,
    charging process: Int,
    for cause: ReadCause
  ) -> PageFrameNumber? {
    // A slot that holds the page of another has no page table to be read for.
    guard device.count(slot) > 0, !device.hasCache(slot), forwards.origin(of: slot) == nil else {
      return nil
    }
    // Read-ahead knows no mapping, so its pages never ask for tag storage, and it gives up where
    // memory is short.
    guard let frame = allocateReadAheadFrame(for: process) else { return nil }
    guard device.claimForCache(slot) == .claimed else {
      freeUserFrame(frame)
      return nil
    }
    frames[frame].flags.insert([.swapBacked, .inSwapCache])
    noteRefault(of: frame, slot: slot, in: processes[process].group, for: cause)
    device.addToCache(slot, frame: frame.rawValue)
    frames[frame].swapSlot = slot
    readSlot(slot, into: frame)
    switch cause {
    case .fault: addToBatch(frame)
    case .advice: addOutsideFault(frame)
    }
    return frame
  }

  mutating func allocateReadAheadFrame(for process: Int) -> PageFrameNumber? {
    let group = processes[process].group
    if let limit = groups[group].limitPages, groups[group].chargedPages >= limit {
      _ = reclaimGroup(group)
      guard groups[group].chargedPages < limit else { return nil }
    }
    var request = FrameRequest.user
    request.mayKill = false
    guard let frame = allocateFrame(request, for: process) else { return nil }
    groups[group].chargedPages += 1
    frames[frame].ownerPage = Self.noPage
    frames[frame].ownerSpace = UInt16(process)
    frames[frame].use = .anonymous
    return frame
  }
}
