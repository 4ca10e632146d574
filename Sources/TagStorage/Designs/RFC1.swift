// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage has a migrate type of its own, "metadata", whose free list is used last.
  ///
  /// Mechanism: movable requests without tags get metadata frames only when the movable lists are
  /// empty, before stealing from other types. Freed metadata frames bypass the lists of the CPUs.
  /// Reservation is mandatory as in ``rfc2`` and takes up to five attempts; there is no fast track, so
  /// that each block isolates its pageblock and interrupts all CPUs. A fault on access that cannot
  /// reserve replaces the page at once, five attempts at most.
  ///
  /// A collapse asks for frames that can hold tags, all of them or none.
  ///
  /// As posted, a copy never looks for tags kept aside: those of a page that moves or is copied before
  /// it has storage are lost, and counted as lost in copying.
  ///
  /// Simplified: the metadata list is the CMA list of the page allocator, of which this machine has no
  /// other user; what tells them apart is when it is used. Tags kept aside are written back with the
  /// reservation instead of with the page-table entry, which is the next step of the same fault. The
  /// reservation under the zone lock that compaction made, which the reviewers called invalid, has no
  /// place here, because nothing compacts.
  ///
  /// Source: dynamic tag storage RFC v1 (August 2023); specification of tag storage, sections 5 to 13.
  public static let rfc1 = {
    var reservation = ReservationPolicy()
    reservation.mode = .mandatory
    reservation.attempts = 5
    reservation.fastTrack = .none
    reservation.failureAtFault = .replace
    reservation.fatalSignal = .pretendSuccess
    reservation.parkedLookup = .nowhere
    reservation.releaseCondition = .tagged
    reservation.replaceAttempts = 5
    var policy = DesignPolicy.rfc3
    policy.collapse = .tagged
    policy.preferAbovePercent = 100
    policy.pageLists = .bypassed
    policy.guests = .hidden
    policy.beforeTags = .reserve(reservation)
    return policy
  }()
}
