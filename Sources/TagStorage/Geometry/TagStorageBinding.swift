// SPDX-License-Identifier: Apache-2.0

/// A version of the device-tree binding that describes tag storage.
///
/// Source: dynamic tag storage RFC v1, v2 and v3; specification of tag storage, section 2.1.
public enum TagStorageBinding: String, CaseIterable, Sendable {
  /// A node at the root whose name contains `metadata`; link property `memory`.
  case rfc1
  /// A node at the root whose name contains `tag-storage`; link property `memory`.
  case rfc2
  /// A child of `reserved-memory` with `reusable`; link property `tagged-memory`.
  case rfc3

  /// The `compatible` string, the same in all versions.
  public static let compatible = "arm,mte-tag-storage"

  /// The property that holds the phandle of the tagged memory.
  public var linkProperty: String { self == .rfc3 ? "tagged-memory" : "memory" }

  /// What the name of a node must contain, `nil` where the place alone decides.
  public var nodeName: String? {
    switch self {
    case .rfc1: "metadata"
    case .rfc2: "tag-storage"
    case .rfc3: nil
    }
  }

  /// Whether a memory node must cover the tag range, too; else the kernel adds the range itself.
  public var needsCoveringMemory: Bool { self == .rfc3 }

  /// Whether the kernel compares the memory range with 32 times the tag range.
  public var checksSize: Bool { self != .rfc3 }

  /// Whether the kernel itself looks at the alignment of the tag range to pageblocks; else only the
  /// registration as a CMA area does.
  public var checksAlignment: Bool { self != .rfc3 }

  /// Whether tag storage becomes CMA areas, of which there is a limited number.
  public var registersAreas: Bool { self == .rfc3 }

  /// What happens to a region that lies in several zones.
  public var straddling: ZoneStraddling { self == .rfc3 ? .split : .reject }
}

/// What happens to a region of tag storage that lies in several zones.
public enum ZoneStraddling: Equatable, Sendable {
  /// The feature is off as soon as one block lies in two zones.
  case reject
  /// The region is split at the boundary.
  case split
}

/// What firmware says about one region, before any check.
public struct TagStorageDescription: Equatable, Sendable {
  /// The memory whose tags the region holds, as far as the link leads to some.
  public enum TaggedMemory: Equatable, Sendable {
    /// The link property is not there.
    case noLink
    /// No node has the phandle.
    case noNode(phandle: UInt32)
    /// The node has no address.
    case noAddress(node: String)
    /// The address cannot be translated to one that the processor uses.
    case notTranslated(node: String)
    /// The memory. Where the node has several ranges this is the first, as the kernel reads it.
    case range(PhysicalRange, node: String, rangeCount: Int)
  }

  /// The path of the node, or the place in a machine file.
  public var name: String
  /// Where tags live.
  public var tags: PhysicalRange
  /// `block-size` in bytes, `nil` where it is missing.
  public var blockBytes: UInt32?
  /// The memory whose tags live there.
  public var memory: TaggedMemory

  /// Creates a description.
  public init(
    name: String,
    tags: PhysicalRange,
    blockBytes: UInt32?,
    memory: TaggedMemory
  ) {
    self.name = name
    self.tags = tags
    self.blockBytes = blockBytes
    self.memory = memory
  }
}
