// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is a zone of its own, which the requests that may use it try first.
  ///
  /// Mechanism: as ``rfc3``, but the allocator's order of zones decides instead of a balance: an
  /// untagged movable request gets tag storage for as long as any is free. So pages lie in tag storage
  /// from the start, and tagged pages that need their blocks migrate them.
  ///
  /// Simplified: the zone has no watermarks of its own, and the reserve that keeps lower requests out
  /// of higher zones does not apply, because only movable requests may enter anyway.
  ///
  /// Source: proposed in the review of RFC v1 and rejected for its fixed size and place; specification
  /// of tag storage, section 15.7.
  public static let ownZone = {
    var policy = DesignPolicy.rfc3
    policy.collapse = .tagged
    policy.preferAbovePercent = 0
    return policy
  }()
}
