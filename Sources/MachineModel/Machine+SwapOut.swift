// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// Swap-out of one anonymous page.
// Source: Linux v6.8 `shrink_folio_list`, `swap_writepage`; specification of the kernel around us,
// section 5.5.

extension Machine {
  /// Tries to free an isolated page: second chance, then ``reclaimUnused(_:of:)``.
  mutating func reclaimPage(_ frame: PageFrameNumber) -> Verdict {
    if !frames[frame].flags.contains(.swapBacked) && hasFilePages {
      return reclaimFromFileList(frame)
    }
    let verdict = judge(frame)
    return verdict == .reclaim ? reclaimUnused(frame, of: group(of: frame)) : verdict
  }

  /// Tries to free an isolated page that has had its second chance: slot, unmapping, write-out.
  @inline(__always)
  mutating func reclaimUnused(_ frame: PageFrameNumber, of group: Int) -> Verdict {
    watch.isOn ? reclaimNoting(frame, of: group) : reclaimUnnoted(frame, of: group)
  }

  /// ``reclaimUnused(_:of:)`` without a word to the history of a watched page.
  @inline(__always)
  mutating func reclaimUnnoted(_ frame: PageFrameNumber, of group: Int) -> Verdict {
    let record = frames[frame]
    let isSpecial =
      !record.flags.isDisjoint(with: [.pinned, .inSwapCache, .sharedMapping])
      || !record.flags.contains(.swapBacked)
    if !isSpecial && device.isSynchronous && record.ownerPage != Self.noPage && takesShortcuts
      && !storesSwappedPages
    {
      return swapOutDirectly(frame, of: group)
    }
    return reclaimInSteps(frame)
  }

  /// ``reclaimUnused(_:of:)`` for any page and any device, one step of the kernel after another.
  private mutating func reclaimInSteps(_ frame: PageFrameNumber) -> Verdict {
    let flags = frames[frame].flags
    if !flags.contains(.swapBacked) {
      return frames[frame].use == .file ? dropUnusedFilePage(frame) : dropLazyFreePage(frame)
    }
    if flags.contains(.pinned) { return flags.contains(.inSwapCache) ? .activate : .keep }
    if !flags.contains(.inSwapCache) {
      guard let slot = allocateSlot() else { return .activate }
      addToSwap(frame, slot)
    }
    unmapForSwap(frame)
    if frames[frame].flags.contains(.dirty) {
      switch writeOut(frame) {
      case .refused: return .keep
      case .pending: return .keep
      case .done: break
      }
    }
    evict(frame)
    return .reclaim
  }

  /// ``reclaimUnused(_:of:)`` for the common page and a synchronous device: one entry maps it, and it
  /// is not in the swap cache.
  ///
  /// It goes through the swap cache and out again before anybody could find it there, so that only
  /// the shadow that it leaves has to be written.
  private mutating func swapOutDirectly(_ frame: PageFrameNumber, of group: Int) -> Verdict {
    guard let slot = allocateSlot() else { return .activate }
    noteContent(of: frame, slot)
    guard saveTags(of: frame, slot: slot) else {
      counters.add(.swapoutRefusedTags)
      return refuseDirectly(frame, slot)
    }
    // The kernel counts what it submits, and learns of a failure later.
    counters.add(.pswpout)
    counters.add(.pswpoutSync)
    guard writeToZram(slot) else { return refuseDirectly(frame, slot) }
    let record = frames[frame]
    processes[Int(record.ownerSpace)].table.setEntry(
      record.ownerPage,
      state: record.flags.contains(.exclusive) ? .swapExclusive : .swap,
      flags: [],
      target: slot
    )
    if configuration.isObserved { device.write(slot, stamp: contents[frame.index]) }
    let shadow = Shadow(
      age: groups[group].nonresidentAge,
      wasInWorkingset: record.flags.contains(.workingset)
    )
    device.settle(slot, shadow: shadow.word)
    groups[group].nonresidentAge += groups[group].agePerEviction
    groups[group].chargedPages -= 1
    if hasVirtualTags, record.flags.contains(.tagged) {
      let mapping = Mapping(process: record.ownerSpace, page: record.ownerPage)
      keepTags(mapping)
      noteUntaggedPage(mapping)
    }
    if hasGuests { processes[Int(record.ownerSpace)].guest.removeEntry(record.ownerPage) }
    frames[frame].ownerPage = Self.noPage
    frames[frame].swapSlot = slot
    releaseTags(of: frame)
    freeFrame(frame)
    return .reclaim
  }

