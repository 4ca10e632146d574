// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What the change of a total is made of; the parts of every column add up to the change of the total.
public struct ChangeCauses: Equatable, Sendable {
  /// One part of the change.
  public struct Part: Equatable, Sendable {
    /// The cause.
    public let title: String
    /// Bytes for each new report, `nil` where it has no such design.
    public let changes: [Int64?]
  }

  /// The name of the total.
  public let name: String
  /// The total in words.
  public let title: String
  /// How far the total changed, in bytes.
  public let total: [Int64?]
  /// The causes that changed anything.
  public let parts: [Part]

  /// The causes for the totals of a report that are sums.
  static func all(base: ComparisonSide, news: [ComparisonSide?]) -> [ChangeCauses] {
    let overhead = ChangeCauses(
      name: "tag_overhead.mean",
      title: "memory given up for tags, mean",
      causes: overheadCauses,
      base: base,
      news: news
    ) { Int64(clamping: $0.design.tagOverhead.mean) }
    let paging = ChangeCauses(
      name: "paging_overhead.mean",
      title: "cost of paging, mean",
      causes: pagingCauses,
      base: base,
      news: news
    ) { side in MemoryCategory.pagingOverhead.reduce(0) { $0 + side.mean($1) } }
    return [overhead, paging].filter { !$0.parts.isEmpty }
  }

  private init(
    name: String,
    title: String,
    causes: [Cause],
    base: ComparisonSide,
    news: [ComparisonSide?],
    whole: (ComparisonSide) -> Int64
  ) {
    self.name = name
    self.title = title
    let total = news.map { side in side.map { whole($0) - whole(base) } }
    var parts = causes.map { cause in
      Part(title: cause.title, changes: news.map { side in side.map { cause.change(base, $0) } })
    }
    // A report may round the mean of a sum and those of its parts apart.
    let rest = total.indices.map { column in
      total[column].map { whole in parts.reduce(whole) { $0 - ($1.changes[column] ?? 0) } }
    }
    parts.append(Part(title: "rounding of means", changes: rest))
    self.total = total
    self.parts = parts.filter { part in part.changes.contains { $0 ?? 0 != 0 } }
  }

  /// A cause, and how many bytes a report has more for it than the base.
  private struct Cause: Sendable {
    let title: String
    let change: @Sendable (_ base: ComparisonSide, _ side: ComparisonSide) -> Int64

    /// A cause that is the change of categories of memory.
    static func categories(_ title: String, _ categories: [MemoryCategory]) -> Cause {
      Cause(title: title) { base, side in
        categories.reduce(0) { $0 + side.mean($1) - base.mean($1) }
      }
    }
  }

  /// Each category of the overhead is one cause's, or two's that add up.
  private static let overheadCauses = [
    Cause.categories("tag storage withheld from the page allocator", [.tagStorageWithheld]),
    Cause.categories("tag storage idle in a store", [.tagStorageIdle]),
    Cause(title: "tag blocks: number of tagged pages") { TagBlockChange($0, $1).byPages },
    Cause(title: "tag blocks: tagged pages that one serves") { TagBlockChange($0, $1).byPacking },
    Cause.categories("tag pages in ordinary memory", [.tagPages]),
    Cause.categories(
      "objects of saved tags",
      MemoryCategory.tagOverhead.filter {
        $0.rawValue >= MemoryCategory.savedTags16.rawValue
          && $0.rawValue <= MemoryCategory.savedTags2048.rawValue
      }
    ),
    Cause.categories("packing of saved tags in slabs", [.savedTagSlack]),
    Cause.categories("map from swap entry to saved tags", [.savedTagNodes]),
    Cause.categories("parked tags", [.parkedTags]),
  ]

  private static let pagingCauses = [
    Cause.categories("page tables", [.pageTables]),
    Cause.categories("page descriptors", [.structPages]),
    Cause.categories("reference pages", [.referencePages]),
  ]
}

extension ComparisonSide {
  /// The mean of a category, in bytes.
  func mean(_ category: MemoryCategory) -> Int64 {
    Int64(clamping: design[category].mean)
  }
}
