// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage that holds no tags keeps copies of clean pages of files that were evicted.
  ///
  /// Mechanism: when a clean page of a file leaves memory, it is copied to an idle frame of tag storage, or
  /// to that of the copy that was stored first; when it is wanted again, it is copied back, and the copy is
  /// given up. When a frame is about to hold tags, its tag block is taken from the store: copies in it are
  /// dropped. That migrates nothing, allocates nothing and cannot fail, so that it can be done wherever a
  /// page-table entry is written: no allocation asks for tagged pages, no access faults for want of tag
  /// storage, and no tags are kept aside.
  ///
  /// Only machines with `file-pages: on` have anything to store, and anonymous memory gains nothing.
  ///
  /// Simplified: the kernel's bookkeeping of what is stored takes no memory.
  ///
  /// Source: proposed in the discussion of alternatives to RFC v3 (20 February 2024) and never coded; Linux
  /// v5.16 cleancache for what a store of one machine does with a page that it gives back; specification of
  /// tag storage, section 15.10.
  public static let cleancache = DesignPolicy(
    bootPlacement: .store(
      StorePolicy(content: .cleanPages, form: .plain, whenFull: .reclaim)
    ),
    cmaEligibility: .allMovable,
    beforeTags: .reserve(.whereEntriesAreWritten)
  )
}

extension ReservationPolicy {
  /// The policy of designs that take tag blocks at once: no allocation asks, and what makes a frame
  /// tagged does.
  static let whereEntriesAreWritten = {
    var policy = ReservationPolicy()
    policy.mode = .onFaultOnly
    return policy
  }()
}
