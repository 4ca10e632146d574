// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is donated to guaranteed CMA: it keeps copies of clean pages of files that were in the
  /// working set.
  ///
  /// Mechanism: as ``cleancache``, with these rules. A page is stored only if it had been in use before it
  /// was evicted (it was deactivated, or came back soon after an eviction); another page is skipped, and
  /// an old copy of it is discarded. A copy that is read stays, and becomes the one that was used last. A
  /// page that finds no idle frame takes that of the copy that was not used for longest. Taking a frame
  /// back always succeeds: what it holds is discarded (`store_recalled`).
  ///
  /// Simplified: one region of tag storage is one donor, the area as a whole, so that only the tag block
  /// that is needed is ever taken back. Bookkeeping takes no memory and never fails.
  ///
  /// Source: "Guaranteed CMA", RFC of 20 March 2025 and patches of October 2025; specification of tag
  /// storage, section 15.11.
  public static let gcma = {
    var store = StorePolicy(content: .cleanPages, form: .plain, whenFull: .reclaim)
    store.admits = .workingSet
    store.afterRestore = .keepCopy
    var policy = DesignPolicy.cleancache
    policy.bootPlacement = .store(store)
    return policy
  }()
}
