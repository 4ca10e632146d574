// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

// Requests for more than one page, which go to the free lists at once.
extension PageAllocator {
  /// Takes a block of 2^`order` frames from the first zone that stays above a mark; without a mark, from
  /// the first that has one.
  ///
  /// The kernel keeps free huge pages on a per-CPU list of their own, too. It is left out: it would hide
  /// at most a few blocks from other requests. Where a steal would mix migrate types, no other zone is
  /// asked first, since blocks as large as a pageblock are stolen whole in any case.
  ///
  /// - Precondition: as for `BuddyAllocator.allocate(order:migrateType:mayUseCMA:avoidingFragments:frames:)`.
  /// - Returns: the first frame of the block, all of whose frames are in hand; `nil` if no zone that the
  ///   request may use is above the mark and has such a block.
  /// - Complexity: as for that.
  ///
  /// Source: Linux v6.8 `get_page_from_freelist`.
  public mutating func allocateBlock(
    _ request: PageRequest,
    order: Int,
    above level: WatermarkLevel?,
    frames: inout FrameTable
  ) -> PageFrameNumber? {
    let first = firstChoice(of: request)
    for index in stride(from: first, through: 0, by: -1) {
      if let level {
        // What a zone keeps from requests that aim higher; its own requests may have it.
        let kept = index == first ? 0 : zones[index].lowMemoryReserves[request.highestZone.rawValue]
        let isAbove = zones[index].passes(
          order: order,
          mark: zones[index].watermarks[level],
          mayUseCMA: request.mayUseCMA,
          reserve: kept
        )
        guard isAbove else { continue }
      }
      let block = zones[index].allocate(
        order: order,
        migrateType: request.migrateType,
        mayUseCMA: request.mayUseCMA,
        frames: &frames
      )
      if let block { return block }
    }
    return nil
  }

  /// Gives back a block of 2^`order` frames to its zone.
  ///
  /// - Precondition: as for ``BuddyAllocator/free(_:order:frames:)``.
  public mutating func freeBlock(
    _ head: PageFrameNumber,
    order: Int,
    frames: inout FrameTable
  ) {
    zones[zoneIndex(of: head)].free(head, order: order, frames: &frames)
  }
}
