/* SPDX-License-Identifier: Apache-2.0 */
#include "CReference.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = 0xffffffffu };

uint64_t reference_exact_lru(const uint32_t *accesses, uint64_t access_count, uint32_t page_count,
                             uint32_t frame_count, uint64_t *writebacks) {
  uint32_t *frame_of = malloc(sizeof *frame_of * page_count);
  uint32_t *page_in = malloc(sizeof *page_in * frame_count);
  /* The list's ends are joined through one extra element, so that no step has a special case. */
  uint32_t *next = malloc(sizeof *next * (frame_count + 1));
  uint32_t *previous = malloc(sizeof *previous * (frame_count + 1));
  uint8_t *dirty = calloc(frame_count, 1);
  memset(frame_of, 0xff, sizeof *frame_of * page_count);
  const uint32_t ends = frame_count;
  next[ends] = previous[ends] = ends;

  uint32_t used = 0;
  uint64_t misses = 0, written = 0;
  for (uint64_t i = 0; i < access_count; i++) {
    uint32_t page = accesses[i] & 0x7fffffffu;
    uint32_t frame = frame_of[page];
    if (frame == NONE) {
      misses++;
      if (used < frame_count) {
        frame = used++;
      } else {
        frame = previous[ends];
        previous[ends] = previous[frame];
        next[previous[frame]] = ends;
        frame_of[page_in[frame]] = NONE;
        written += dirty[frame];
        dirty[frame] = 0;
      }
      page_in[frame] = page;
      frame_of[page] = frame;
    } else {
      next[previous[frame]] = next[frame];
      previous[next[frame]] = previous[frame];
    }
    dirty[frame] |= (uint8_t)(accesses[i] >> 31);
    next[frame] = next[ends];
    previous[frame] = ends;
    previous[next[ends]] = frame;
    next[ends] = frame;
  }
  free(frame_of);
  free(page_in);
  free(next);
  free(previous);
  free(dirty);
  *writebacks = written;
  return misses;
}
