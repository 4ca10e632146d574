// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of a store of copies in tag storage.
  static let storeCounters: [GlossaryEntry] = [
    store(
      .storeStored,
      "copies stored",
      .pages,
      "Pages of which the store got a copy, in place of an older one or not."
    ),
    store(
      .storeSkipped,
      "pages not taken",
      .pages,
      "Pages that the store was offered and did not take: it had no room, or not for such a page."
    ),
    store(.storeRestored, "reads answered", .pages, "Reads that the store answered with a copy."),
    store(.storeMissed, "reads missed", .pages, "Reads for which the store had no copy."),
    store(
      .storeReclaimed,
      "copies given up for others",
      .pages,
      "Copies given up to make room for others, the least recently used first."
    ),
    store(
      .storeRecalled,
      "copies given up for tags",
      .pages,
      "Copies given up because tags needed a frame that held them."
    ),
    store(
      .storeInvalidated,
      "copies out of date",
      .pages,
      "Copies given up because their page was written again, changed, is gone, or was read back."
    ),
    store(
      .storeRelocated,
      "frames moved within the store",
      .pages,
      "Frames whose copies moved to an idle frame of the store because tags needed them."
    ),
    store(
      .storeWritten,
      "copies written to swap",
      .pages,
      "Copies that were the only ones, and were written to a swap device before they were given up."
    ),
  ]

  private static func store(
    _ counter: Counter,
    _ title: String,
    _ unit: GlossaryUnit,
    _ meaning: String
  ) -> GlossaryEntry {
    self.counter(counter, title, unit, meaning, sum: .store, source: Source.model)
  }
}
