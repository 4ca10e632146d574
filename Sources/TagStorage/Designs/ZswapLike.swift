// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage that holds no tags is a compressed cache of swapped pages, without page descriptors.
  ///
  /// Mechanism: as ``frontswap``, but pages are compressed and several share a frame, and the kernel has no
  /// page descriptors for tag storage, which saves 64 bytes for each of its frames. When the cache is full
  /// it writes the least recently used pages to their slots until a tenth of it is idle, and takes no page
  /// before. Whatever it writes has to be put together in a frame of the page allocator first; where none
  /// is free and no frame of tag storage is idle, a reservation fails.
  ///
  /// Source: proposed on the list in February 2024; specification of tag storage, section 15.13; Linux v6.8
  /// `mm/zswap.c` for how a full cache behaves.
  public static let zswapLike = {
    var store = StorePolicy(content: .swappedPages, form: .compressed, whenFull: .reclaim)
    store.descriptors = .undescribed
    return DesignPolicy(
      bootPlacement: .store(store),
      cmaEligibility: .allMovable,
      beforeTags: .reserve(ReservationPolicy())
    )
  }()
}
