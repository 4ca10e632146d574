// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of designs that choose frames by the tag storage that they need.
  static let cellCounters: [GlossaryEntry] = [
    chosen(
      .cellActivations,
      "cells activated",
      .blocks,
      "Cells of tag storage that began to hold tags.",
      sum: .cells
    ),
    chosen(
      .cellDeactivations,
      "cells given up",
      .blocks,
      "Cells of tag storage that were given up because nobody needed them.",
      sum: .cells
    ),
    chosen(
      .cellClaims,
      "cells claimed for data",
      .blocks,
      "Cells of tag storage whose page was taken for data.",
      sum: .cells
    ),
    chosen(
      .cellRefills,
      "runs of the refill thread",
      .calls,
      "Runs of the thread that provides pages to be tagged."
    ),
    chosen(
      .cellRefillSteps,
      "cells that the thread chose",
      .blocks,
      "Cells that this thread decided to activate or to reclaim.",
      sum: .cells
    ),
    chosen(
      .cellReclaims,
      "claimed cells reclaimed",
      .blocks,
      "Claimed cells whose data were moved so that they can hold tags.",
      sum: .cells
    ),
    chosen(
      .cellReclaimFail,
      "claimed cells not reclaimed",
      .blocks,
      "Claimed cells whose data could not be moved.",
      sum: .cells
    ),
    chosen(
      .cellReclaimFailPinned,
      "cells not reclaimed, being pinned",
      .blocks,
      "Claimed cells whose data could not be moved because a device used them.",
      sum: .cells
    ),
    chosen(
      .cellPoolRelocations,
      "compressed pages moved from cells",
      .pages,
      "Claimed cells whose data were compressed pages, and were moved.",
      sum: .cells
    ),
    chosen(
      .cellPinRelocations,
      "pages moved from cells for a pin",
      .pages,
      "Pages that left claimed cells because a device was to use them for long."
    ),
    chosen(
      .cellGrabUntagged,
      "untagged pages of active cells",
      .pages,
      "Untagged requests that got a page that could have been tagged."
    ),
    chosen(
      .cellWaits,
      "tagged requests that waited",
      .calls,
      "Tagged requests that found no page that could be tagged."
    ),
  ]

  /// Counters of designs with tags in virtual memory, with tags between the data, and of the filter.
  static let otherPlaceCounters: [GlossaryEntry] = [
    chosen(
      .tagPagesTaken,
      "tag pages taken",
      .pages,
      "Tag pages taken from the page allocator, where tags lie in virtual memory.",
      sum: .tagPages
    ),
    chosen(
      .tagPagesFreed,
      "tag pages given back",
      .pages,
      "Tag pages given back to the page allocator.",
      sum: .tagPages
    ),
    chosen(
      .tagsKeptResident,
      "tags that stayed at swap-out",
      .pages,
      "Pages whose tags stayed in their tag page at swap-out."
    ),
    chosen(
      .filterSkipped,
      "pages passed over",
      .pages,
      "Pages of tag storage that tagged requests passed over one by one."
    ),
    chosen(
      .blockDividedUntagged,
      "blocks divided for untagged pages",
      .blocks,
      "Tag blocks divided into untagged pages."
    ),
    chosen(
      .blockHarvests,
      "tag blocks made again",
      .blocks,
      "Tag blocks that were made again of pages that are all free, because the other list ran out.",
      sum: .tagPages
    ),
    chosen(
      .blockBorrowed,
      "untagged pages of tagged blocks",
      .pages,
      "Untagged requests that got a page that could have been tagged."
    ),
    chosen(
      .blockTagPagesMoved,
      "tag pages whose data were moved",
      .pages,
      "Tag pages whose data were moved so that their block can be tagged.",
      sum: .tagPages
    ),
    chosen(
      .blockTagPagesStuck,
      "tag pages with data not moved",
      .pages,
      "Tag pages whose data could not be moved."
    ),
    chosen(
      .blockWaits,
      "tagged requests without a block",
      .calls,
      "Tagged requests that found no block that could be tagged."
    ),
  ]

  private static func chosen(
    _ counter: Counter,
    _ title: String,
    _ unit: GlossaryUnit,
    _ meaning: String,
    sum: SumRule? = nil
  ) -> GlossaryEntry {
    self.counter(counter, title, unit, meaning, sum: sum, source: Source.model)
  }
}
