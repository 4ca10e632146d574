// SPDX-License-Identifier: Apache-2.0

/// A relation that the numbers of every report satisfy; the raw value is its name.
///
/// A rule says no more than the meaning of its counters does. Where one event may count twice (a
/// page read from swap and then copied within one fault), it is a range instead of an equation.
public enum SumRule: String, CaseIterable, Sendable {
  /// Memory given up for tags.
  case tagOverhead = "tag overhead"
  /// Uses of tag storage.
  case tagStorage = "tag storage"
  /// Uses of frames.
  case frames
  /// Statistics of one category.
  case statistics
  /// Faults by kind.
  case faults
  /// Faults that read from swap or from a file.
  case majorFaults = "major faults"
  /// Pages of files read from their disk.
  case fileReads = "file reads"
  /// Pages read from swap.
  case swapReads = "swap reads"
  /// Pages that zram holds.
  case zram
  /// Copies in a store of tag storage.
  case store
  /// Pages that reclaim looked at.
  case scans
  /// Pages that reclaim freed.
  case steals
  /// Pages that came back after they were evicted.
  case refaults
  /// Saved tags.
  case savedTags = "saved tags"
  /// Tags kept aside.
  case parkedTags = "parked tags"
  /// Pages whose tags were lost, by cause.
  case lostTags = "lost tags"
  /// Reservations of tag storage.
  case reservations
  /// Tag blocks as contiguous allocations.
  case tagBlocks = "tag blocks"
  /// Cells of tag storage by what became of them.
  case cells
  /// Tag pages in virtual memory, and between the data.
  case tagPages = "tag pages"
  /// Faults on access by result.
  case faultsOnAccess = "faults on access"
  /// Faults of guests by result.
  case guests
  /// Migrated pages by reason.
  case migrations
  /// Copied pages by cause.
  case copies
  /// Reference pages.
  case references = "reference pages"
  /// Pins of pages.
  case pins
  /// Tag checks by result.
  case tagChecks = "tag checks"
  /// How long accesses and allocations waited.
  case stalls
  /// What the oracle compared.
  case verification
  /// Events performed.
  case performed
  /// What the processes saw at the end.
  case contents

