// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// The categories of memory.
  static let memoryCategories: [GlossaryEntry] = givenUp + elsewhere

  private static let givenUp: [GlossaryEntry] =
    [
      category(
        .tagStorageWithheld,
        "tag storage withheld",
        "Tag storage that the page allocator never got.",
        sum: .tagOverhead,
        source: Source.storage
      ),
      category(
        .tagStorageIdle,
        "tag storage idle in a store",
        "Tag storage that belongs to a store of copies of pages and holds none.",
        sum: .tagOverhead,
        source: Source.model
      ),
      category(
        .tagStorageHeld,
        "tag blocks in use",
        "Tag blocks taken out of the page allocator because a page they cover is tagged.",
        formula: "reserved tag blocks * bytes of a block",
        sum: .tagOverhead,
        source: Source.storage
      ),
      category(
        .tagPages,
        "tag pages in ordinary memory",
        "Pages of ordinary memory that hold tags, where tags lie in virtual memory.",
        formula: "groups of 32 virtual pages with a tagged page * bytes of a page",
        sum: .tagOverhead,
        source: Source.model
      ),
    ]
    + [16, 32, 64, 128, 256, 512, 1024, 2048].compactMap(savedTags(objectBytes:))
    + [
      category(
        .savedTagSlack,
        "free room in slabs of saved tags",
        "Free room in the slabs that hold saved tags.",
        formula: "slabs * bytes of a slab - live objects * bytes of an object",
        sum: .tagOverhead,
        source: Source.kernel
      ),
      category(
        .savedTagNodes,
        "map from swap entry to saved tags",
        "XArray nodes of the map from swap entry to saved tags, with their slab slack.",
        sum: .tagOverhead,
        source: Source.kernel
      ),
      category(
        .parkedTags,
        "tags kept aside",
        "Tags kept aside for frames without tag storage.",
        sum: .tagOverhead,
        source: Source.storage
      ),
    ]

  private static func savedTags(objectBytes bytes: Int) -> GlossaryEntry? {
    guard let category = MemoryCategory.savedTags(objectBytes: bytes) else { return nil }
    let size = grouped(UInt64(bytes))
    return self.category(
      category,
      "saved tags, \(size)-byte objects",
      "Saved tags of swapped pages in \(size)-byte objects.",
      formula: "live objects * \(bytes)",
      sum: .tagOverhead,
      source: Source.compression
    )
  }

  private static let elsewhere: [GlossaryEntry] = [
    category(
      .pageTables,
      "page tables",
      "Page tables below the top level.",
      formula: "leaf and middle tables * bytes of a page",
      sum: .statistics,
      source: Source.kernel
    ),
    category(
      .structPages,
      "page descriptors",
      "The kernel's array of page descriptors.",
      formula: "64 * frames that it covers",
      sum: .statistics,
      source: Source.kernel
    ),
    category(
      .referencePages,
      "reference pages",
      "Reference pages with the objects and open files that stand for them.",
      formula: "frames * bytes of a page, or content and tags where there is none; 272 for each "
        + "that has a descriptor",
      sum: .statistics,
      source: Source.model
    ),
    category(
      .tagStorageData,
      "tag storage that holds data",
      "Tag storage that holds data.",
      sum: .tagStorage,
      source: Source.storage
    ),
    category(
      .tagStorageFree,
      "tag storage on the free lists",
      "Tag storage on the free lists, usable for movable data.",
      sum: .tagStorage,
      source: Source.storage
    ),
    category(
      .storeOrigData,
      "in the store, before compression",
      "Pages that have a copy in the store of tag storage, before compression.",
      sum: .store,
      source: Source.model
    ),
    category(
      .storeComprData,
      "in the store, compressed",
      "What the copies in the store of tag storage are compressed to.",
      sum: .store,
      source: Source.model
    ),
    category(
      .storeMemUsed,
      "frames of the store",
      "The frames of tag storage that hold copies.",
      formula: "tag_storage_data, where tag storage belongs to a store",
      sum: .store,
      source: Source.model
    ),
    category(
      .anonymous,
      "anonymous pages",
      "Mapped anonymous pages.",
      sum: .frames,
      source: Source.kernel
    ),
    category(
      .swapCache,
      "swap cache, unmapped",
      "Swap-cache pages that no page table maps.",
      sum: .frames,
      source: Source.kernel
    ),
    category(
      .filePages,
      "pages of files",
      "Pages of files in memory, mapped or not.",
      sum: .frames,
      source: Source.kernel
    ),
    category(.free, "free", "Free frames.", sum: .frames, source: Source.kernel),
    category(
      .freeCma,
      "free, in CMA pageblocks",
      "Free frames in CMA pageblocks; part of the free frames.",
      sum: .frames,
      source: Source.kernel
    ),
    category(
      .pagesWithTagStorage,
      "with tag storage of their own",
      "Pages whose tags lie in a tag block; with tag_storage_held they say how many pages a block serves.",
      formula: "reserved frames * bytes of a page",
      sum: .tagStorage,
      source: Source.model
    ),
    category(
      .swapUsed,
      "swap in use",
      "Swap slots in use, in bytes of the pages they hold.",
      formula: "slots in use * bytes of a page",
      sum: .statistics,
      source: Source.kernel
    ),
    category(
      .zramOrigData,
      "in zram, before compression",
      "Pages that zram holds, before compression: orig_data_size of mm_stat.",
      formula: "pages held * bytes of a page",
      sum: .zram,
      source: Source.zram
    ),
    category(
      .zramComprData,
      "in zram, compressed",
      "What the pages in zram are compressed to: compr_data_size of mm_stat.",
      sum: .zram,
      source: Source.zram
    ),
    category(
      .zramMemUsed,
      "frames of zram's pools",
      "The frames that hold the compressed pages: mem_used_total of mm_stat.",
      formula: "pages of all spans * bytes of a page",
      sum: .zram,
      source: Source.zram
    ),
    category(
      .zramSame,
      "in zram, one repeated word",
      "Pages in zram that are one repeated word and take no object: same_pages of mm_stat.",
      formula: "same_pages * bytes of a page",
      sum: .zram,
      source: Source.zram
    ),
    category(
      .zramHuge,
      "in zram, stored as they are",
      "Pages in zram that are stored as they are: huge_pages of mm_stat.",
      formula: "huge_pages * bytes of a page",
      sum: .zram,
      source: Source.zram
    ),
    category(
      .zramTable,
      "tables of zram",
      "The frames of the tables of all zram devices.",
      formula: "16 bytes for each slot, or 24 with access times, in whole pages",
      sum: .frames,
      source: Source.kernel
    ),
  ]
}
