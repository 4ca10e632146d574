// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

// Requests for one page and frees of one, through the per-CPU lists.
extension BuddyAllocator {
  /// Pages on the per-CPU lists: free, but no part of ``freePages``.
  public var listedPages: Int { pageLists.count }

  /// The part of ``listedPages`` that lies in CMA pageblocks.
  public var listedCMAPages: Int { pageLists.cmaPages }

  /// Takes one page: from its per-CPU list, which is refilled when it is empty.
  ///
  /// A movable request that must not have CMA memory goes to the free lists, because the movable list
  /// may hold some. Without lists this is `allocate(order:migrateType:mayUseCMA:avoidingFragments:frames:)`.
  ///
  /// - Precondition: as for that.
  /// - Returns: `nil` if no page is free.
  ///
  /// Source: Linux v6.8 `rmqueue_pcplist`; the detour is that of dynamic tag storage RFC v3.
  @inlinable
  public mutating func allocatePage(
    _ migrateType: MigrateType,
    mayUseCMA: Bool,
    avoidingFragments: Bool = false,
    frames: inout FrameTable
  ) -> PageFrameNumber? {
    guard pageLists.batch > 0 && (mayUseCMA || migrateType != .movable) else {
      return allocate(
        order: 0,
        migrateType: migrateType,
        mayUseCMA: mayUseCMA,
        avoidingFragments: avoidingFragments,
        frames: &frames
      )
    }
    precondition(migrateType.isRequestable, "allocation of type \(migrateType)")
    let list = groupsByMobility ? migrateType.index : MigrateType.unmovable.index
    pageLists.pagesFreed >>= 1
    if pageLists.lists[list].isEmpty {
      refill(list, migrateType, mayUseCMA: mayUseCMA, avoidingFragments, &frames)
    }
    guard let frame = pageLists.lists[list].popFront(in: &frames) else { return nil }
    pageLists.count -= 1
    if pageLists.cmaPages > 0 && isCMA(frame) { pageLists.cmaPages -= 1 }
    frames[frame].use = .inHand
    return frame
  }

  /// Gives back one page: to its per-CPU list, from which pages are passed on when they are many.
  ///
  /// Pages of isolated pageblocks are passed on at once. Flags are treated as by
  /// `free(_:order:frames:)`, which this is without lists.
  ///
  /// - Precondition: the page is neither free nor reserved, and has no flag of `FrameFlags.busy`.
  ///
  /// Source: Linux v6.8 `free_unref_page`.
  @inlinable
  public mutating func freePage(_ frame: PageFrameNumber, frames: inout FrameTable) {
    let type = pageblockTypes[frame.index >> pageblockOrder]
    guard pageLists.batch > 0 && type.rawValue < firstUnlistedType else {
      free(frame, order: 0, frames: &frames)
      return
    }
    let record = frames[frame]
    precondition(record.use.isInUse, "free of frame \(frame.index), which is \(record.use)")
    precondition(
      record.flags.isDisjoint(with: .busy),
      "free of frame \(frame.index) with flags \(record.flags)"
    )
    frames[frame].flags = record.flags.intersection(.permanent)
    frames[frame].use = .listed
    let list = type.isRequestable ? type.index : MigrateType.movable.index
    pageLists.lists[list].pushFront(frame, in: &frames)
    pageLists.count += 1
    if type == .cma { pageLists.cmaPages += 1 }
    passOn(after: list, &frames)
  }

  /// Lets freed pages of CMA pageblocks go to the free lists at once.
  ///
  /// Source: dynamic tag storage RFC v1, whose metadata pages do.
  public mutating func keepCMAOffPageLists() { firstUnlistedType = MigrateType.cma.rawValue }

  /// Gives back a page that was taken and not used, to be used last.
  ///
  /// It goes to the tail of its free list, past the per-CPU lists; its flags are cleared.
  ///
  /// - Precondition: the page is in hand.
  ///
  /// Source: dynamic tag storage RFC v1, `FPI_TO_TAIL`.
  public mutating func putBackLast(_ frame: PageFrameNumber, frames: inout FrameTable) {
    precondition(frames[frame].use == .inHand, "frame \(frame.index) is \(frames[frame].use)")
    frames[frame].flags = frames[frame].flags.intersection(.permanent)
    frames[frame].use = .free
    let type = pageblockTypes[frame.index >> pageblockOrder]
    insert(frame.index, order: 0, type: type, at: .tail, &frames)
  }