  /// The rule as text, with the names that reports use.
  public var statement: String {
    switch self {
    case .tagOverhead:
      "the means of the categories given up for tags add up to tag_overhead.mean, less than one "
        + "byte short for each category because means are rounded down; the same holds exactly "
        + "for the last values; tag_overhead.peak is at least each peak and at most their sum"
    case .tagStorage:
      "tag_storage_withheld + tag_storage_idle + tag_storage_held + tag_storage_data + "
        + "tag_storage_free <= tag storage of the machine, for the last values; the rest is on its "
        + "way between them; pages_with_tag_storage <= 32 * tag_storage_held, for the last values"
    case .frames:
      "anonymous + swap_cache + file_pages + free + store_mem_used + zram_mem_used + zram_table <= "
        + "RAM and free_cma <= free, for the last values"
    case .statistics: "mean <= peak and last <= peak, for every category"
    case .faults:
      "F + max(S, W) <= pgfault, where F = fault_zero_page + fault_zero_fill + "
        + "fault_reference_page + fault_reference_fill, S = fault_swap_cache + fault_swap_device and "
        + "W = fault_copy_on_write + pgreuse, because a swap fault may go on to copy or reuse its "
        + "page and still is one fault; unless oom_kill > 0, also pgfault <= F + S + W + foa_faults "
        + "+ fault_file + fault_signal"
    case .majorFaults: "pgmajfault = fault_swap_device + fault_file_read"
    case .fileReads: "fault_file_read <= file_pages_read + store_restored"
    case .swapReads:
      "fault_swap_device + swap_ra <= pswpin + store_restored, swap_ra_hit <= swap_ra and "
        + "pswpin_sync <= pswpin"
    case .zram:
      "zram_same + zram_huge <= zram_orig_data, zram_huge <= zram_compr_data <= zram_orig_data - "
        + "zram_same and zram_compr_data <= zram_mem_used, for the last values; "
        + "swapout_refused_zram_limit + swapout_refused_zram_memory <= pswpout_sync <= pswpout"
    case .store:
      "store_stored - store_reclaimed - store_recalled - store_invalidated are the pages of "
        + "store_orig_data.last; store_written <= store_reclaimed + store_recalled; "
        + "store_mem_used = tag_storage_data where it is not 0, for the last values"
    case .scans:
      "pgscan_anon + pgscan_file = pgscan_kswapd + pgscan_direct if pglazyfree = 0, otherwise <=, "
        + "because droppable pages are not on the anonymous lists"
    case .steals:
      "S = pgsteal_anon + pgsteal_file <= pgsteal_kswapd + pgsteal_direct <= S + pglazyfreed; "
        + "pgsteal <= pgscan for kswapd and for direct reclaim; pglazyfreed <= pglazyfree"
    case .refaults:
      "workingset_restore <= workingset_activate <= workingset_refault, for anon and for file"
    case .savedTags:
      "for each size class frees <= allocations, live = allocations - frees <= peak <= "
        + "allocations, bytes * live = the category's last value and bytes * peak >= its peak; "
        + "tags_invalidated <= tags_saved_swap"
    case .parkedTags: "tags_leaked <= tags_parked_restored <= tags_parked"
    case .lostTags:
      "tags_lost = tags_lost_no_memory + tags_lost_encoding + tags_lost_decoding + "
        + "tags_lost_copying + tags_lost_unsaved + tags_lost_overwritten"
    case .reservations:
      "reserve_hits + reserve_fast + reserve_slow + reserve_fail_busy + reserve_fail_nomem + "
        + "reserve_fail_invalid + reserve_fail_intr + reserve_fail_exists <= reserve_calls + "
        + "reserve_held <= the same + reserve_fail_isolated, since a page needs one tag block, held "
        + "blocks were asked for by nobody, and a reservation that met an isolated pageblock may end "
        + "any way; reserve_fail_longest <= those that failed for another cause than invalid"
    case .tagBlocks:
      "reserve_releases <= reserve_fast + reserve_slow, and the blocks between them are "
        + "tag_storage_held.last; cma_release_success_pages <= "
        + "cma_alloc_success_pages; where tag blocks are contiguous allocations, "
        + "cma_alloc_success_pages is the sum reserve_fast + reserve_slow times the pages of a block"
    case .cells:
      "cell_deactivations <= cell_activations = reserve_held if any is above 0; cell_reclaims <= "
        + "cell_claims; cell_reclaims + cell_reclaim_fail <= cell_refill_steps; "
        + "cell_pool_relocations <= cell_reclaims; cell_reclaim_fail_pinned <= cell_reclaim_fail"
    case .tagPages:
      "tag_pages_freed + the pages of tag_pages.last = tag_pages_taken; block_tag_pages_moved <= "
        + "reserve_slow; block_harvests <= block_divided_untagged + 2 * reserve_releases, because "
        + "a block given back is harvested itself, and may be once more"
    case .faultsOnAccess:
      "foa_resolved_reserve + foa_replaced_tsp + foa_replaced_other + foa_replaced_fail <= "
        + "foa_faults"
    case .guests: "s2_reserve + s2_replace + s2_replace_fail <= s2_fault"
    case .migrations:
      "pgmigrate_contig_range + pgmigrate_tag_storage + pgmigrate_longterm = pgmigrate_success"
    case .copies:
      "pgmigrate_success + fault_copy_on_write <= pages_copied; with fault_reference_fill they are "
        + "at most pages_copied + pages_filled"
    case .references:
      "refpage_released <= refpage_created; pages_zeroed_twice <= fault_reference_fill"
    case .pins: "nr_foll_pin_released <= nr_foll_pin_acquired"
    case .tagChecks:
      "tag_mismatches = tag_mismatches_reported + tag_check_faults_sync + tag_check_faults_latched "
        + "<= tag_checks; tag_check_faults_async <= tag_check_faults_latched"
    case .stalls:
      "fault_stall.total = stall_nanoseconds and fault_stall.count <= pgfault + s2_fault; "
        + "tagged_allocation_stall.count <= pgalloc_tagged; the classes of tagged allocations add up to "
        + "their number and, unless it is out of range, to all their waits"
    case .verification:
      "differences <= comparisons = swap_ins + migrations + copies + final_pages + snapshots; "
        + "failed_expectations <= expectations"
    case .performed:
      "events and accesses are at most those of the traces times their copies, and equal to them "
        + "for events if oom_kill = 0"
    case .contents:
      "designs that lost no tag, killed no process, met no livelock and stored as many tags end "
        + "with the same contents digest"
    }
  }
}