  /// Leaves a page whose write-out was refused where the single steps would: unmapped, dirty and in the
  /// swap cache.
  private mutating func refuseDirectly(_ frame: PageFrameNumber, _ slot: UInt32) -> Verdict {
    addToSwap(frame, slot)
    unmapForSwap(frame)
    return .keep
  }

  /// Takes a free swap slot for a page that is swapped out.
  ///
  /// - Returns: `nil` where no slot is free.
  @inline(__always)
  private mutating func allocateSlot() -> UInt32? {
    let allocated = device.allocateSlot(released: &releasedSlots)
    dropReleasedSlots()
    if allocated == nil { counters.add(.swapoutRefusedSlots) }
    return allocated
  }

  /// Gives a page a swap slot and puts it into the swap cache, dirty.
  private mutating func addToSwap(_ frame: PageFrameNumber, _ slot: UInt32) {
    noteContent(of: frame, slot)
    if slotOwners.count > 0 { slotOwners[Int(slot)] = frames[frame].ownerSpace }
    device.addToCache(slot, frame: frame.rawValue)
    frames[frame].swapSlot = slot
    frames[frame].flags.insert([.inSwapCache, .dirty])
  }

  /// Replaces every entry that maps a swap-cache page by its swap entry.
  private mutating func unmapForSwap(_ frame: PageFrameNumber) {
    let slot = frames[frame].swapSlot
    let state: EntryState =
      frames[frame].flags.contains(.exclusive) ? .swapExclusive : .swap
    // A mapping that is removed may leave a single one, so that this ends with the common case.
    while frames[frame].flags.contains(.sharedMapping),
      let mapping = sharers[frame.rawValue]?.first
    {
      unmapForSwap(frame, at: mapping, state, slot)
    }
    if let mapping = onlyMapping(of: frame) { unmapForSwap(frame, at: mapping, state, slot) }
    frames[frame].flags.remove(.exclusive)
  }

  private mutating func unmapForSwap(
    _ frame: PageFrameNumber,
    at mapping: Mapping,
    _ state: EntryState,
    _ slot: UInt32
  ) {
    if processes[Int(mapping.process)].table.flags(mapping.page).contains(.dirty) {
      frames[frame].flags.insert(.dirty)
    }
    device.duplicate(slot)
    processes[Int(mapping.process)].table.setEntry(
      mapping.page,
      state: state,
      flags: [],
      target: slot
    )
    if hasVirtualTags && frames[frame].flags.contains(.tagged) { keepTags(mapping) }
    removeMapping(mapping, of: frame)
  }

  /// What became of a write-out.
  enum WriteResult {
    /// The contents are on the device.
    case done
    /// The device is writing; the page is freed by a later scan.
    case pending
    /// The tags could not be saved, or the device has no room; the page stays dirty in the swap cache.
    case refused
  }

  /// Saves the tags of a page and writes its contents to its slot.
  mutating func writeOut(_ frame: PageFrameNumber) -> WriteResult {
    let slot = frames[frame].swapSlot
    if device.count(slot) == 0 {
      // Nobody would read it back: no tags are saved and nothing is written.
      frames[frame].flags.remove(.dirty)
      return .done
    }
    guard saveTags(of: frame, slot: slot) else {
      counters.add(.swapoutRefusedTags)
      return .refused
    }
    var target = slot
    if storesSwappedPages {
      switch offerToStore(frame, slot) {
      case .kept:
        frames[frame].flags.remove(.dirty)
        return .done
      case .write(let slot):
        target = slot
      case .refused:
        counters.add(.swapoutRefusedSlots)
        return .refused
      }
    }
    counters.add(.pswpout)
    if device.isSynchronous(target) { counters.add(.pswpoutSync) }
    guard writeToZram(target) else { return .refused }
    if configuration.isObserved { device.write(target, stamp: contents[frame.index]) }
    frames[frame].flags.remove(.dirty)
    guard !device.isSynchronous(target) else { return .done }
    frames[frame].flags.insert(.writeback)
    pendingWrites.append(frame.rawValue)
    return .pending
  }