  /// Passes on all pages of the per-CPU lists.
  ///
  /// Contiguous allocation needs it, and a request that found no page although reclaim freed some.
  ///
  /// Source: Linux v6.8 `drain_all_pages`.
  public mutating func drainPageLists(frames: inout FrameTable) {
    giveBack(pageLists.count, startingWith: 0, &frames)
    // Pageblocks that were isolated just now are no CMA pageblocks while they are.
    pageLists.cmaPages = 0
  }

  /// Whether a request of one page leaves the zone above a mark, as
  /// `passesForOnePage(mark:mayUseCMA:reserve:)` says; a zone below its high mark is noted, since fewer pages
  /// stay on the lists then.
  ///
  /// Source: Linux v6.8 `get_page_from_freelist`.
  @inlinable @inline(__always)
  public mutating func admitsPage(mark: Int, mayUseCMA: Bool, reserve: Int = 0) -> Bool {
    if !pageLists.isZoneBelowHigh {
      if passesForOnePage(mark: watermarks.high, mayUseCMA: mayUseCMA, reserve: reserve) {
        return true
      }
      pageLists.isZoneBelowHigh = true
    }
    return passesForOnePage(mark: mark, mayUseCMA: mayUseCMA, reserve: reserve)
  }

  /// Notes that kswapd begins or ends, during which few pages stay on the lists.
  public mutating func setReclaimActive(_ isActive: Bool) { pageLists.isReclaimActive = isActive }

  /// Always inlined, because a call would copy the allocator to the stack.
  @inlinable @inline(__always) func isCMA(_ frame: PageFrameNumber) -> Bool {
    pageblockTypes[frame.index >> pageblockOrder] == .cma
  }

  /// Fills an empty list from the free lists.
  ///
  /// Source: Linux v6.8 `rmqueue_bulk`.
  @usableFromInline
  mutating func refill(
    _ list: Int,
    _ type: MigrateType,
    mayUseCMA: Bool,
    _ avoidingFragments: Bool,
    _ frames: inout FrameTable
  ) {
    for _ in 0..<pageLists.refillSize() {
      guard
        let frame = allocate(
          order: 0,
          migrateType: type,
          mayUseCMA: mayUseCMA,
          avoidingFragments: avoidingFragments,
          frames: &frames
        )
      else { return }
      frames[frame].use = .listed
      pageLists.lists[list].pushBack(frame, in: &frames)
      pageLists.count += 1
      if isCMA(frame) { pageLists.cmaPages += 1 }
    }
  }

  /// Passes pages on if there are too many now.
  @usableFromInline
  mutating func passOn(after list: Int, _ frames: inout FrameTable) {
    let pages = pageLists.notePageFreed()
    guard pages > 0 else { return }
    giveBack(pages, startingWith: list, &frames)
    guard pageLists.isZoneBelowHigh else { return }
    let reserve = lowMemoryReserves[ZoneKind.movable.rawValue]
    if passesForOnePage(mark: watermarks.high, mayUseCMA: false, reserve: reserve) {
      pageLists.isZoneBelowHigh = false
    }
  }

  /// Gives pages back to the free lists: from the tails, list after list.
  ///
  /// A page goes where its pageblock belongs now. (v6.8 files it by what the pageblock was when the
  /// page came to the list, unless a pageblock is isolated, which later kernels corrected.)
  ///
  /// Source: Linux v6.8 `free_pcppages_bulk`.
  private mutating func giveBack(
    _ pages: Int,
    startingWith first: Int,
    _ frames: inout FrameTable
  ) {
    var left = pages
    var list = first
    while left > 0 {
      while left > 0, let frame = pageLists.lists[list].popBack(in: &frames) {
        left -= 1
        pageLists.count -= 1
        let type = pageblockTypes[frame.index >> pageblockOrder]
        if type == .cma { pageLists.cmaPages -= 1 }
        frames[frame].use = .free
        insert(frame.index, order: 0, type: type, at: .head, &frames)
      }
      list = list == pageLists.lists.count - 1 ? 0 : list + 1
    }
  }
}
