// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import PhysicalMemory
public import Swap
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
  /// The switches of the page allocator.
  public var zone = ZoneParameters()
  /// The swap device.
  public var swap = SwapConfiguration()
  /// The limit of each memory group in bytes (`memory.max`); `nil` puts all processes into one
  /// group without a limit.
  public var groupLimitBytes: Int?
  /// CPUs, for slab placement and for the cost of emptying LRU batches.
  public var processors: Int = 4
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

/// The swap device of a machine.
public struct SwapConfiguration: Equatable, Sendable {
  /// A kind of swap device, or none at all.
  public enum Device: String, CaseIterable, Sendable {
    /// Synchronous and in memory: swap-in bypasses the swap cache.
    case zram
    /// Asynchronous and not rotational.
    case disk
    /// No swap.
    case none

    /// The name in options and reports.
    public var name: String { rawValue }

    /// The kind that the swap module knows, `nil` for none.
    public var kind: SwapDeviceKind? {
      switch self {
      case .zram: .zram
      case .disk: .disk
      case .none: nil
      }
    }
  }

  /// The device.
  public var device: Device = .zram
  /// Bytes of the device, the header page included.
  public var bytes: Int = 256 << 20
  /// Pages read at once at swap-in, as a power of two; 0 turns read-ahead off.
  public var pageCluster: Int = 3
  /// Slots that are kept aside for allocation and for return; 0 for none.
  public var slotCacheSize: Int = 64
  /// Slots of a cluster, from which a CPU allocates in ascending order.
  public var clusterSlots: Int = 256
  /// Decides where scans for a free slot begin once no cluster is free.
  public var seed: UInt64 = 0

  /// Creates the default: 256 MiB of zram with read-ahead of 8 pages.
  public init() {}
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
  /// Saving the tags of every 16th page fails for want of memory: the swap-out is refused, and
  /// `mtecomp-v5` loses the tags.
  case failTagAllocation = "fail-tag-allocation"
}

/// Why a machine cannot be built.
public enum MachineError: Error, Equatable, CustomStringConvertible {
  /// The tag storage that the design wants is impossible on this RAM.
  case tagStorage(TagStorageError)
  /// Tag storage cannot be registered as a CMA area.
  case cma(CMAError)
  /// The RAM is not a whole number of pages, or leaves nothing to run in.
  case ram(bytes: Int, reason: String)
  /// The swap device is too small or too large.
  case swap(bytes: Int, reason: String)
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
    case .swap(let bytes, let reason): "swap of \(bytes) bytes: \(reason)"
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
