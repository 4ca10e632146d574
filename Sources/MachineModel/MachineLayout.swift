// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory
public import TagStorage

/// Where everything lies in the RAM of a machine at boot, worked out without building it.
///
/// Frame 0 is the first of RAM. The bottom holds the page descriptors, the next frame is the zero page,
/// and the top 1/32 is tag storage where the design has any in RAM.
public struct MachineLayout: Equatable, Sendable {
  /// Frames of RAM.
  public let ramPages: Int
  /// Frames that have a page descriptor: all but tag storage that the kernel does not know.
  public let presentPages: Int
  /// Frames that the page descriptors take.
  public let descriptorPages: Int
  /// Frames that the page allocator gets as ordinary memory.
  public let ordinaryFrames: Range<Int>
  /// Frames that the page allocator gets as a CMA area; empty where the design has none.
  public let cmaFrames: Range<Int>
  /// The tag storage, and the memory whose tags it holds.
  public let region: TagStorageRegion
  /// The marks of the zone once it has all its memory.
  public let watermarks: Watermarks

  /// Lays out a machine.
  ///
  /// - Throws: ``MachineError`` where the configuration describes no machine.
  public init(_ configuration: MachineConfiguration) throws(MachineError) {
    try Self.check(configuration)
    let pageSize = configuration.pageSize
    let placement = configuration.policy.bootPlacement
    let region = try Self.region(configuration, placement: placement)
    let ramPages = configuration.ramPages
    let presentPages = placement == .withheld ? region.tags.lowerBound : ramPages
    let descriptorPages =
      (presentPages * Self.descriptorBytes + pageSize.bytes - 1) / pageSize.bytes
    let tagStorageStart = placement == .outsideRAM ? ramPages : region.tags.lowerBound
    guard descriptorPages + 1 + Self.smallestFreePages < tagStorageStart else {
      throw .ram(bytes: configuration.ramBytes, reason: "too small for any program")
    }
    self.ramPages = ramPages
    self.presentPages = presentPages
    self.descriptorPages = descriptorPages
    self.region = region
    ordinaryFrames = (descriptorPages + 1)..<tagStorageStart
    cmaFrames = placement == .cmaArea ? region.tags : tagStorageStart..<tagStorageStart
    watermarks = Watermarks(
      managedPages: ordinaryFrames.count + cmaFrames.count,
      pageSize: pageSize,
      parameters: configuration.zone
    )
    guard watermarks.high < ordinaryFrames.count else {
      throw .watermarks(highPages: watermarks.high, ordinaryPages: ordinaryFrames.count)
    }
  }

  /// Frames that the page allocator manages: `MemTotal`.
  public var managedPages: Int { ordinaryFrames.count + cmaFrames.count }

  /// The frame that every untouched page is mapped to.
  public var zeroFrame: PageFrameNumber { PageFrameNumber(descriptorPages) }

  /// Frames of tag storage that nothing but tags can ever use.
  public var withheldPages: Int { ramPages - presentPages }

  /// The zones in the kernel's order; Movable is there and empty.
  public var zones: [ZoneSize] {
    [ZoneSize(.normal, managedPages: managedPages), ZoneSize(.movable, managedPages: 0)]
  }

  /// Bytes of one page descriptor.
  ///
  /// Source: Linux v6.8 `struct page` on arm64.
  static let descriptorBytes = 64
  /// Frames below which nothing useful can run.
  static let smallestFreePages = 64
  /// Pages below which a memory group cannot hold one fault's page, its tables and a reclaim batch.
  static let smallestGroupPages = 48

  private static func check(_ configuration: MachineConfiguration) throws(MachineError) {
    let pageBytes = configuration.pageSize.bytes
    guard configuration.ramBytes > 0, configuration.ramBytes % pageBytes == 0 else {
      throw .ram(
        bytes: configuration.ramBytes,
        reason: "expected whole pages of \(pageBytes) bytes"
      )
    }
    guard configuration.ramPages < 1 << 28 else {
      throw .ram(bytes: configuration.ramBytes, reason: "expected fewer than 2^28 pages")
    }
    if configuration.swap.device != .none {
      let slots = configuration.swap.bytes / pageBytes
      guard slots >= 2, slots < 1 << 28 else {
        throw .swap(bytes: configuration.swap.bytes, reason: "expected 2 to 2^28 - 1 pages")
      }
    }
    guard (1...Machine.largestBatchPages).contains(configuration.lruBatchPages) else {
      throw .lruBatch(pages: configuration.lruBatchPages)
    }
    if let limit = configuration.groupLimitBytes, limit < smallestGroupPages * pageBytes {
      throw .groupLimit(bytes: limit, smallestBytes: smallestGroupPages * pageBytes)
    }
    let widths = MachineConfiguration.addressWidths(pageSize: configuration.pageSize)
    guard widths.contains(configuration.addressBits) else {
      throw .addressBits(configuration.addressBits, supported: widths)
    }
  }

  private static func region(
    _ configuration: MachineConfiguration,
    placement: DesignPolicy.BootPlacement
  ) throws(MachineError) -> TagStorageRegion {
    if placement == .outsideRAM { return .empty }
    do {
      let region = try TagStorageRegion(
        ramPages: configuration.ramPages,
        pageSize: configuration.pageSize,
        blockBytes: configuration.blockBytes,
        asCMA: placement == .cmaArea
      )
      return configuration.policy.selfTagging == .secondCarveout
        ? region.coveringTagStorage() : region
    } catch {
      throw .tagStorage(error)
    }
  }
}
