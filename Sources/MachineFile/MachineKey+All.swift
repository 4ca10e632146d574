// SPDX-License-Identifier: Apache-2.0

public import MachineModel
public import MemoryModel
import PhysicalMemory
import Swap
import TagCompression

extension MachineKey {
  /// Every switch that the machine honours, in the order of every list.
  ///
  /// Keys of one section stand together.
  public static let all: [MachineKey] =
    hardware + [filePages, hugePages] + referencePages + [swapDevices] + kernel + virtualMemory
    + pageAllocator + swap + zram + tagStorage + designAnswers + savedTags + tagChecks + costs

  /// The switches by their names.
  public static func settings(of configuration: MachineConfiguration) -> [MachineSetting] {
    all.map { key in
      MachineSetting(
        name: key.name,
        value: key.value(in: configuration),
        defaultValue: key.defaultValue
      )
    }
  }

  private static let hardware: [MachineKey] = [
    .size(
      "ram",
      \.ramBytes,
      meaning: "RAM, tag storage included; where it is several ranges, their sum.",
      source: "memory nodes of the device tree",
      option: "ram"
    ),
    .ranges(
      "ram-ranges",
      \.memoryRanges,
      meaning:
        "The physical addresses of RAM; none is one range from address 0. Holes between ranges cost "
        + "nothing. Ranges begin, and but for the last end, at multiples of the largest block.",
      source: "reg of the memory nodes of the device tree"
    ),
    .choice(
      "zones",
      \.zones.selection,
      meaning:
        "The zones of memory: one, or the kernel's, which are DMA, DMA32 below 4 GiB and Normal above.",
      source: "one: CONFIG_ZONE_DMA, CONFIG_ZONE_DMA32 off; kernel: both on, as in arm64 defconfig"
    ),
    .number(
      "zone-dma-bits",
      \.zones.deviceAddressBits,
      in: 24...32,
      unit: "bits",
      meaning: "Bits of the addresses that all devices reach, which limit the zone DMA.",
      source: "zone_dma_bits, from dma-ranges of the device tree or ACPI IORT"
    ),
    .size(
      "movable-zone",
      \.zones.movableBytes,
      meaning:
        "How much of the highest zone is the zone Movable, which serves only movable requests; rounded "
        + "to largest blocks.",
      source: "boot option movablecore"
    ),
    .number(
      "processors",
      \.processors,
      in: 1...256,
      unit: "CPUs",
      meaning: "CPUs: how slabs are sized, and how many interrupts empty all LRU batches.",
      source: "num_online_cpus",
      option: "processors"
    ),
  ]

  private static let filePages = MachineKey.choice(
    "file-pages",
    \.filePages,
    meaning:
      "Whether the pages of mapped files have frames: read, reclaimed and written back; or are outside "
      + "the model, for comparisons that are about anonymous memory alone. The designs cleancache, gcma "
      + "and virtio-tmem have nothing to store without them.",
    source: "mm/filemap.c"
  )

  private static let hugePages = MachineKey.choice(
    "thp",
    \.hugePages,
    meaning:
      "Which private anonymous mappings get a huge page at the first write to its range: none, those with "
      + "MADV_HUGEPAGE, or all without MADV_NOHUGEPAGE. Designs that choose frames themselves give none.",
    source: "/sys/kernel/mm/transparent_hugepage/enabled"
  )

  private static let referencePages: [MachineKey] = [
    .choice(
      "reference-pages",
      \.referencePages,
      meaning:
        "What the kernel makes of refpage_create and of mappings of its descriptors: the posted patch, "
        + "or an alternative from its review.",
      source: "the reference-pages patch, v5, and replies to it"
    )
  ]

