// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagCompression
import TagStorage

// What counters and sums of a whole run must add up to, whatever happened in it.

extension Machine {
  /// Checks the identities that tie what was counted to what there is.
  ///
  /// They hold between events, as invariants do; a replay checks them at its end.
  ///
  /// - Throws: the first identity that does not hold, under a name that starts with `identity`.
  /// - Complexity: O(frames).
  ///
  /// Source: specification of tag storage, section 17.
  public func verifyIdentities() throws(BrokenInvariant) {
    try checkFrameSums()
    try checkSavedTagSums()
    if policy.hasTagBlocks { try checkTagBlockSums() }
  }

  /// Frames by use against the allocator's counters.
  private func checkFrameSums() throws(BrokenInvariant) {
    var used = 0
    var free = 0
    for number in 0..<frames.count {
      switch frames[number].use {
      case .anonymous, .file, .kernel, .compressed: used += 1
      case .free, .listed: free += 1
      case .reserved, .inHand, .tagBlock, .storeIdle, .stored, .storeTags: break
      }
    }
    let allocated = ZoneKind.allCases.reduce(0) { $0 + counters[Self.pgalloc($1)] }
    let counted = Int(allocated) - Int(counters[.pgfree])
    try BrokenInvariant.unless(
      used == counted,
      "identity of allocations",
      "\(used) frames are in use, pgalloc - pgfree is \(counted)"
    )
    try BrokenInvariant.unless(
      free == buddy.freePages + buddy.listedPages,
      "identity of free pages",
      "\(free) frames are free, the allocator counts \(buddy.freePages) and on per-CPU lists"
        + " \(buddy.listedPages)"
    )
  }

  /// Live handles, their classes and the counters of saved tags.
  private func checkSavedTagSums() throws(BrokenInvariant) {
    let saved = counters[.tagsSavedSwap]
    let dropped = counters[.tagsInvalidated]
    try BrokenInvariant.unless(
      UInt64(tagStore.count) + dropped <= saved,
      "identity of saved tags",
      "\(tagStore.count) entries have tags, \(saved) were saved and \(dropped) dropped"
    )
    // The posted v5 codec forgets to count some frees.
    guard !configuration.codec.losesTagsWithoutMemory else { return }
    let live = savedTagClasses.reduce(0) { $0 + $1.live }
    try BrokenInvariant.unless(
      live == UInt64(tagStore.count),
      "identity of handles",
      "\(live) handles are live, \(tagStore.count) entries have tags"
    )
    let bytes = savedTagClasses.reduce(0) { $0 + ($1.bytes == 8 ? 0 : UInt64($1.bytes) * $1.live) }
    try BrokenInvariant.unless(
      bytes == tagStore.classBytes,
      "identity of handle bytes",
      "live handles add up to \(bytes) bytes, the classes to \(tagStore.classBytes)"
    )
  }

  /// Tag blocks against contiguous allocations or what a store gave, and tag storage by use.
  private func checkTagBlockSums() throws(BrokenInvariant) {
    var taken = counters[.cmaAllocSuccessPages]
    var returned = counters[.cmaReleaseSuccessPages]
    if policy.store != nil {
      let blockPages = UInt64(region.blockPages)
      taken = (counters[.reserveFast] + counters[.reserveSlow]) * blockPages
      returned = counters[.reserveReleases] * blockPages
    }
    let held = UInt64(blocks.reservedBlocks * region.blockPages)
    try BrokenInvariant.unless(
      taken == returned + held,
      "identity of tag blocks",
      "\(taken) pages were taken for tag blocks and \(returned) returned, \(held) are held"
    )
    // A block that a defect took or gave back in part is neither held nor free.
    guard damage.unownedBlocks.isEmpty, damage.strayFrames.isEmpty else { return }
    var tagged = 0
    var reserved = 0
    for number in 0..<frames.count {
      tagged += frames[number].flags.contains(.tagged) ? 1 : 0
      reserved += frames[number].flags.contains(.storageReserved) ? 1 : 0
    }
    let covered = TagStorageRegion.dataFramesPerTagFrame * Int(held)
    try BrokenInvariant.unless(
      tagged <= reserved && reserved <= covered,
      "identity of tagged pages",
      "\(tagged) pages are tagged, \(reserved) have tag storage, tag blocks cover \(covered)"
    )
    var byUse = [0, 0, 0]
    for number in region.tags {
      switch frames[number].use {
      case .tagBlock, .storeTags: byUse[0] += 1
      case .free, .listed, .storeIdle: byUse[2] += 1
      case .reserved, .inHand, .kernel, .anonymous, .file, .compressed, .stored: byUse[1] += 1
      }
    }
    let isFree = policy.store == nil ? MemoryCategory.tagStorageFree : .tagStorageIdle
    let reported = [MemoryCategory.tagStorageHeld, .tagStorageData, isFree].map {
      Int(bytes(of: $0)) / pageSize.bytes
    }
    try BrokenInvariant.unless(
      byUse == reported,
      "identity of tag storage",
      "\(byUse) frames of tag storage hold tags, hold data and are free, reported \(reported)"
    )
  }
}
