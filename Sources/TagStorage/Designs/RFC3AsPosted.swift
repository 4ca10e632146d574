// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// RFC v3 with the defects of the code as it was posted.
  ///
  /// Mechanism: that of ``rfc3``, with every defect switched on that shows in this machine without an
  /// allocation that fails: a huge page reserves one tag block for every so many as a block has pages
  /// (D1), while the others hold its tags and somebody's data; a region that a zone border splits gets
  /// its blocks mixed up above the border (D2); the fast track is dead (D3), so that each block costs
  /// isolation and an interrupt to every CPU, and what is wrong inside it stays hidden (D4); where a region
  /// cannot be taken into use, those before it stay in use (D5), or warn of being taken back (D6); tags kept
  /// aside are written back too early (D7, a warning); a block that was just released is refused once
  /// (D10); tags kept aside outlive their frame (H1), are not saved by a second swap-out (H2), and are
  /// dropped when the copy of their page has storage already (H5).
  ///
  /// Not modelled: D9, which keeps the code from compiling without the feature. H3 and H4, which is D8, need an allocation to fail and
  /// have to be injected. So this design loses tags and shows tags to other owners, and the counters
  /// `tags_lost` and `tags_leaked` say how many and why.
  ///
  /// Source: dynamic tag storage RFC v3 (January 2024); specification of tag storage, sections 11.4
  /// and 14.
  public static let rfc3AsPosted = {
    var policy = DesignPolicy.rfc3
    policy.defects = TagStorageDefects([
      .skippedBlocks, .shortSplit, .deadFastTrack, .uncountedFastTrack,
      .keptRegistration, .invertedWarning, .earlyTagged, .lateBitmap, .outlivingTags,
      .unsavedParkedTags, .droppedMovedTags,
    ])
    return policy
  }()
}
