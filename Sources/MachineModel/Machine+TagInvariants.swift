// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// What tag storage and saved tags must be.

extension Machine {
  /// I2, I3, I5, T6: tag blocks against the frames that have their tag storage.
  func checkTagStorage() throws(BrokenInvariant) {
    guard interleaved.count == 0 else { return try checkInterleavedBlocks() }
    var shares = [Int](repeating: 0, count: region.blockCount)
    for number in 0..<frames.count
    where frames[number].flags.contains(.storageReserved)
      && !damage.strayFrames.contains(UInt32(number))
    {
      guard let block = kernelBlock(of: PageFrameNumber(number)) else {
        throw BrokenInvariant(
          "I5",
          "frame \(number) has tag storage and lies outside tagged memory"
        )
      }
      shares[block] += 1
    }
    for block in 0..<region.blockCount where policy.hasTagBlocks {
      try BrokenInvariant.unless(
        shares[block] == blocks.count(ofBlock: block),
        "I3",
        "tag block \(block) serves \(shares[block]) frames, recorded \(blocks.count(ofBlock: block))"
      )
      if let isClear = cmaArea?.isClear(region.frames(ofBlock: block)) {
        try BrokenInvariant.unless(
          isClear != blocks.isReserved(block),
          "I2",
          "tag block \(block): \(blocks.count(ofBlock: block)) shares, CMA bits clear: \(isClear)"
        )
      }
      for number in region.frames(ofBlock: block) where !damage.unownedBlocks.contains(block) {
        let isHeld = frames[number].use == (policy.store == nil ? .tagBlock : .storeTags)
        try BrokenInvariant.unless(
          isHeld == blocks.isReserved(block),
          "I2",
          "tag block \(block): frame \(number) is \(frames[number].use)"
        )
      }
    }
  }

  /// C1, C3, C4: the area that tag storage is.
  func checkCMAArea() throws(BrokenInvariant) {
    guard policy.bootPlacement == .cmaArea else { return }
    for area in kernelRegions.regions { try checkCMAArea(area.tags) }
    try BrokenInvariant.unless(
      buddy.isolatedPageblocks == 0,
      "C3",
      "\(buddy.isolatedPageblocks) pageblocks are isolated between events"
    )
  }

  private func checkCMAArea(_ pages: Range<Int>) throws(BrokenInvariant) {
    let pageblock = 1 << configuration.zone.pageblockOrder(pageSize)
    try BrokenInvariant.unless(
      pages.lowerBound.isMultiple(of: pageblock) && pages.count.isMultiple(of: pageblock)
        && pages.upperBound <= frames.count,
      "C1",
      "the CMA area has the frames \(pages), pageblocks have \(pageblock)"
    )
    let lower = buddy.zone(of: PageFrameNumber(pages.lowerBound))
    let upper = buddy.zone(of: PageFrameNumber(pages.upperBound - 1))
    try BrokenInvariant.unless(
      lower == upper,
      "C1",
      "the CMA area lies in \(lower.name) and \(upper.name)"
    )
    for number in pages {
      let frame = PageFrameNumber(number)
      try BrokenInvariant.unless(
        buddy.migrateType(of: frame) == .cma,
        "B6",
        "frame \(number) of the CMA area is \(buddy.migrateType(of: frame))"
      )
      try BrokenInvariant.unless(
        frames[number].use != .kernel,
        "C4",
        "frame \(number) of the CMA area holds an unmovable allocation"
      )
    }
  }

  /// S4, I14: tags are saved for used slots only; and their frames are those that the store needs.
  func checkSavedTags() throws(BrokenInvariant) {
    var known = 0
    for slot in 0..<UInt32(device.slots) where device.count(slot) > 0 || device.hasCache(slot) {
      known += tagStore.holds(swapEntry(slot)) ? 1 : 0
    }
    try BrokenInvariant.unless(
      known == tagStore.count,
      "S4",
      "tags are saved for \(tagStore.count) entries, \(known) of them in use"
    )
    try BrokenInvariant.unless(
      releasedSlots.isEmpty,
      "S4",
      "\(releasedSlots.count) slots were freed and their tags not dropped"
    )
    try BrokenInvariant.unless(
      kernelFrames.count == tagStore.slabPages,
      "saved tags",
      "saved tags need \(tagStore.slabPages) frames and have \(kernelFrames.count)"
    )
  }
}