  private static let kernel: [MachineKey] = [
    .number(
      "kernel.open-files",
      \.descriptorLimit,
      in: 3...1_048_576,
      unit: "descriptors",
      meaning:
        "The number that no descriptor of a process reaches; 0 to 2 are taken, and only those of "
        + "reference pages count besides.",
      source: "RLIMIT_NOFILE"
    ),
    MachineKey(
      "kernel.page-size",
      values: alternatives(PageSize.allCases.map(\.name)),
      meaning: "The page size, which must be that of the traces.",
      source: "CONFIG_ARM64_4K_PAGES, _16K_PAGES, _64K_PAGES",
      option: "page-size",
      read: { $0.pageSize.name },
      write: { configuration, text in
        guard let size = PageSize.allCases.first(where: { $0.name == text.uppercased() }) else {
          return false
        }
        configuration.pageSize = size
        return true
      }
    ),
    .oneOf(
      "kernel.va-bits",
      \.addressBits,
      addressWidths,
      unit: "bits",
      meaning:
        "Bits of a program's addresses, which decide the levels of its page tables: 39 or 48 "
        + "with 4K pages, 47 or 48 with 16K, 42, 48 or 52 with 64K.",
      source: "CONFIG_ARM64_VA_BITS"
    ),
    .optionalNumber(
      "kernel.max-order",
      \.zone.maxOrder,
      in: 3...14,
      unset: "auto",
      unit: "power of two pages",
      meaning:
        "The largest block of the page allocator; auto is 10 with 4K pages, 11 with 16K, 13 with 64K. "
        + "16K and 64K pages allow 13 at most.",
      source: "CONFIG_ARCH_FORCE_MAX_ORDER"
    ),
    .choice(
      "kernel.pageblock",
      \.zone.pageblocks,
      meaning:
        "How large a pageblock is, the unit of migrate types and of CMA areas: a huge page, where a "
        + "block can be as large, or the largest block.",
      source: "pageblock_order: huge-page with CONFIG_HUGETLB_PAGE, else largest-block"
    ),
  ]

  /// The address widths of any page size.
  private static let addressWidths: [Int] = Set(
    PageSize.allCases.flatMap { MachineConfiguration.addressWidths(pageSize: $0) }
  ).sorted()

  private static let virtualMemory: [MachineKey] = [
    minimumFree,
    .number(
      "vm.watermark_scale_factor",
      \.zone.watermarkScaleFactor,
      in: 1...3000,
      unit: "1/10,000 of the zone",
      meaning: "How far apart the watermarks are at least, and so how early kswapd begins and how "
        + "much it frees.",
      source: "sysctl vm.watermark_scale_factor"
    ),
    .number(
      "vm.watermark_boost_factor",
      \.zone.watermarkBoostFactor,
      in: 0...1_000_000,
      unit: "1/10,000 of the high mark",
      meaning:
        "How far stealing from other migrate types may raise the watermarks; 0 turns it off.",
      source: "sysctl vm.watermark_boost_factor"
    ),
    .number(
      "vm.swappiness",
      \.swappiness,
      in: 0...200,
      unit: "of 200",
      meaning: "How much of the anonymous lists one pass of a memory group's reclaim scans.",
      source: "sysctl vm.swappiness",
      option: "swappiness"
    ),
    .choice(
      "vm.page-replacement",
      \.replacement,
      meaning:
        "How pages are chosen for eviction: two-list or mglru, the multi-generational LRU, as the kernel "
        + "does, or exact LRU or clock, which evict single pages.",
      source: "two-list or mglru: /sys/kernel/mm/lru_gen/enabled, n or y",
      option: "lru"
    ),
    .number(
      "vm.lru-batch",
      \.lruBatchPages,
      in: 1...31,
      unit: "pages",
      meaning: "Pages that each CPU collects before they reach an LRU list; 1 means no batches.",
      source: "PAGEVEC_SIZE",
      option: "lru-batch"
    ),
    .choice(
      "vm.reclaim-version",
      \.kernel,
      meaning: "The version of Linux whose reclaim counts, where versions differ.",
      source: "lru_note_cost, mm/vmscan.c",
      option: "kernel"
    ),
    .number(
      "vm.page-cluster",
      \.swap.pageCluster,
      in: 0...5,
      unit: "power of two",
      meaning:
        "Pages that swap-in reads at once; 0 turns read-ahead off. zram never reads ahead for "
        + "pages with one user.",
      source: "sysctl vm.page-cluster",
      option: "page-cluster"
    ),
    .optionalSize(
      "memory.max",
      \.groupLimitBytes,
      meaning: "The limit of a memory group for each process; none puts all processes into one "
        + "group without a limit.",
      source: "cgroup v2 memory.max",
      option: "limit"
    ),
  ]

