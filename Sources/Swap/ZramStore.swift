// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// What one write to zram holds: how well a page compresses.
public enum ZramContent: Hashable, Sendable {
  /// One word, repeated; needs no object.
  case sameFilled
  /// A page that compresses to so many bytes.
  case compressed(bytes: Int)
}

/// The memory of one zram device: what each slot holds, and the pool it lies in.
///
/// Its statistics are those of `mm_stat`.
///
/// Source: Linux v6.8 `drivers/block/zram/zram_drv.c`.
public struct ZramStore: InvariantChecks, Sendable {
  /// The pages of the device's pool.
  public private(set) var pool: ZsmallocPool
  /// Pages stored, same-filled ones included: `orig_data_size` in pages.
  public private(set) var storedPages = 0
  /// Pages that are one repeated word.
  public private(set) var samePages = 0
  /// Pages that are stored as they are.
  public private(set) var hugePages = 0
  /// Bytes of all objects: `compr_data_size`.
  public private(set) var compressedBytes = 0
  /// The most pages that the pool has had.
  public private(set) var mostPages = 0
  /// Pages that were ever stored as they are.
  public private(set) var hugePagesSince = 0

  private let pageSize: PageSize
  /// The bytes of each slot's object; 0 for a slot without one.
  private var bytes: [UInt32]
  /// The span of each slot's object, or one of the two marks.
  private var spans: [UInt32]

  private static let empty = UInt32.max
  private static let same = UInt32.max - 1

  /// Creates the memory of an empty device with so many slots, its header included.
  public init(slots: Int, pageSize: PageSize) {
    self.pageSize = pageSize
    pool = ZsmallocPool(pageSize: pageSize)
    bytes = [UInt32](repeating: 0, count: slots)
    spans = [UInt32](repeating: Self.empty, count: slots)
  }

  /// The bytes that `content` takes: 0 for a same-filled page, a whole page where compression does not
  /// help enough.
  public func objectBytes(of content: ZramContent) -> Int {
    switch content {
    case .sameFilled: 0
    case .compressed(let bytes): bytes >= pool.classes.hugeBytes ? pageSize.bytes : bytes
    }
  }

  /// The frames that writing `content` needs before what the slot holds is freed.
  public func framesNeeded(for content: ZramContent) -> Int {
    let bytes = objectBytes(of: content)
    return bytes == 0 ? 0 : pool.framesNeeded(forBytes: bytes)
  }

  /// Writes a slot, in place of what it holds.
  ///
  /// - Precondition: `frames` holds as many as ``framesNeeded(for:)`` says, which the store owns from
  ///   now on.
  /// - Returns: the span that holds the object, `nil` for a same-filled page, and the frames that the
  ///   store needs no longer.
  public mutating func write(
    _ slot: Int,
    _ content: ZramContent,
    frames: [UInt32]
  ) -> (span: Int?, freed: [UInt32]) {
    let size = objectBytes(of: content)
    let span = size == 0 ? nil : pool.allocate(bytes: size, frames: frames)
    mostPages = max(mostPages, pool.pages)
    let freed = free(slot)
    storedPages += 1
    bytes[slot] = UInt32(size)
    spans[slot] = span.map { UInt32($0) } ?? Self.same
    compressedBytes += size
    if size == 0 { samePages += 1 }
    if size == pageSize.bytes {
      hugePages += 1
      hugePagesSince += 1
    }
    return (span, freed)
  }

  /// Drops what a slot holds, if anything.
  ///
  /// - Returns: frames that the store needs no longer.
  public mutating func free(_ slot: Int) -> [UInt32] {
    let span = spans[slot]
    guard span != Self.empty else { return [] }
    let size = Int(bytes[slot])
    storedPages -= 1
    compressedBytes -= size
    if size == pageSize.bytes { hugePages -= 1 }
    spans[slot] = Self.empty
    bytes[slot] = 0
    guard span != Self.same else {
      samePages -= 1
      return []
    }
    return pool.free(Int(span))
  }

  /// Whether a slot holds a page.
  public func holds(_ slot: Int) -> Bool { spans[slot] != Self.empty }

  /// The span that holds the object of a slot, `nil` for a slot without one.
  public func span(of slot: Int) -> Int? {
    spans[slot] == Self.empty || spans[slot] == Self.same ? nil : Int(spans[slot])
  }

  /// Notes that a page of a span moved to another frame.
  public mutating func replaceFrame(ofSpan span: Int, at index: Int, with frame: UInt32) {
    pool.replaceFrame(ofSpan: span, at: index, with: frame)
  }

  /// Checks that store and pool do not contradict each other.
  public func verifyInvariants() throws(BrokenInvariant) {
    try pool.verifyInvariants()
    let held = spans.indices.filter { spans[$0] != Self.empty }
    let same = held.filter { spans[$0] == Self.same }
    let huge = held.filter { Int(bytes[$0]) == pageSize.bytes }
    let sum = held.reduce(0) { $0 + Int(bytes[$1]) }
    try BrokenInvariant.unless(
      held.count == storedPages && same.count == samePages && huge.count == hugePages
        && sum == compressedBytes,
      "zram",
      "zram holds \(held.count) pages, \(same.count) same-filled, \(huge.count) huge, \(sum) bytes"
    )
    var objects = [Int](repeating: 0, count: pool.spans.count)
    for slot in held where spans[slot] != Self.same {
      objects[Int(spans[slot])] += 1
      let shape = pool.classes.all[pool.spans[Int(spans[slot])].place]
      try BrokenInvariant.unless(
        pool.classes.place(forBytes: Int(bytes[slot])) == pool.spans[Int(spans[slot])].place,
        "zram",
        "\(bytes[slot]) bytes lie in the class of \(shape.objectBytes)"
      )
    }
    try BrokenInvariant.unless(
      objects == pool.spans.map(\.objects),
      "zram",
      "objects of the spans of zram"
    )
  }
}

/// How well the pages of a machine compress.
///
/// Each page draws once from a distribution, by a hash of what it is: so many of a hundred pages are
/// one repeated word, so many do not compress at all, and the compressed sizes of the others are spread
/// evenly from half to one and a half of their mean.
public struct ZramCompression: Equatable, Sendable {
  /// Of a hundred pages, those that are one repeated word.
  ///
  /// An assumption, at the low end of the 10 to 20 that were reported for pages in zswap.
  public var sameFilledPercent = 10
  /// Of a hundred pages, those that do not compress; an assumption.
  public var incompressiblePercent = 5
  /// What the others become on average, in hundredths of a page.
  ///
  /// With the defaults of the other two, 50 makes two bytes of one, which is what zram's documentation
  /// expects.
  public var meanPercent = 50

  /// Creates the default distribution.
  public init() {}

  /// What a page holds whose identity has this hash.
  public func content(hash: UInt64, pageSize: PageSize) -> ZramContent {
    let draw = mixed(hash &+ 0x9e37_79b9_7f4a_7c15)
    let percent = Int(draw % 100)
    if percent < sameFilledPercent { return .sameFilled }
    if percent < sameFilledPercent + incompressiblePercent {
      return .compressed(bytes: pageSize.bytes)
    }
    let mean = pageSize.bytes * meanPercent / 100
    let spread = UInt64(mean + 1)
    return .compressed(bytes: max(1, mean / 2 + Int(draw >> 32) % Int(spread)))
  }
}
