// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is a CMA area, and a page that asks for tags is not handed out without storage.
  ///
  /// Mechanism: as ``rfc3``, but mandatory. A frame whose tag block cannot be had goes back to the
  /// tail of the free lists and another one is taken; when 16 blocks in a row could not be had, the
  /// request counts as out of memory. Only blocks of one page take the fast track. A fault on access
  /// that cannot reserve is replayed and never replaces an ordinary page, so that it spins for as long
  /// as the tag storage stays pinned. A reservation that has to migrate for a process that is being
  /// ended pretends success, so that the allocator does not end another. A frame gives its share of a
  /// block back only if it was tagged, so that a page that is given up before its first tagged mapping
  /// leaks it.
  ///
  /// A collapse asks for frames without tag storage, and keeps the tags of its pages aside, so that each
  /// page gets its storage, or another frame, at its next access.
  ///
  /// As posted, a copy finds tags kept aside only where the source lies in tag storage: those of other
  /// pages that move or are copied before they have storage are lost, and counted as lost in copying.
  ///
  /// Simplified: the window between the mark of a frame and the return of its tags cannot be seen,
  /// because nothing else runs meanwhile. H1 and H2, which this version has too, can be injected.
  ///
  /// Source: dynamic tag storage RFC v2 (November 2023); specification of tag storage, sections 5 to
  /// 13.
  public static let rfc2 = {
    var reservation = ReservationPolicy()
    reservation.mode = .mandatory
    reservation.fastTrack = .singlePage
    reservation.failureAtFault = .replay
    reservation.fatalSignal = .pretendSuccess
    reservation.parkedLookup = .tagStorage
    reservation.releaseCondition = .tagged
    reservation.replaceAttempts = 5
    var policy = DesignPolicy.rfc3
    policy.guests = .hidden
    policy.collapse = .untagged
    policy.beforeTags = .reserve(reservation)
    return policy
  }()
}
