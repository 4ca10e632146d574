// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory
public import TagCompression
public import TagStorage

/// Everything that decides how a machine behaves, apart from the traces it is given.
public struct MachineConfiguration: Equatable, Sendable {
  /// The page size of the machine and of every trace it runs.
  public var pageSize: PageSize = .kib4
  /// Bits of a virtual address of a program: the levels of its page tables.
  public var addressBits: Int = 48
  /// Bytes of RAM, tag storage included.
  public var ramBytes: Int = 64 << 20
  /// The ranges of physical addresses that RAM consists of.
  ///
  /// They are in any order, and their sizes add up to ``ramBytes``; empty for one range from address 0.
  public var memoryRanges: [MemoryRange] = []
  /// How memory is divided into zones.
  public var zones = ZoneRules()
  /// Where tags live.
  public var design: TagStorageDesign = .rfc3
  /// What is to be answered in another way than the design does.
  public var designChanges = DesignChanges()
  /// Defects of the posted tag-storage series switched on, beside those that the design has.
  public var defects: TagStorageDefects = []
  /// Bytes of a line of the data cache: what invalidating a tag block's data costs.
  public var dataLineBytes: Int = 64
  /// Bytes of memory whose tags one cache line holds: what invalidating a page's tags costs.
  ///
  /// 64 bytes of 4-bit tags cover 2,048 bytes.
  public var tagLineBytes: Int = 2048
  /// How the tags of swapped pages are stored.
  public var codec: TagCodec = .mtecomp
  /// Bytes of tag storage that the hardware switches between data and tags at once.
  public var blockBytes: Int = 4096
  /// The switches of the page allocator, which are the same in all zones.
  public var zone = ZoneParameters()
  /// The swap devices.
  public var swap = SwapConfiguration()
  /// The memory of zram.
  public var zram = ZramConfiguration()
  /// The limit of each memory group in bytes (`memory.max`); `nil` puts all processes into one
  /// group without a limit.
  public var groupLimitBytes: Int?
  /// CPUs, for slab placement and for the cost of emptying LRU batches.
  public var processors: Int = 4
  /// Which mappings get huge pages at their first write.
  public var hugePages: HugePagePolicy = .never
  /// Whether pages of files have frames.
  public var filePages: FilePageModel = .off
  /// How pages are chosen for eviction.
  public var replacement: PageReplacement = .twoList
  /// Pages that each CPU collects before they reach an LRU list, 1 to 31; 1 means no batches.
  ///
  /// Source: Linux v6.8 `PAGEVEC_SIZE`.
  public var lruBatchPages: Int = 15
  /// How readily anonymous pages are reclaimed, 0 to 200.
  public var swappiness: Int = 60
  /// How wrong tags are treated in a program that has made no `prctl` about them.
  public var tagChecks: TagCheckMode = .report
  /// The mode that the processors prefer where a program asks for several; `sync`, `async` or `asymm`.
  ///
  /// Source: Linux v6.8 `/sys/devices/system/cpu/cpu*/mte_tcf_preferred`.
  public var preferredTagChecks: TagCheckMode = .async
  /// Whether the processors know asymmetric tag checks: FEAT_MTE3.
  public var hasAsymmetricTagChecks = true
  /// What the kernel makes of reference pages.
  public var referencePages: ReferencePagePolicy = .asPosted
  /// The number that no descriptor of a process reaches: RLIMIT_NOFILE.
  public var descriptorLimit: Int = 1024
  /// What events cost in time; nothing else depends on it.
  public var costs = EventCosts()
  /// The version of Linux to follow where versions differ.
  public var kernel: KernelVersion = .linux68
  /// Broken behaviour switched on, to show that the checks notice it.
  public var injectedFaults: Set<InjectedFault> = []
  /// Whether the machine notes what the shadow oracle should compare, and keeps the data stamps that
  /// it compares; nothing else depends on it.
  public var isObserved = true
  /// Whether the machine logs what tags it saves and drops; nothing else depends on it.
  public var logsSavedTags = false

  /// Creates the default configuration: 64 MiB, 4 KiB pages, `rfc3`, `mtecomp`, zram.
  public init() {}

  /// Frames of RAM.
  public var ramPages: Int { ramBytes / pageSize.bytes }

  /// The answers of the design with all changes and defects.
  public var policy: DesignPolicy {
    var policy = designChanges.applied(to: design.policy)
    policy.defects.formUnion(defects)
    return policy
  }

  /// The address widths that the kernel can be built for, narrowest first.
  ///
  /// Source: Linux v6.8 `arch/arm64/Kconfig`, `ARM64_VA_BITS`; those for experts left out.
  public static func addressWidths(pageSize: PageSize) -> [Int] {
    switch pageSize {
    case .kib4: [39, 48]
    case .kib16: [47, 48]
    case .kib64: [42, 48, 52]
    }
  }
}

