// SPDX-License-Identifier: Apache-2.0

import Containers
public import MemoryModel
import TagCompression

extension TagStore {
  /// The counts of the size classes.
  ///
  /// - Complexity: O(*n*), where *n* is the number of classes.
  public var statistics: TagStoreStatistics {
    TagStoreStatistics(
      pageSize: pageSize,
      classes: pools.map {
        TagClassCounts(
          sizeClass: $0.sizeClass,
          allocations: $0.allocations,
          frees: $0.frees,
          peak: $0.peak
        )
      }
    )
  }

  /// Bytes of the objects alive, tags inside a handle counted as 0.
  public var classBytes: UInt64 { statistics.classBytes }

  /// Bytes of memory that the saved tags take: slabs of objects and slabs of map nodes.
  ///
  /// It is the sum of ``bytes(in:)`` over all categories.
  public var realBytes: Int { objectSlabBytes + nodeSlabBytes }

  /// Bytes of the slabs that hold the nodes of the map, with their free room.
  public var nodeSlabBytes: Int { map.nodeSlabBytes }

  /// Nodes of the map.
  public var nodeCount: Int { map.nodeCount }

  /// Pages that the slabs of objects and nodes take.
  public var slabPages: Int { realBytes / pageSize.bytes }

  /// Bytes of memory that the saved tags take in one category of a report.
  ///
  /// Objects whose size is no power of two count in the next larger category.
  ///
  /// - Returns: 0 for a category that has nothing to do with saved tags.
  /// - Complexity: O(*n*), where *n* is the number of classes.
  public func bytes(in category: MemoryCategory) -> Int {
    switch category {
    case .savedTagNodes:
      return nodeSlabBytes
    case .savedTagSlack:
      return pools.reduce(0) { $0 + $1.slabs.slackBytes }
    default:
      return pools.reduce(0) { sum, pool in
        Self.category(objectBytes: pool.sizeClass.bytes) == category
          ? sum + pool.slabs.liveObjects * pool.sizeClass.bytes : sum
      }
    }
  }

  /// The category of objects of `objectBytes`: that of the next power of two from 16 upwards.
  private static func category(objectBytes: Int) -> MemoryCategory? {
    var bytes = 16
    while bytes < objectBytes { bytes *= 2 }
    return MemoryCategory.savedTags(objectBytes: bytes)
  }
}
