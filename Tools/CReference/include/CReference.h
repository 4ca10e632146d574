/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "CodecReference.h"

/* Exact LRU replacement over a stream of page numbers, as plainly as C can say it: an array from page
   to frame, and a doubly linked list threaded through arrays. The benchmark runs it beside the
   simulator, which does the same stream with faults, reclaim, swap and tags.

   `accesses` holds page numbers below `page_count`, with bit 31 set for a write. Returns the number of
   misses, and stores how many evicted pages were dirty in `*writebacks`. */
uint64_t reference_exact_lru(const uint32_t *accesses, uint64_t access_count, uint32_t page_count,
                             uint32_t frame_count, uint64_t *writebacks);

/* What `reference_fault_path` counted. */
struct reference_fault_counts {
  uint64_t faults, swap_ins, swap_outs, scans;
};

/* The least that a machine with faults and reclaim can do with the same stream: a page table of one
   array, a stack of free frames, an inactive and an active list with second chance, refault distances,
   a stack of swap slots with their map. No address spaces, watermarks, memory groups, migrate types,
   slot caches, swap cache or counters. It says how much of the distance between the exact LRU and the
   simulator lies in the work and how much in the simulator. */
struct reference_fault_counts reference_fault_path(const uint32_t *accesses, uint64_t access_count,
                                                   uint32_t page_count, uint32_t frame_count);
