// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A layer of memory in a stacked area: categories that belong together.
struct MemoryLayer {
  /// The class of its colour.
  let style: String
  let title: String
  let meaning: String
  /// Categories whose bytes it holds.
  let added: [MemoryCategory]
  /// Categories that `added` includes and that have layers of their own.
  var subtracted: [MemoryCategory] = []

  /// The layers of what is given up for tags, from the bottom up; they are disjoint, and together the
  /// overhead of a design.
  static let givenUp: [MemoryLayer] = [
    single(.tagStorageWithheld, "withheld"),
    single(.tagStorageIdle, "withheld"),
    single(.tagStorageHeld, "held"),
    // No design has both tag blocks and tag pages.
    single(.tagPages, "held"),
    MemoryLayer(
      style: "saved",
      title: "saved tags of swapped pages",
      meaning: Glossary.explanation(of: "saved_tag_memory"),
      added: MemoryCategory.tagOverhead.filter {
        ![
          .tagStorageWithheld, .tagStorageIdle, .tagStorageHeld, .tagPages, .parkedTags,
        ].contains($0)
      }
    ),
    single(.parkedTags, "parked"),
  ]

  /// The layers of tag storage that serves as ordinary memory.
  static let givenBack: [MemoryLayer] = [
    single(.tagStorageData, "tagdata"), single(.tagStorageFree, "tagfree"),
  ]

  /// The layers that fill the rest of RAM, but for what is left to the kernel.
  static let elsewhere: [MemoryLayer] = [
    MemoryLayer(
      style: "data",
      title: "data elsewhere",
      meaning:
        "Mapped anonymous pages, the swap cache and pages of files, without those in tag storage.",
      // What a store holds lies in tag storage, too, and is none of these.
      added: [.anonymous, .swapCache, .filePages, .storeMemUsed],
      subtracted: [.tagStorageData]
    ),
    MemoryLayer(
      style: "free",
      title: "free elsewhere",
      meaning: "Free frames, without those of tag storage.",
      added: [.free],
      subtracted: [.freeCma]
    ),
  ]

  /// What the other layers leave of RAM.
  static let kernel = MemoryLayer(
    style: "kernel",
    title: "the kernel's own",
    meaning: "Page descriptors, page tables, and other objects of the kernel: the rest of RAM.",
    added: []
  )

  private static func single(_ category: MemoryCategory, _ style: String) -> MemoryLayer {
    MemoryLayer(
      style: style,
      title: Glossary.entry(for: category.name)?.title ?? category.name,
      meaning: Glossary.explanation(of: category.name),
      added: [category]
    )
  }

  /// Mean bytes during a stretch; nothing where more is subtracted than there is.
  func bytes(_ point: MemoryPoint) -> UInt64 {
    let whole = added.reduce(0) { $0 + point.meanBytes(of: $1) }
    let part = subtracted.reduce(0) { $0 + point.meanBytes(of: $1) }
    return whole > part ? whole - part : 0
  }

  /// Whether the layer ever held anything.
  func occurs(in points: [MemoryPoint]) -> Bool { points.contains { bytes($0) > 0 } }
}
