// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Allocations of the size of a huge page: the block, its tag storage and its charge. Afterwards its frames
// are frames like any other, as if the huge page had been split at once.
// Source: Linux v6.8 `vma_alloc_folio`, `GFP_TRANSHUGE`, `mem_cgroup_charge`; specification of tag
// storage, section 5.

/// How hard an allocation of a huge page tries.
enum HugePageEffort {
  /// Not at all: it takes what is free (`GFP_TRANSHUGE_LIGHT`).
  case light
  /// It reclaims for it, once for the frames and again and again for the charge (`GFP_TRANSHUGE`).
  case reclaiming
}

/// What came of an allocation of a huge page.
enum HugePageAllocation: Equatable {
  /// The frames from this one on are the process's, and charged.
  case taken(PageFrameNumber)
  /// No block was free, or the design has no storage for its tags.
  case noBlock
  /// A block was free, and the memory group could not be charged with it.
  case noCharge
}

extension Machine {
  /// The order of a huge page, which one last-level page table could map instead: 9, 11 or 13.
  var hugePageOrder: Int { pageSize.entriesPerTable.trailingZeroBitCount }

  /// Whether blocks of 2^`order` frames can be had at all.
  ///
  /// A design that chooses frames for their storage hands them out one by one.
  func canAllocateBlocks(ofOrder order: Int) -> Bool {
    !choosesFrames && order <= configuration.zone.largestOrder(pageSize)
  }

  /// Allocates a huge page for a process's data and charges its group.
  ///
  /// Nobody is ended for it. kswapd is not woken, and memory is not compacted, which this model has no
  /// code for.
  ///
  /// - Returns: ``HugePageAllocation/taken(_:)`` with frames that are mapped nowhere; otherwise why not, and
  ///   then no frame was taken.
  mutating func allocateHugePage(
    tagged: Bool,
    effort: HugePageEffort,
    charging process: Int
  ) -> HugePageAllocation {
    let order = hugePageOrder
    guard canAllocateBlocks(ofOrder: order) else { return .noBlock }
    if tagged { beginStallOfAllocation() }
    noteSlow()
    guard let head = takeBlock(order: order, tagged: tagged, effort: effort) else {
      return .noBlock
    }
    let pages = 1 << order
    let group = processes[process].group
    guard charge(group, pages: pages, effort: effort) else {
      for frame in head.index..<head.index + pages { releaseTags(of: PageFrameNumber(frame)) }
      counters.add(.pgfree, pages)
      buddy.freeBlock(head, order: order, frames: &frames)
      return .noCharge
    }
    if tagged { endStallOfAllocation() }
    for number in head.index..<head.index + pages {
      let frame = PageFrameNumber(number)
      frames[frame].ownerPage = Self.noPage
      frames[frame].ownerSpace = UInt16(process)
      frames[frame].use = .anonymous
      if !defects.isEmpty { overwriteTags(under: frame) }
    }
    return .taken(head)
  }

  /// Gives frames of a huge page that were not mapped back one by one.
  mutating func freeHugePage(_ head: PageFrameNumber) {
    for frame in head.index..<head.index + 1 << hugePageOrder {
      freeUserFrame(PageFrameNumber(frame))
    }
  }

  /// Takes a block from the page allocator, with its tag storage where the request is tagged.
  ///
  /// - Returns: `nil` where there is none, or where the design hands out no frame without storage and
  ///   some of it cannot be had; another block is not looked for then, as one can do without huge pages.
  private mutating func takeBlock(
    order: Int,
    tagged: Bool,
    effort: HugePageEffort
  ) -> PageFrameNumber? {
    var request = FrameRequest.user
    request.isTagged = tagged
    guard let head = findBlock(pageRequest(request), order: order, effort: effort) else {
      return nil
    }
    let pages = 1 << order
    counters.add(Self.pgalloc(buddy.zone(of: head)), pages)
    if holdsTouchedBlocks {
      for frame in head.index..<head.index + pages {
        holdTagBlock(ofTouched: PageFrameNumber(frame))
      }
    }
    guard tagged else { return head }
    counters.add(.pgallocTagged, pages)
    guard !reserveOnAllocation(ofBlockAt: head, order: order) else { return head }
    counters.add(.reserveRefused, pages)
    counters.add(.pgfree, pages)
    buddy.freeBlock(head, order: order, frames: &frames)
    return nil
  }

  /// Finds a free block: above the low marks, then above the minimum, then after one round of reclaim.
  private mutating func findBlock(
    _ request: PageRequest,
    order: Int,
    effort: HugePageEffort
  ) -> PageFrameNumber? {
    for level in [WatermarkLevel.low, .min] {
      let found = buddy.allocateBlock(request, order: order, above: level, frames: &frames)
      if let found { return found }
    }
    guard effort == .reclaiming, !isReclaiming else { return nil }
    counters.add(
      tellsAims && request.highestZone == .movable ? .allocstallMovable : .allocstallNormal
    )
    steps.insert(.directReclaim)
    _ = reclaimDirectly(skippingCMA: !request.mayUseCMA, for: request.highestZone)
    // Single free pages on the lists of a CPU keep blocks from growing together.
    buddy.drainPageLists(frames: &frames)
    return buddy.allocateBlock(request, order: order, above: .min, frames: &frames)
  }

  /// Charges a group with the pages of a huge page, reclaiming from it where that is allowed.
  ///
  /// The killer is never asked: for so large an allocation the kernel rather does without.
  ///
  /// - Returns: `false`, and nothing is charged, where the limit cannot be kept.
  private mutating func charge(
    _ group: Int,
    pages: Int,
    effort: HugePageEffort
  ) -> Bool {
    if let limit = groups[group].limitPages {
      var retries = 16
      while groups[group].chargedPages + pages > limit {
        guard effort == .reclaiming, retries > 0 else { return false }
        retries -= 1
        counters.add(.memcgCharges)
        steps.insert(.directReclaim)
        // A round asks for as many pages as are to be charged.
        var freed = 0
        while freed < pages {
          let more = reclaimGroup(group)
          if more == 0 { break }
          freed += more
        }
      }
    }
    groups[group].chargedPages += pages
    return true
  }
}