/// Broken behaviour that can be switched on, so that a test sees the checks fail.
public enum InjectedFault: String, CaseIterable, Sendable {
  /// Saved tags are not written back at swap-in.
  case dropRestore = "drop-restore"
  /// Two neighbouring granules of different tags change places at swap-in.
  case swapGranules = "swap-granules"
  /// The tags are not copied when a page is migrated.
  case dropMigratedTags = "drop-migrated-tags"
  /// The tags are not copied on write.
  case dropCopiedTags = "drop-copied-tags"
  /// The data are not read back at swap-in.
  case dropData = "drop-data"
  /// The codec forgets the last run of a page: its granules get the tag of the run before.
  case dropLastRun = "drop-last-run"
  /// Saving the tags of every 4th page charges its memory group one page too many, which breaks a
  /// promise of the machine and no page.
  case miscountCharge = "miscount-charge"
  /// Saving the tags of every 16th page fails for want of memory: the swap-out is refused, and
  /// `mtecomp-v5` loses the tags.
  case failTagAllocation = "fail-tag-allocation"
  /// Making a reference page fails for want of memory.
  case failReferencePage = "fail-reference-page"
}

/// Why a machine cannot be built.
public enum MachineError: Error, Equatable, CustomStringConvertible {
  /// The tag storage that the design wants is impossible on this RAM.
  case tagStorage(TagStorageError)
  /// Tag storage cannot be registered as a CMA area.
  case cma(CMAError)
  /// The RAM is not a whole number of pages, or leaves nothing to run in.
  case ram(bytes: Int, reason: String)
  /// The ranges of RAM cannot be.
  case memoryMap(MemoryMapError)
  /// The sizes of the ranges do not add up to RAM.
  case memorySize(ramBytes: Int, rangeBytes: Int)
  /// RAM cannot be divided into zones as it was asked.
  case zones(ZoneLayoutError)
  /// A zone, or memory behind a hole, begins inside a tag block.
  case tagStorageBorder(PFN: Int, blockPages: Int)
  /// The design knows only tag blocks of one page.
  case blockPages(design: String, pages: Int)
  /// The largest block of the page allocator has an order that it cannot have.
  case largestOrder(Int, supported: ClosedRange<Int>)
  /// A swap device, or all of them together, are too small or too large.
  case swap(bytes: Int, reason: String)
  /// The memory of zram cannot be had, or its pages cannot be so many.
  case zram(String)
  /// The LRU batches are empty, or larger than the machine's storage for them.
  case lruBatch(pages: Int)
  /// A memory group is smaller than what a process needs to start.
  case groupLimit(bytes: Int, smallestBytes: Int)
  /// The marks leave nothing that a program could use.
  case watermarks(highPages: Int, ordinaryPages: Int)
  /// No kernel translates such addresses with these pages.
  case addressBits(Int, supported: [Int])

  /// One line that says what was expected and what was found.
  public var description: String {
    switch self {
    case .tagStorage(let error): error.description
    case .cma(let error): error.description
    case .ram(let bytes, let reason): "RAM of \(bytes) bytes: \(reason)"
    case .memoryMap(let error): error.description
    case .memorySize(let ram, let ranges):
      "expected RAM of \(ranges) bytes, the sum of its ranges, found \(ram)"
    case .zones(let error): error.description
    case .tagStorageBorder(let number, let blockPages):
      "expected whole tag blocks of \(blockPages) pages in every zone and range of RAM, found a border at"
        + " PFN 0x\(String(number, radix: 16)) inside one"
    case .blockPages(let design, let pages):
      "expected tag blocks of one page under \(design), found \(pages) pages"
    case .largestOrder(let order, let supported):
      "expected a largest order of \(supported.lowerBound) to \(supported.upperBound) with this page"
        + " size, found \(order)"
    case .swap(let bytes, let reason): "swap of \(bytes) bytes: \(reason)"
    case .zram(let reason): "zram: \(reason)"
    case .lruBatch(let pages):
      "expected LRU batches of 1 to \(Machine.largestBatchPages) pages, found \(pages)"
    case .groupLimit(let bytes, let smallest):
      "expected a memory limit of at least \(smallest) bytes, found \(bytes)"
    case .watermarks(let high, let ordinary):
      "expected a high watermark below the \(ordinary) pages of ordinary memory, found \(high) pages"
    case .addressBits(let bits, let supported):
      "expected addresses of \(supported.map(String.init).joined(separator: " or ")) bits with this"
        + " page size, found \(bits)"
    }
  }
}
