// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory
import TagStorage

// Where tag storage lies, and the regions that the kernel makes of it.
extension MachineLayout {
  /// The tag storage of a machine, and the memory whose tags it holds.
  static func region(
    _ configuration: MachineConfiguration,
    placement: DesignPolicy.BootPlacement,
    map: MemoryMap
  ) throws(MachineError) -> TagStorageRegion {
    guard placement.isRange else { return .empty }
    let pageSize = configuration.pageSize
    let region: TagStorageRegion
    do {
      region = try TagStorageRegion(
        ramPages: configuration.ramPages,
        pageSize: pageSize,
        blockBytes: configuration.blockBytes,
        pageblockPages: 1 << configuration.zone.pageblockOrder(pageSize),
        asCMA: configuration.policy.isMeantAsCMA
      )
    } catch {
      throw .tagStorage(error)
    }
    return configuration.policy.selfTagging == .secondCarveout
      ? region.coveringTagStorage() : region
  }

  /// Divides tag storage where a piece of memory or, in a CMA area, a zone begins.
  ///
  /// Pieces of memory are regions of their own in the firmware's description; at zones RFC v3 splits a
  /// region. Earlier versions need no split, because nothing asks them for an area in one zone.
  ///
  /// - Throws: ``MachineError`` where a border lies inside a tag block, and where there would be more
  ///   areas than the kernel has.
  ///
  /// Source: specification of tag storage, rules G9 and G11 of section 2.3.
  static func kernelRegions(
    _ region: TagStorageRegion,
    isCMA: Bool,
    defects: TagStorageDefects,
    extents: [Range<Int>],
    map: MemoryMap
  ) throws(MachineError) -> TagStorageGeometry {
    let inside =
      (region.tags.lowerBound + 1)..<max(region.tags.lowerBound + 1, region.tags.upperBound)
    let holes = map.pieces.map(\.frames.lowerBound).filter(inside.contains)
    let zones = extents.filter { !$0.isEmpty }
    let borders = isCMA ? zones.map(\.lowerBound).filter(inside.contains) : []
    let unit = region.blockPages
    for border in holes + borders where (border - region.tags.lowerBound) % unit != 0 {
      throw .tagStorageBorder(PFN: map.number(of: border), blockPages: unit)
    }
    let regions = region.split(at: holes).flatMap { described in
      described.split(
        at: borders.filter { described.tags.dropFirst().contains($0) },
        asPosted: defects.contains(.shortSplit)
      )
    }
    guard !isCMA || regions.count <= CMAArea.tableLimit else {
      throw .cma(.tableFull(limit: CMAArea.tableLimit))
    }
    return TagStorageGeometry(regions: regions)
  }

  /// The tag storage that the page allocator gets, as CMA areas: all of it, none, or that of the regions
  /// which a failed boot has left registered.
  static func usedTagStorage(
    _ policy: DesignPolicy,
    _ region: TagStorageRegion,
    _ regions: TagStorageGeometry
  ) -> Range<Int> {
    if policy.bootPlacement == .cmaArea { return region.tags }
    let start = region.tags.lowerBound
    guard policy.keepsAreasOfFailedBoot, let last = regions.regions.last else {
      return start..<start
    }
    return start..<last.tags.lowerBound
  }
}

extension DesignPolicy {
  /// Whether tag storage is registered as CMA areas, whatever comes of it.
  var isMeantAsCMA: Bool { bootPlacement == .cmaArea || bootFailure != .none }
}
