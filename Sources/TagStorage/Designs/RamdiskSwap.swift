// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage that holds no tags is a swap device, which is used before all others.
  ///
  /// Mechanism: the device has twice as many slots as tag storage has pages, counts as swap, and stores pages
  /// compressed. A table says where in tag storage the page of each slot lies. A tag block is taken by
  /// moving the copies in it to idle frames. Where none is idle they are written to slots of the next
  /// device, and the table says which: page tables keep the slot that they have, as with the backing
  /// device of zram. Where no other device has a slot the reservation fails, and a fault on access tries
  /// again. A page for which the device has a slot and no memory goes the same way.
  ///
  /// Source: proposed in the review of RFC v1; specification of tag storage, section 15.9.
  public static let ramdiskSwap = {
    var store = StorePolicy(content: .swapDevice, form: .compressed, whenFull: .refuse)
    store.slotsPercent = 200
    return DesignPolicy(
      bootPlacement: .store(store),
      cmaEligibility: .allMovable,
      beforeTags: .reserve(ReservationPolicy())
    )
  }()
}
