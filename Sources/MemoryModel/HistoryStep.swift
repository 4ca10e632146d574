// SPDX-License-Identifier: Apache-2.0

/// Something that happened to a subject within an event, which the state after it need not show.
///
/// Frames are page frame numbers. Causes are the counters that count them.
public enum HistoryStep: Equatable, Sendable {
  /// A page moved to another frame.
  case migrated(from: Int, to: Int, reason: MigrationReason)
  /// A page could not be moved; `cause` is ``Counter/migratePinned``, ``Counter/pgmigrateFail`` for one
  /// that is in use, or ``Counter/reserveFailNomem`` for want of a frame to move it to.
  case notMigrated(frame: Int, reason: MigrationReason, cause: Counter)
  /// Tag storage for a frame could not be had.
  case reservationFailed(frame: Int, block: Int?, cause: Counter)
  /// A tag block was taken: ``Counter/reserveFast`` from the free lists, ``Counter/reserveSlow`` by
  /// emptying it.
  case blockTaken(Int, by: Counter)
  /// A tag block was given back to the page allocator.
  case blockGivenBack(Int)
  /// Reclaim took the page out of its frame.
  case reclaimed(frame: Int, by: ReclaimReason)
  /// Reclaim wrote the page to a device, which is busy with it; a later scan frees the frame.
  case writeBegun(frame: Int, by: ReclaimReason)
  /// The page could not be swapped out.
  case swapOutRefused(frame: Int, by: ReclaimReason, cause: Counter)
  /// Tags were lost.
  case tagsLost(Counter)
  /// The shadow oracle found the page to be other than it must be.
  case difference(String)
}

/// Why a page is migrated.
public enum MigrationReason: Equatable, Sendable {
  /// Its frame belongs to a tag block that is wanted.
  case tagBlock(Int)
  /// Its frame cannot hold tags, and the page needs some.
  case tags
  /// It is pinned for long and must not stay in a CMA area.
  case pin
}

/// Who wants a page to go.
public enum ReclaimReason: String, Equatable, Sendable {
  /// The background thread.
  case kswapd
  /// A process that found no free frame.
  case direct
  /// A memory group at its limit.
  case group = "memory.max"
  /// The program: `MADV_PAGEOUT`.
  case advice = "MADV_PAGEOUT"
}
