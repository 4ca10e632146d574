/* SPDX-License-Identifier: Apache-2.0 */
#include "CReference.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A page table entry: present (with a frame), swapped (with a slot), or 0 for a page never touched. */
enum { PRESENT = 1u << 31, SWAPPED = 1u << 30, YOUNG = 1u << 29, DIRTY = 1u << 28, PLACE = DIRTY - 1 };
/* What a frame's page is to reclaim. */
enum { ACTIVE = 1, REFERENCED = 2, WORKINGSET = 4 };
enum { BATCH = 32 };

struct list {
  uint32_t head, tail, length;
};

struct machine {
  uint32_t *entries;
  uint32_t *next, *previous, *page_in;
  uint8_t *state;
  struct list lists[2]; /* inactive, active */
  uint32_t *free_frames, free_frame_count;
  uint32_t *free_slots, free_slot_count;
  uint8_t *swap_map;
  uint32_t *shadows;
  uint32_t age, activations, activations_seen;
  struct reference_fault_counts counts;
};

static void insert_at_head(struct machine *m, struct list *list, uint32_t frame) {
  m->next[frame] = list->head;
  m->previous[frame] = UINT32_MAX;
  *(list->length++ == 0 ? &list->tail : &m->previous[list->head]) = frame;
  list->head = frame;
}

static uint32_t take_from_tail(struct machine *m, struct list *list) {
  uint32_t frame = list->tail;
  list->tail = m->previous[frame];
  if (--list->length == 0) list->head = UINT32_MAX;
  else m->next[list->tail] = UINT32_MAX;
  return frame;
}

static void activate(struct machine *m, uint32_t frame) {
  m->state[frame] |= ACTIVE;
  m->age++;
  insert_at_head(m, &m->lists[1], frame);
}

static void swap_out(struct machine *m, uint32_t frame) {
  uint32_t slot = m->free_slots[--m->free_slot_count];
  m->swap_map[slot] = 1;
  m->shadows[slot] = m->age++ << 1 | (m->state[frame] & WORKINGSET ? 1 : 0);
  m->entries[m->page_in[frame]] = SWAPPED | slot;
  m->free_frames[m->free_frame_count++] = frame;
  m->counts.swap_outs++;
}

/* The tail of the inactive list gets its second chance. */
static uint32_t shrink_inactive(struct machine *m, uint32_t scan) {
  uint32_t got = 0, taken[BATCH], count = 0;
  while (count < scan && m->lists[0].length > 0) taken[count++] = take_from_tail(m, &m->lists[0]);
  m->counts.scans += count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t frame = taken[i], *entry = &m->entries[m->page_in[frame]];
    if (!(*entry & YOUNG)) {
      swap_out(m, frame);
      got++;
      continue;
    }
    *entry &= ~YOUNG;
    if (m->state[frame] & REFERENCED) {
      m->activations++;
      activate(m, frame);
    } else {
      m->state[frame] |= REFERENCED;
      insert_at_head(m, &m->lists[0], frame);
    }
  }
  return got;
}

static void shrink_active(struct machine *m, uint32_t scan) {
  for (uint32_t i = 0; i < scan && m->lists[1].length > 0; i++) {
    uint32_t frame = take_from_tail(m, &m->lists[1]);
    m->entries[m->page_in[frame]] &= ~YOUNG;
    m->state[frame] = (m->state[frame] & ~ACTIVE) | WORKINGSET;
    insert_at_head(m, &m->lists[0], frame);
    m->counts.scans++;
  }
}

static void reclaim(struct machine *m) {
  uint32_t got = 0;
  for (uint32_t priority = 12; got < BATCH && priority != UINT32_MAX; priority--) {
    bool deactivates = m->activations != m->activations_seen || m->lists[0].length < m->lists[1].length;
    uint32_t inactive = m->lists[0].length >> priority, active = m->lists[1].length >> priority;
    while (inactive > 0 && got < BATCH) {
      uint32_t scan = inactive < BATCH ? inactive : BATCH;
      inactive -= scan;
      got += shrink_inactive(m, scan);
      scan = active < BATCH ? active : BATCH;
      active -= scan;
      if (deactivates) shrink_active(m, scan);
    }
    if (m->lists[0].length < m->lists[1].length) shrink_active(m, BATCH);
  }
  m->activations_seen = m->activations;
}

static uint32_t fault(struct machine *m, uint32_t page, uint32_t entry) {
  if (m->free_frame_count == 0) reclaim(m);
  uint32_t frame = m->free_frames[--m->free_frame_count];
  m->page_in[frame] = page;
  m->state[frame] = 0;
  m->counts.faults++;
  if (entry & SWAPPED) {
    uint32_t slot = entry & PLACE, shadow = m->shadows[slot];
    m->counts.swap_ins++;
    if (--m->swap_map[slot] == 0) m->free_slots[m->free_slot_count++] = slot;
    if (shadow & 1) m->state[frame] |= WORKINGSET;
    if (m->age - (shadow >> 1) <= m->lists[1].length) {
      m->activations++;
      activate(m, frame);
      return PRESENT | frame;
    }
  }
  insert_at_head(m, &m->lists[0], frame);
  return PRESENT | frame;
}

struct reference_fault_counts reference_fault_path(const uint32_t *accesses, uint64_t access_count,
                                                   uint32_t page_count, uint32_t frame_count) {
  struct machine m = {
      .entries = calloc(page_count, sizeof *m.entries),
      .next = malloc(sizeof *m.next * frame_count),
      .previous = malloc(sizeof *m.previous * frame_count),
      .page_in = malloc(sizeof *m.page_in * frame_count),
      .state = calloc(frame_count, 1),
      .free_frames = malloc(sizeof *m.free_frames * frame_count),
      .free_slots = malloc(sizeof *m.free_slots * page_count),
      .swap_map = calloc(page_count, 1),
      .shadows = calloc(page_count, sizeof *m.shadows),
      .free_frame_count = frame_count,
      .free_slot_count = page_count,
  };
  m.lists[0] = m.lists[1] = (struct list){UINT32_MAX, UINT32_MAX, 0};
  for (uint32_t i = 0; i < frame_count; i++) m.free_frames[i] = frame_count - 1 - i;
  for (uint32_t i = 0; i < page_count; i++) m.free_slots[i] = page_count - 1 - i;

  for (uint64_t i = 0; i < access_count; i++) {
    uint32_t page = accesses[i] & 0x7fffffffu;
    uint32_t entry = m.entries[page];
    if (!(entry & PRESENT)) entry = fault(&m, page, entry);
    entry |= accesses[i] >> 31 ? YOUNG | DIRTY : YOUNG;
    if (m.entries[page] != entry) m.entries[page] = entry;
  }

  free(m.entries);
  free(m.next);
  free(m.previous);
  free(m.page_in);
  free(m.state);
  free(m.free_frames);
  free(m.free_slots);
  free(m.swap_map);
  free(m.shadows);
  return m.counts;
}
