/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

/* The codec mtecomp-v5 as plainly as C can say it: the tags are turned into lists of runs, granule by
   granule, and the lists are packed into bits, field by field. Objects and the lists come from a pool
   in which an allocation takes the object that was freed last. The benchmark runs it beside the
   Swift codec, and both give the same handles, objects and tags.

   Written from the description of the algorithm; codec.c says step by step what is done. */
typedef struct codec_reference codec_reference;

/* A codec for pages of `page_bytes` (4096, 16384 or 65536) that can have `pages` pages encoded at once.
   Returns NULL when there is no memory. */
codec_reference *codec_reference_create(uint32_t page_bytes, uint32_t pages);
void codec_reference_destroy(codec_reference *codec);

/* Encodes `page_bytes` / 32 bytes of tags. Returns a handle of 63 bits; objects have the kernel address
   0xffff000000000000 + their place in the pool, with bit 63 cleared. */
uint64_t codec_reference_encode(codec_reference *codec, const uint8_t *tags);

/* The bytes that a handle's tags take: 8 for a handle that holds them, else those of its object. */
uint32_t codec_reference_bytes(uint64_t handle);

/* The object that a handle leads to, NULL where it leads to none. */
const uint8_t *codec_reference_object(const codec_reference *codec, uint64_t handle);

/* Decodes a handle. Returns 0, or -1 where handle or object are not the tags of a page. */
int codec_reference_decode(const codec_reference *codec, uint64_t handle, uint8_t *tags);

/* Gives the object of a handle back, if it has one. */
void codec_reference_release(codec_reference *codec, uint64_t handle);

/* All of the above. The benchmark loads a second copy of the codec, made by another compiler, and needs
   only this one name to find its functions. */
struct codec_reference_functions {
  codec_reference *(*create)(uint32_t page_bytes, uint32_t pages);
  uint64_t (*encode)(codec_reference *codec, const uint8_t *tags);
  uint32_t (*bytes)(uint64_t handle);
  const uint8_t *(*object)(const codec_reference *codec, uint64_t handle);
  int (*decode)(const codec_reference *codec, uint64_t handle, uint8_t *tags);
  void (*release)(codec_reference *codec, uint64_t handle);
};
const struct codec_reference_functions *codec_reference_library(void);
