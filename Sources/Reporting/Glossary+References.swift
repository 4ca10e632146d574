// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Counters of reference pages, and what time depends on besides.
  static let referenceCounters: [GlossaryEntry] = [
    counter(
      .refpageCreated,
      "reference pages created",
      .pages,
      "Reference pages created.",
      sum: .references,
      source: Source.references
    ),
    counter(
      .refpageReleased,
      "reference pages given up",
      .pages,
      "Reference pages given up with their last descriptor and mapping.",
      sum: .references,
      source: Source.references
    ),
    counter(
      .refpageUntaggedSource,
      "made from memory without tags",
      .pages,
      "Reference pages whose content came from memory without tags, which count as tag 0.",
      source: Source.references
    ),
    counter(
      .pagesFilled,
      "pages filled",
      .pages,
      "Pages filled with a byte, or with zeros and a tag.",
      sum: .copies,
      source: Source.references
    ),
    counter(
      .pagesZeroedTwice,
      "pages zeroed, then filled",
      .pages,
      "Pages zeroed only to be filled or copied over.",
      sum: .references,
      source: Source.references
    ),
    counter(
      .pagesUnmapped,
      "pages unmapped by programs",
      .pages,
      "Pages that programs unmapped, dropped or left behind at their end.",
      source: Source.model
    ),
    counter(
      .pagesForked,
      "page-table entries copied at forks",
      .pages,
      "Page-table entries copied for children at forks.",
      source: Source.model
    ),
    counter(
      .mappingCalls,
      "calls about mappings",
      .calls,
      "System calls that change mappings or descriptors.",
      source: Source.model
    ),
    counter(
      .hiwaterRss,
      "most pages of one process (VmHWM)",
      .pages,
      "The most pages that one process had mapped at once.",
      source: "Linux v6.8, VmHWM of /proc/PID/status"
    ),
  ]
}
