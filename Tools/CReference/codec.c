/* SPDX-License-Identifier: Apache-2.0 */
#include "CodecReference.h"

#include <stdlib.h>
#include <string.h>

enum {
  MAX_GRANULES = 4096,
  MAX_CLASSES = 8, /* 16, 32, ..., 2048 bytes */
  TAG_BITS = 4,
  INLINE_LARGEST_BITS = 4,
};

static const uint64_t KERNEL_BASE = 0xffff000000000000u;
static const uint64_t HANDLE_BITS = 0x7fffffffffffffffu;

/* The objects of one size class: free ones are linked through their first bytes. */
struct pool {
  uint32_t first_offset, object_bytes, free;
};

/* A page as lists: tag and size of each run. */
struct runs {
  uint32_t count, largest;
  uint8_t tags[MAX_GRANULES];
  uint16_t sizes[MAX_GRANULES];
};

struct codec_reference {
  uint32_t granules, tag_bytes, size_bits, largest_bits, classes;
  /* Runs that a handle, and an object of each class, has room for. */
  uint32_t inline_capacity, capacities[MAX_CLASSES];
  struct pool pools[MAX_CLASSES];
  uint8_t *memory;
  struct runs runs;
};

static uint32_t capacity(const codec_reference *codec, uint32_t bytes, uint32_t index_bits) {
  return (bytes * 8 + codec->size_bits - index_bits) / (TAG_BITS + codec->size_bits);
}

codec_reference *codec_reference_create(uint32_t page_bytes, uint32_t pages) {
  codec_reference *codec = calloc(1, sizeof *codec);
  if (!codec) return NULL;
  codec->granules = page_bytes / 16;
  codec->tag_bytes = page_bytes / 32;
  while (1u << codec->largest_bits < codec->granules) codec->largest_bits++;
  codec->size_bits = codec->largest_bits - 1;
  codec->inline_capacity = capacity(codec, 8, INLINE_LARGEST_BITS);
  uint32_t end = 0;
  for (uint32_t bytes = 16; bytes <= codec->tag_bytes; bytes *= 2) {
    codec->capacities[codec->classes] = capacity(codec, bytes, codec->largest_bits);
    codec->pools[codec->classes++] = (struct pool){end, bytes, 0};
    end += bytes * pages;
  }
  codec->memory = malloc(end);
  if (!codec->memory) {
    free(codec);
    return NULL;
  }
  /* Object 1 is the first; 0 ends a list. */
  for (uint32_t class = 0; class < codec->classes; class++) {
    struct pool *pool = &codec->pools[class];
    for (uint32_t object = pages; object > 0; object--) {
      uint8_t *bytes = codec->memory + pool->first_offset + (object - 1) * pool->object_bytes;
      memcpy(bytes, &pool->free, sizeof pool->free);
      pool->free = object;
    }
  }
  return codec;
}

void codec_reference_destroy(codec_reference *codec) {
  free(codec->memory);
  free(codec);
}

static uint8_t *allocate(codec_reference *codec, uint32_t class) {
  struct pool *pool = &codec->pools[class];
  if (!pool->free) abort();
  uint8_t *bytes = codec->memory + pool->first_offset + (pool->free - 1) * pool->object_bytes;
  memcpy(&pool->free, bytes, sizeof pool->free);
  return bytes;
}

static int is_address(uint64_t handle) { return handle >> 60 == 7; }

uint32_t codec_reference_bytes(uint64_t handle) {
  return is_address(handle) ? 16u << (handle & 7) : 8;
}

static uint8_t *object_of(const codec_reference *codec, uint64_t handle) {
  uint32_t class = handle & 7;
  if (!is_address(handle) || class >= codec->classes) return NULL;
  const struct pool *pool = &codec->pools[class];
  uint64_t offset = ((handle | ~HANDLE_BITS) & ~7ull) - KERNEL_BASE;
  uint64_t end = class + 1 < codec->classes ? codec->pools[class + 1].first_offset : UINT32_MAX;
  if (offset < pool->first_offset || offset >= end) return NULL;
  return codec->memory + offset;
}

const uint8_t *codec_reference_object(const codec_reference *codec, uint64_t handle) {
  return object_of(codec, handle);
}

void codec_reference_release(codec_reference *codec, uint64_t handle) {
  uint8_t *bytes = object_of(codec, handle);
  if (!bytes) return;
  struct pool *pool = &codec->pools[handle & 7];
  memcpy(bytes, &pool->free, sizeof pool->free);
  pool->free = (uint32_t)(bytes - codec->memory - pool->first_offset) / pool->object_bytes + 1;
}

