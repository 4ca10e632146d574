// SPDX-License-Identifier: Apache-2.0

#ifndef MTESIM_PREFETCH_H
#define MTESIM_PREFETCH_H

/// Asks the processor to bring a cache line near; any address is allowed, and nothing else happens.
///
/// Swift has no such operation of its own.
static inline void mtesim_prefetch(const void *_Nonnull address) { __builtin_prefetch(address); }

#endif
