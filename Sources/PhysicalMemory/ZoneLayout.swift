// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The shape of a machine's memory: one zone called Normal, from frame 0.
///
/// One zone is enough for the questions asked here, because a CMA area must lie in one zone anyway.
/// The last pageblock may be incomplete; it is used, but cannot belong to a CMA area.
public struct ZoneLayout: Equatable, Sendable {
  /// Data pages whose tags fill one page.
  public static let dataPagesPerTagPage = 32

  /// The size of a frame.
  public let pageSize: PageSize
  /// The number of frames.
  public let frameCount: Int

  /// Creates the layout of `memoryBytes` of memory; a last piece smaller than a page is left out.
  ///
  /// - Precondition: `memoryBytes` is not negative.
  public init(memoryBytes: Int, pageSize: PageSize) {
    precondition(memoryBytes >= 0, "memory of \(memoryBytes) bytes")
    self.pageSize = pageSize
    frameCount = memoryBytes / pageSize.bytes
  }

  /// The number of pageblocks, an incomplete last one included.
  public var pageblockCount: Int {
    (frameCount + pageSize.pagesPerPageblock - 1) / pageSize.pagesPerPageblock
  }

  /// Whether mobility grouping stays on when every frame is managed.
  ///
  /// Below 6 pageblocks all requests become unmovable, and free CMA memory serves nobody.
  public var groupsByMobility: Bool {
    frameCount >= MigrateType.count * pageSize.pagesPerPageblock
  }

  /// The smallest memory, in bytes, whose tag storage is one pageblock and so can be a CMA area.
  ///
  /// 64 MiB with 4 KiB pages, 1 GiB with 16 KiB, 16 GiB with 64 KiB.
  public static func smallestTaggableBytes(pageSize: PageSize) -> Int {
    dataPagesPerTagPage * pageSize.pagesPerPageblock * pageSize.bytes
  }
}
