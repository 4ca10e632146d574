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
    ) { Int64(clamping: $0.report.designs[$0.design].tagOverhead.mean) }
    let paging = ChangeCauses(
      name: "paging_overhead.mean",
      title: "cost of paging, mean",
      causes: pagingCauses,
      base: base,
      news: news
    ) { side in pagingCauses.reduce(0) { $0 + $1.bytes(of: side) } }
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
      Part(
        title: cause.title,
        changes: news.map { side in
          side.map { cause.bytes(of: $0) - cause.bytes(of: base) }
        }
      )
    }
    // A report may round the mean of a sum and those of its parts apart.
    let rest = total.indices.map { column in
      total[column].map { whole in parts.reduce(whole) { $0 - ($1.changes[column] ?? 0) } }
    }
    parts.append(Part(title: "rounding of means", changes: rest))
    self.total = total
    self.parts = parts.filter { part in part.changes.contains { $0 ?? 0 != 0 } }
  }

  /// A cause, and the categories of memory that are there for it.
  private struct Cause {
    let title: String
    let categories: [MemoryCategory]

    /// The mean of the categories together, in bytes.
    func bytes(of side: ComparisonSide) -> Int64 {
      categories.reduce(0) { sum, category in
        sum + Int64(clamping: side.report.designs[side.design][category].mean)
      }
    }
  }

  /// Each category of the overhead is one cause's.
  private static let overheadCauses = [
    Cause(
      title: "tag storage withheld from the page allocator",
      categories: [.tagStorageWithheld]
    ),
    Cause(title: "tag blocks in use", categories: [.tagStorageHeld]),
    Cause(
      title: "objects of saved tags",
      categories: MemoryCategory.tagOverhead.filter {
        $0.rawValue >= MemoryCategory.savedTags16.rawValue
          && $0.rawValue <= MemoryCategory.savedTags2048.rawValue
      }
    ),
    Cause(title: "packing of saved tags in slabs", categories: [.savedTagSlack]),
    Cause(title: "map from swap entry to saved tags", categories: [.savedTagNodes]),
    Cause(title: "parked tags", categories: [.parkedTags]),
  ]

  private static let pagingCauses = [
    Cause(title: "page tables", categories: [.pageTables]),
    Cause(title: "page descriptors", categories: [.structPages]),
    Cause(title: "reference pages", categories: [.referencePages]),
  ]
}
