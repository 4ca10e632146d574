// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// The page allocator of one zone: binary buddies in free lists by order and migrate type.
///
/// A block of order *o* is 2^*o* frames whose first number is a multiple of 2^*o*. The kernel's
/// choices that decide which frame a request gets are all kept, because where pages land decides
/// which of them can be tagged, and which stand in the way of tags: LIFO lists with the tail rule,
/// splitting from below, CMA balancing, and pageblock stealing.
///
/// Before the free lists there may be per-CPU page lists, see `allocatePage(_:mayUseCMA:avoidingFragments:frames:)`.
/// `allocate` and `free` act on the zone at once, which is what a batch of 1 and a high mark of 0
/// would be to the kernel.
///
/// The links of the free lists live in the `FrameTable`, which is passed to every call; it must be
/// the same table each time. The use of a frame is ``FrameUse/free`` exactly while it is in here.
///
/// Source: Linux v6.8 `mm/page_alloc.c`, as described in the project's notes on core memory
/// management, section 1.
public struct BuddyAllocator: ~Copyable {
  /// Which zone it is.
  public let kind: ZoneKind
  /// The first frame of the zone.
  public let firstFrame: Int
  /// The frame behind the last of the zone, managed or not.
  public let endFrame: Int
  /// The size of a frame, which decides the largest order and the pageblocks.
  public let pageSize: PageSize
  /// The switches of the zone.
  public let parameters: ZoneParameters

  /// Frames that requests may get now (`NR_FREE_PAGES`), isolated ones left out.
  public internal(set) var freePages = 0
  /// The part of `freePages` that lies in CMA pageblocks: `NR_FREE_CMA_PAGES`.
  public internal(set) var freeCMAPages = 0
  /// Frames that were ever given to the allocator, CMA included.
  public private(set) var managedPages = 0
  /// The part of `managedPages` that was given as CMA memory: `CmaTotal`.
  public private(set) var managedCMAPages = 0
  /// Pageblocks whose type is isolate now: `nr_isolate_pageblock`.
  public internal(set) var isolatedPageblocks = 0
  /// The marks of the zone: those of a machine with this zone alone, recomputed whenever
  /// `managedPages` changes, until `setShare(marks:reserves:nodePages:)` gives it those of a node.
  public internal(set) var watermarks: Watermarks
  /// What a request must leave free here beside the mark, by the zone it aims at: `lowmem_reserve`.
  public internal(set) var lowMemoryReserves = InlineArray<4, Int>(repeating: 0)
  /// Managed pages of all zones of the node.
  var nodePages = 0
  /// Whether the node is large enough to keep migrate types apart: 6 pageblocks or more.
  ///
  /// Otherwise every request is unmovable, and free CMA memory is never used for data.
  public private(set) var groupsByMobility = false
  /// Steals since the start that converted a pageblock, moved one, or moved a single block.
  public internal(set) var fallbackCounts = FallbackCounts()

  /// The share of free memory, in percent, above which free CMA memory serves requests first that may
  /// use it; the kernel's is 50, at 100 it serves them only when the movable lists are empty.
  ///
  /// Source: Linux v6.8 `__rmqueue`; RFC v1 of dynamic tag storage for 100.
  public var preferCMAAbovePercent = 50 {
    didSet { precondition(0...100 ~= preferCMAAbovePercent, "\(preferCMAAbovePercent) %") }
  }
  /// The first migrate type whose freed pages bypass the per-CPU lists.
  @usableFromInline var firstUnlistedType = MigrateType.isolate.rawValue

  @usableFromInline var pageLists = PageLists()

  let maxOrder: Int
  @usableFromInline let pageblockOrder: Int
  /// The free list of each (order, type), at order x 6 + type.
  var lists: FlatStorage<FrameList>
  /// Per type, bit *o* set when the list of order *o* is not empty.
  var nonEmptyOrders: FlatStorage<UInt32>
  /// The migrate type of each pageblock up to the zone's end, by frame number over the pageblock's
  /// size; those below the zone, a byte each, are there to save a subtraction at every request.
  @usableFromInline var pageblockTypes: FlatStorage<MigrateType>

