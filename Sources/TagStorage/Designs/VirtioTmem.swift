// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// The machine is a guest whose hypervisor lends it unused tag storage as a cache of clean pages.
  ///
  /// Mechanism: as ``cleancache``, but the frames of tag storage belong to the host. The guest has no page
  /// descriptors for them; it hands copies over and asks for them back. The host knows nothing of the
  /// guest's mappings and must assume that every page that the guest has touched is tagged: it takes the
  /// tag block of a frame when the guest first uses that frame, and drops what the block holds without
  /// asking. The guest never gives memory back to the host, so that the block is never given back either,
  /// and what is left to store in belongs to memory that the guest has not used yet.
  ///
  /// With `tag-storage.tagged-frames=mapped` the host is told of the guest's tagged pages, which no
  /// interface does today, and lends as much as ``cleancache`` has.
  ///
  /// Simplified: whether the guest is told that a copy is gone or finds out when it asks comes to the same,
  /// since a call of the hypervisor costs nothing here. The host drops copies for tags and for nothing else.
  ///
  /// Source: virtio-tmem as proposed in the discussion of alternatives to RFC v3; Linux v6.8 arm64 KVM,
  /// which prepares tags for every page of a guest that may use them; specification of tag storage, section
  /// 15.14.
  public static let virtioTmem = {
    var store = StorePolicy(content: .cleanPages, form: .plain, whenFull: .reclaim)
    store.descriptors = .undescribed
    var policy = DesignPolicy.cleancache
    policy.bootPlacement = .store(store)
    policy.taggedFrames = .touched
    return policy
  }()
}
