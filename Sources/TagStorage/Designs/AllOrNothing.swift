// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is ordinary memory until somebody wants tags, and then tag storage for ever.
  ///
  /// Mechanism: as ``rfc3`` until the first page of the system asks for tags. Then all tag blocks are
  /// taken, one after the other, and what lies in them is migrated away in one burst. From then on
  /// nothing is given back and nothing has to be reserved: the machine is ``staticCarveout``. A block
  /// that is pinned during the burst is taken when it is needed.
  ///
  /// Simplified: the burst comes with the first tagged page, not with the system call that allows tags.
  /// The zero page's block is taken at boot, as everywhere.
  ///
  /// Source: proposed in the review of RFC v1 (24 August 2023); specification of tag storage,
  /// section 15.3.
  public static let allOrNothing = {
    var reservation = ReservationPolicy()
    reservation.extent = .everything
    var policy = DesignPolicy.rfc3
    policy.collapse = .tagged
    policy.beforeTags = .reserve(reservation)
    return policy
  }()
}
