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
    in vma: VirtualMemoryArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    let slot = processes[process].table.target(page)
    var bypassesCache = false
    let frame: PageFrameNumber
    if let cached = device.cachedFrame(slot) {
      frame = PageFrameNumber(rawValue: cached)
      counters.add(.faultSwapCache)
      steps.insert(.swapCacheHit)
      let wasReadAhead = frames.flags[frame.index].contains(.readAhead)
      if wasReadAhead {
        frames.flags[frame.index].remove(.readAhead)
        counters.add(.swapRaHit)
      }
      var state = AreaReadAhead(rawValue: vma.readAhead)
      state.noteCacheHit(at: address, wasReadAhead: wasReadAhead)
      processes[process].vmas.setReadAhead(state.rawValue, at: address)
    } else {
      bypassesCache = configuration.swap.device == .zram && device.count(slot) == 1
      guard
        let read = readFromDevice(
          page,
          slot: slot,
          at: address,
          in: vma,
          of: process,
          intoCache: !bypassesCache
        )
      else { return false }
      counters.add(.faultSwapDevice)
      counters.add(.pgmajfault)
      steps.insert(.swappedIn)
      frame = read
    }
    return finishSwapIn(
      frame,
      page,
      slot: slot,
      in: vma,
      isWrite: isWrite,
      of: process,
      bypassed: bypassesCache
    )
  }

  /// Allocates a frame for a swapped page and reads the page, with its neighbours where the swap
  /// cache is used.
  private mutating func readFromDevice(
    _ page: PageIdentifier,
    slot: UInt32,
    at address: VirtualPageNumber,
    in vma: VirtualMemoryArea,
    of process: Int,
    intoCache: Bool
  ) -> PageFrameNumber? {
    let group = processes[process].group
    guard let frame = allocateUserFrame(tagged: vma.flags.contains(.mte), charging: process) else {
      return nil
    }
    guard processes[process].isAlive, processes[process].table.target(page) == slot else {
      freeUserFrame(frame)
      return nil
    }
    guard device.claimForCache(slot) == .claimed else {
      preconditionFailure("slot \(slot) is in a page table, not cached, and cannot be claimed")
    }
    frames.flags[frame.index].insert(.swapBacked)
    noteRefault(of: frame, slot: slot, in: group)
    readSlot(slot, into: frame)
    guard intoCache else {
      addToBatch(frame)
      return frame
    }
    device.addToCache(slot, frame: frame.rawValue)
    frames.swapSlot[frame.index] = slot
    frames.flags[frame.index].insert(.inSwapCache)
    hold(frame)
    readAhead(around: address, of: frame, in: vma, of: process)
    letGo(frame)
    return frame
  }

  /// Copies the contents of a slot into a frame.
  private mutating func readSlot(_ slot: UInt32, into frame: PageFrameNumber) {
    counters.add(.pswpin)
    guard configuration.isObserved else { return }
    contents[frame.index] =
      configuration.injectedFaults.contains(.dropData) ? 0 : device.read(slot)
  }

  /// Restores tags, drops the entry's reference, and maps the page.
  private mutating func finishSwapIn(
    _ frame: PageFrameNumber,
    _ page: PageIdentifier,
    slot: UInt32,
    in vma: VirtualMemoryArea,
    isWrite: Bool,
    of process: Int,
    bypassed: Bool
  ) -> Bool {
    // A batch that holds the page has a reference to it, which must not count as a user.
    if isWrite && !bypassed && !frames.flags[frame.index].contains(.onList) { drainBatch() }
    let table = processes[process].table
    let exclusive = bypassed || table.state(page) == .swapExclusive
    // Before the slot can be reused, whoever owns the page next must find the tags in place.
    restoreTags(of: frame, from: slot)
    table.clear(page)
    device.drop(slot, released: &releasedSlots)
    if bypassed {
      _ = device.takeShadow(slot)
      device.clearClaim(slot, released: &releasedSlots)
    } else if device.isMoreThanHalfFull || isWrite && mapCount(frame) == 0 {
      _ = freeSwapCopy(of: frame)
    }
    // A bypassed page has no copy on the device any more: it must be written again.
    if bypassed { frames.flags[frame.index].insert(.dirty) }
    if exclusive { frames.flags[frame.index].insert(.exclusive) }
    let writable = isWrite && (exclusive || device.count(slot) == 0 && mapCount(frame) == 0)
    if writable { frames.flags[frame.index].insert(.exclusive) }
    mapFrame(frame, at: page, in: vma, of: process, writable: writable, dirty: writable)
    dropReleasedSlots()
    note(.swapIn, process: process, page: page)
    guard isWrite && !writable && table.state(page) == .frame else { return true }
    // A write to a page that others share goes on to copy it within the same fault.
    return faultOnFrame(page, in: vma, isWrite: true, of: process)
  }

  /// Looks at what an evicted page left behind and decides whether it belongs to the working set.
  private mutating func noteRefault(of frame: PageFrameNumber, slot: UInt32, in group: Int) {
    guard let word = device.shadow(slot) else { return }
    let shadow = Shadow(word: word)
    counters.add(.workingsetRefaultAnon)
    let distance = groups[group].nonresidentAge - shadow.age
    // A refault competes with the file lists, which are the droppable pages here, and with the active
    // list as long as that could be swapped out.
    let workingSet =
      groups[group].lazyFreePages + (hasFreeSlots ? groups[group].knownActivePages : 0)
    guard !replacement.isBaseline, distance <= UInt64(workingSet) else { return }
    counters.add(.workingsetActivateAnon)
    groups[group].nonresidentAge += 1
    groups[group].activations += 1
    frames.flags[frame.index].insert(.active)
    if shadow.wasInWorkingset {
      counters.add(.workingsetRestoreAnon)
      frames.flags[frame.index].insert(.workingset)
      groups[group].noteCost(configuration.kernel.reclaimCost(written: 1, rotated: 0))
    }
  }

  /// Reads the swapped neighbours of a faulting page into the swap cache, and lets all of them and the
  /// page itself wait for their list by address; an empty window leaves the batch alone.
  private mutating func readAhead(
    around address: VirtualPageNumber,
    of frame: PageFrameNumber,
    in vma: VirtualMemoryArea,
    of process: Int
  ) {
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
      } else if let page = index.identifier(of: neighbour) {
        readNeighbour(page, of: process)
      }
    }
    if configuration.swap.pageCluster > 0 && state.window > 1 { drainBatch() }
  }

  /// Reads one swapped page into the swap cache without mapping it.
  private mutating func readNeighbour(_ page: PageIdentifier, of process: Int) {
    let table = processes[process].table
    let state = table.state(page)
    guard state == .swap || state == .swapExclusive else { return }
    let slot = table.target(page)
    guard device.cachedFrame(slot) == nil else { return }
    // Read-ahead knows no mapping, so its pages never ask for tag storage, and it gives up where
    // memory is short.
    guard let frame = allocateReadAheadFrame(for: process) else { return }
    guard table.target(page) == slot, device.cachedFrame(slot) == nil else {
      freeUserFrame(frame)
      return
    }
    guard device.claimForCache(slot) == .claimed else {
      freeUserFrame(frame)
      return
    }
    frames.flags[frame.index].insert([.swapBacked, .inSwapCache, .readAhead])
    noteRefault(of: frame, slot: slot, in: processes[process].group)
    device.addToCache(slot, frame: frame.rawValue)
    frames.swapSlot[frame.index] = slot
    readSlot(slot, into: frame)
    counters.add(.swapRa)
    addToBatch(frame)
  }

  private mutating func allocateReadAheadFrame(for process: Int) -> PageFrameNumber? {
    let group = processes[process].group
    if let limit = groups[group].limitPages, groups[group].chargedPages >= limit {
      _ = reclaimGroup(group)
      guard groups[group].chargedPages < limit else { return nil }
    }
    var request = FrameRequest.user
    request.mayKill = false
    guard let frame = allocateFrame(request, for: process) else { return nil }
    groups[group].chargedPages += 1
    frames.ownerPage[frame.index] = Self.noPage
    frames.ownerSpace[frame.index] = UInt16(process)
    frames.use[frame.index] = .anonymous
    return frame
  }
}
