// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is managed in cells, and tagged pages are gathered in few of them.
  ///
  /// Mechanism: a cell is one page of tag storage and the 32 pages whose tags it holds. Free pages are
  /// handed out by cell: untagged requests get pages of cells that hold no tags, tagged requests only those
  /// of active cells, where many tagged pages lie already. So a tagged request has its storage when it gets
  /// its page, and nothing ever faults because a reservation failed; a request waits instead: it activates a
  /// cell, moves data out of a claimed one, or reclaims. Active cells stay active when their last tagged
  /// page goes, until their page is wanted. The page of an inactive cell serves for data only where it
  /// covers few free pages, and only for data that are seldom in the way: those of the compressor.
  ///
  /// The compressor is zram here. Where its memory does not count, no page is the compressor's, and untagged
  /// pages of processes stand in; `tag-storage.clients` says otherwise. A page whose mapping becomes tagged
  /// later is moved by the next access, unless its cell is active: here `mprotect` can do what XNU has no
  /// call for.
  ///
  /// Simplified: threads act within the request that would wake them, so that there are no waiters of
  /// different priority; no lists of a CPU, for free pages and for claimed ones; pages are not retired. The
  /// target of free pages that can be tagged, which the source computes from device memory, is the high mark.
  /// Tag storage that covers tag storage serves movable requests only.
  ///
  /// Source: published source of XNU, as described in the specification of tag storage, section 15.12.
  public static let xnu = {
    var reservation = ReservationPolicy()
    reservation.failureAtFault = .replace
    var policy = DesignPolicy(
      bootPlacement: .cmaArea,
      cmaEligibility: .untaggedMovable,
      beforeTags: .reserve(reservation)
    )
    policy.frameChoice = .cells(CellPolicy())
    return policy
  }()
}
