// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagCompression
import TagStorage

// The tags of a page on their way: first tagging, tag stores, swap, copies.
// Source: Linux v6.8 arm64 `mte.c`, `mteswap.c`; dynamic tag storage RFC v3; specifications of the
// kernel around us, section 4.4, and of tag storage, sections 9 and 11.

extension Machine {
  /// Whether a frame may hold tags now: always, unless the design wants storage reserved first.
  ///
  /// Always inlined, as ``mapCount(_:)`` is.
  @inline(__always)
  func canHoldTags(_ frame: PageFrameNumber) -> Bool {
    guard reservation != nil else { return true }
    return frames[frame].flags.contains(.storageReserved)
  }

  /// Makes a frame tagged for the first time since it was allocated, with tags 0.
  mutating func initializeTags(of frame: PageFrameNumber) {
    precondition(canHoldTags(frame), "frame \(frame.rawValue) is tagged without tag storage")
    frameTags.setUniform(frame.index, tag: .zero)
    setTagged(frame)
    if !defects.isEmpty { overwriteData(underTagsOf: frame) }
  }

  /// Stores tags to granules of a page that a process may write.
  ///
  /// Tag stores to memory that is not tagged have no effect.
  mutating func storeTags(
    _ page: PageIdentifier,
    first: Int,
    count: Int,
    tag: MemoryTag,
    of process: Int
  ) {
    let table = processes[process].table
    guard table.flags(page).contains(.tagged), table.state(page) == .frame else {
      steps.insert(.untagged)
      return
    }
    let frame = PageFrameNumber(rawValue: table.target(page))
    storeTags(toFrame: frame, first: first, count: count, tag: tag)
  }

  /// Stores tags to granules of a tagged frame.
  @inline(__always)
  mutating func storeTags(toFrame frame: PageFrameNumber, first: Int, count: Int, tag: MemoryTag) {
    counters.add(.granulesTagged, count)
    frameTags.store(frame.index, first: first, count: count, tag: tag)
    if !defects.isEmpty { overwriteData(underTagsOf: frame) }
  }

  /// Saves the tags of a page that is about to be written to a slot.
  ///
  /// Tags that were kept aside because the frame has no storage are saved like any others.
  ///
  /// - Returns: `false` where there was no memory for them: the swap-out is refused.
  @inline(__always)
  mutating func saveTags(of frame: PageFrameNumber, slot: UInt32) -> Bool {
    let isUntagged = !frames[frame].flags.contains(.tagged) && parkedTags.isEmpty
    if hasVirtualTags && leaveTags(of: frame, slot: slot) { return true }
    if isUntagged && tagStore.count == 0 { return true }
    return saveTagsIfAny(of: frame, slot: slot)
  }

  private mutating func saveTagsIfAny(of frame: PageFrameNumber, slot: UInt32) -> Bool {
    let parked = tagsParked(for: frame)
    if parked != nil && defects.contains(.unsavedParkedTags) {
      // The record that an unchanged slot still has is left alone.
      if !tagStore.contains(swapEntry(slot)) { noteLoss(.tagsLostUnsaved) }
      return true
    }
    guard frames[frame].flags.contains(.tagged) || parked != nil else {
      // An older record of the slot would be restored over a page that has no tags.
      _ = dropSavedTags(of: slot)
      return true
    }
    tagSaveAttempts += 1
    if configuration.injectedFaults.contains(.failTagAllocation) && tagSaveAttempts % 16 == 0 {
      guard configuration.codec.losesTagsWithoutMemory else { return false }
      tagStore.allocationsUntilFailure = 0
    }
    if configuration.injectedFaults.contains(.miscountCharge) && tagSaveAttempts % 4 == 0 {
      groups[group(of: frame)].chargedPages += 1
    }
    let entry = swapEntry(slot)
    var tags = parked ?? takeTagBytes(of: frame)
    if configuration.injectedFaults.contains(.dropLastRun) { dropLastRun(&tags) }
    defer { if parked == nil { tagScratch = tags } }
    guard store(tags, for: entry) else {
      _ = tagStore.invalidate(entry)
      if configuration.logsSavedTags { savedTagLog.noteDropped(entry) }
      adjustKernelFrames()
      return false
    }
    if configuration.logsSavedTags { savedTagLog.noteSaved(entry, tags) }
    counters.add(.tagsSavedSwap)
    return true
  }

  /// Drops the saved tags of a slot.
  ///
  /// - Returns: whether there were any.
  mutating func dropSavedTags(of slot: UInt32) -> Bool {
    let entry = swapEntry(slot)
    guard tagStore.invalidate(entry) else { return false }
    counters.add(.tagsInvalidated)
    if configuration.logsSavedTags { savedTagLog.noteDropped(entry) }
    return true
  }