  /// Ends the writes that are under way: their pages move to the old end of the inactive list.
  ///
  /// A write ends before the next batch of reclaim, the next fault and the next system call. The
  /// kernel waits for writeback when it finds nothing else, which for a fast device comes to the same
  /// order.
  @inline(__always)
  mutating func finishWrites() {
    if !pendingWrites.isEmpty { endPendingWrites() }
  }

  private mutating func endPendingWrites() {
    for word in pendingWrites {
      let frame = PageFrameNumber(rawValue: word)
      frames[frame].flags.remove(.writeback)
      let flags = frames[frame].flags
      guard flags.contains(.onList), !flags.contains(.active), flags.contains(.swapBacked) else {
        continue
      }
      counters.add(.pgrotated)
      let group = group(of: frame)
      if replacement == .multiGenerational {
        rotate(frame, of: group)
        continue
      }
      groups[group].inactive.remove(frame, in: &frames)
      groups[group].inactive.pushBack(frame, in: &frames)
    }
    pendingWrites.removeAll(keepingCapacity: true)
  }

  /// Frees a clean swap-cache page that nobody maps, and leaves a shadow behind.
  private mutating func evict(_ frame: PageFrameNumber) {
    let slot = frames[frame].swapSlot
    let group = group(of: frame)
    let shadow = Shadow(
      age: groups[group].nonresidentAge,
      wasInWorkingset: frames[frame].flags.contains(.workingset)
    )
    groups[group].nonresidentAge += groups[group].agePerEviction
    frames[frame].flags.remove(.inSwapCache)
    device.removeFromCache(slot, shadow: shadow.word, released: &releasedSlots)
    dropReleasedSlots()
    freeUserFrame(frame)
  }

  /// Frees the swap-cache copy of a page, so that the page is the only one.
  ///
  /// - Returns: `false` where somebody still has the slot in a page table, or it is being written.
  mutating func freeSwapCopy(of frame: PageFrameNumber) -> Bool {
    let slot = frames[frame].swapSlot
    guard device.count(slot) == 0, !frames[frame].flags.contains(.writeback) else {
      return false
    }
    frames[frame].flags.remove(.inSwapCache)
    // The only copy of the contents is the frame again.
    frames[frame].flags.insert(.dirty)
    device.removeFromCache(slot, shadow: nil, released: &releasedSlots)
    dropReleasedSlots()
    return true
  }

  /// Drops one page-table user of a slot, and the cached copy where that was the last.
  mutating func dropSlotUser(_ slot: UInt32) {
    device.drop(slot, released: &releasedSlots)
    dropReleasedSlots()
    guard device.count(slot) == 0, let cached = device.cachedFrame(slot) else { return }
    releaseIfUnused(PageFrameNumber(rawValue: cached))
  }

  /// Drops the saved tags of slots that are really free now, and what zram holds for them.
  @inline(__always)
  mutating func dropReleasedSlots() {
    if !releasedSlots.isEmpty { dropTagsOfReleasedSlots() }
  }

  private mutating func dropTagsOfReleasedSlots() {
    if storesSwappedPages { dropCopiesOfReleasedSlots() }
    if !zramStores.isEmpty { dropZramObjects(of: releasedSlots) }
    if !residentTags.isEmpty { dropResidentTags(of: releasedSlots) }
    guard tagStore.count > 0 else {
      // Nothing is saved for any slot, and no kernel frame is held for it.
      releasedSlots.removeAll(keepingCapacity: true)
      adjustKernelFrames()
      return
    }
    for slot in releasedSlots { _ = dropSavedTags(of: slot) }
    releasedSlots.removeAll(keepingCapacity: true)
    adjustKernelFrames()
  }

  /// The swap entry of a slot: its device and its offset there.
  @inline(__always)
  func swapEntry(_ slot: UInt32) -> SwapEntry { device.entry(slot) }
}

/// What an evicted page leaves in the swap cache: when it went, and whether it had been in use.
struct Shadow {
  /// The group's eviction clock before the eviction.
  var age: UInt64
  /// Whether the page had been on the active list.
  var wasInWorkingset: Bool

  init(age: UInt64, wasInWorkingset: Bool) {
    self.age = age
    self.wasInWorkingset = wasInWorkingset
  }

  init(word: UInt64) {
    age = word >> 1
    wasInWorkingset = word & 1 != 0
  }

  var word: UInt64 { age << 1 | (wasInWorkingset ? 1 : 0) }
}
