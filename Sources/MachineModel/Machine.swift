// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap
import TagCompression
import TagStorage

/// A simulated machine: its memory, its swap device and its processes.
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
/// | `Reclaim`, `LRUBatches`, `LazyFree`, `Advice`, `Baselines` | which pages go |
/// | `KernelObjects` | what a process costs its memory group beside its pages |
/// | `Reservation`, `TagBlocks`, `TaggedAllocation`, `Migration`, `Tags`, `ParkedTags` | tag storage |
/// | `TagStorageDamage` | what the defects of the posted series do |
/// | `Mappings`, `SystemCalls`, `Remap`, `Fork` | address spaces |
/// | `TagChecks`, `TagInstructions`, `Pins` | what programs do with tags, and devices with pages |
/// | `Accounting`, `Inspection`, `Invariants` | what others may see |
public struct Machine: ~Copyable {
  /// What the machine was built from.
  public let configuration: MachineConfiguration
  /// Events counted so far.
  public internal(set) var counters = CounterSet()
  /// What the shadow oracle should compare; the reader empties it.
  public var notices: [Notice] = []
  /// What became of saved tags, where the configuration asks for it; the reader empties it.
  public var savedTagLog = SavedTagLog()

  let policy: DesignPolicy
  /// How tag blocks are reserved, `nil` where nothing has to be; kept apart because every fault asks.
  let reservation: ReservationPolicy?
  /// What is wrong with tag storage on purpose.
  let defects: TagStorageDefects
  let pageSize: PageSize

  var frames: FrameTable
  var buddy: BuddyAllocator
  /// A stamp for the data of each frame: the number of the event that last wrote it.
  var contents: FlatStorage<UInt64>
  var frameTags: FrameTags
  /// Mappings of frames that more than one page-table entry maps.
  var sharers: [UInt32: [Mapping]] = [:]

  /// The CMA area that tag storage is, `nil` where the design makes it none; a set bit is a frame of
  /// a reserved tag block.
  var cmaArea: CMAArea?
  let region: TagStorageRegion
  /// Frames that the kernel describes, from the first.
  let presentPages: Int
  var blocks: TagBlocks
  /// Tags kept aside for frames without tag storage, by frame.
  var parkedTags: [UInt32: [UInt8]] = [:]
  /// Whether all tag storage was taken for ever, or as much of it as could be had.
  var tookEverything = false
  /// What the defects of tag storage have left behind.
  var damage = TagStorageDamage()

  var device: SwapDevice
  var tagStore: TagStore
  /// Slots that were freed and whose saved tags have not been dropped yet; reused scratch space.
  var releasedSlots: [UInt32] = []
  /// Pages whose write-out has begun and not ended, oldest first.
  var pendingWrites: [UInt32] = []
  /// One tag page of scratch space, so that saving and restoring allocate nothing.
  var tagScratch: [UInt8]

  var processes: [Process] = []
  var groups = FlatStorage(repeating: MemoryGroup(limitPages: nil), count: 0)
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

  /// Pages that devices use.
  var pins = PinTable()
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
  /// Whether common cases take one step where the general path takes several; tests compare both.
  var takesShortcuts = true
  /// Pages whose tags were to be saved so far, for the injected allocation failure.
  var tagSaveAttempts = 0

  /// Builds a machine and boots it.
  ///
  /// The bottom of RAM holds the page descriptors, the next frame is the zero page, and the top 1/32
  /// is tag storage where the design has any in RAM.
  ///
  /// - Throws: ``MachineError`` where the configuration describes no machine.
  public init(_ configuration: MachineConfiguration) throws(MachineError) {
    let pageSize = configuration.pageSize
    let policy = configuration.policy
    let layout = try MachineLayout(configuration)
    let ramPages = layout.ramPages
    let region = layout.region

    var frames = FrameTable(count: ramPages, pageSize: pageSize)
    var buddy = BuddyAllocator(
      frameCount: ramPages,
      pageSize: pageSize,
      parameters: configuration.zone,
      frames: &frames
    )
    buddy.preferCMAAbovePercent = policy.preferAbovePercent
    if policy.pageLists == .bypassed { buddy.keepCMAOffPageLists() }
    buddy.release(layout.ordinaryFrames, as: .movable, frames: &frames)
    var cmaArea: CMAArea?
    if policy.bootPlacement == .cmaArea {
      cmaArea = try Self.registerCMAArea(region, frames: frames)
      buddy.release(layout.cmaFrames, as: .cma, frames: &frames)
    }
    if policy.bootPlacement != .outsideRAM {
      for frame in region.tags { frames[frame].flags.insert(.tagStorage) }
    }

    self.configuration = configuration
    self.policy = policy
    reservation = policy.reservation
    defects = policy.defects
    self.pageSize = pageSize
    self.region = region
    zeroFrame = layout.zeroFrame
    presentPages = layout.presentPages
    blocks = TagBlocks(region: region)
    contents = FlatStorage(repeating: 0, count: ramPages)
    frameTags = FrameTags(frameCount: ramPages, pageSize: pageSize)
    tagScratch = [UInt8](repeating: 0, count: pageSize.tagBytes)
    // A machine without swap has a device of one slot that never hands it out.
    let slots = configuration.swap.device == .none ? 2 : configuration.swap.bytes / pageSize.bytes
    device = SwapDevice(
      type: 0,
      kind: configuration.swap.device.kind ?? .zram,
      slots: slots,
      clusterSlots: configuration.swap.clusterSlots,
      slotCacheSize: configuration.swap.slotCacheSize,
      seed: configuration.swap.seed
    )
    tagStore = TagStore(
      codec: configuration.codec,
      pageSize: pageSize,
      processors: configuration.processors
    )
    lruBatches = FlatStorage(repeating: 0, count: configuration.processors * Self.batchStride)
    replacement = configuration.replacement
    lruBatchPages = replacement.isBaseline ? 1 : UInt32(configuration.lruBatchPages)
    self.cmaArea = cmaArea
    self.frames = frames
    self.buddy = buddy

    if configuration.swap.device == .none { device.stopAllocating(released: &releasedSlots) }
    bootZeroPage()
    holdTagsOfTagStorage()
  }

  /// Registers tag storage as a CMA area, with the bitmap granularity that RFC v3 gives it.
  private static func registerCMAArea(
    _ region: TagStorageRegion,
    frames: borrowing FrameTable
  ) throws(MachineError) -> CMAArea {
    let block = region.blockPages
    do throws(CMAError) {
      return try CMAArea(
        base: PageFrameNumber(region.tags.lowerBound),
        count: region.tags.count,
        orderPerBit: block & (block - 1) == 0 ? block.trailingZeroBitCount : 0,
        name: "tag-storage",
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
  }

  /// What happened.
  public let cause: Cause
  /// Whose page it is.
  public let process: Int
  /// The page.
  public let page: PageIdentifier
}
