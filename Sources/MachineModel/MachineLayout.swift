// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory
import Swap
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
    let placement = configuration.design.policy.bootPlacement
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
    let tablePages = configuration.zramTablePages
    guard
      tablePages == 0
        || tablePages + watermarks.high + Self.smallestFreePages < ordinaryFrames.count
    else {
      throw .zram(
        "expected tables that leave room in \(ordinaryFrames.count) pages of ordinary memory, found"
          + " \(tablePages) pages"
      )
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
    try checkSwap(configuration)
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

  private static func checkSwap(_ configuration: MachineConfiguration) throws(MachineError) {
    let swap = configuration.swap
    let devices = swap.allDevices
    guard devices.count <= SwapSpace.mostDevices else {
      throw .swap(
        bytes: swap.totalBytes,
        reason: "expected at most \(SwapSpace.mostDevices) devices, found \(devices.count)"
      )
    }
    for device in devices {
      let bytes = swap.bytes(of: device)
      guard (2..<1 << 28).contains(bytes / configuration.pageSize.bytes) else {
        throw .swap(bytes: bytes, reason: "expected 2 to 2^28 - 1 pages")
      }
    }
    guard SwapSpace.slotCount(configuration.swapDevices) < 1 << 28 else {
      throw .swap(
        bytes: swap.totalBytes,
        reason: "expected less than 2^28 pages on all devices, each rounded up to 16,384"
      )
    }
    let compression = configuration.zram.compression
    guard compression.sameFilledPercent + compression.incompressiblePercent <= 100 else {
      throw .zram(
        "expected at most 100 % same-filled and incompressible pages, found "
          + "\(compression.sameFilledPercent) % and \(compression.incompressiblePercent) %"
      )
    }
  }

  private static func region(
    _ configuration: MachineConfiguration,
    placement: DesignPolicy.BootPlacement
  ) throws(MachineError) -> TagStorageRegion {
    if placement == .outsideRAM { return .empty }
    do {
      return try TagStorageRegion(
        ramPages: configuration.ramPages,
        pageSize: configuration.pageSize,
        blockBytes: configuration.blockBytes,
        asCMA: placement == .cmaArea
      )
    } catch {
      throw .tagStorage(error)
    }
  }
}

extension MachineConfiguration {
  /// Pages of the tables of all zram devices, 0 where their memory does not count.
  var zramTablePages: Int {
    guard zram.memory == .on else { return 0 }
    return swap.allDevices.filter { $0.kind == .zram }.reduce(0) { sum, device in
      let bytes = swap.bytes(of: device) / pageSize.bytes * zram.entryBytes
      return sum + (bytes + pageSize.bytes - 1) / pageSize.bytes
    }
  }

  /// The devices in slots.
  var swapDevices: [SwapDevice] {
    swap.allDevices.map {
      SwapDevice($0.kind, slots: swap.bytes(of: $0) / pageSize.bytes, priority: $0.priority)
    }
  }
}