  /// Creates an allocator that manages no frame yet; all pageblocks are movable, as at boot.
  ///
  /// The zone is called Normal and has all frames of the table.
  ///
  /// - Precondition: `frames` has `frameCount` frames of `pageSize`, all of them reserved.
  /// - Complexity: O(`frameCount`).
  public init(
    frameCount: Int,
    pageSize: PageSize,
    parameters: ZoneParameters = ZoneParameters(),
    frames: inout FrameTable
  ) {
    precondition(frames.count == frameCount, "the table does not have \(frameCount) frames")
    precondition(frames.pageSize == pageSize, "the table does not have \(pageSize.name) frames")
    self.init(.normal, of: 0..<frameCount, parameters: parameters, frames: &frames)
  }

  /// Creates the allocator of one of several zones, which manages no frame yet.
  ///
  /// The table is shared by all zones of a node.
  ///
  /// - Precondition: the range lies in the table and begins at a multiple of the largest block, so that
  ///   no block reaches over the borders of zones; all its frames are reserved.
  /// - Complexity: O(*n*), where *n* is the end of the range.
  public init(
    _ kind: ZoneKind,
    of range: Range<Int>,
    parameters: ZoneParameters,
    frames: inout FrameTable
  ) {
    let pageSize = frames.pageSize
    precondition(
      range.lowerBound >= 0 && range.upperBound <= frames.count,
      "zone \(range) of \(frames.count) frames"
    )
    precondition(
      range.lowerBound & (1 << parameters.largestOrder(pageSize) - 1) == 0,
      "zone \(range) begins inside a block"
    )
    for frame in range {
      precondition(frames[frame].use == .reserved, "frame \(frame) is not reserved at the start")
    }
    self.kind = kind
    firstFrame = range.lowerBound
    endFrame = range.upperBound
    self.pageSize = pageSize
    self.parameters = parameters
    let largestOrder = parameters.largestOrder(pageSize)
    let pageblockOrder = parameters.pageblockOrder(pageSize)
    maxOrder = largestOrder
    self.pageblockOrder = pageblockOrder
    lists = FlatStorage(repeating: FrameList(), count: (largestOrder + 1) * MigrateType.count)
    nonEmptyOrders = FlatStorage(repeating: 0, count: MigrateType.count)
    let pageblocks = (range.upperBound + 1 << pageblockOrder - 1) >> pageblockOrder
    pageblockTypes = FlatStorage(repeating: .movable, count: pageblocks)
    watermarks = Watermarks(managedPages: 0, pageSize: pageSize, parameters: parameters)
  }

  /// The number of pageblocks, an incomplete last one included.
  public var pageblockCount: Int { pageblockTypes.count - firstFrame >> pageblockOrder }

  /// The pageblocks of the zone, an incomplete last one included.
  var pageblocks: Range<Int> { firstFrame >> pageblockOrder..<pageblockTypes.count }

  /// The migrate type of the pageblock that holds a frame.
  public func migrateType(of frame: PageFrameNumber) -> MigrateType {
    pageblockTypes[frame.index >> pageblockOrder]
  }

  /// Whether a frame is in a free block, isolated ones included.
  ///
  /// - Complexity: O(1).
  public func isFree(_ frame: PageFrameNumber, frames: borrowing FrameTable) -> Bool {
    frames[frame].use == .free
  }

