// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a program that is recorded. Turns tag checks off after the C library has turned them
// on: tags are made and stored as always, and the emulator is five times faster. Answers the calls by
// which programs seed hashes and choose pivots with values that are the same in every run.
#include <sys/prctl.h>
#include <time.h>

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_GET_TAGGED_ADDR_CTRL 56
#endif
#define TAG_CHECKS 6  // the bits of PR_MTE_TCF_SYNC and PR_MTE_TCF_ASYNC

__attribute__((constructor)) static void turn_tag_checks_off(void) {
  int mode = prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
  if (mode >= 0) prctl(PR_SET_TAGGED_ADDR_CTRL, mode & ~TAG_CHECKS, 0, 0, 0);
}

time_t time(time_t *result) {
  const time_t now = 1000000000;
  if (result) *result = now;
  return now;
}

// A millisecond passes between two calls.
clock_t clock(void) {
  static clock_t now;
  return now += CLOCKS_PER_SEC / 1000;
}
