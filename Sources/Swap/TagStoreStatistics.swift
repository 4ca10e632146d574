// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import TagCompression

/// What a size class of saved tags counted.
public struct TagClassCounts: Hashable, Sendable {
  /// The class.
  public let sizeClass: TagSizeClass
  /// Objects ever allocated.
  public let allocations: UInt64
  /// Objects freed again.
  public let frees: UInt64
  /// The most objects alive at once.
  public let peak: UInt64

  /// Creates counts.
  ///
  /// - Precondition: `frees` is at most `allocations`.
  public init(sizeClass: TagSizeClass, allocations: UInt64, frees: UInt64, peak: UInt64) {
    precondition(frees <= allocations, "\(frees) frees of \(allocations) allocations")
    self.sizeClass = sizeClass
    self.allocations = allocations
    self.frees = frees
    self.peak = peak
  }

  /// Objects alive.
  public var live: UInt64 { allocations - frees }
}

/// The statistics of saved tags as the mtecomp patch keeps them.
///
/// Source: mtecomp v5, debugfs file `stats`.
public struct TagStoreStatistics: Hashable, Sendable {
  /// The page size, which says how large tags are that nobody compressed.
  public let pageSize: PageSize

  /// The counts of each class, in ascending order.
  public let classes: [TagClassCounts]

  /// Creates statistics from counts.
  public init(pageSize: PageSize, classes: [TagClassCounts]) {
    self.pageSize = pageSize
    self.classes = classes
  }

  /// The number of saved pages.
  public var savedPages: UInt64 { classes.reduce(0) { $0 + $1.live } }

  /// Bytes that the saved pages' tags would take as they are.
  public var uncompressedBytes: UInt64 { savedPages * UInt64(pageSize.tagBytes) }

  /// Bytes of the objects alive, tags inside a handle counted as 0.
  public var classBytes: UInt64 {
    classes.reduce(0) { $0 + $1.live * UInt64($1.sizeClass.accountedBytes) }
  }
}
