// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory

/// The machine around tag storage, as far as the rules of its geometry look at it.
public struct GeometryMap: Equatable, Sendable {
  /// The frames of one zone.
  public struct Zone: Equatable, Sendable {
    /// Which zone it is.
    public let kind: ZoneKind
    /// Its frames by number, holes included.
    public let frames: Range<Int>

    /// Creates a zone.
    public init(_ kind: ZoneKind, frames: Range<Int>) {
      self.kind = kind
      self.frames = frames
    }
  }

  /// The page size.
  public var pageSize: PageSize
  /// Memory that firmware describes, tag ranges included where a memory node covers them.
  public var memory: [PhysicalRange]
  /// The zones, lowest first.
  public var zones: [Zone]
  /// CMA areas that can still be created.
  public var freeAreas = 8
  /// Bits of a physical address that the kernel maps.
  public var addressBits = 48
  /// Regions whose CMA area fails to come into use, to ask what follows.
  public var failingActivations: Set<Int> = []

  /// Creates the map of a machine.
  public init(pageSize: PageSize, memory: [PhysicalRange], zones: [Zone]) {
    self.pageSize = pageSize
    self.memory = memory
    self.zones = zones
  }

  /// The zones of arm64's default configuration: DMA up to 4 GiB and Normal above it, or DMA alone
  /// where all memory starts above 4 GiB.
  ///
  /// Source: Linux v6.8 `zone_sizes_init` of arm64 with nothing that narrows DMA.
  public static func zones(of memory: [PhysicalRange], pageSize: PageSize) -> [Zone] {
    let present = memory.filter { $0.byteCount > 0 }
    guard let start = present.map(\.start).min(), let end = present.map(\.end).max() else {
      return []
    }
    let limit = ZoneExtent.limit(bits: 32, start: start, end: end)
    let frames = PhysicalRange(start: start, byteCount: end - start).pages(shift: pageSize.shift)
    let boundary = Int(limit >> UInt64(pageSize.shift))
    let low = Zone(.dma, frames: frames.lowerBound..<min(boundary, frames.upperBound))
    guard boundary < frames.upperBound else { return [low] }
    return [low, Zone(.normal, frames: boundary..<frames.upperBound)]
  }
}

/// What the kernel makes of the description of tag storage.
public struct GeometryCheck: Equatable, Sendable {
  /// The regions in use, `nil` where dynamic tag storage is off.
  public let geometry: TagStorageGeometry?
  /// The rules that are broken.
  ///
  /// Where dynamic tag storage is off, the last one switched it off.
  public let violations: [GeometryViolation]

  /// Checks descriptions as the kernel of one version of the series does, in its order.
  ///
  /// The first rule that switches the feature off ends the check. Rules that the kernel of that version
  /// does not look at are checked all the same, and told with what they lead to.
  ///
  /// `countsAsPosted` computes as the posted code does: pages of a block in 32 bits, and the memory
  /// below a zone boundary short by 31 pages.
  public init(
    _ descriptions: [TagStorageDescription],
    binding: TagStorageBinding,
    map: GeometryMap,
    countsAsPosted: Bool = false
  ) {
    var checker = GeometryChecker(binding: binding, map: map, countsAsPosted: countsAsPosted)
    do throws(GeometryViolation) {
      geometry = TagStorageGeometry(regions: try checker.check(descriptions))
      violations = checker.noticed
    } catch {
      geometry = nil
      violations = checker.noticed + [error]
    }
  }
}