static void put(uint64_t *words, uint32_t *position, uint64_t value, uint32_t bits) {
  uint32_t word = *position / 64, shift = *position % 64;
  words[word] |= value << shift;
  if (shift + bits > 64) words[word + 1] |= value >> (64 - shift);
  *position += bits;
}

static uint64_t get(const uint64_t *words, uint32_t *position, uint32_t bits) {
  uint32_t word = *position / 64, shift = *position % 64;
  uint64_t value = words[word] >> shift;
  if (shift + bits > 64) value |= words[word + 1] << (64 - shift);
  *position += bits;
  return value & ((1ull << bits) - 1);
}

static void find_runs(const codec_reference *codec, const uint8_t *tags, struct runs *runs) {
  uint8_t previous = tags[0] >> 4;
  runs->count = 0;
  runs->tags[0] = previous;
  runs->sizes[0] = 0;
  for (uint32_t granule = 0; granule < codec->granules; granule++) {
    uint8_t byte = tags[granule / 2];
    uint8_t tag = granule % 2 ? byte & 15 : byte >> 4;
    if (tag != previous) {
      runs->count++;
      runs->tags[runs->count] = tag;
      runs->sizes[runs->count] = 0;
      previous = tag;
    }
    runs->sizes[runs->count]++;
  }
  runs->count++;
  runs->largest = 0;
  for (uint32_t run = 1; run < runs->count; run++)
    if (runs->sizes[run] > runs->sizes[runs->largest]) runs->largest = run;
}

static void pack(const codec_reference *codec, const struct runs *runs, uint32_t index_bits,
                 uint32_t capacity, uint64_t *words) {
  uint32_t position = 0;
  uint64_t size_mask = (1ull << codec->size_bits) - 1;
  put(words, &position, runs->largest, index_bits);
  for (uint32_t run = 0; run < runs->count; run++) put(words, &position, runs->tags[run], TAG_BITS);
  position += TAG_BITS * (capacity - runs->count);
  for (uint32_t run = 0; run < runs->count; run++)
    if (run != runs->largest)
      put(words, &position, runs->sizes[run] & size_mask, codec->size_bits);
}

uint64_t codec_reference_encode(codec_reference *codec, const uint8_t *tags) {
  struct runs *runs = &codec->runs;
  find_runs(codec, tags, runs);
  if (runs->count <= codec->inline_capacity) {
    uint64_t handle = 0;
    pack(codec, runs, INLINE_LARGEST_BITS, codec->inline_capacity, &handle);
    return handle;
  }
  uint32_t class = 0;
  while (class + 1 < codec->classes && runs->count > codec->capacities[class]) class++;
  uint8_t *object = allocate(codec, class);
  if (class + 1 == codec->classes) {
    memcpy(object, tags, codec->tag_bytes);
  } else {
    /* Objects are multiples of 16 bytes, and so is where they are. */
    memset(object, 0, 16u << class);
    pack(codec, runs, codec->largest_bits, codec->capacities[class], (uint64_t *)object);
  }
  return ((KERNEL_BASE + (uint64_t)(object - codec->memory)) | class) & HANDLE_BITS;
}

int codec_reference_decode(const codec_reference *codec, uint64_t handle, uint8_t *tags) {
  const uint64_t *words = &handle;
  uint32_t index_bits = INLINE_LARGEST_BITS, room = codec->inline_capacity;
  if (is_address(handle)) {
    const uint8_t *object = object_of(codec, handle);
    if (!object) return -1;
    if ((handle & 7) + 1 == codec->classes) {
      memcpy(tags, object, codec->tag_bytes);
      return 0;
    }
    words = (const uint64_t *)object;
    index_bits = codec->largest_bits;
    room = codec->capacities[handle & 7];
  }

  uint32_t position = 0, sum = 0, count = 1;
  uint64_t largest = get(words, &position, index_bits);
  uint32_t tag_position = position, size_position = position + TAG_BITS * room;
  for (position = size_position; count < room; count++) {
    uint64_t size = get(words, &position, codec->size_bits);
    if (size == 0) break;
    sum += (uint32_t)size;
  }
  if (largest >= count || sum >= codec->granules) return -1;

  memset(tags, 0, codec->tag_bytes);
  uint32_t granule = 0;
  position = size_position;
  for (uint32_t run = 0; run < count; run++) {
    uint8_t tag = (uint8_t)get(words, &tag_position, TAG_BITS);
    uint32_t size = codec->granules - sum;
    if (run != largest) size = (uint32_t)get(words, &position, codec->size_bits);
    for (; size > 0; size--, granule++) tags[granule / 2] |= granule % 2 ? tag : (uint8_t)(tag << 4);
  }
  return 0;
}
