// SPDX-License-Identifier: Apache-2.0

/// What a frame is used for; every frame has exactly one use.
///
/// The allocator itself only moves frames between `reserved`, `free`, `listed` and `inHand`. The others are
/// set by whoever holds the frame.
public enum FrameUse: UInt8, CaseIterable, BitwiseCopyable, Sendable {
  /// In the buddy allocator, on an isolate list or on any other.
  case free
  /// Never given to the allocator.
  case reserved
  /// Tag storage of a store, holding nothing; never given to the allocator.
  case storeIdle
  /// Free, on a per-CPU list.
  case listed
  /// Allocated, but not yet put to use.
  case inHand
  /// Held by an unmovable allocation of the kernel.
  case kernel
  /// Holds a user page.
  case anonymous
  /// Tag storage that holds tags.
  case tagBlock
  /// Holds compressed pages of zram; its owner can move it (`__PageMovable`).
  case compressed
  /// Holds a page of a file: page cache.
  case file
  /// Tag storage of a store, holding copies of pages; never given to the allocator.
  case stored
  /// Tag storage of a store that holds tags; never given to the allocator either.
  case storeTags

  /// Whether the frame holds something: it was allocated and not freed, or is a store's and not idle.
  @inlinable public var isInUse: Bool { rawValue > FrameUse.listed.rawValue }

  /// Whether the page allocator manages the frame: it was given to the allocator once.
  public var isManaged: Bool {
    switch self {
    case .reserved, .storeIdle, .stored, .storeTags: false
    case .free, .listed, .inHand, .kernel, .anonymous, .tagBlock, .compressed, .file: true
    }
  }
}

/// Properties of a frame and of the page that it holds.
///
/// Freeing a frame clears all of them but `tagStorage`, which is a property of the place.
///
///     bit  0 onList        4 dirty         8 writeback       12 readAhead
///          1 active        5 swapBacked    9 pinned          13 tagStorage
///          2 referenced    6 inSwapCache  10 tagged
///          3 workingset    7 exclusive    11 storageReserved 14 held, 15 sharedMapping
///
/// Source: Linux v6.8 page flags; dynamic tag storage RFC v3 for `storageReserved`.
@frozen
public struct FrameFlags: OptionSet, BitwiseCopyable, Hashable, Sendable {
  /// The flags as bits; see the table.
  public let rawValue: UInt16
  /// Creates flags from their bits.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// On an LRU list (`PG_lru`); such a frame counts as movable.
  @inlinable public static var onList: Self { Self(rawValue: 1 << 0) }
  /// On the active list, not the inactive one (`PG_active`).
  @inlinable public static var active: Self { Self(rawValue: 1 << 1) }
  /// Seen as used once already on the inactive list (`PG_referenced`).
  @inlinable public static var referenced: Self { Self(rawValue: 1 << 2) }
  /// Was active when it was last evicted or deactivated (`PG_workingset`).
  @inlinable public static var workingset: Self { Self(rawValue: 1 << 3) }
  /// Differs from its copy in swap, or has none (`PG_dirty`).
  @inlinable public static var dirty: Self { Self(rawValue: 1 << 4) }
  /// Goes to swap when evicted (`PG_swapbacked`).
  @inlinable public static var swapBacked: Self { Self(rawValue: 1 << 5) }
  /// In the swap cache, under the frame's swap slot (`PG_swapcache`).
  @inlinable public static var inSwapCache: Self { Self(rawValue: 1 << 6) }
  /// Mapped by one process only, which may write to it (`PG_anon_exclusive`).
  @inlinable public static var exclusive: Self { Self(rawValue: 1 << 7) }
  /// On its way to a swap device (`PG_writeback`).
  @inlinable public static var writeback: Self { Self(rawValue: 1 << 8) }
  /// Held by a pin: migration and reclaim must leave it.
  @inlinable public static var pinned: Self { Self(rawValue: 1 << 9) }
  /// Holds valid tags (`PG_mte_tagged`).
  @inlinable public static var tagged: Self { Self(rawValue: 1 << 10) }
  /// Its tag block is reserved on its behalf (`PG_tag_storage_reserved`).
  @inlinable public static var storageReserved: Self { Self(rawValue: 1 << 11) }
  /// Read ahead of any fault: a hit on it starts the next window (`PG_readahead`).
  @inlinable public static var readAhead: Self { Self(rawValue: 1 << 12) }
  /// Lies in a tag range, so that it can hold data or tags, but never tagged data.
  @inlinable public static var tagStorage: Self { Self(rawValue: 1 << 13) }

  /// In use by the event that is being performed, so that reclaim and migration leave it alone, as
  /// a page reference does.
  @inlinable public static var held: Self { Self(rawValue: 1 << 14) }
  /// More than one page-table entry maps it.
  @inlinable public static var sharedMapping: Self { Self(rawValue: 1 << 15) }

  /// The flags that stay with a frame while it is free.
  @inlinable public static var permanent: Self { .tagStorage }

  /// The flags that a frame must not have when it is freed: others still reach it.
  @inlinable public static var busy: Self {
    Self(rawValue: 1 << 0 | 1 << 6 | 1 << 8 | 1 << 9)
  }
}

extension FrameFlags: CustomStringConvertible {
  /// The names of the flags in bit order, joined by `+`; `none` for none.
  public var description: String {
    let names: [(flag: FrameFlags, name: String)] = [
      (.onList, "onList"), (.active, "active"), (.referenced, "referenced"),
      (.workingset, "workingset"), (.dirty, "dirty"), (.swapBacked, "swapBacked"),
      (.inSwapCache, "inSwapCache"), (.exclusive, "exclusive"), (.writeback, "writeback"),
      (.pinned, "pinned"), (.tagged, "tagged"), (.storageReserved, "storageReserved"),
      (.readAhead, "readAhead"), (.tagStorage, "tagStorage"), (.held, "held"),
      (.sharedMapping, "sharedMapping"),
    ]
    let present = names.filter { contains($0.flag) }.map(\.name)
    return present.isEmpty ? "none" : present.joined(separator: "+")
  }
}
