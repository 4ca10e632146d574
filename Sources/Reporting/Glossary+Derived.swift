// SPDX-License-Identifier: Apache-2.0

extension Glossary {
  /// What reports derive, and what is neither a counter nor a category.
  static let derivedRows: [GlossaryEntry] = totals + savedTagRows + verificationRows

  private static let totals: [GlossaryEntry] = [
    GlossaryEntry(
      "codec",
      "codec of saved tags",
      .text,
      "The codec that compresses the tags of swapped pages.",
      source: Source.model
    ),
    GlossaryEntry(
      "tag_overhead",
      "total",
      .bytes,
      "What the categories given up for tags added up to at each sample.",
      formula: "tag_storage_withheld + tag_storage_held + saved_tags* + saved_tag_slack + "
        + "saved_tag_nodes + parked_tags",
      sum: .tagOverhead,
      source: Source.model
    ),
    GlossaryEntry(
      "tag_overhead_percent",
      "total, % of RAM",
      .percent,
      "The memory given up for tags as a part of RAM.",
      formula: "10000 * tag_overhead / RAM",
      source: Source.model
    ),
    GlossaryEntry(
      "tag_overhead_change",
      "total against the first design",
      .bytes,
      "How much more a design gives up than the first one does.",
      formula: "tag_overhead - tag_overhead of the first design",
      source: Source.model
    ),
    GlossaryEntry(
      "tag_overhead_change_percent",
      "total against the first design, %",
      .percent,
      "How much more a design gives up than the first one does, as a part of what that gives up.",
      formula: "10000 * tag_overhead_change / tag_overhead of the first design",
      source: Source.model
    ),
    GlossaryEntry(
      "given_back",
      "total",
      .bytes,
      "Tag storage that serves as ordinary memory.",
      formula: "tag_storage_data + tag_storage_free",
      sum: .tagStorage,
      source: Source.model
    ),
    GlossaryEntry(
      "given_back_percent",
      "total, % of tag storage",
      .percent,
      "The tag storage that serves as ordinary memory as a part of all tag storage.",
      formula: "10000 * given_back / tag storage",
      source: Source.model
    ),
  ]

  private static let savedTagRows: [GlossaryEntry] = [
    GlossaryEntry(
      "saved_tag_class.allocations",
      "allocated",
      .objects,
      "Objects of a size class ever allocated; class 8 stands for tags that fit their handle.",
      sum: .savedTags,
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tag_class.frees",
      "freed",
      .objects,
      "Objects of a size class freed again.",
      sum: .savedTags,
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tag_class.live",
      "live at the end",
      .objects,
      "Objects of a size class alive at the end.",
      formula: "saved_tag_class.allocations - saved_tag_class.frees",
      sum: .savedTags,
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tag_class.peak",
      "most at once",
      .objects,
      "The most objects of a size class alive at once.",
      sum: .savedTags,
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tag_memory",
      "saved tags, slabs and map, mean",
      .bytes,
      "What the tags of swapped pages take, with free room in their slabs and their map.",
      formula: "saved_tags* + saved_tag_slack + saved_tag_nodes",
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tags_uncompressed",
      "live tags, uncompressed, KiB",
      .bytes,
      "What the saved tags that are alive at the end would take without a codec.",
      formula: "live objects of all classes * bytes of a page / 32",
      source: Source.compression
    ),
    GlossaryEntry(
      "saved_tags_compressed",
      "live tags, compressed, KiB",
      .bytes,
      "What their objects take, where tags in the handle count as nothing.",
      formula: "sum of bytes * live objects over the classes but 8",
      source: Source.compression
    ),
  ]

  private static func verification(
    _ field: VerificationField,
    _ title: String,
    _ meaning: String
  ) -> GlossaryEntry {
    GlossaryEntry(
      "verification.\(field.rawValue)",
      title,
      .comparisons,
      meaning,
      sum: .verification,
      source: Source.model
    )
  }

  private static let verificationRows: [GlossaryEntry] = [
    verification(
      .swapIns,
      "compared after swap-in",
      "Pages compared after they came back from swap."
    ),
    verification(
      .migrations,
      "compared after migration",
      "Pages compared after they were migrated."
    ),
    verification(
      .copies,
      "compared after copy on write",
      "Pages compared after they were copied on write, or mapped or filled from a reference page."
    ),
    verification(.finalPages, "compared at the end", "Pages compared at the end of the run."),
    verification(.snapshots, "recorded snapshots compared", "Recorded tag snapshots compared."),
    GlossaryEntry(
      "verification.comparisons",
      "comparisons",
      .comparisons,
      "Comparisons of any kind.",
      formula: "swap_ins + migrations + copies + final_pages + snapshots",
      sum: .verification,
      source: Source.model
    ),
    verification(.differences, "differences", "Comparisons that failed."),
    verification(.expectations, "expectations", "Expectations of the traces that were checked."),
    verification(.failedExpectations, "failed expectations", "Expectations that failed."),
  ]
}
