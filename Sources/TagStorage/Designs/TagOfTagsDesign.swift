// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage has tags itself, which a second carve-out of 1/1024 of RAM holds.
  ///
  /// Mechanism: as ``rfc3``, but any frame can hold a tagged page. Tag storage serves all movable
  /// requests, tagged or not, and no page has to leave it because a mapping becomes tagged. The tags
  /// of tag storage are at its end, which the page allocator loses at boot.
  ///
  /// A tagged page that lies in tag storage moves when its block is needed for tags. Its new frame is
  /// not asked for storage, so that reservations never nest, and its tags are kept aside until the next
  /// access.
  ///
  /// Simplified: the end of tag storage is taken from the CMA area at boot, so that it still counts as
  /// managed memory. With tags at exactly the top 1/32 of RAM that is 1/1024 of RAM; a lower start of
  /// the tag storage, which loses a little less, is not modelled.
  ///
  /// Source: proposed in the review of RFC v1 (23 October 2023) and never coded; specification of tag
  /// storage, sections 2.7 and 15.5.
  public static let tagOfTags = {
    var policy = DesignPolicy.rfc3
    policy.collapse = .tagged
    policy.cmaEligibility = .allMovable
    policy.selfTagging = .secondCarveout
    return policy
  }()
}
