// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension BuddyAllocator {
  /// Checks that everything agrees, and names the frame or counter that does not.
  ///
  /// Checked: every managed frame is in exactly one free block or in use (B1); blocks are aligned,
  /// and their frames have no flags (B2); no two buddies are both free where they could have merged
  /// (B3); lists are sound, and hold exactly the heads that the table shows (B4); the counters
  /// agree with the lists, and the marks are in order (B5, B8, L3); blocks of a pageblock or more cover types that may merge (B6);
  /// CMA and isolate lists hold exactly the free memory of their pageblocks (B7); the per-CPU lists
  /// hold exactly the frames that say so, none of them in an isolated pageblock.
  ///
  /// - Complexity: O(*n*), where *n* is the number of frames of the zone.
  public func verifyInvariants(frames: borrowing FrameTable) throws(BrokenInvariant) {
    try checkTable(frames)
    try checkPageLists(frames)
    try checkLists(frames)
    try checkCounters()
  }

  /// Walks the frames in order: free blocks must cover the free frames, each once.
  private func checkTable(_ frames: borrowing FrameTable) throws(BrokenInvariant) {
    var managed = 0
    var frame = firstFrame
    while frame < endFrame {
      let block = frames[frame].freeBlock
      if block.isHead {
        try checkBlock(frame, block, frames)
        managed += 1 << block.order
        frame += 1 << block.order
        continue
      }
      let use = frames[frame].use
      if use == .free {
        throw BrokenInvariant("B1", "a free frame in no block: \(frames.dump(frame))")
      }
      if use.isManaged { managed += 1 }
      frame += 1
    }
    if managed != managedPages {
      throw BrokenInvariant("B1", "\(managed) frames managed, not \(managedPages)")
    }
  }

  private func checkBlock(_ start: Int, _ block: FreeBlock, _ frames: borrowing FrameTable)
    throws(BrokenInvariant)
  {
    let order = block.order
    let isSound =
      order <= maxOrder && start & (1 << order - 1) == 0
      && start + 1 << order <= endFrame
    if !isSound { throw BrokenInvariant("B2", "a misplaced block: \(frames.dump(start))") }
    for frame in start..<start + 1 << order {
      let isClean =
        frames[frame].use == .free && frames[frame].flags.isSubset(of: .permanent)
        && (frame == start || !frames[frame].freeBlock.isHead)
      if !isClean { throw BrokenInvariant("B2", "in the block at \(start): \(frames.dump(frame))") }
    }
    if !formsOneBlock(start, order: order) {
      throw BrokenInvariant("B6", "over types: \(frames.dump(start))")
    }
    let type = pageblockTypes[start >> pageblockOrder]
    if type != block.list && !(type.isRequestable && block.list.isRequestable) {
      // Atomic reserve is the only other source whose blocks are moved one by one.
      if type != .highAtomic || !block.list.isRequestable {
        throw BrokenInvariant(
          "B7",
          "on the wrong list, in \(type) pageblock: \(frames.dump(start))"
        )
      }
    }
    // Pageblocks isolated one after the other keep their free blocks apart.
    guard type != .isolate || order < pageblockOrder else { return }
    let buddy = start ^ 1 << order
    if order < maxOrder && headsBlock(buddy, order: order, frames)
      && (order < pageblockOrder || Self.mayMerge(type, pageblockTypes[buddy >> pageblockOrder]))
    {
      throw BrokenInvariant("B3", "unmerged with its buddy: \(frames.dump(start))")
    }
  }

  /// Walks the lists: every member must be a head of that order and list, and every head a member.
  private func checkLists(_ frames: borrowing FrameTable) throws(BrokenInvariant) {
    var members = 0
    for order in 0...maxOrder {
      for type in MigrateType.allCases {
        let list = lists[order * MigrateType.count + type.index]
        try list.verifyInvariants(in: frames)
        let isMarked = nonEmptyOrders[type.index] >> UInt32(order) & 1 != 0
        if isMarked == list.isEmpty {
          throw BrokenInvariant("B4", "mark of order \(order), list \(type)")
        }
        members += Int(list.count)
        var current = list.head
        while current != FrameTable.none {
          let frame = Int(current)
          if frames[frame].freeBlock != FreeBlock(order: order, list: type) {
            throw BrokenInvariant(
              "B4",
              "on the list of order \(order), \(type): \(frames.dump(frame))"
            )
          }
          current = frames.links[frame].next
        }
      }
    }
    var heads = 0
    for frame in firstFrame..<endFrame where frames[frame].freeBlock.isHead { heads += 1 }
    if heads != members { throw BrokenInvariant("B4", "\(heads) blocks, but \(members) on lists") }
  }

  private func checkPageLists(_ frames: borrowing FrameTable) throws(BrokenInvariant) {
    var members = 0
    var cmaPages = 0
    for number in pageLists.lists.indices {
      let list = pageLists.lists[number]
      try list.verifyInvariants(in: frames)
      var current = list.head
      while current != FrameTable.none {
        let frame = Int(current)
        let type = pageblockTypes[frame >> pageblockOrder]
        if frames[frame].use != .listed || type == .isolate {
          throw BrokenInvariant("B9", "on per-CPU list \(number): \(frames.dump(frame))")
        }
        members += 1
        cmaPages += type == .cma ? 1 : 0
        current = frames.links[frame].next
      }
    }
    var listed = 0
    for frame in firstFrame..<endFrame where frames[frame].use == .listed { listed += 1 }
    if listed != members || members != pageLists.count || cmaPages != pageLists.cmaPages {
      throw BrokenInvariant(
        "B9",
        "\(listed) frames listed, \(members) on per-CPU lists, which count \(pageLists.count);"
          + " \(cmaPages) of CMA, not \(pageLists.cmaPages)"
      )
    }
  }

  private func checkCounters() throws(BrokenInvariant) {
    var free = 0
    var freeCMA = 0
    for order in 0...maxOrder {
      for type in MigrateType.allCases where type != .isolate {
        let pages = freeBlocks(order: order, type: type) << order
        free += pages
        if type == .cma { freeCMA += pages }
      }
    }
    if free != freePages { throw BrokenInvariant("B5", "\(free) pages free, not \(freePages)") }
    if freeCMA != freeCMAPages {
      throw BrokenInvariant("B5", "\(freeCMA) CMA pages free, not \(freeCMAPages)")
    }
    var isolated = 0
    for block in pageblocks where pageblockTypes[block] == .isolate { isolated += 1 }
    if isolated != isolatedPageblocks {
      throw BrokenInvariant("B8", "\(isolated) pageblocks isolated, not \(isolatedPageblocks)")
    }
    let isOrdered = watermarks.min <= watermarks.low && watermarks.low <= watermarks.high
    if !isOrdered || watermarks.boost < 0 { throw BrokenInvariant("L3", "marks \(watermarks)") }
    if nodePages < managedPages {
      throw BrokenInvariant("L3", "\(managedPages) pages managed of \(nodePages)")
    }
  }

  /// Stops the program, with the zone printed, unless everything agrees.
  public func checkInvariants(frames: borrowing FrameTable) {
    BrokenInvariant.stop(
      showing: """
        zone \(kind.name), \(freePages) pages free
        \(snapshot(presentPages: endFrame - firstFrame, processors: 1))
        """
    ) { () throws(BrokenInvariant) in try verifyInvariants(frames: frames) }
  }
}
