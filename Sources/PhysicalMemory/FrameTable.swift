// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// What the machine knows about each frame, as parallel arrays indexed by frame number.
///
/// One array per field and not one record per frame: most loops need one or two fields, and a
/// field of all frames of a pageblock fits a few cache lines. The table costs 22 bytes per frame.
///
/// The table has no rules of its own. `next` and `previous` belong to the list that holds the
/// frame, `freeBlock` and the use `free` to the buddy allocator, and everything else to the
/// machine. It stands apart from the allocator so that a borrow of one is no borrow of the other.
public struct FrameTable: ~Copyable {
  /// The value of a link, or of an owner page, that leads nowhere.
  @inlinable public static var none: UInt32 { .max }

  /// The value of an owner space that is no space.
  @inlinable public static var noSpace: UInt16 { .max }

  /// The number of frames; they are numbered from 0.
  public let count: Int
  /// The size of every frame.
  public let pageSize: PageSize

  /// The frame after this one on its list; ``none`` at the end and off every list.
  public var next: FlatStorage<UInt32>
  /// The frame before this one on its list; ``none`` at the front and off every list.
  public var previous: FlatStorage<UInt32>
  /// What the frame is used for.
  public var use: FlatStorage<FrameUse>
  /// The properties of the frame and of its page.
  public var flags: FlatStorage<FrameFlags>
  /// The free block that starts at this frame; only the allocator writes it.
  public var freeBlock: FlatStorage<FreeBlock>
  /// The identifier of the page that the frame holds; ``none`` if it holds none.
  public var ownerPage: FlatStorage<UInt32>
  /// The address space that the page belongs to; ``noSpace`` if none, or several.
  public var ownerSpace: FlatStorage<UInt16>
  /// The swap slot that holds the page's copy; 0, a device's header, means none.
  public var swapSlot: FlatStorage<UInt32>

  /// Creates a table whose frames are all reserved, with no flags, owner or slot.
  ///
  /// - Precondition: 0 <= `count` <= 2^28, the limit of `PageFrameNumber`.
  /// - Complexity: O(`count`).
  public init(count: Int, pageSize: PageSize) {
    precondition(count >= 0, "a table of \(count) frames")
    precondition(count <= 1 << 28, "a table of \(count) frames, more than 2^28")
    self.count = count
    self.pageSize = pageSize
    next = FlatStorage(repeating: Self.none, count: count)
    previous = FlatStorage(repeating: Self.none, count: count)
    use = FlatStorage(repeating: .reserved, count: count)
    flags = FlatStorage(repeating: [], count: count)
    freeBlock = FlatStorage(repeating: .none, count: count)
    ownerPage = FlatStorage(repeating: Self.none, count: count)
    ownerSpace = FlatStorage(repeating: Self.noSpace, count: count)
    swapSlot = FlatStorage(repeating: 0, count: count)
  }

  /// One line with all fields of one frame, for failure messages.
  public func dump(_ frame: Int) -> String {
    guard frame >= 0 && frame < count else { return "frame \(frame) of \(count)" }
    return "frame \(frame) \(use[frame]) flags \(flags[frame]) \(freeBlock[frame])"
      + " next \(next[frame]) previous \(previous[frame])"
      + " page \(ownerPage[frame]) space \(ownerSpace[frame]) slot \(swapSlot[frame])"
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
