// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap
import TagCompression
import TagStorage

/// A simulated machine: its memory, its swap devices and its processes.
///
/// This is the only place that sees all state. A machine is fed events of processes and answers each
/// with an ``Outcome``; it knows nothing of files, formats or reports. It is one noncopyable value
/// that owns flat storage, so that an event reaches everything without reference counting and
/// without exclusivity checks at run time.
///
/// The methods are spread over `Machine+Topic.swift`:
///
/// | file | what it does |
/// |---|---|
/// | `Access`, `Events` | performs events; the hit path |
/// | `Faults`, `SwapIn`, `FaultOnAccess` | what a missed access leads to |
/// | `Allocation`, `SwapOut`, `OutOfMemory` | where frames come from |
/// | `SwapDevices`, `Zram` | devices that come and go, and the memory of zram |
/// | `Reclaim`, `LRUBatches`, `LazyFree`, `Advice`, `Baselines` | which pages go |
/// | `Generations`, `Aging`, `Eviction` | the same under the multi-generational LRU |
/// | `KernelObjects` | what a process costs its memory group beside its pages |
/// | `Stalls` | how long what missed had to wait |
/// | `LargeAllocation`, `LargeReservation`, `Collapse`, `HugeFaults` | huge pages |
/// | `Reservation`, `TagBlocks`, `TaggedAllocation`, `Migration`, `Tags`, `ParkedTags` | tag storage |
/// | `ChosenFrames`, `Cells`, `CellSteps`, `InterleavedBlocks` | frames that the design chooses |
/// | `VirtualTags` | tags in virtual memory |
/// | `TagStorageDamage` | what the defects of the posted series do |
/// | `Mappings`, `SystemCalls`, `Remap`, `Fork` | address spaces |
/// | `FileFaults`, `FileReclaim`, `FileBalance`, `FileMigration` | pages of files |
/// | `ReferenceCalls`, `ReferenceFaults`, `PopulatedReferences`, `PageCache`, `TagPages` | reference pages |
/// | `TagChecks`, `TagInstructions`, `Inspectors`, `Pins` | what programs and debuggers do with tags, and devices with pages |
/// | `Guests`, `Hibernation` | guests with MTE, whose memory is a process's; suspend to disk |
/// | `Accounting`, `Inspection`, `Watching`, `Invariants` | what others may see |
public struct Machine: ~Copyable {
  /// Has the machine passed by its address: a struct with an existential cannot be moved bit by bit.
  ///
  /// Otherwise the compiler copies all five kilobytes of the machine for each call that only borrows
  /// it, which was 27 % of the instructions of a replay.
  private let passedByAddress: Any = ()

  /// What the machine was built from.
  public let configuration: MachineConfiguration
  /// Events counted so far.
  public internal(set) var counters = CounterSet()
  /// What the shadow oracle should compare; the reader empties it.
  public var notices: [Notice] = []
  /// How long accesses and allocations had to wait.
  var stallMeter: StallMeter
  /// What became of saved tags, where the configuration asks for it; the reader empties it.
  public var savedTagLog = SavedTagLog()

  let policy: DesignPolicy
  /// How tag blocks are reserved, `nil` where nothing has to be; kept apart because every fault asks.
  let reservation: ReservationPolicy?
  /// Whether a frame gets its tag storage as soon as it is about to hold tags, which cannot fail.
  let takesTagBlocksAtOnce: Bool
  /// Whether the tag block of every frame is taken for ever when the frame is first used.
  let holdsTouchedBlocks: Bool
  /// What is wrong with tag storage on purpose.
  let defects: TagStorageDefects
  let pageSize: PageSize

  var frames: FrameTable
  var buddy: PageAllocator
  /// A stamp for the data of each frame: the number of the event that last wrote it.
  var contents: FlatStorage<UInt64>
  var frameTags: FrameTags
  /// Mappings of frames that more than one page-table entry maps.
  var sharers: [UInt32: [Mapping]] = [:]

