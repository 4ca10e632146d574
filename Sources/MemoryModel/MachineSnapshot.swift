// SPDX-License-Identifier: Apache-2.0

/// What the kernel of a machine would show of its memory at one moment, as plain values; pages unless a
/// name says otherwise.
///
/// There is one node. Numbers of file pages mean something where these have frames.
public struct MachineSnapshot: Equatable, Sendable {
  /// The page size.
  public var pageSize: PageSize
  /// The zones in the kernel's order, those without memory included.
  public var zones: [ZoneSnapshot]
  /// Pages that ordinary requests cannot have: `totalreserve_pages`.
  public var totalReservePages = 0
  /// Anonymous pages on inactive lists.
  public var inactiveAnonymousPages = 0
  /// Anonymous pages on active lists.
  public var activeAnonymousPages = 0
  /// Pages that MADV_FREE put on the inactive file list.
  public var inactiveFilePages = 0
  /// Whether pages of files have frames, and the numbers that follow a meaning.
  public var hasFilePages = false
  /// Pages of files on active lists.
  public var activeFilePages = 0
  /// Pages of files in memory.
  public var filePages = 0
  /// Those of them that page tables map.
  public var mappedPages = 0
  /// Those of them that differ from their disk.
  public var dirtyPages = 0
  /// Mapped anonymous pages.
  public var anonymousPages = 0
  /// Pages in the swap cache.
  public var swapCachedPages = 0
  /// Pages on their way to swap.
  public var writebackPages = 0
  /// Pages of slabs that reclaim can shrink: nodes of the map of saved tags.
  public var reclaimableSlabPages = 0
  /// Pages of other slabs: saved tags.
  public var unreclaimableSlabPages = 0
  /// Page tables below the top level.
  public var pageTablePages = 0
  /// Swap slots.
  public var swapTotalPages = 0
  /// Swap slots that are free; those in slot caches are not.
  public var swapFreePages = 0
  /// The swap devices that are on.
  public var swapDevices: [SwapDeviceSnapshot] = []
  /// The size classes of saved tags, smallest first.
  public var savedTags: [SavedTagClass] = []
  /// The tag blocks, `nil` where none has to be reserved.
  public var tagBlocks: TagBlockSnapshot?
  /// Whether kswapd has given up, so that the node counts as unreclaimable.
  public var hasKswapdGivenUp = false
  /// Whether memory groups with limits reclaimed, whose work the kernel leaves out of some counters
  /// that here include it.
  public var hasLimitedGroups = false
  /// Whether direct reclaim is counted by the zone that requests aim at.
  public var tellsAims = false
  /// Counted events.
  public var counters = CounterSet()

  /// Creates a snapshot of zones alone.
  public init(pageSize: PageSize, zones: [ZoneSnapshot]) {
    self.pageSize = pageSize
    self.zones = zones
  }
}

/// Reserved tag blocks by how full they are.
public struct TagBlockSnapshot: Equatable, Sendable {
  /// Data pages that one block can serve.
  public var pagesOfBlock: Int
  /// Blocks by the number of data pages that they serve, from 0 on, at this moment.
  public var now: [Int]
  /// The same when most blocks were reserved, for the first time.
  public var atPeak: [Int]

  /// Creates the numbers of both moments.
  public init(pagesOfBlock: Int, now: [Int], atPeak: [Int]) {
    self.pagesOfBlock = pagesOfBlock
    self.now = now
    self.atPeak = atPeak
  }
}

/// One swap device at one moment.
public struct SwapDeviceSnapshot: Equatable, Sendable {
  /// Its number among the machine's devices, which is its type in swap entries.
  public var number: Int
  /// `zram`, `ssd` or `disk`.
  public var kind: String
  /// Slots that can be used.
  public var totalPages: Int
  /// Slots that are not free, those in slot caches included.
  public var usedPages: Int
  /// The priority, negative where the kernel gave it.
  public var priority: Int
  /// The memory of a zram device, `nil` where it is not modelled.
  public var zram: ZramSnapshot?

  /// Creates a snapshot of a device.
  public init(number: Int, kind: String, totalPages: Int, usedPages: Int, priority: Int) {
    self.number = number
    self.kind = kind
    self.totalPages = totalPages
    self.usedPages = usedPages
    self.priority = priority
  }
}

/// The memory of one zram device at one moment, as `mm_stat` has it; pages unless a name says otherwise.
public struct ZramSnapshot: Equatable, Sendable {
  /// Pages stored, same-filled ones included.
  public var storedPages: Int
  /// Bytes of what is stored for them.
  public var compressedBytes: Int
  /// Pages of the pool.
  public var poolPages: Int
  /// The most pages that the pool may have, 0 without a limit.
  public var limitPages: Int
  /// The most pages that the pool has had.
  public var mostPoolPages: Int
  /// Pages that are one repeated word.
  public var samePages: Int
  /// Pages stored as they are.
  public var hugePages: Int
  /// Pages ever stored as they are.
  public var hugePagesSince: Int

  /// Creates a snapshot.
  public init(
    storedPages: Int,
    compressedBytes: Int,
    poolPages: Int,
    limitPages: Int,
    mostPoolPages: Int,
    samePages: Int,
    hugePages: Int,
    hugePagesSince: Int
  ) {
    self.storedPages = storedPages
    self.compressedBytes = compressedBytes
    self.poolPages = poolPages
    self.limitPages = limitPages
    self.mostPoolPages = mostPoolPages
    self.samePages = samePages
    self.hugePages = hugePages
    self.hugePagesSince = hugePagesSince
  }
}
