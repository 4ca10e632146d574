/* SPDX-License-Identifier: Apache-2.0 */
/* Each step does what the description of the algorithm says, no more and no less:

     1. Lists of tags and sizes, room for every granule to be a run, come from a pool and are cleared.
     2. The tags are taken granule by granule, high nibble first; each one makes the last run longer
        or starts another.
     3. The first run of the greatest size, and the smallest size class with enough room, are searched
        for; the object comes from the pool of its class and is cleared.
     4. The number of that run, then a tag for each run that the class has room for, then the sizes, are
        written to a bit map one field after the other; runs that are missing are zeros.

   and decoding is the reverse: fields into cleared lists, lists into tags granule by granule. There are
   no tricks: no words of many granules, no early exit for equal tags, no field left out. Nor is
   anything slow on purpose: a field takes one shift, mask and store, not one for each bit; memory comes
   from pools at the cost of one load; memset and memcpy are the library's. */
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
  /* Only one page is worked on at a time, so that the pool of lists has one object. */
  struct runs *runs;
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
  codec->runs = malloc(sizeof *codec->runs);
  if (!codec->memory || !codec->runs) {
    codec_reference_destroy(codec);
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
  free(codec->runs);
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

/* Writes a field of at most 32 bits into a bit map. */
static void write_bits(uint64_t *map, uint32_t start, uint32_t bits, uint64_t value) {
  uint32_t word = start / 64, shift = start % 64;
  uint64_t mask = (1ull << bits) - 1;
  value &= mask;
  map[word] = (map[word] & ~(mask << shift)) | value << shift;
  if (shift + bits > 64)
    map[word + 1] = (map[word + 1] & ~(mask >> (64 - shift))) | value >> (64 - shift);
}

/* Reads a field of at most 32 bits from a bit map. */
static uint64_t read_bits(const uint64_t *map, uint32_t start, uint32_t bits) {
  uint32_t word = start / 64, shift = start % 64;
  uint64_t value = map[word] >> shift;
  if (shift + bits > 64) value |= map[word + 1] << (64 - shift);
  return value & ((1ull << bits) - 1);
}

/* The lists of `codec`, with as many entries cleared as a page has granules. */
static struct runs *cleared_runs(const codec_reference *codec) {
  struct runs *runs = codec->runs;
  memset(runs->tags, 0, codec->granules * sizeof *runs->tags);
  memset(runs->sizes, 0, codec->granules * sizeof *runs->sizes);
  return runs;
}

static void tags_to_runs(const codec_reference *codec, const uint8_t *tags, struct runs *runs) {
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
}

static void find_largest(struct runs *runs) {
  runs->largest = 0;
  for (uint32_t run = 1; run < runs->count; run++)
    if (runs->sizes[run] > runs->sizes[runs->largest]) runs->largest = run;
}

static void pack_runs(const codec_reference *codec, const struct runs *runs, uint32_t index_bits,
                      uint32_t capacity, uint64_t *map) {
  uint32_t position = 0;
  write_bits(map, position, index_bits, runs->largest);
  position += index_bits;
  for (uint32_t run = 0; run < capacity; run++) {
    write_bits(map, position, TAG_BITS, runs->tags[run]);
    position += TAG_BITS;
  }
  for (uint32_t run = 0; run < capacity; run++) {
    if (run == runs->largest) continue;
    write_bits(map, position, codec->size_bits, runs->sizes[run]);
    position += codec->size_bits;
  }
}

uint64_t codec_reference_encode(codec_reference *codec, const uint8_t *tags) {
  struct runs *runs = cleared_runs(codec);
  tags_to_runs(codec, tags, runs);
  if (runs->count <= codec->inline_capacity) {
    uint64_t handle = 0;
    find_largest(runs);
    pack_runs(codec, runs, INLINE_LARGEST_BITS, codec->inline_capacity, &handle);
    return handle;
  }
  uint32_t class = 0;
  while (class + 1 < codec->classes && runs->count > codec->capacities[class]) class++;
  uint8_t *object = allocate(codec, class);
  if (class + 1 == codec->classes) {
    memcpy(object, tags, codec->tag_bytes);
  } else {
    find_largest(runs);
    memset(object, 0, 16u << class);
    /* Objects are multiples of 16 bytes, and so is where they are. */
    pack_runs(codec, runs, codec->largest_bits, codec->capacities[class], (uint64_t *)object);
  }
  return ((KERNEL_BASE + (uint64_t)(object - codec->memory)) | class) & HANDLE_BITS;
}

static int unpack_runs(const codec_reference *codec, const uint64_t *map, uint32_t index_bits,
                       uint32_t capacity, struct runs *runs) {
  uint32_t position = 0, sum = 0;
  runs->largest = (uint32_t)read_bits(map, position, index_bits);
  position += index_bits;
  if (runs->largest >= capacity) return -1;
  for (uint32_t run = 0; run < capacity; run++) {
    runs->tags[run] = (uint8_t)read_bits(map, position, TAG_BITS);
    position += TAG_BITS;
  }
  for (uint32_t run = 0; run < capacity; run++) {
    runs->count = run + 1;
    if (run == runs->largest) continue;
    uint32_t size = (uint32_t)read_bits(map, position, codec->size_bits);
    position += codec->size_bits;
    if (size == 0) {
      runs->count = run;
      break;
    }
    runs->sizes[run] = (uint16_t)size;
    sum += size;
  }
  if (runs->largest >= runs->count || sum >= codec->granules) return -1;
  runs->sizes[runs->largest] = (uint16_t)(codec->granules - sum);
  return 0;
}

static void runs_to_tags(const codec_reference *codec, const struct runs *runs, uint8_t *tags) {
  memset(tags, 0, codec->tag_bytes);
  uint32_t granule = 0;
  for (uint32_t run = 0; run < runs->count; run++) {
    uint8_t tag = runs->tags[run];
    for (uint32_t i = 0; i < runs->sizes[run]; i++) {
      tags[granule / 2] |= granule % 2 ? tag : (uint8_t)(tag << 4);
      granule++;
    }
  }
}

int codec_reference_decode(const codec_reference *codec, uint64_t handle, uint8_t *tags) {
  const uint64_t *map = &handle;
  uint32_t index_bits = INLINE_LARGEST_BITS, capacity = codec->inline_capacity;
  if (is_address(handle)) {
    const uint8_t *object = object_of(codec, handle);
    if (!object) return -1;
    if ((handle & 7) + 1 == codec->classes) {
      memcpy(tags, object, codec->tag_bytes);
      return 0;
    }
    map = (const uint64_t *)object;
    index_bits = codec->largest_bits;
    capacity = codec->capacities[handle & 7];
  }
  struct runs *runs = cleared_runs(codec);
  if (unpack_runs(codec, map, index_bits, capacity, runs) != 0) return -1;
  runs_to_tags(codec, runs, tags);
  return 0;
}

const struct codec_reference_functions *codec_reference_library(void) {
  static const struct codec_reference_functions functions = {
      codec_reference_create,  codec_reference_encode, codec_reference_bytes,
      codec_reference_object, codec_reference_decode, codec_reference_release,
  };
  return &functions;
}
