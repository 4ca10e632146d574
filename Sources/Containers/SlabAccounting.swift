// SPDX-License-Identifier: Apache-2.0

/// The places of objects in slabs, as the kernel's slab allocator would choose them on one processor.
///
/// It holds no contents: an object is a number, `slab * geometry.objectsPerSlab + slot`, dense from
/// 0, which its owner may use as an array index. What it answers is how many slabs a sequence of
/// allocations and frees leaves behind, which depends on where each object was placed.
///
/// A new object comes from the current slab; when that is full, from the processor's own partly
/// used slabs (newest first), then from the shared list (oldest first), then from a new slab. A
/// full slab that gets a free object joins the processor's list; when that list is full, all of
/// its slabs go to the shared list, where more than ``SlabGeometry/keptEmptySlabs`` slabs leave no
/// room for empty ones. Inside a slab the slot freed last is used first.
///
/// Source: Linux v6.8 SLUB, allocation and free paths, behaviour.
public struct SlabAccounting: Sendable {
  /// Where a slab is.
  enum Place: UInt8, Sendable {
    /// Given back to the page allocator; its number may be used again.
    case unused
    /// The slab that the processor allocates from.
    case current
    /// On the processor's list of partly used slabs.
    case processorList
    /// On the list shared by all processors.
    case sharedList
    /// Full, and on no list.
    case full
  }

  /// How pages are cut into objects.
  public let geometry: SlabGeometry

  /// Objects allocated and not freed.
  public private(set) var liveObjects = 0

  /// Slabs held, empty ones included.
  public private(set) var slabCount = 0

  /// The most slabs held at once.
  public private(set) var peakSlabCount = 0

  static let none = UInt32.max
  private static let taken = UInt32.max - 1

  // For each slab.
  var places: [Place] = []
  var used: [UInt32] = []
  private var firstFree: [UInt32] = []
  var nextSlab: [UInt32] = []
  var previousSlab: [UInt32] = []

  // For each object: the next free object of its slab, `none` at the end, or `taken`.
  private var nextFree: [UInt32] = []

  var currentSlab = SlabAccounting.none
  var processorSlabs: [UInt32] = []
  var sharedHead = SlabAccounting.none
  private var sharedTail = SlabAccounting.none
  var sharedCount = 0
  private var unusedSlabs: [UInt32] = []

  /// Creates an allocator without slabs.
  public init(geometry: SlabGeometry) {
    self.geometry = geometry
  }

  /// Bytes of all slabs held.
  public var slabBytes: Int { slabCount * geometry.slabBytes }

  /// Bytes of slabs that no live object uses.
  public var slackBytes: Int { slabBytes - liveObjects * geometry.objectBytes }

  /// One more than the largest object number ever used; the length of an array over the objects.
  public var objectLimit: Int { nextFree.count }

  /// Whether `object` is allocated; any number may be asked for.
  public func isLive(_ object: Int) -> Bool {
    object >= 0 && object < nextFree.count && nextFree[object] == Self.taken
  }

  /// Whether the next ``allocate()`` can be served without a new slab.
  public var hasRoom: Bool {
    if currentSlab != Self.none && firstFree[Int(currentSlab)] != Self.none { return true }
    return !processorSlabs.isEmpty || sharedCount > 0
  }

  /// Allocates an object.
  ///
  /// - Returns: its number; the caller owns it until ``free(_:)``.
  /// - Complexity: O(1) amortised, O(objects per slab) for a new slab.
  public mutating func allocate() -> Int {
    if currentSlab == Self.none || firstFree[Int(currentSlab)] == Self.none { replaceCurrent() }
    let slab = Int(currentSlab)
    let object = firstFree[slab]
    firstFree[slab] = nextFree[Int(object)]
    nextFree[Int(object)] = Self.taken
    used[slab] += 1
    liveObjects += 1
    return Int(object)
  }

