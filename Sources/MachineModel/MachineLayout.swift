// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory
import Swap
public import TagStorage

/// One zone of a machine at boot.
public struct ZonePlan: Equatable, Sendable {
  /// Where it lies.
  public let extent: ZoneExtent
  /// Pages that the page allocator manages.
  public let managedPages: Int
  /// The part of them that is CMA memory.
  public let cmaPages: Int
  /// The marks.
  public let watermarks: Watermarks
  /// What the zone keeps from requests that aim at each zone, in the kernel's order: `protection`.
  public let reserves: [Int]
}

/// Where everything lies in the RAM of a machine at boot, worked out without building it.
///
/// Frame 0 is the first of RAM. The zero page is part of the kernel, at the bottom; the top 1/32 is tag
/// storage where the design has any in RAM. The page descriptors lie at the bottom too where there is
/// one zone, and below tag storage where there are the kernel's zones: memory taken at boot is taken
/// from the top, which decides which zone it is missing in.
///
/// Source: Linux v6.8 `memblock_find_in_range_node`, `sparse_buffer_init`.
public struct MachineLayout: Equatable, Sendable {
  /// Frames of RAM.
  public let ramPages: Int
  /// Frames that have a page descriptor: all but tag storage that the kernel does not describe.
  public let presentPages: Int
  /// Frames that the page descriptors take.
  public let descriptorPages: Int
  /// The frame that every untouched page is mapped to.
  public let zeroFrame: PageFrameNumber
  /// Frames that the page allocator gets as ordinary memory.
  public let ordinaryFrames: Range<Int>
  /// Frames that the page allocator gets as a CMA area; empty where the design has none.
  public let cmaFrames: Range<Int>
  /// The tag storage, and the memory whose tags it holds.
  public let region: TagStorageRegion
  /// The same as the kernel has it: one region for each piece of memory and each zone that tag storage
  /// lies in, every one a CMA area.
  public let kernelRegions: TagStorageGeometry
  /// Where the frames lie.
  public let map: MemoryMap
  /// The zones in the kernel's order, those without memory included.
  public let zones: [ZonePlan]
  /// Whether there is any zone but one that requests could aim at.
  public let tellsAims: Bool

  /// Lays out a machine.
  ///
  /// - Throws: ``MachineError`` where the configuration describes no machine.
  public init(_ configuration: MachineConfiguration) throws(MachineError) {
    try Self.check(configuration)
    let pageSize = configuration.pageSize
    let placement = configuration.policy.bootPlacement
    let map = try Self.map(configuration)
    let region = try Self.region(configuration, placement: placement, map: map)
    let ramPages = configuration.ramPages
    let presentPages =
      configuration.policy.describesTagStorage ? ramPages : region.tags.lowerBound
    let descriptorPages =
      (presentPages * Self.descriptorBytes + pageSize.bytes - 1) / pageSize.bytes
    let tagStorageStart = placement.isRange ? region.tags.lowerBound : ramPages
    guard descriptorPages + 1 + Self.smallestFreePages < tagStorageStart else {
      throw .ram(bytes: configuration.ramBytes, reason: "too small for any program")
    }
    self.ramPages = ramPages
    self.presentPages = presentPages
    self.descriptorPages = descriptorPages
    storePages = configuration.policy.store == nil ? 0 : region.tags.count
    self.region = region
    self.map = map
    switch configuration.usedZones.selection {
    case .one:
      zeroFrame = PageFrameNumber(descriptorPages)
      ordinaryFrames = (descriptorPages + 1)..<tagStorageStart
    case .kernel:
      zeroFrame = PageFrameNumber(0)
      ordinaryFrames = 1..<(tagStorageStart - descriptorPages)
    }
    let extents = try Self.extents(configuration, map: map, presentPages: presentPages)
    kernelRegions = try Self.kernelRegions(
      region,
      isCMA: configuration.policy.isMeantAsCMA,
      defects: configuration.policy.defects,
      extents: extents.map(\.frames),
      map: map
    )
    let used = Self.usedTagStorage(configuration.policy, region, kernelRegions)
    cmaFrames = placement.isRange ? used : tagStorageStart..<tagStorageStart
    withheldFrames = placement == .withheld ? used.upperBound..<region.tags.upperBound : 0..<0
    zones = Self.zones(
      configuration,
      extents: extents,
      ordinaryFrames: ordinaryFrames,
      cmaFrames: cmaFrames
    )
    let rules = configuration.usedZones
    tellsAims = rules.selection == .kernel || rules.movableBytes > 0
    try Self.checkFrameChoice(configuration)
    let highPages = zones.reduce(0) {
      $0 + ($1.managedPages > 0 ? $1.watermarks.high : 0)
    }
    guard highPages < ordinaryFrames.count else {
      throw .watermarks(highPages: highPages, ordinaryPages: ordinaryFrames.count)
    }
    let tablePages = configuration.zramTablePages
    guard
      tablePages == 0
        || tablePages + highPages + Self.smallestFreePages < ordinaryFrames.count
    else {
      throw .zram(
        "expected tables that leave room in \(ordinaryFrames.count) pages of ordinary memory, found"
          + " \(tablePages) pages"
      )
    }
  }

