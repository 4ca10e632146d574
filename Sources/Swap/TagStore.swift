// SPDX-License-Identifier: Apache-2.0

import Containers
public import MemoryModel
public import TagCompression

/// The tags of swapped pages, by swap entry.
///
/// It is what the kernel's map of saved tags is: an XArray whose values are the codec's handles,
/// and objects for the tags that do not fit a handle, each size class in slabs of its own. Every
/// object and node is placed as the kernel's allocator would place it, so that the store can say
/// what saved tags cost in memory and not only how many bytes they compress to.
///
/// A record lives until it is replaced or invalidated; loading does not consume it, because the
/// kernel drops saved tags with the swap slot and not at swap-in.
///
/// Source: Linux v6.8 arm64 MTE swap hooks; mtecomp v5, object caches and statistics.
public struct TagStore: ~Copyable {
  /// The codec of the saved tags.
  public let codec: TagCodec

  /// The page size of the machine.
  public let pageSize: PageSize

  /// How many more allocations succeed before one is refused, for tests; `nil` refuses none.
  ///
  /// A ``save(_:for:)`` makes one allocation for the temporaries of a codec that has any, one if its
  /// tags need an object, and one if the map needs nodes, in this order. The refusal sets it to `nil`
  /// again.
  public var allocationsUntilFailure: Int?

  /// Bytes of the slabs that hold objects, with their free room.
  public internal(set) var objectSlabBytes = 0

  var map: XArray<TagHandle>
  // One for each of the codec's size classes, in ascending order.
  var pools: [TagStorePool]
  private var scratch: [UInt8]
  // What is wrong with entries; only ever looked up, and empty but for the posted v5 codec.
  var flaws: [SwapEntry: TagStoreFlaw] = [:]

  /// Creates an empty store on a machine of `processors` processors.
  ///
  /// - Precondition: `processors` > 0.
  public init(codec: TagCodec, pageSize: PageSize, processors: Int) {
    self.codec = codec
    self.pageSize = pageSize
    map = XArray(pageBytes: pageSize.bytes, processors: processors)
    pools = codec.sizeClasses(pageSize: pageSize).enumerated().map { number, sizeClass in
      TagStorePool(sizeClass, number: number, pageSize: pageSize, processors: processors)
    }
    scratch = Array(repeating: 0, count: pageSize.tagBytes)
  }

  /// The number of entries whose tags are saved.
  public var count: Int { map.count }

  /// Whether the tags of `entry` are saved.
  ///
  /// - Complexity: O(1): at most 11 levels of the map.
  public func contains(_ entry: SwapEntry) -> Bool { map.load(entry.rawValue) != nil }

  /// The handle of the saved tags of `entry`, `nil` if there are none.
  public func handle(for entry: SwapEntry) -> TagHandle? { map.load(entry.rawValue) }

  /// Why the tags of `entry` are lost although they were saved, `nil` where they are not.
  ///
  /// - Complexity: O(1).
  public func loss(of entry: SwapEntry) -> TagStoreLoss? { flaw(of: entry)?.loss }