  /// Puts tags into the store, and gives it the frames that its slabs take.
  private mutating func store(_ tags: [UInt8], for entry: SwapEntry) -> Bool {
    do throws(TagStoreError) {
      try tagStore.save(tags.span, for: entry)
      if adjustKernelFrames() { return true }
      guard configuration.codec.losesTagsWithoutMemory else { return false }
      // Without a frame for its slab the object cannot be had, which this codec gets over.
      tagStore.allocationsUntilFailure = 0
      try tagStore.save(tags.span, for: entry)
    } catch {
      return false
    }
    return adjustKernelFrames()
  }

  /// Gives a page that came back from swap its saved tags; they stay saved until the slot is freed.
  ///
  /// A frame without tag storage gets them with its reservation.
  @inline(__always)
  mutating func restoreTags(of frame: PageFrameNumber, from slot: UInt32) {
    if tagStore.count > 0 { restoreTagsIfAny(of: frame, from: slot) }
    if hasVirtualTags { findTags(of: frame, from: slot) }
  }

  private mutating func restoreTagsIfAny(of frame: PageFrameNumber, from slot: UInt32) {
    guard !configuration.injectedFaults.contains(.dropRestore) else { return }
    guard !frames[frame].flags.contains(.tagged),
      tagsParked(for: frame) == nil || damage.outlivedTags.contains(frame.rawValue)
    else { return }
    var tags = tagScratch
    tagScratch = []
    defer { tagScratch = tags }
    let entry = swapEntry(slot)
    if let loss = tagStore.loss(of: entry) { noteLoss(loss) }
    do throws(TagStoreError) {
      var span = tags.mutableSpan
      guard try tagStore.load(entry, into: &span) else { return }
    } catch {
      if tagStore.loss(of: entry) == nil { noteLoss(.decoding) }
      return
    }
    if configuration.injectedFaults.contains(.swapGranules) { exchangeTwoGranules(&tags) }
    counters.add(.tagsRestoredSwap)
    steps.insert(.tagsRestored)
    giveTags(tags, to: frame)
  }

  /// Counts a page that came back without its tags.
  private mutating func noteLoss(_ loss: TagStoreLoss) {
    switch loss {
    case .noMemory: noteLoss(.tagsLostNoMemory)
    case .encoding: noteLoss(.tagsLostEncoding)
    case .decoding: noteLoss(.tagsLostDecoding)
    }
  }

  /// Counts a page whose tags are lost, by its cause.
  mutating func noteLoss(_ cause: Counter) {
    counters.add(.tagsLost)
    counters.add(cause)
    if watch.isOn { noteWatchedLoss(cause) }
    steps.insert(.tagsLost)
  }

  /// The injected fault: the first two neighbouring granules of different tags change places.
  private func exchangeTwoGranules(_ tags: inout [UInt8]) {
    guard let index = tags.firstIndex(where: { $0 & 15 != $0 >> 4 }) else { return }
    tags[index] = tags[index] << 4 | tags[index] >> 4
  }

  /// The injected fault: the last run of a page becomes part of the run before it.
  private func dropLastRun(_ tags: inout [UInt8]) {
    let granules = pageSize.granules
    func tag(_ granule: Int) -> UInt8 { tags[granule / 2] >> UInt8((granule & 1) * 4) & 15 }
    let last = tag(granules - 1)
    guard let end = (0..<granules).last(where: { tag($0) != last }) else { return }
    let value = tag(end)
    for granule in end + 1..<granules {
      let byte = tags[granule / 2]
      tags[granule / 2] = granule & 1 == 0 ? byte & 0xf0 | value : byte & 0x0f | value << 4
    }
  }

  /// The tag page of a frame as bytes.
  func tagBytes(of frame: PageFrameNumber) -> [UInt8] {
    var tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    var span = tags.mutableSpan
    frameTags.read(frame.index, into: &span)
    return tags
  }

  /// The tag page of a frame in the scratch array, which the caller puts back.
  private mutating func takeTagBytes(of frame: PageFrameNumber) -> [UInt8] {
    var tags = tagScratch
    tagScratch = []
    var span = tags.mutableSpan
    frameTags.read(frame.index, into: &span)
    return tags
  }

  /// Ends the tags of a frame that is freed, kept-aside ones included, and gives its share of tag
  /// storage back.
  mutating func releaseTags(of frame: PageFrameNumber) {
    if !parkedTags.isEmpty { dropParkedTags(of: frame) }
    if hasVirtualTags && frames[frame].flags.contains(.tagged) { noteUntagged(frame) }
    let flags = frames[frame].flags
    guard !flags.isDisjoint(with: [.tagged, .storageReserved]) else { return }
    counters.add(.pgfreeTagged)
    if flags.contains(.storageReserved) { releaseTagStorage(of: frame) }
    frames[frame].flags.remove([.tagged, .storageReserved])
  }
}