  /// What is taken of the CMA areas that tag storage is, `nil` where the design makes it none.
  ///
  /// A set bit is a frame of a reserved tag block. The areas lie side by side by frame number, and share
  /// this record.
  var cmaArea: CMAArea?
  let region: TagStorageRegion
  /// What the kernel makes of it.
  let kernelRegions: TagStorageGeometry
  /// Whether these are several.
  let hasSeveralRegions: Bool
  /// Tag storage that nothing but tags can ever use.
  let withheldTagStorage: Range<Int>
  /// Whether areas of tag storage serve as memory although tags lie there, after a boot that failed.
  let usesAreasOfFailedBoot: Bool
  /// Frames that the kernel describes, from the first.
  let presentPages: Int
  /// Whether direct reclaim is counted by the zone that a request aims at; with one zone and no other
  /// to aim at it is not.
  let tellsAims: Bool
  var blocks: TagBlocks
  /// Whether tags lie in virtual memory.
  let hasVirtualTags: Bool
  /// Processes whose tag pages and the frames of these do not match, each once.
  var tagPagesDue: [Int] = []
  /// Tags that swapped pages have left in their tag pages, by slot.
  var residentTags: [UInt32: [UInt8]] = [:]
  /// Whether tagged requests pass over tag storage page by page.
  let filtersPages: Bool
  /// Whether a first write may get a huge page; kept apart because every first touch asks.
  let usesHugePages: Bool
  /// Whether the design decides which free frame a request gets.
  let choosesFrames: Bool
  /// The cells of tag storage; none where the design has none.
  var cells: TagCells
  /// The blocks of tags that lie between the data; none where the design has none.
  var interleaved: InterleavedBlocks
  /// The frames of tag storage that belong to a store; empty under a design without one.
  var store: TagStorageStore
  /// What the store holds of swapped pages; without room for any under a design that stores none.
  var copies: SwappedCopies
  /// Pages of the store's device that lie on another device.
  var forwards: ForwardedSlots
  /// The number of the device that the store is, `nil` where it is none.
  let storeDevice: Int?
  /// Whether the store holds swapped pages; kept apart because every transfer asks.
  let storesSwappedPages: Bool
  /// Whether the store was full and has not had room for new copies since.
  var isStoreFull = false
  /// Tags kept aside for frames without tag storage, by frame.
  var parkedTags: [UInt32: [UInt8]] = [:]
  /// Whether all tag storage was taken for ever, or as much of it as could be had.
  var tookEverything = false
  /// For each tag block how often it could not be had since it was had last; looked up only.
  var failuresInARow: [Int: UInt64] = [:]
  /// What the defects of tag storage have left behind.
  var damage = TagStorageDamage()

  var device: SwapSpace
  var tagStore: TagStore
  /// Slots that were freed and whose saved tags have not been dropped yet; reused scratch space.
  var releasedSlots: [UInt32] = []
  /// Pages whose write-out has begun and not ended, oldest first.
  var pendingWrites: [UInt32] = []
  /// Read-ahead by slots, for machines with a rotational device.
  var clusterReadAhead = ClusterReadAhead()
  /// The process that had the page of each slot when it was swapped out, whose group pays for it when
  /// it is read ahead; empty on machines without a rotational device.
  var slotOwners: FlatStorage<UInt16>
  /// The memory of the zram devices; empty where it does not count.
  var zramStores: [ZramStore] = []
  /// For each swap device its place in ``zramStores``.
  var zramNumbers: [Int?]
  /// Frames of the tables of zram.
  var zramTableFrames = 0
  /// What decides how well the page of each slot compresses; empty where zram's memory does not count.
  var contentHashes = FlatStorage<UInt64>(repeating: 0, count: 0)
  /// One tag page of scratch space, so that saving and restoring allocate nothing.
  var tagScratch: [UInt8]

  var processes: [Process] = []
  var groups = FlatStorage(
    repeating: MemoryGroup(limitPages: nil, replacement: .twoList, filePages: .off),
    count: 0
  )
  /// The generations of each group, under the multi-generational LRU; otherwise none.
  var generations = FlatStorage(repeating: GenerationLists(), count: 0)
  /// For each group the page tables that its next walks visit, under the multi-generational LRU.
  var walkFilters: [WalkFilters] = []
  /// For each CPU the pages that wait for an LRU list; see `Machine+LRUBatches.swift`.
  var lruBatches: FlatStorage<UInt32>
  /// How pages are chosen for eviction.
  let replacement: PageReplacement
  /// Pages that fill a batch.
  let lruBatchPages: UInt32
  /// The CPU of the process whose event is being performed.
  var processor = 0
  /// The process that ``processor`` belongs to.
  var currentProcess = 0
  /// Frames taken for the kernel's own use: saved tags and the nodes of their map.
  var kernelFrames: [UInt32] = []
  let zeroFrame: PageFrameNumber

