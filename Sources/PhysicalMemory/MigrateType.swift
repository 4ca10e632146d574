// SPDX-License-Identifier: Apache-2.0

/// The mobility class of a pageblock, and of the free lists that hold its free blocks.
///
/// The raw values are the kernel's order, which is also the order of `/proc/pagetypeinfo`.
///
/// Source: Linux v6.8 `enum migratetype`.
public enum MigrateType: UInt8, CaseIterable, BitwiseCopyable, Sendable {
  /// Kernel memory that cannot move: page tables, slabs, tag blocks.
  case unmovable
  /// User pages, which migration can move.
  case movable
  /// Kernel memory that reclaim can give back: XArray nodes.
  case reclaimable
  /// The reserve for atomic requests above order 0; this machine leaves it empty.
  case highAtomic
  /// Memory of a CMA area: only movable requests get it.
  case cma
  /// Under contiguous allocation or removal: nobody gets it, and its frames do not count as free.
  case isolate

  /// The number of types.
  @inlinable public static var count: Int { 6 }

  /// Whether requests may name this type: unmovable, movable and reclaimable.
  ///
  /// These are the kernel's `MIGRATE_PCPTYPES`. Only they may merge with each other across
  /// pageblocks, and only they are converted into each other by stealing.
  @inlinable public var isRequestable: Bool { rawValue < MigrateType.highAtomic.rawValue }

  /// The type as an array index, 0 to 5.
  @inlinable public var index: Int { Int(rawValue) }

  /// The name that `/proc/pagetypeinfo` prints.
  public var name: String {
    switch self {
    case .unmovable: "Unmovable"
    case .movable: "Movable"
    case .reclaimable: "Reclaimable"
    case .highAtomic: "HighAtomic"
    case .cma: "CMA"
    case .isolate: "Isolate"
    }
  }
}
