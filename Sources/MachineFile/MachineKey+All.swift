// SPDX-License-Identifier: Apache-2.0

public import MachineModel
public import MemoryModel
import PhysicalMemory
import TagCompression

extension MachineKey {
  /// Every switch that the machine honours, in the order of every list.
  ///
  /// Keys of one section stand together.
  public static let all: [MachineKey] =
    hardware + kernel + virtualMemory + pageAllocator + swap + tagStorage + designAnswers
    + savedTags + tagChecks

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
      meaning: "RAM from frame 0 on, tag storage included.",
      source: "memory nodes of the device tree",
      option: "ram"
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

  private static let kernel: [MachineKey] = [
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
        "How pages are chosen for eviction: two-list as the kernel does, or exact LRU or clock, which "
        + "evict single pages.",
      source: "two-list: CONFIG_LRU_GEN off",
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
      meaning: "The version of Linux whose costs of reclaim count.",
      source: "lru_note_cost",
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
  ]

  private static let swap: [MachineKey] = [
    .choice(
      "swap.device",
      \.swap.device,
      meaning:
        "The swap device: zram is synchronous, so that swap-in bypasses the swap cache; disk is "
        + "a solid-state disk.",
      source: "SWP_SYNCHRONOUS_IO, SWP_SOLIDSTATE",
      option: "swap"
    ),
    .size(
      "swap.size",
      \.swap.bytes,
      meaning: "Bytes of the swap device, its header page included.",
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