  /// Whether pages of files have frames.
  let hasFilePages: Bool
  /// The pages of files, those in memory and those that were; empty where they have no frames.
  var filePages = FilePageTable()

  /// Reference pages and who refers to them.
  var references = ReferencePageTable()
  /// The reference page that the kernel keeps for each tag.
  var tagPages = [UInt32?](repeating: nil, count: 16)
  /// The process that stands for the page cache, `nil` where the machine's policy needs none.
  var pageCache: Int?

  /// Pages that devices use.
  var pins = PinTable()
  /// Whether a process ever gave memory to a guest.
  var hasGuests = false
  /// What the last operation or tag instruction gave back: the address of a mapping, the break, a
  /// number of pages, a pointer, a mask or a tag.
  public internal(set) var lastValue: UInt64?
  /// The last signal that was sent.
  public internal(set) var lastSignal: Signal?

  /// Steps that the current event has taken so far.
  var steps: Outcome = []
  /// Runs of kswapd in a row that reclaimed nothing; at 16 it is not woken any more.
  var kswapdFailures = 0
  /// Whether reclaim is running, which may dip into the last frames and never recurses.
  var isReclaiming = false
  /// The highest zone whose pages the running reclaim may free: `reclaim_idx`.
  var highestReclaimedZone = ZoneKind.movable
  /// Whether common cases take one step where the general path takes several; tests compare both.
  var takesShortcuts = true
  /// What is noted for a history.
  var watch = MachineWatch()
  /// Pages whose tags were to be saved so far, for the injected allocation failure.
  var tagSaveAttempts = 0

