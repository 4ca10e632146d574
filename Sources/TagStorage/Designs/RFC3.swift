// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tag storage is a CMA area that serves untagged movable requests until its tags are needed.
  ///
  /// Mechanism: a tagged request never comes from CMA. Its frame's tag block is reserved when the
  /// frame is handed out, on a best effort: free frames are taken at once, frames in use are migrated
  /// away, three times at most. A tagged mapping of a frame without storage is written as fault on
  /// access. The fault reserves again, is retried once, and then replaces the page by one that can
  /// hold tags; a page of tag storage that a tagged mapping uses is replaced at once. The tags of a
  /// page that moves or comes back from swap before its frame has storage are kept aside and written
  /// back with the reservation.
  ///
  /// A huge page reserves all of its tag blocks or none. Tagged mappings are not collapsed, because the
  /// copies would be made where memory to keep tags aside cannot be waited for.
  ///
  /// This is the behaviour that the series intends. Where the posted code loses tags that were kept
  /// aside (they outlive their frame, or are not saved by a second swap-out) or takes the slow path
  /// because the test for the fast one is reversed, this design does what was meant; ``rfc3AsPosted``
  /// does what was posted.
  ///
  /// Source: dynamic tag storage RFC v3 (January 2024), described in the specification of tag
  /// storage, sections 5 to 12.
  public static let rfc3 = {
    var policy = DesignPolicy(
      bootPlacement: .cmaArea,
      cmaEligibility: .untaggedMovable,
      beforeTags: .reserve(ReservationPolicy())
    )
    policy.collapse = .refused
    return policy
  }()
}
