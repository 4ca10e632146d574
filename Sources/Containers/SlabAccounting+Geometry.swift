// SPDX-License-Identifier: Apache-2.0

/// How a slab allocator cuts pages into objects of one size.
///
/// A slab is 2^`order` pages. The order grows with the number of processors, so that each of them
/// takes the list lock rarely, and stops where the rest at the slab's end is small enough.
///
/// Source: Linux v6.8 SLUB, `calculate_order` and `set_cpu_partial`, behaviour.
public struct SlabGeometry: Equatable, Sendable {
  /// Bytes of an object, the room that the allocator takes for itself included.
  public let objectBytes: Int

  /// Bytes of a page.
  public let pageBytes: Int

  /// A slab is 2^`order` pages.
  public let order: Int

  /// Objects in a slab; what is left at the slab's end is never used.
  public let objectsPerSlab: Int

  /// Slabs that a processor keeps on its own list of partly used slabs before it gives them back.
  public let processorPartialSlabs: Int

  /// Empty slabs that the list shared by all processors keeps.
  public static let keptEmptySlabs = 5

  /// Bytes of a slab.
  public var slabBytes: Int { pageBytes << order }

  private static let preferredMaxOrder = 3

  /// The geometry for objects of `objectBytes` on a machine of `processors`.
  ///
  /// - Precondition: `pageBytes` is a power of two, `processors` > 0, and an object is at least
  ///   8 bytes and fits 8 pages.
  public init(objectBytes: Int, pageBytes: Int, processors: Int) {
    let roomBytes = pageBytes << Self.preferredMaxOrder
    precondition(pageBytes > 0 && pageBytes & (pageBytes - 1) == 0, "page of \(pageBytes) bytes")
    precondition(processors > 0, "\(processors) processors")
    precondition(objectBytes >= 8 && objectBytes <= roomBytes, "object of \(objectBytes) bytes")
    self.objectBytes = objectBytes
    self.pageBytes = pageBytes
    let wantedObjects = 4 * (Self.bitLength(processors) + 1)
    let objects = min(wantedObjects, roomBytes / objectBytes)
    let minOrder = Self.order(of: objects * objectBytes, pageBytes: pageBytes)
    order = Self.order(objectBytes: objectBytes, pageBytes: pageBytes, from: minOrder)
    objectsPerSlab = (pageBytes << order) / objectBytes
    let keptObjects = Self.processorPartialObjects(objectBytes: objectBytes, pageBytes: pageBytes)
    processorPartialSlabs = (2 * keptObjects + objectsPerSlab - 1) / objectsPerSlab
  }

  /// The smallest order from `minOrder` whose waste is at most 1/16 of the slab, else 1/8, 1/4, 1/2.
  private static func order(objectBytes: Int, pageBytes: Int, from minOrder: Int) -> Int {
    var fraction = 16
    while fraction > 1 {
      for order in minOrder...preferredMaxOrder {
        let slabBytes = pageBytes << order
        if slabBytes % objectBytes <= slabBytes / fraction { return order }
      }
      fraction /= 2
    }
    return order(of: objectBytes, pageBytes: pageBytes)
  }

  private static func processorPartialObjects(objectBytes: Int, pageBytes: Int) -> Int {
    if objectBytes >= pageBytes { return 6 }
    if objectBytes >= 1024 { return 24 }
    return objectBytes >= 256 ? 52 : 120
  }

  /// The smallest order whose pages hold `bytes`.
  private static func order(of bytes: Int, pageBytes: Int) -> Int {
    let pages = (bytes + pageBytes - 1) / pageBytes
    return pages <= 1 ? 0 : bitLength(pages - 1)
  }

  /// The number of bits that `value` needs, 0 for 0.
  private static func bitLength(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }
}
