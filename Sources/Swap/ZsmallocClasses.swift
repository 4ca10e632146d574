// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A size class of zsmalloc: objects of one size in spans of a few pages.
public struct ZsmallocClass: Equatable, Sendable {
  /// Bytes of an object, the 8 of its handle included.
  public let objectBytes: Int
  /// Pages of a span, 1 to 8, which need not lie side by side.
  public let pagesPerSpan: Int
  /// Objects of a span, which may cross from one page to the next.
  public let objectsPerSpan: Int
}

/// The size classes of zsmalloc for one page size.
///
/// Classes are 1/256 of a page apart, from 32 bytes to a page. Each takes the number of pages, up to 8,
/// that wastes least; a class that has as many pages and objects as the next larger one is merged
/// into it.
///
/// Source: Linux v6.8 `mm/zsmalloc.c`, with `CONFIG_ZSMALLOC_CHAIN_SIZE` 8.
public struct ZsmallocClasses: Equatable, Sendable {
  /// The classes by size, merged ones left out.
  public let all: [ZsmallocClass]
  /// The smallest size that is stored as a whole page, the handle not included.
  public let hugeBytes: Int
  /// For each size before merging its place in ``all``.
  private let placeBySize: [UInt8]
  private let stepBytes: Int

  /// The most pages of a span.
  static let mostPages = 8
  private static let smallestBytes = 32
  private static let handleBytes = 8

  /// Works out the classes.
  public init(pageSize: PageSize) {
    let page = pageSize.bytes
    let step = page / 256
    let count = (page - Self.smallestBytes + step - 1) / step + 1
    var classes: [ZsmallocClass] = []
    var places: [Int] = []
    var huge = page
    for index in (0..<count).reversed() {
      let found = Self.best(objectBytes: min(Self.smallestBytes + index * step, page), page: page)
      if found.pagesPerSpan > 1, found.objectsPerSpan > 1, huge == page {
        huge = found.objectBytes - (Self.handleBytes - 1)
      }
      let isMerged =
        classes.last.map {
          $0.pagesPerSpan == found.pagesPerSpan && $0.objectsPerSpan == found.objectsPerSpan
        } ?? false
      if !isMerged { classes.append(found) }
      places.append(classes.count - 1)
    }
    all = classes.reversed()
    placeBySize = places.reversed().map { [last = classes.count - 1] in UInt8(last - $0) }
    hugeBytes = huge
    stepBytes = step
  }

  /// The place in ``all`` of the class for an object of `bytes`, its handle not included.
  public func place(forBytes bytes: Int) -> Int {
    let beyond = max(0, bytes + Self.handleBytes - Self.smallestBytes)
    let index = (beyond + stepBytes - 1) / stepBytes
    return Int(placeBySize[min(index, placeBySize.count - 1)])
  }

  private static func best(objectBytes: Int, page: Int) -> ZsmallocClass {
    var pages = 1
    if objectBytes & (objectBytes - 1) != 0 {
      let waste = (1...mostPages).map { $0 * page % objectBytes }
      pages = (waste.firstIndex(of: waste.min() ?? 0) ?? 0) + 1
    }
    return ZsmallocClass(
      objectBytes: objectBytes,
      pagesPerSpan: pages,
      objectsPerSpan: pages * page / objectBytes
    )
  }
}