  /// Frees an object.
  ///
  /// - Precondition: `object` is live.
  /// - Complexity: O(1) amortised.
  public mutating func free(_ object: Int) {
    precondition(isLive(object), "object \(object) is not allocated")
    let slab = object / geometry.objectsPerSlab
    nextFree[object] = firstFree[slab]
    firstFree[slab] = UInt32(object)
    used[slab] -= 1
    liveObjects -= 1
    switch places[slab] {
    case .full:
      addToProcessorList(UInt32(slab))
    case .sharedList:
      if used[slab] == 0 && sharedCount >= SlabGeometry.keptEmptySlabs {
        removeFromShared(UInt32(slab))
        discard(UInt32(slab))
      }
    case .current, .processorList:
      break
    case .unused:
      preconditionFailure("object \(object) was live in slab \(slab), which is not held")
    }
  }

  private mutating func replaceCurrent() {
    if currentSlab != Self.none { places[Int(currentSlab)] = .full }
    if let slab = processorSlabs.popLast() {
      currentSlab = slab
    } else if sharedHead != Self.none {
      currentSlab = takeShared()
    } else {
      currentSlab = newSlab()
    }
    places[Int(currentSlab)] = .current
  }

  /// Takes the oldest shared slab, and moves a few more to the processor's list.
  ///
  /// The kernel goes on until it has more than half of what the processor may keep.
  private mutating func takeShared() -> UInt32 {
    let first = sharedHead
    removeFromShared(first)
    var moved = 0
    while sharedHead != Self.none && moved <= geometry.processorPartialSlabs / 2 {
      let slab = sharedHead
      removeFromShared(slab)
      places[Int(slab)] = .processorList
      processorSlabs.append(slab)
      moved += 1
    }
    return first
  }

  private mutating func addToProcessorList(_ slab: UInt32) {
    if processorSlabs.count >= geometry.processorPartialSlabs {
      // Newest first, as the kernel walks the list it drains.
      while let drained = processorSlabs.popLast() {
        if used[Int(drained)] == 0 && sharedCount >= SlabGeometry.keptEmptySlabs {
          discard(drained)
        } else {
          appendToShared(drained)
        }
      }
    }
    places[Int(slab)] = .processorList
    processorSlabs.append(slab)
  }

  private mutating func newSlab() -> UInt32 {
    slabCount += 1
    peakSlabCount = max(peakSlabCount, slabCount)
    let slab = unusedSlabs.popLast() ?? appendSlab()
    let first = Int(slab) * geometry.objectsPerSlab
    let end = first + geometry.objectsPerSlab
    for object in first..<end { nextFree[object] = UInt32(object + 1) }
    nextFree[end - 1] = Self.none
    firstFree[Int(slab)] = UInt32(first)
    return slab
  }

  private mutating func appendSlab() -> UInt32 {
    let slab = UInt32(places.count)
    precondition(
      (places.count + 1) * geometry.objectsPerSlab < Int(Self.taken),
      "\(places.count) slabs of \(geometry.objectsPerSlab) objects are all there can be"
    )
    places.append(.unused)
    used.append(0)
    firstFree.append(Self.none)
    nextSlab.append(Self.none)
    previousSlab.append(Self.none)
    nextFree.append(contentsOf: repeatElement(Self.none, count: geometry.objectsPerSlab))
    return slab
  }

  private mutating func discard(_ slab: UInt32) {
    places[Int(slab)] = .unused
    unusedSlabs.append(slab)
    slabCount -= 1
  }

  private mutating func appendToShared(_ slab: UInt32) {
    places[Int(slab)] = .sharedList
    previousSlab[Int(slab)] = sharedTail
    nextSlab[Int(slab)] = Self.none
    if sharedTail == Self.none { sharedHead = slab } else { nextSlab[Int(sharedTail)] = slab }
    sharedTail = slab
    sharedCount += 1
  }

  private mutating func removeFromShared(_ slab: UInt32) {
    let previous = previousSlab[Int(slab)]
    let next = nextSlab[Int(slab)]
    if previous == Self.none { sharedHead = next } else { nextSlab[Int(previous)] = next }
    if next == Self.none { sharedTail = previous } else { previousSlab[Int(next)] = previous }
    sharedCount -= 1
  }
}