  /// Saves the tags of a page under its swap entry.
  ///
  /// Tags saved for `entry` before are replaced and freed. The posted v5 codec saves some pages in a
  /// way that loses their tags, and so it does where an allocation for the tags is refused:
  /// ``loss(of:)`` says so.
  ///
  /// - Precondition: `tags.count` is `pageSize.tagBytes`.
  /// - Throws: ``TagStoreError/outOfMemory(_:)`` if an allocation is refused; nothing has changed
  ///   then, and the swap-out has to be refused. A codec that loses tags without memory throws it for
  ///   nodes of the map only.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public mutating func save(
    _ tags: Span<UInt8>,
    for entry: SwapEntry
  ) throws(TagStoreError) {
    var encoded = encode(tags)
    var flaw: TagStoreFlaw?
    // All that can fail comes first, so that a refusal leaves everything as it was.
    if allocationsUntilFailure != nil {
      if !allowAllocations(for: encoded) {
        guard codec.losesTagsWithoutMemory else { throw .outOfMemory(entry) }
        encoded = .inline(TagHandle(truncating: 0))
        flaw = .withoutMemory(isLoss: tags.indices.contains { tags[$0] != 0 })
      }
      if map.nodesNeeded(at: entry.rawValue) > 0, !allowAllocation() {
        throw .outOfMemory(entry)
      }
    }

    let handle: TagHandle
    switch encoded {
    case .inline(let value):
      handle = value
      if flaw == nil {
        pools[number(of: .inline)].countAllocation()
        if codec == .mtecompV5 { flaw = flawOfPostedHandle(value, tags) }
      }
    case .object(let sizeClass):
      let number = number(of: sizeClass)
      let slabBytes = pools[number].slabs.slabBytes
      let object = pools[number].allocate()
      objectSlabBytes += pools[number].slabs.slabBytes - slabBytes
      pools[number].write(scratch, to: object)
      handle = codec.handle(address: pools[number].address(of: object), sizeClass: sizeClass)
    }
    if let old = map.store(handle, at: entry.rawValue) { release(old, self.flaw(of: entry)) }
    if flaw != nil || !flaws.isEmpty { flaws[entry] = flaw }
  }

  /// Restores the tags of `entry`; they stay saved.
  ///
  /// - Precondition: `output.count` is `pageSize.tagBytes`.
  /// What the posted v5 codec stored without memory counts as not saved, as its own restoration has
  /// it.
  ///
  /// - Returns: whether tags were saved; `output` has not changed if not.
  /// - Throws: ``TagStoreError`` if what is saved does not lead to tags; `output` may have changed.
  /// - Complexity: O(*g*), where *g* is granules per page.
  public borrowing func load(
    _ entry: SwapEntry,
    into output: inout MutableSpan<UInt8>
  ) throws(TagStoreError) -> Bool {
    guard let handle = map.load(entry.rawValue), flaw(of: entry)?.isCounted != false else {
      return false
    }
    do throws(TagDecodingError) {
      switch codec.place(of: handle, pageSize: pageSize) {
      case .inline:
        try codec.decode(handle, pageSize: pageSize, into: &output)
      case .object(let address, let sizeClass):
        guard let found = object(at: address, sizeClass: sizeClass) else {
          throw .notInline(handle)
        }
        try pools[found.pool].decode(found.object, codec, pageSize, into: &output)
      }
    } catch {
      if case .notInline = error { throw .misreadPointer(entry, handle) }
      throw .corrupt(entry, error)
    }
    return true
  }

  /// Whether something is saved for `entry`, be it lost or not.
  public func holds(_ entry: SwapEntry) -> Bool { map.load(entry.rawValue) != nil }

  /// Drops the tags of `entry`, as freeing its swap slot does.
  ///
  /// - Returns: whether there were any.
  /// - Complexity: O(1): at most 11 levels of the map.
  @discardableResult
  public mutating func invalidate(_ entry: SwapEntry) -> Bool {
    guard count > 0, let handle = map.erase(entry.rawValue) else { return false }
    release(handle, flaw(of: entry))
    if !flaws.isEmpty { flaws[entry] = nil }
    return true
  }

  /// Drops the tags of every entry of a device, as the end of swapoff does.
  ///
  /// - Precondition: 0 <= `type` < 32.
  /// - Returns: how many there were.
  /// - Complexity: O(*n*), where *n* is the number of entries dropped.
  @discardableResult
  public mutating func invalidateArea(type: Int) -> Int {
    let first = SwapEntry(type: type, offset: 0).rawValue
    let last = first | (1 << UInt64(SwapEntry.offsetBits) - 1)
    var dropped = 0
    while let (index, handle) = map.eraseFirst(in: first...last) {
      let entry = SwapEntry(rawValue: index)
      release(handle, flaw(of: entry))
      if !flaws.isEmpty { flaws[entry] = nil }
      dropped += 1
    }
    return dropped
  }

  private mutating func encode(_ tags: Span<UInt8>) -> EncodedTags {
    let codec = codec
    let pageSize = pageSize
    var room = scratch.mutableSpan
    return codec.encode(tags, pageSize: pageSize, payload: &room)
  }

  /// Whether what is needed beside the map's nodes can be allocated.
  private mutating func allowAllocations(for encoded: EncodedTags) -> Bool {
    if codec.losesTagsWithoutMemory, !allowAllocation() { return false }
    return !codec.allocatesObject(for: encoded) || allowAllocation()
  }

  private mutating func allowAllocation() -> Bool {
    guard let left = allocationsUntilFailure else { return true }
    allocationsUntilFailure = left > 0 ? left - 1 : nil
    return left > 0
  }

  /// What the posted v5 codec's handle for a page does to its tags.
  private func flawOfPostedHandle(_ handle: TagHandle, _ tags: Span<UInt8>) -> TagStoreFlaw? {
    guard codec.place(of: handle, pageSize: pageSize) == .inline else { return .unreadable }
    var restored = [UInt8](repeating: 0, count: tags.count)
    var output = restored.mutableSpan
    do throws(TagDecodingError) {
      try codec.decode(handle, pageSize: pageSize, into: &output)
    } catch {
      return .unreadable
    }
    return restored.indices.allSatisfy { restored[$0] == tags[$0] } ? nil : .otherTags
  }

  func flaw(of entry: SwapEntry) -> TagStoreFlaw? { flaws.isEmpty ? nil : flaws[entry] }

  private mutating func release(_ handle: TagHandle, _ flaw: TagStoreFlaw?) {
    // Nothing was allocated for it, and nothing counted.
    if flaw?.isCounted == false { return }
    if let found = object(of: handle) {
      let slabBytes = pools[found.pool].slabs.slabBytes
      pools[found.pool].free(found.object)
      objectSlabBytes += pools[found.pool].slabs.slabBytes - slabBytes
    } else {
      let number = number(of: .inline)
      pools[number].countFree(isReported: codec.reportsRelease(of: handle))
    }
  }

  /// The live object that `handle` leads to; `nil` for a handle that holds its tags.
  ///
  /// A handle that leads nowhere gives `nil`, too: the codec made it for a page that fitted the
  /// handle, and cannot read it back.
  func object(of handle: TagHandle) -> (pool: Int, object: Int)? {
    switch codec.place(of: handle, pageSize: pageSize) {
    case .inline: nil
    case .object(let address, let sizeClass): object(at: address, sizeClass: sizeClass)
    }
  }

  private func object(at address: UInt64, sizeClass: TagSizeClass) -> (pool: Int, object: Int)? {
    for number in pools.indices where pools[number].sizeClass == sizeClass {
      return pools[number].object(at: address).map { (number, $0) }
    }
    return nil
  }

  private func number(of sizeClass: TagSizeClass) -> Int {
    for number in pools.indices where pools[number].sizeClass == sizeClass { return number }
    preconditionFailure("codec \(codec.rawValue) has no class of \(sizeClass.bytes) bytes")
  }
}
