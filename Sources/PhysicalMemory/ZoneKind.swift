// SPDX-License-Identifier: Apache-2.0

/// A zone by its place in the kernel's order, which is that of `/proc/zoneinfo`.
///
/// Source: Linux v6.8 `enum zone_type` as arm64 configures it.
public enum ZoneKind: Int, CaseIterable, Sendable {
  /// What the most restricted device can address.
  case dma
  /// What lies below 4 GiB.
  case dma32
  /// Everything else.
  case normal
  /// What only movable requests get.
  case movable

  /// The name that the kernel prints.
  public var name: String {
    switch self {
    case .dma: "DMA"
    case .dma32: "DMA32"
    case .normal: "Normal"
    case .movable: "Movable"
    }
  }

  /// The default divisor of what the zone keeps from requests aimed at higher zones; 0 keeps nothing.
  ///
  /// Source: Linux v6.8 `sysctl_lowmem_reserve_ratio`.
  public var lowMemoryReserveRatio: Int {
    switch self {
    case .dma, .dma32: 256
    case .normal: 32
    case .movable: 0
    }
  }
}

/// The pages of one zone, for the rules that look at all zones together.
public struct ZoneSize: Equatable, Sendable {
  /// Which zone it is.
  public let kind: ZoneKind
  /// The pages that the page allocator was given.
  public let managedPages: Int

  /// Creates a size.
  public init(_ kind: ZoneKind, managedPages: Int) {
    self.kind = kind
    self.managedPages = managedPages
  }

  /// What each zone keeps from requests that may also use higher zones, in pages.
  ///
  /// Row *i* is the `protection` line of zone *i*: its column *j* is what a request aimed at zone *j*
  /// must leave free. Zones up to *i* itself are not kept from it.
  ///
  /// - Complexity: O(*n*²), where *n* is the number of zones.
  ///
  /// Source: Linux v6.8 `setup_per_zone_lowmem_reserve`.
  public static func lowMemoryReserves(of zones: [ZoneSize]) -> [[Int]] {
    zones.indices.map { lower in
      let zone = zones[lower]
      let ratio = zone.kind.lowMemoryReserveRatio
      var above = 0
      return zones.indices.map { upper in
        guard upper > lower else { return 0 }
        above += zones[upper].managedPages
        return ratio == 0 || zone.managedPages == 0 ? 0 : above / ratio
      }
    }
  }

  /// The pages that ordinary requests cannot have: `totalreserve_pages`.
  ///
  /// `highMarks` are the high marks of the zones without boost.
  ///
  /// Source: Linux v6.8 `calculate_totalreserve_pages`.
  public static func totalReserve(of zones: [ZoneSize], highMarks: [Int]) -> Int {
    precondition(zones.count == highMarks.count, "\(highMarks.count) marks, \(zones.count) zones")
    let reserves = lowMemoryReserves(of: zones)
    return zones.indices.reduce(0) { sum, index in
      let kept = (reserves[index].max() ?? 0) + highMarks[index]
      return sum + min(kept, zones[index].managedPages)
    }
  }
}
