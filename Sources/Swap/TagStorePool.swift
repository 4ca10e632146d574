// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression

/// The objects of one size class, with their counts.
///
/// Each class has 1 TiB of kernel addresses to itself; slabs follow one another there:
///
///     address = 0xffff_0000_0000_0000 + class number << 40 + slab * slab bytes + slot * bytes
///
/// The class of tags inside their handles has counts only.
struct TagStorePool {
  private static let firstAddress: UInt64 = 0xffff_0000_0000_0000
  private static let rangeShift: UInt64 = 40

  let sizeClass: TagSizeClass

  // The bytes of all objects, `sizeClass.bytes` each, by object number.
  private var contents: [UInt8] = []

  private(set) var slabs: SlabAccounting
  private(set) var allocations: UInt64 = 0
  private(set) var frees: UInt64 = 0
  private(set) var peak: UInt64 = 0

  /// Frees that the codec's statistics leave out.
  private(set) var unreportedFrees: UInt64 = 0

  private let base: UInt64

  init(_ sizeClass: TagSizeClass, number: Int, pageSize: PageSize, processors: Int) {
    self.sizeClass = sizeClass
    slabs = SlabAccounting(
      geometry: SlabGeometry(
        objectBytes: sizeClass.bytes,
        pageBytes: pageSize.bytes,
        processors: processors
      )
    )
    base = Self.firstAddress + UInt64(number) << Self.rangeShift
  }

  /// Objects alive as the statistics count them.
  var reportedLive: UInt64 { allocations - frees }

  mutating func allocate() -> Int {
    countAllocation()
    let object = slabs.allocate()
    let neededBytes = slabs.objectLimit * sizeClass.bytes
    if contents.count < neededBytes {
      contents.append(contentsOf: repeatElement(0, count: neededBytes - contents.count))
    }
    return object
  }

  mutating func free(_ object: Int) {
    slabs.free(object)
    countFree(isReported: true)
  }

  mutating func countAllocation() {
    allocations += 1
    peak = max(peak, reportedLive)
  }

  mutating func countFree(isReported: Bool) {
    if isReported { frees += 1 } else { unreportedFrees += 1 }
  }

  /// Fills an object with the first bytes of `payload`.
  mutating func write(_ payload: [UInt8], to object: Int) {
    let first = object * sizeClass.bytes
    contents.replaceSubrange(first..<first + sizeClass.bytes, with: payload.prefix(sizeClass.bytes))
  }

  func decode(
    _ object: Int,
    _ codec: TagCodec,
    _ pageSize: PageSize,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let bytes = object * sizeClass.bytes..<(object + 1) * sizeClass.bytes
    try codec.decode(
      payload: contents.span.extracting(bytes),
      pageSize: pageSize,
      into: &output
    )
  }

  func address(of object: Int) -> UInt64 {
    let (slab, slot) = object.quotientAndRemainder(dividingBy: slabs.geometry.objectsPerSlab)
    return base + UInt64(slab * slabs.geometry.slabBytes + slot * sizeClass.bytes)
  }

  /// The live object that begins at `address`; any address may be asked for.
  func object(at address: UInt64) -> Int? {
    guard address >= base, address - base < 1 << Self.rangeShift else { return nil }
    let geometry = slabs.geometry
    let (slab, inSlab) = Int(address - base).quotientAndRemainder(dividingBy: geometry.slabBytes)
    let (slot, inObject) = inSlab.quotientAndRemainder(dividingBy: sizeClass.bytes)
    guard inObject == 0, slot < geometry.objectsPerSlab else { return nil }
    let object = slab * geometry.objectsPerSlab + slot
    return slabs.isLive(object) ? object : nil
  }
}
