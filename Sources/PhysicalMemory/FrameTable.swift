// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// What the machine knows about each frame: one record and one pair of links, by frame number.
///
/// The fields that a fault or a step of reclaim uses together lie together, in 16 bytes, so that they
/// arrive with one cache line and after one check of the frame number. The links lie apart, because
/// taking frames off the old end of a list follows one link after another, and links of their own are
/// dense enough to stay in a second-level cache. The table costs 24 bytes per frame.
///
/// The table has no rules of its own. The links belong to the list that holds the frame, `freeBlock`
/// and the use `free` to the buddy allocator, and everything else to the machine. It stands apart
/// from the allocator so that a borrow of one is no borrow of the other.
public struct FrameTable: ~Copyable {
  /// The value of a link, or of an owner page, that leads nowhere.
  @inlinable public static var none: UInt32 { .max }

  /// The value of an owner space that is no space.
  @inlinable public static var noSpace: UInt16 { .max }

  /// The number of frames; they are numbered from 0.
  public let count: Int
  /// The size of every frame.
  public let pageSize: PageSize
  /// Where the frames lie, for failure messages.
  public let map: MemoryMap

  /// The place of each frame on its list.
  public var links: FlatStorage<FrameLinks>
  @usableFromInline var records: FlatStorage<Frame>

  /// Creates a table whose frames are all reserved, with no flags, owner or slot.
  ///
  /// The frames lie from address 0 on.
  ///
  /// - Precondition: 0 <= `count` <= 2^28, the limit of `PageFrameNumber`.
  /// - Complexity: O(`count`).
  public init(count: Int, pageSize: PageSize) {
    precondition(count >= 0, "a table of \(count) frames")
    self.init(MemoryMap(frameCount: count), pageSize: pageSize)
  }

  /// Creates a table of the frames of a memory map, as `init(count:pageSize:)` does.
  public init(_ map: MemoryMap, pageSize: PageSize) {
    let count = map.frameCount
    precondition(count <= 1 << 28, "a table of \(count) frames, more than 2^28")
    self.count = count
    self.pageSize = pageSize
    self.map = map
    links = FlatStorage(repeating: FrameLinks(next: Self.none, previous: Self.none), count: count)
    records = FlatStorage(repeating: Frame(), count: count)
  }

  /// The record of a frame.
  ///
  /// - Precondition: 0 <= `index` < `count`.
  @inlinable public subscript(_ index: Int) -> Frame {
    @inline(__always) get { records[index] }
    @inline(__always) _modify { yield &records[index] }
  }

  /// The record of a frame.
  ///
  /// - Precondition: the frame is one of the table's.
  @inlinable public subscript(_ frame: PageFrameNumber) -> Frame {
    @inline(__always) get { records[frame.index] }
    @inline(__always) _modify { yield &records[frame.index] }
  }

  /// Asks the processor to bring the record of a frame near.
  @inlinable @inline(__always)
  func prefetch(_ frame: UInt32) { records.prefetch(Int(frame)) }

  /// Gives all frames of a range one use.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  public mutating func setUse(_ range: Range<Int>, to use: FrameUse) {
    for frame in range { records[frame].use = use }
  }

  /// One line with all fields of one frame, for failure messages.
  public func dump(_ frame: Int) -> String {
    guard frame >= 0 && frame < count else { return "frame \(frame) of \(count)" }
    let record = records[frame]
    let number = map.number(of: frame)
    let place = number == frame ? "" : " (PFN 0x\(String(number, radix: 16)))"
    return "frame \(frame)\(place) \(record.use) flags \(record.flags) \(record.freeBlock)"
      + " next \(links[frame].next) previous \(links[frame].previous)"
      + " page \(record.ownerPage) space \(record.ownerSpace) slot \(record.swapSlot)"
  }
}

/// The fields of one frame: 15 bytes, of which the table makes 16.
@frozen
public struct Frame: BitwiseCopyable, Sendable {
  /// The identifier of the page that the frame holds; ``FrameTable/none`` if it holds none.
  public var ownerPage: UInt32
  /// The swap slot that holds the page's copy; 0, a device's header, means none.
  ///
  /// For a page of a file, and a copy of one, it is the number of the page among those of all files.
  public var swapSlot: UInt32
  /// The address space that the page belongs to; ``FrameTable/noSpace`` if none, or several.
  public var ownerSpace: UInt16
  /// The properties of the frame and of its page.
  public var flags: FrameFlags
  /// What the frame is used for.
  public var use: FrameUse
  /// The free block that starts at this frame; only the allocator writes it.
  public var freeBlock: FreeBlock
  /// Where the multi-generational LRU has the page, if a machine uses it.
  public var place: GenerationPlace

  /// A reserved frame without flags, owner or slot.
  @inlinable init() {
    ownerPage = FrameTable.none
    swapSlot = 0
    ownerSpace = FrameTable.noSpace
    flags = []
    use = .reserved
    freeBlock = .none
    place = GenerationPlace(generation: 0)
  }
}

/// The place of a frame on its list, if it is on one.
@frozen
public struct FrameLinks: BitwiseCopyable, Hashable, Sendable {
  /// The frame after this one; ``FrameTable/none`` at the end and off every list.
  public var next: UInt32
  /// The frame before this one; ``FrameTable/none`` at the front and off every list.
  public var previous: UInt32

  /// Creates a place between two frames.
  @inlinable public init(next: UInt32, previous: UInt32) {
    self.next = next
    self.previous = previous
  }
}

/// Whether a frame heads a free block, of which order, and on whose list the block is.
///
///     bit 7 6 ........ 4 3 ........ 0
///         0  migrate type   order       all bits set: heads no block
///
/// The list is kept because it need not be that of the pageblock: a steal that moves a single block
/// leaves the pageblock's type alone, and the block has to be found again when its buddy is freed.
@frozen
public struct FreeBlock: Hashable, BitwiseCopyable, Sendable {
  @usableFromInline let bits: UInt8

  @inlinable init(bits: UInt8) { self.bits = bits }

  /// The mark of a frame that heads no free block.
  @inlinable public static var none: Self { Self(bits: 0xff) }

  /// Creates the mark of a block of `order`, 0 to 15, on a list of type `list`.
  @inlinable public init(order: Int, list: MigrateType) {
    self.init(bits: list.rawValue << 4 | UInt8(truncatingIfNeeded: order & 15))
  }

  /// Whether a free block starts here.
  @inlinable public var isHead: Bool { bits != 0xff }

  /// The order of the block; meaningless where `isHead` is false.
  @inlinable public var order: Int { Int(bits & 15) }

  /// The type of the list that holds the block; meaningless where `isHead` is false.
  @inlinable public var list: MigrateType {
    MigrateType(rawValue: bits >> 4) ?? .isolate
  }

  /// Whether a free block of exactly `order` starts here.
  @inlinable public func isHead(ofOrder order: Int) -> Bool {
    // The low four bits of `none` are 15, which is no order.
    Int(bits & 15) == order
  }
}

extension FreeBlock: CustomStringConvertible {
  /// The block as failure messages show it.
  public var description: String {
    isHead ? "head of order \(order) on list \(list)" : "no head"
  }
}
