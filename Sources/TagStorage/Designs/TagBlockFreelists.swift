// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Memory consists of Tag Blocks of 32 pages and one page for their tags, on three free lists.
  ///
  /// Mechanism: tags lie between the data: every 33rd page of RAM holds the tags of the 32 before it, or
  /// data while none of these is tagged. At boot all free memory is Tag Blocks. An untagged request takes
  /// from the list of untagged pages; if that is empty, a block is divided into 33 of them; else a block
  /// whose 32 pages are all on the list of tagged pages is harvested; else it borrows a page of that list. A
  /// tagged request takes from the list of tagged pages; else a block is divided into 32 of them; else a
  /// block whose 33 pages are all on the untagged list is harvested; else the data in the tag page of a block with
  /// free pages are moved elsewhere, after which those free pages can be tagged and the others stay what
  /// they are. Otherwise memory is reclaimed. Nothing goes back by itself: a block is harvested when the other list
  /// is empty, not when its last tagged page is freed.
  ///
  /// A page whose mapping becomes tagged later is moved by the next access, unless its block is tagged.
  ///
  /// Simplified: no compaction in the background, because a block need not be empty for its tag page to be
  /// had; no blocks that a hypervisor may move; frames behind the last whole block are untagged for ever.
  /// The prototype had no automatic rebalancing, nor has this.
  ///
  /// Source: prototype of 2022, as described in the specification of tag storage, section 15.6.
  public static let tagBlockFreelists = {
    var reservation = ReservationPolicy()
    reservation.failureAtFault = .replace
    var policy = DesignPolicy(
      bootPlacement: .interleaved,
      cmaEligibility: .allMovable,
      beforeTags: .reserve(reservation)
    )
    policy.frameChoice = .blocks
    return policy
  }()
}