  /// Gives a range of frames to the allocator for good, as the largest aligned blocks.
  ///
  /// Every pageblock that the range meets gets the type, and the frames count as managed. Ordinary
  /// memory goes to the tail of the lists in ascending order, as at boot. CMA memory is freed one
  /// pageblock at a time, as when an area is activated, so that the last one is used first.
  ///
  /// - Precondition: all frames of the range are reserved; for `.cma`, it consists of whole
  ///   pageblocks; for other types, it meets no CMA or isolated pageblock; the type is not isolate.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  public mutating func release(
    _ range: Range<Int>,
    as type: MigrateType,
    frames: inout FrameTable
  ) {
    precondition(
      range.isEmpty || range.lowerBound >= firstFrame && range.upperBound <= endFrame,
      "range \(range)"
    )
    precondition(type != .isolate, "release of \(range) as isolate")
    guard !range.isEmpty else { return }
    for frame in range {
      let use = frames[frame].use
      precondition(use == .reserved, "release of frame \(frame), which is \(use)")
    }
    let blocks = pageblocks(meeting: range)
    if type == .cma {
      let mask = 1 << pageblockOrder - 1
      precondition(
        range.lowerBound & mask == 0 && range.upperBound & mask == 0,
        "release of \(range) as CMA, not of whole pageblocks"
      )
    } else {
      for block in blocks {
        let old = pageblockTypes[block]
        precondition(old != .cma && old != .isolate, "release of \(range) in \(old) pageblock")
      }
    }
    pageblockTypes.fill(blocks, with: type)
    frames.setUse(range, to: .free)
    managedPages += range.count
    if type == .cma {
      managedCMAPages += range.count
      for block in blocks {
        insert(block << pageblockOrder, order: pageblockOrder, type: type, at: .head, &frames)
      }
    } else {
      insertBlocks(of: range, type: type, &frames)
    }
    let marks = Watermarks(managedPages: managedPages, pageSize: pageSize, parameters: parameters)
    setShare(marks: marks, reserves: lowMemoryReserves, nodePages: managedPages)
  }

  /// Gives the zone its share of the node's minimum, and what it keeps from requests for others.
  ///
  /// The boost stays. Afterwards `release(_:as:frames:)` must not be called without calling this again.
  ///
  /// Source: Linux v6.8 `__setup_per_zone_wmarks`, `zone_pcp_update`.
  public mutating func setShare(
    marks: Watermarks,
    reserves: InlineArray<4, Int>,
    nodePages: Int
  ) {
    let boost = watermarks.boost
    watermarks = marks
    watermarks.boost = boost
    lowMemoryReserves = reserves
    self.nodePages = nodePages
    groupsByMobility = nodePages >= MigrateType.count << pageblockOrder
    guard parameters.pageLists == .perCPU else { return }
    pageLists.fit(
      managedPages: managedPages,
      lowMark: watermarks.low,
      processors: parameters.listProcessors,
      pageSize: pageSize
    )
  }

  /// Takes a block of 2^`order` frames, which are in hand afterwards.
  ///
  /// CMA memory is tried first while it is more than `preferCMAAbovePercent`, and otherwise after
  /// the requested type; then other types are stolen from. Watermarks are not looked at: the caller
  /// asks `passes(order:mark:mayUseCMA:access:reserve:)` first. `avoidingFragments` allows only steals
  /// of whole pageblocks, where another zone can still be asked.
  ///
  /// - Precondition: `order` is at most the largest order; `migrateType` is unmovable, movable or
  ///   reclaimable; `mayUseCMA` only for movable requests.
  /// - Returns: the first frame of the block, `nil` if no free block is large enough.
  /// - Complexity: O(largest order), plus O(pages per pageblock) when a pageblock is stolen.
  ///
  /// Source: Linux v6.8 `__rmqueue`, `ALLOC_NOFRAGMENT`; the veto of CMA memory is that of dynamic tag storage RFC v3.
  public mutating func allocate(
    order: Int,
    migrateType: MigrateType,
    mayUseCMA: Bool,
    avoidingFragments: Bool = false,
    frames: inout FrameTable
  ) -> PageFrameNumber? {
    precondition(order >= 0 && order <= maxOrder, "allocation of order \(order)")
    precondition(migrateType.isRequestable, "allocation of type \(migrateType)")
    precondition(!mayUseCMA || migrateType == .movable, "CMA memory for type \(migrateType)")
    let grouped = groupsByMobility
    let type = grouped ? migrateType : .unmovable
    let tryCMA = grouped && mayUseCMA
    var start = -1
    if tryCMA && freeCMAPages * 100 > freePages * preferCMAAbovePercent {
      start = takeBlock(order: order, type: .cma, &frames)
    }
    if start < 0 {
      start = takeBlock(order: order, type: type, &frames)
      if start < 0 && tryCMA {
        start = takeBlock(order: order, type: .cma, &frames)
      }
      // A steal moves a block that is large enough to the requested type, so one retry succeeds.
      if start < 0 && steal(order: order, type: type, avoidingFragments, &frames) {
        start = takeBlock(order: order, type: type, &frames)
      }
    }
    guard start >= 0 else { return nil }
    if order == 0 {
      frames[start].use = .inHand
    } else {
      frames.setUse(start..<start + 1 << order, to: .inHand)
    }
    return PageFrameNumber(start)
  }

  /// Gives back a block; it merges with its free buddies, and goes to the list of its pageblock.
  ///
  /// All flags of its frames but `FrameFlags.permanent` are cleared: validity of tags ends here. The
  /// machine has to act on `tagged` and `storageReserved` before. Owner and swap slot are left.
  ///
  /// - Precondition: the block is aligned to its order, none of its frames is free or reserved, and
  ///   none has a flag of `FrameFlags.busy`. It need not have been allocated as one block.
  /// - Complexity: O(largest order + 2^`order`).
  ///
  /// Source: Linux v6.8 `__free_one_page`.
  public mutating func free(_ frame: PageFrameNumber, order: Int, frames: inout FrameTable) {
    let start = frame.index
    precondition(order >= 0 && order <= maxOrder, "free of order \(order)")
    precondition(start & (1 << order - 1) == 0, "free of unaligned frame \(start), order \(order)")
    for index in start..<start + 1 << order {
      let use = frames[index].use
      precondition(use.isInUse, "free of frame \(index), which is \(use)")
      let flags = frames[index].flags
      precondition(flags.isDisjoint(with: .busy), "free of frame \(index) with flags \(flags)")
      frames[index].flags = flags.intersection(.permanent)
      frames[index].use = .free
    }
    if order > pageblockOrder && !formsOneBlock(start, order: order) {
      // Part of the block was isolated, or is CMA memory, since it was allocated: each pageblock
      // goes to its own list. (v6.8 files all of it by the first, which later kernels corrected.)
      for block in pageblocks(meeting: start..<start + 1 << order) {
        let first = block << pageblockOrder
        insert(first, order: pageblockOrder, type: pageblockTypes[block], at: .head, &frames)
      }
      return
    }
    let type = pageblockTypes[start >> pageblockOrder]
    insert(start, order: order, type: type, at: .head, &frames)
  }

  /// Takes exactly this frame out of the free block that holds it.
  ///
  /// The rest of the block stays free, in halves on the lists the block came from. The frame is in
  /// hand afterwards. This is how tag storage is reserved without isolating a pageblock.
  ///
  /// - Returns: `false`, and nothing changed, if the frame is not free.
  /// - Complexity: O(largest order).
  ///
  /// Source: Linux v6.8 `take_page_off_buddy`; dynamic tag storage RFC v3, fast track.
  public mutating func takeFree(_ frame: PageFrameNumber, frames: inout FrameTable) -> Bool {
    let target = frame.index
    guard frames[target].use == .free else { return false }
    var (start, order) = freeBlock(holding: target, frames)
    let list = frames[start].freeBlock.list
    unlink(start, order: order, list: list, &frames)
    while order > 0 {
      order -= 1
      start = halve(start, order: order, list: list, keeping: target, &frames)
    }
    countFree(-1, type: list)
    frames[target].use = .inHand
    return true
  }
}
