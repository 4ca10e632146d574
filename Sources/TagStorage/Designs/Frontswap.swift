// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage that holds no tags keeps copies of pages that are swapped out.
  ///
  /// Mechanism: a page that is written to swap goes to an idle frame of tag storage first, under the slot
  /// that it has on its swap device, and is read back from there without the device. When no frame is idle
  /// it is written to the device as ever. A tag block is reserved when a frame that it covers is handed
  /// out for tagged memory, as under ``rfc3``. A copy in it moves to an idle frame, or is written to its
  /// slot; where the device refuses, the reservation fails, and a fault on access tries again.
  ///
  /// With `tag-storage.store-writes=through` pages are also written to the device when they are stored.
  /// Copies can then be dropped at any time, and no reservation fails.
  ///
  /// Source: proposed in the review of RFC v1; specification of tag storage, section 15.8.
  public static let frontswap = DesignPolicy(
    bootPlacement: .store(
      StorePolicy(content: .swappedPages, form: .plain, whenFull: .refuse)
    ),
    cmaEligibility: .allMovable,
    beforeTags: .reserve(ReservationPolicy())
  )
}