  /// Builds a machine and boots it.
  ///
  /// Where everything lies then is told by ``MachineLayout``.
  ///
  /// - Throws: ``MachineError`` where the configuration describes no machine.
  public init(_ configuration: MachineConfiguration) throws(MachineError) {
    let pageSize = configuration.pageSize
    let policy = configuration.policy
    let layout = try MachineLayout(configuration)
    let ramPages = layout.ramPages
    let region = layout.region

    var frames = FrameTable(layout.map, pageSize: pageSize)
    var buddy = PageAllocator(
      layout.zones.map(\.extent),
      selection: configuration.usedZones.selection,
      parameters: Self.zoneParameters(configuration, policy),
      frames: &frames
    )
    buddy.preferCMA(abovePercent: policy.preferAbovePercent)
    if policy.pageLists == .bypassed { buddy.keepCMAOffPageLists() }
    buddy.release(layout.ordinaryFrames, as: .movable, frames: &frames)
    var cmaArea: CMAArea?
    if policy.bootPlacement == .cmaArea {
      cmaArea = try Self.registerCMAArea(
        region,
        pageblockOrder: configuration.zone.pageblockOrder(pageSize),
        frames: frames
      )
    }
    if !layout.cmaFrames.isEmpty { buddy.release(layout.cmaFrames, as: .cma, frames: &frames) }
    if policy.bootPlacement.isRange {
      for frame in region.tags { frames[frame].flags.insert(.tagStorage) }
    }
    if policy.store != nil {
      for frame in region.tags { frames[frame].use = .storeIdle }
    }
    buddy.finishBoot()

    self.configuration = configuration
    self.policy = policy
    reservation = policy.reservation
    takesTagBlocksAtOnce = policy.takesTagBlocksAtOnce
    holdsTouchedBlocks = policy.takesTagBlocksAtOnce && policy.taggedFrames == .touched
    defects = policy.defects
    stallMeter = StallMeter(configuration.costs)
    self.pageSize = pageSize
    self.region = region
    kernelRegions = layout.kernelRegions
    hasSeveralRegions = layout.kernelRegions.regions.count > 1
    withheldTagStorage = layout.withheldFrames
    usesAreasOfFailedBoot = policy.bootPlacement == .withheld && !layout.cmaFrames.isEmpty
    zeroFrame = layout.zeroFrame
    presentPages = layout.presentPages
    tellsAims = layout.tellsAims
    blocks = TagBlocks(region: region)
    hasVirtualTags = policy.virtualTags != nil
    filtersPages = policy.cmaEligibility == .perPageFilter && policy.bootPlacement == .cmaArea
    choosesFrames = policy.frameChoice != .allocator
    usesHugePages =
      configuration.hugePages != .never && policy.frameChoice == .allocator
      && pageSize.entriesPerTable <= 1 << configuration.zone.largestOrder(pageSize)
    interleaved = Self.makeInterleavedBlocks(
      policy,
      ramPages: ramPages,
      zeroFrame: layout.zeroFrame
    )
    cells = Self.makeCells(policy, ramPages: ramPages, region: region)
    let storeStart = region.tags.lowerBound
    store = TagStorageStore(frames: policy.store == nil ? storeStart..<storeStart : region.tags)
    contents = FlatStorage(repeating: 0, count: ramPages)
    frameTags = FrameTags(frameCount: ramPages, pageSize: pageSize)
    tagScratch = [UInt8](repeating: 0, count: pageSize.tagBytes)
    let devices = configuration.swapDevices
    device = SwapSpace(
      devices: devices,
      clusterSlots: configuration.swap.clusterSlots,
      slotCacheSize: configuration.swap.slotCacheSize,
      seed: configuration.swap.seed
    )
    storesSwappedPages = policy.store?.holdsSwappedPages ?? false
    storeDevice = policy.store?.content == .swapDevice ? devices.count - 1 : nil
    copies = SwappedCopies(slots: storesSwappedPages ? device.slots : 0, pageSize: pageSize)
    forwards = ForwardedSlots(slots: storeDevice == nil ? 0 : device.slots)
    zramNumbers = [Int?](repeating: nil, count: devices.count)
    let hasRotational = devices.contains { $0.kind == .disk }
    slotOwners = FlatStorage(repeating: 0, count: hasRotational ? device.slots : 0)
    tagStore = TagStore(
      codec: configuration.codec,
      pageSize: pageSize,
      processors: configuration.processors
    )
    lruBatches = FlatStorage(repeating: 0, count: configuration.processors * Self.batchStride)
    replacement = configuration.replacement
    hasFilePages = configuration.filePages == .on
    lruBatchPages = replacement.isBaseline ? 1 : UInt32(configuration.lruBatchPages)
    self.cmaArea = cmaArea
    self.frames = frames
    self.buddy = buddy

    bootCells()
    bootInterleavedBlocks()
    bootZeroPage()
    warnOfFailedBoot()
    holdTagsOfKernel()
    makeZramStores()
    if storesSwappedPages && policy.store?.form == .compressed { noteContents() }
    if configuration.referencePages == .memfdWrap { addPageCache() }
    holdTagsOfTagStorage()
  }

  /// Registers tag storage as a CMA area, with the bitmap granularity that RFC v3 gives it.
  private static func registerCMAArea(
    _ region: TagStorageRegion,
    pageblockOrder: Int,
    frames: borrowing FrameTable
  ) throws(MachineError) -> CMAArea {
    let block = region.blockPages
    do throws(CMAError) {
      return try CMAArea(
        base: PageFrameNumber(region.tags.lowerBound),
        count: region.tags.count,
        orderPerBit: block & (block - 1) == 0 ? block.trailingZeroBitCount : 0,
        name: "tag-storage",
        pageblockOrder: pageblockOrder,
        registered: 0,
        frames: frames
      )
    } catch {
      throw .cma(error)
    }
  }

  /// Tags the zero page, whose tag block is then reserved for ever.
  private mutating func bootZeroPage() {
    frames[zeroFrame].flags.insert(.tagged)
    frameTags.setUniform(zeroFrame.index, tag: .zero)
    _ = reserveTagStorage(for: zeroFrame)
  }
}

/// One place where a frame is mapped.
struct Mapping: Equatable {
  /// The process.
  var process: UInt16
  /// The page.
  var page: PageIdentifier
}

/// Something that happened to a page and that the shadow oracle should look at.
public struct Notice: Equatable, Sendable {
  /// What happened.
  public enum Cause: Equatable, Sendable {
    /// The page was mapped again after it had been swapped out.
    case swapIn
    /// The page moved to another frame.
    case migration
    /// The page was copied on write.
    case copy
    /// The page was mapped or filled from a reference page.
    case reference
  }

  /// What happened.
  public let cause: Cause
  /// Whose page it is.
  public let process: Int
  /// The page.
  public let page: PageIdentifier
}