  private static let minimumFree = MachineKey(
    "vm.min_free_kbytes",
    values: "auto, khugepaged, or 0 to 4194304",
    unit: "KiB",
    meaning:
      "The sum of the minimum watermarks: by the kernel's formula, by what khugepaged makes of "
      + "it where transparent huge pages are on, or fixed.",
    source: "sysctl vm.min_free_kbytes",
    read: { configuration in
      switch configuration.zone.minimumFree {
      case .standard: "auto"
      case .raisedForHugePages: "khugepaged"
      case .kibibytes(let number): "\(number)"
      }
    },
    write: { configuration, text in
      switch text {
      case "auto": configuration.zone.minimumFree = .standard
      case "khugepaged": configuration.zone.minimumFree = .raisedForHugePages
      default:
        guard let number = wholeNumber(text, in: 0...4_194_304) else { return false }
        configuration.zone.minimumFree = .kibibytes(number)
      }
      return true
    }
  )

  private static let pageAllocator: [MachineKey] = [
    .choice(
      "page-allocator.stealing",
      \.zone.stealing,
      meaning:
        "What a request takes that no block of its own migrate type can serve: the free memory "
        + "of a whole pageblock by the kernel's rules, or one block only.",
      source: "steal_suitable_fallback; block is a simplification"
    ),
    .choice(
      "page-allocator.lists",
      \.zone.pageLists,
      meaning:
        "Where single free pages are kept: on lists of the one CPU, of which watermarks know nothing, "
        + "or on the free lists at once.",
      source: "struct per_cpu_pages; off is a simplification"
    ),
    .number(
      "page-allocator.list-cpus",
      \.zone.listProcessors,
      in: 1...256,
      unit: "CPUs",
      meaning:
        "Among how many CPUs the pages of a zone's lists are shared out; the list of one of them is "
        + "modelled.",
      source: "zone_highsize; 1 is this model's, the kernel counts the CPUs of the node"
    ),
  ]

  private static let swap: [MachineKey] = [
    .choice(
      "swap.device",
      \.swap.device,
      meaning:
        "The one swap device: zram is synchronous, so that swap-in bypasses the swap cache; ssd is a "
        + "solid-state disk; disk is a rotational one.",
      source: "SWP_SYNCHRONOUS_IO, SWP_SOLIDSTATE",
      option: "swap"
    ),
    .size(
      "swap.size",
      \.swap.bytes,
      meaning:
        "Bytes of the swap device, its header page included, and of each in swap-devices that has no "
        + "size of its own.",
      source: "swapon",
      option: "swap-size"
    ),
    .number(
      "swap.slot-cache",
      \.swap.slotCacheSize,
      in: 0...1024,
      unit: "slots",
      meaning:
        "Slots that are taken at once, and freed slots that keep their saved tags until they are "
        + "returned at once; 0 takes and frees each slot by itself.",
      source: "SWAP_SLOTS_CACHE_SIZE"
    ),
    .oneOf(
      "swap.cluster",
      \.swap.clusterSlots,
      [64, 128, 256, 512, 1024],
      unit: "slots",
      meaning:
        "Slots of a cluster, inside which slots are handed out in order: 512 for 4K pages with "
        + "CONFIG_THP_SWAP, else 256.",
      source: "SWAPFILE_CLUSTER"
    ),
    .number(
      "swap.seed",
      \.swap.seed,
      in: 0...UInt64.max,
      unit: "",
      meaning:
        "Where the search for a free slot begins once no cluster is free; the kernel draws it.",
      source: "get_random_u32_below in swapfile.c"
    ),
  ]

