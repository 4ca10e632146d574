// SPDX-License-Identifier: Apache-2.0

/// The bytes that the stored form of one page's tags takes.
///
/// 8 stands for tags that fit the handle itself and so need no object. Which classes there are is
/// for the codec and the page size to say: ``TagCodec/sizeClasses(pageSize:)``.
public struct TagSizeClass: Hashable, Comparable, Sendable {
  /// The class of tags that their handle holds.
  public static let inline = TagSizeClass(bytes: 8)

  /// Bytes of an object of the class, a multiple of 8.
  public let bytes: Int

  /// Creates a class.
  ///
  /// - Precondition: `bytes` is a positive multiple of 8.
  public init(bytes: Int) {
    precondition(bytes > 0 && bytes % 8 == 0, "size class of \(bytes) bytes")
    self.bytes = bytes
  }

  /// Whether the tags are in the handle.
  public var isInline: Bool { self == .inline }

  /// Bytes that the mtecomp patch's `stats` file counts for an object: those beside the handle.
  public var accountedBytes: Int { isInline ? 0 : bytes }

  /// Orders classes by size.
  public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
}