  /// Frames that the page allocator manages: `MemTotal`.
  public var managedPages: Int { ordinaryFrames.count + cmaFrames.count }

  /// Frames of tag storage that nothing but tags can ever use.
  public let withheldFrames: Range<Int>
  /// How many these are.
  public var withheldPages: Int { withheldFrames.count }
  /// Frames of tag storage that belong to a store of copies.
  public let storePages: Int

  /// The managed pages of each zone.
  public var zoneSizes: [ZoneSize] {
    zones.map { ZoneSize($0.extent.kind, managedPages: $0.managedPages) }
  }

  /// Divides memory into zones.
  private static func extents(
    _ configuration: MachineConfiguration,
    map: MemoryMap,
    presentPages: Int
  ) throws(MachineError) -> [ZoneExtent] {
    do {
      return try ZoneExtent.zones(
        of: map,
        presentFrames: presentPages,
        rules: configuration.usedZones,
        pageSize: configuration.pageSize,
        largestBlockPages: 1 << configuration.zone.largestOrder(configuration.pageSize)
      )
    } catch {
      throw .zones(error)
    }
  }

  /// Shares out what belongs to all zones.
  private static func zones(
    _ configuration: MachineConfiguration,
    extents: [ZoneExtent],
    ordinaryFrames: Range<Int>,
    cmaFrames: Range<Int>
  ) -> [ZonePlan] {
    let pageSize = configuration.pageSize
    let cmaPages = extents.map { $0.frames.clamped(to: cmaFrames).count }
    let sizes = zip(extents, cmaPages).map { extent, cmaPages in
      let ordinaryPages = extent.frames.clamped(to: ordinaryFrames).count
      return ZoneSize(extent.kind, managedPages: ordinaryPages + cmaPages)
    }
    let marks = Watermarks.marks(
      of: sizes,
      pageSize: pageSize,
      parameters: configuration.zone
    )
    let reserves = ZoneSize.lowMemoryReserves(of: sizes)
    return extents.indices.map {
      ZonePlan(
        extent: extents[$0],
        managedPages: sizes[$0].managedPages,
        cmaPages: cmaPages[$0],
        watermarks: marks[$0],
        reserves: reserves[$0]
      )
    }
  }

  private static func map(
    _ configuration: MachineConfiguration
  ) throws(MachineError) -> MemoryMap {
    let ranges = configuration.memoryRanges
    guard !ranges.isEmpty else { return MemoryMap(frameCount: configuration.ramPages) }
    let order = configuration.zone.largestOrder(configuration.pageSize)
    let map: MemoryMap
    do {
      map = try MemoryMap(
        ranges,
        pageSize: configuration.pageSize,
        largestBlockPages: 1 << order
      )
    } catch {
      throw .memoryMap(error)
    }
    let bytes = map.frameCount * configuration.pageSize.bytes
    guard bytes == configuration.ramBytes else {
      throw .memorySize(ramBytes: configuration.ramBytes, rangeBytes: bytes)
    }
    return map
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
    let orders = ZoneParameters.largestOrders(configuration.pageSize)
    let order = configuration.zone.largestOrder(configuration.pageSize)
    guard orders.contains(order) else { throw .largestOrder(order, supported: orders) }
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
    let all = configuration.swapDevices.count
    guard all <= SwapSpace.mostDevices else {
      throw .swap(
        bytes: swap.totalBytes,
        reason: "expected at most \(SwapSpace.mostDevices) devices, found \(all)"
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

  /// A design that chooses frames by their tag storage knows no blocks of several pages.
  private static func checkFrameChoice(
    _ configuration: MachineConfiguration
  ) throws(MachineError) {
    guard configuration.policy.frameChoice != .allocator else { return }
    let pages = TagStorageRegion.pages(
      ofBlockBytes: configuration.blockBytes,
      pageSize: configuration.pageSize
    )
    guard pages == 1 else {
      throw .blockPages(design: configuration.design.rawValue, pages: pages)
    }
  }
}

extension MachineConfiguration {
  /// How memory is divided into zones: not at all where the design chooses frames, which are chosen from all
  /// of memory.
  var usedZones: ZoneRules { policy.frameChoice == .allocator ? zones : ZoneRules() }

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
    let devices = swap.allDevices.map {
      SwapDevice($0.kind, slots: swap.bytes(of: $0) / pageSize.bytes, priority: $0.priority)
    }
    guard let store = policy.store, store.content == .swapDevice else { return devices }
    let tagPages = ramPages / TagStorageRegion.dataFramesPerTagFrame
    return devices + [
      SwapDevice(
        .ramdisk,
        slots: max(2, tagPages * store.slotsPercent / 100),
        priority: SwapDevice.largestPriority
      )
    ]
  }
}
