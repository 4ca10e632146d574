// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A maximal sequence of equal tags.
public struct TagRun: Hashable, Sendable {
  /// The tag of every granule of the run.
  public let tag: MemoryTag

  /// The length, at least 1.
  public let granules: Int

  /// Creates a run.
  public init(tag: MemoryTag, granules: Int) {
    self.tag = tag
    self.granules = granules
  }
}

/// The runs of equal tags of a tag page, for statistics.
public enum TagRuns {
  /// The most runs that `mtecomp` and `mtecomp-v5` fit into an object of `sizeClass`.
  ///
  /// - Precondition: `sizeClass` is one of those codecs' classes for the page size.
  /// - Returns: 6, 5 or 4 for the class inside a handle, and the number of granules for the class
  ///   of whole tag pages.
  public static func capacity(of sizeClass: TagSizeClass, pageSize: PageSize) -> Int {
    let layout = RunLayout(pageSize)
    if sizeClass.isInline { return layout.inlineCapacity }
    return sizeClass.bytes == pageSize.tagBytes
      ? pageSize.granules : layout.capacity(bytes: sizeClass.bytes)
  }

  /// Counts the runs of a tag page.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 64.
  /// - Returns: 1 for equal tags, up to twice `tags.count`.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public static func count(_ tags: Span<UInt8>, order: GranuleOrder = .hardware) -> Int {
    RunScanner.count(tags, order: order, limit: .max)
  }

  /// Lists the runs of a tag page in the order of its granules.
  ///
  /// - Precondition: `tags.count` is a positive multiple of 64.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public static func list(_ tags: Span<UInt8>, order: GranuleOrder = .hardware) -> [TagRun] {
    var runs: [TagRun] = []
    var start = 0
    var tag = RunScanner.firstTag(tags, order: order)
    RunScanner.forEachBoundary(tags, order: order) { granule, next in
      runs.append(TagRun(tag: MemoryTag(truncating: UInt8(tag)), granules: granule - start))
      start = granule
      tag = next
    }
    let granules = tags.count * 2
    runs.append(TagRun(tag: MemoryTag(truncating: UInt8(tag)), granules: granules - start))
    return runs
  }
}