  private static let zram: [MachineKey] = [
    .choice(
      "zram.memory",
      \.zram.memory,
      meaning:
        "Whether what zram stores takes memory: with on, its tables and compressed pages take frames, "
        + "and a write can find no room.",
      source: "off is a simplification"
    ),
    .optionalSize(
      "zram.mem-limit",
      \.zram.limitBytes,
      meaning: "The most memory of each zram's pool of compressed pages, its table apart.",
      source: "/sys/block/zram*/mem_limit"
    ),
    .yesOrNo(
      "zram.access-times",
      \.zram.tracksAccessTimes,
      meaning: "Whether an entry of zram's table takes 24 bytes and not 16.",
      source: "CONFIG_ZRAM_TRACK_ENTRY_ACTIME"
    ),
    .number(
      "zram.same-filled",
      \.zram.compression.sameFilledPercent,
      in: 0...100,
      unit: "percent of the pages",
      meaning: "Pages that are one repeated word and take no object.",
      source: "a property of the programs; the default is an assumption"
    ),
    .number(
      "zram.incompressible",
      \.zram.compression.incompressiblePercent,
      in: 0...100,
      unit: "percent of the pages",
      meaning: "Pages that are stored as they are.",
      source: "a property of the programs; the default is an assumption"
    ),
    .number(
      "zram.mean-size",
      \.zram.compression.meanPercent,
      in: 1...100,
      unit: "percent of a page",
      meaning:
        "What the other pages are compressed to on average; single ones to half of it up to one and a "
        + "half.",
      source: "2:1 over all pages, which Documentation/admin-guide/blockdev/zram.rst expects"
    ),
  ]

  private static let tagStorage: [MachineKey] = [
    .size(
      "tag-storage.block-size",
      \.blockBytes,
      meaning:
        "Tag storage that the hardware switches between tags and data at once; a multiple of 4K.",
      source: "block-size of the device tree binding, dynamic tag storage RFC v3",
      option: "block-size"
    ),
    .number(
      "tag-storage.data-line",
      \.dataLineBytes,
      in: 16...4096,
      unit: "bytes",
      meaning: "A line of the data cache, of which a tag block's data are cleaned.",
      source: "CTR_EL0.DminLine"
    ),
    .number(
      "tag-storage.tag-line",
      \.tagLineBytes,
      in: 16...1_048_576,
      unit: "bytes of memory",
      meaning: "Memory whose tags one cache line holds, of which a freed page's tags are cleaned.",
      source: "CTR_EL0.TminLine, 64 bytes of 4-bit tags"
    ),
  ]

  private static let savedTags: [MachineKey] = [
    .choice(
      "saved-tags.codec",
      \.codec,
      meaning: "How the tags of swapped pages are stored.",
      source: "arm64 mteswap.c and the mtecomp series",
      option: "codec"
    )
  ]

  private static let tagChecks: [MachineKey] = [
    .choice(
      "mte.tag-checks",
      \.tagChecks,
      meaning:
        "How wrong tags of exact accesses are treated until a program says so itself by prctl; "
        + "report counts them and nothing else.",
      source: "PR_MTE_TCF_MASK; the kernel starts with none, report is this model's",
      option: "tag-checks"
    ),
    .choice(
      "mte.preferred-tag-checks",
      \.preferredTagChecks,
      among: [.sync, .async, .asymm],
      meaning: "What CPUs do where a program asks for several modes.",
      source: "/sys/devices/system/cpu/cpu*/mte_tcf_preferred",
      option: "preferred-tag-checks"
    ),
    .yesOrNo(
      "mte.asymmetric",
      \.hasAsymmetricTagChecks,
      meaning: "Whether the CPUs know asymmetric tag checks.",
      source: "FEAT_MTE3"
    ),
  ]
}
