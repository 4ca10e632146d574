// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
//
// mtetrace: a plugin for qemu-aarch64 in user mode that records which pages a program touches, which
// tags it stores, and which calls change its memory, in the format MTETRC0 (README.md).
//
// The plugin interface is declared here as far as it is used, so that no header of QEMU is needed. One
// binary serves interface 1 (QEMU up to 8.2) and those with registers (QEMU 9.0 and later).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

// --- The plugin interface -----------------------------------------------------------------------

typedef uint64_t plugin_id;
typedef struct {
  const char *target;
  struct { int minimum, current; } version;
  bool is_system;
  int processors, most_processors;
} plugin_info;
struct block;
struct instruction;
// The common beginning of GLib's GArray and GByteArray.
typedef struct { void *data; unsigned length; } glib_array;
typedef struct { void *handle; const char *name, *feature; } register_name;
enum { NO_REGISTERS, READS_REGISTERS };
enum { READS_AND_WRITES = 3 };

extern void qemu_plugin_register_vcpu_init_cb(plugin_id, void (*)(plugin_id, unsigned));
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
extern void qemu_plugin_register_vcpu_insn_exec_cb(
  struct instruction *, void (*)(unsigned, void *), int registers, void *);
extern void qemu_plugin_register_vcpu_mem_cb(
  struct instruction *, void (*)(unsigned, uint32_t, uint64_t, void *), int registers, int which,
  void *);
extern void qemu_plugin_register_vcpu_syscall_cb(
  plugin_id, void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                      uint64_t, uint64_t, uint64_t, uint64_t));
extern void qemu_plugin_register_vcpu_syscall_ret_cb(
  plugin_id, void (*)(plugin_id, unsigned, int64_t, int64_t));
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
extern unsigned qemu_plugin_mem_size_shift(uint32_t);
extern bool qemu_plugin_mem_is_store(uint32_t);

EXPORTED int qemu_plugin_version = 1;

// QEMU reads the version before it calls anything, so that a constructor can still choose it.
__attribute__((constructor)) static void choose_version(void) {
  if (!dlsym(RTLD_DEFAULT, "qemu_plugin_read_register")) return;
  qemu_plugin_version = dlsym(RTLD_DEFAULT, "qemu_plugin_read_memory_vaddr") ? 4 : 2;
}

// What depends on the version: the bytes of an instruction, and registers. Interface 1 has none of
// the latter; what QEMU's debugger stub calls is exported by Debian's binary and gives right values in
// front of tag instructions, because a helper follows that has them stored first.
static const void *(*instruction_data_1)(const struct instruction *);
static size_t (*instruction_data_3)(const struct instruction *, void *, size_t);
static glib_array *(*list_registers)(void);
static int (*read_register)(void *, glib_array *);
static glib_array *(*new_bytes)(void);
static glib_array *(*resize_bytes)(glib_array *, unsigned);
static void *(*find_cpu)(int);
static int (*read_debugger_register)(void *, glib_array *, int);
static int (*flags_of_page)(uint64_t);
static uint8_t *(*tags_of_page)(uint64_t);

// --- Options ------------------------------------------------------------------------------------

static char out_path[4096] = "out.mtetrc";
static uint64_t window = 65536;    // accesses after which the filter is forgotten
static unsigned filter_bits = 10;  // the filter holds 2^filter_bits pages
static uint64_t zero_block = 512;  // bytes of DC GVA, GZVA and ZVA; QEMU's user mode has 512
static bool writes_tags = true;
static bool writes_accesses = false;
static bool verifies = false;

// --- Output -------------------------------------------------------------------------------------

enum {
  END, PAGE, ACCESS, TAG, CALL, MAPPING, THREAD, KERNEL_COPY, FORK, TAG_SNAPSHOT = 10, KINDS
};
enum { BUFFER_BYTES = 1 << 20, LONGEST_RECORD = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static uint8_t buffer[BUFFER_BYTES];
static size_t filled;
static uint64_t records[KINDS], accesses;

static void fail(const char *what) {
  fprintf(stderr, "mtetrace: %s: %s\n", what, strerror(errno));
  _exit(74);
}

static void flush(void) {
  for (size_t done = 0; done < filled;) {
    ssize_t written = write(out, buffer + done, filled - done);
    if (written < 0 && errno != EINTR) fail(out_path);
    if (written > 0) done += (size_t)written;
  }
  filled = 0;
}

static void put_byte(uint8_t byte) { buffer[filled++] = byte; }

static void put(uint64_t value) {
  for (; value >= 128; value >>= 7) put_byte((uint8_t)(value | 128));
  put_byte((uint8_t)value);
}

static void put_signed(int64_t value) { put((uint64_t)value << 1 ^ (uint64_t)(value >> 63)); }

static void begin(unsigned kind, unsigned argument) {
  if (filled > BUFFER_BYTES - LONGEST_RECORD) flush();
  put_byte((uint8_t)(kind | argument << 4));
  records[kind]++;
}

// The descriptor lies above those that programs use, and is closed by exec.
static void open_output(const char *suffix) {
  char path[sizeof out_path + 32];
  snprintf(path, sizeof path, "%s%s", out_path, suffix);
  int low = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (low < 0) fail(path);
  out = fcntl(low, F_DUPFD_CLOEXEC, 900);
  if (out < 0) out = low; else close(low);
  memcpy(buffer, "MTETRC0\n", 8);
  filled = 8;
}

// --- Threads ------------------------------------------------------------------------------------

enum { MOST_THREADS = 256, NO_TAG = -1 };

typedef struct {
  uint64_t *filter;         // sets of four entries, the latest use first: (page + 1) << 1 | written
  uint64_t skipped;         // accesses since the thread's last record
  uint64_t left;            // accesses until the filter is forgotten
  uint64_t last_address;    // of the last ACCESS record
  int64_t call[7];          // number and arguments of the call under way
  uint64_t run_start, run_end, run_skipped;  // the tag run that may still grow
  int run_tag;
  void *registers[32];      // x0 to x30 and sp
  glib_array *bytes;
} thread_state;

static thread_state threads[MOST_THREADS];
static unsigned current_thread;
static uint64_t last_page, last_granule;

static thread_state *state(unsigned thread) {
  if (UNLIKELY(thread >= MOST_THREADS)) {
    fprintf(stderr, "mtetrace: expected at most %d threads, found one more\n", MOST_THREADS);
    _exit(65);
  }
  thread_state *s = &threads[thread];
  if (UNLIKELY(!s->filter)) {
    s->filter = calloc((size_t)1 << filter_bits, sizeof *s->filter);
    if (!s->filter) fail("no memory for a filter");
    s->left = window;
    s->run_tag = NO_TAG;
  }
  return s;
}

static void forget_pages(thread_state *s) {
  memset(s->filter, 0, sizeof *s->filter << filter_bits);
}

static void switch_to(unsigned thread) {
  if (thread == current_thread) return;
  begin(THREAD, 0);
  put(thread);
  current_thread = thread;
}

static void put_skipped(thread_state *s) {
  put(s->skipped);
  s->skipped = 0;
}

// Writes the tag run that a thread has been adding to.
static void end_run(unsigned thread, thread_state *s) {
  if (s->run_tag == NO_TAG) return;
  switch_to(thread);
  begin(TAG, (unsigned)s->run_tag);
  put(s->run_skipped);
  put_signed((int64_t)(s->run_start >> 4) - (int64_t)last_granule);
  put((s->run_end - s->run_start) >> 4);
  last_granule = s->run_end >> 4;
  s->run_tag = NO_TAG;
}

// --- Accesses -----------------------------------------------------------------------------------

static uint64_t untagged(uint64_t address) { return address & 0x00ffffffffffffff; }

static void put_page(unsigned thread, thread_state *s, uint64_t page, bool is_write) {
  pthread_mutex_lock(&lock);
  end_run(thread, s);
  switch_to(thread);
  begin(PAGE, is_write);
  put_skipped(s);
  put_signed((int64_t)(page - last_page));
  last_page = page;
  pthread_mutex_unlock(&lock);
}

// Counts an access, and records it where the filter does not hold the page, or as read only.
//
// A filter of single entries would record ten times as much where two busy pages share one.
static inline void touch(unsigned thread, thread_state *s, uint64_t address, bool is_write) {
  uint64_t page = address >> 12, key = page + 1;
  uint64_t *set = &s->filter[page * 0x9e3779b97f4a7c15u >> (64 - filter_bits) & ~(uint64_t)3];
  if (set[0] >> 1 == key && (set[0] & 1) >= is_write) {
    s->skipped++;
  } else {
    unsigned way = 0;
    while (way < 4 && set[way] >> 1 != key) way++;
    uint64_t found = way < 4 ? set[way] : 0;
    bool is_known = way < 4 && (found & 1) >= is_write;
    for (unsigned k = way < 4 ? way : 3; k > 0; k--) set[k] = set[k - 1];
    set[0] = key << 1 | (found & 1) | is_write;
    if (is_known) s->skipped++; else put_page(thread, s, page, is_write);
  }
  if (UNLIKELY(--s->left == 0)) {
    s->left = window;
    forget_pages(s);
  }
}

static void put_access(
  unsigned thread, thread_state *s, uint64_t address, unsigned shift, bool is_write
) {
  pthread_mutex_lock(&lock);
  end_run(thread, s);
  switch_to(thread);
  begin(ACCESS, (unsigned)is_write << 3 | (shift & 7));
  put_signed((int64_t)(address - s->last_address));
  s->last_address = address;
  pthread_mutex_unlock(&lock);
}

static void on_access(unsigned thread, uint32_t info, uint64_t address, void *unused) {
  (void)unused;
  thread_state *s = state(thread);
  bool is_write = qemu_plugin_mem_is_store(info);
  unsigned shift = qemu_plugin_mem_size_shift(info);
  address = untagged(address);
  accesses++;
  if (writes_accesses) return put_access(thread, s, address, shift, is_write);
  touch(thread, s, address, is_write);
  uint64_t last = address + ((uint64_t)1 << shift) - 1;
  if (UNLIKELY(last >> 12 != address >> 12)) touch(thread, s, last, is_write);
}

// --- Tag instructions ---------------------------------------------------------------------------

static uint64_t register_value(unsigned thread, thread_state *s, unsigned number) {
  uint64_t value = 0;
  if (!s->bytes) s->bytes = new_bytes();
  resize_bytes(s->bytes, 0);
  int got = read_register
    ? (s->registers[number] ? read_register(s->registers[number], s->bytes) : 0)
    : read_debugger_register(find_cpu((int)thread), s->bytes, (int)number);
  if (got < 8) {
    fprintf(stderr, "mtetrace: register %u cannot be read\n", number);
    _exit(70);
  }
  memcpy(&value, s->bytes->data, sizeof value);
  return value;
}

static void on_thread(plugin_id id, unsigned thread) {
  (void)id;
  thread_state *s = state(thread);
  if (!list_registers) return;
  glib_array *list = list_registers();
  register_name *names = list->data;
  for (unsigned k = 0; k < list->length; k++) {
    const char *name = names[k].name;
    unsigned number = name[0] == 'x' ? (unsigned)atoi(name + 1) : 31;
    bool is_wanted = strcmp(name, "sp") == 0
      || (name[0] == 'x' && name[1] >= '0' && name[1] <= '9' && number <= 30);
    if (is_wanted && !s->registers[number]) s->registers[number] = names[k].handle;
  }
}

// A tag instruction in a word, which is handed to its callback in place of a pointer:
// bits 0-7 kind, 8-15 the register with the address, 16-23 that with the tag, 32-63 signed offset.
enum { NOT_TAGGING, STORE_ONE, STORE_TWO, STORE_PAIR, TAG_BLOCK, ZERO_BLOCK, TAG_AND_ZERO_BLOCK };

static uint64_t packed(unsigned kind, uint32_t base, uint32_t tag, int32_t offset) {
  return kind | (uint64_t)base << 8 | (uint64_t)tag << 16 | (uint64_t)(uint32_t)offset << 32;
}

// Source: Arm Architecture Reference Manual, "Loads and stores", "System instructions".
static uint64_t decoded(uint32_t word) {
  uint32_t base = word >> 5 & 31, source = word & 31;
  if ((word & 0xff200000) == 0xd9200000) {  // STG, STZG, ST2G, STZ2G; LDG and LDGM have no mode
    uint32_t opcode = word >> 22 & 3, mode = word >> 10 & 3;
    int32_t offset = ((int32_t)(word << 11) >> 23) * 16;
    if (mode == 0) return NOT_TAGGING;
    return packed(opcode >= 2 ? STORE_TWO : STORE_ONE, base, source, mode == 1 ? 0 : offset);
  }
  if ((word & 0xfe400000) == 0x68000000 && (word >> 23 & 3) != 0) {  // STGP: the address has the tag
    int32_t offset = ((int32_t)(word << 10) >> 25) * 16;
    return packed(STORE_PAIR, base, base, (word >> 23 & 3) == 1 ? 0 : offset);
  }
  switch (word & ~31u) {
    case 0xd50b7460: return packed(TAG_BLOCK, source, source, 0);
    case 0xd50b7480: return packed(TAG_AND_ZERO_BLOCK, source, source, 0);
    case 0xd50b7420: return packed(ZERO_BLOCK, source, source, 0);
    default: return NOT_TAGGING;
  }
}

// Runs in front of the instruction, so that the registers are its operands.
static void on_tag_store(unsigned thread, void *argument) {
  uint64_t word = (uint64_t)argument;
  thread_state *s = state(thread);
  unsigned kind = word & 255, base = word >> 8 & 255, source = word >> 16 & 255;
  uint64_t pointer = register_value(thread, s, base) + (uint64_t)((int64_t)word >> 32);
  uint64_t tagged = base == source ? pointer : register_value(thread, s, source);
  uint64_t length = kind == STORE_TWO ? 32 : kind >= TAG_BLOCK ? zero_block : 16;
  uint64_t address = untagged(pointer) & ~(kind >= TAG_BLOCK ? zero_block - 1 : 15);
  int tag = (int)(tagged >> 56 & 15);
  // The instruction has no memory callback of its own.
  if (writes_accesses) {
    for (uint64_t k = 0; k < length; k += 16) put_access(thread, s, address + k, 4, true);
  } else {
    touch(thread, s, address, true);
    if ((address + length - 1) >> 12 != address >> 12) touch(thread, s, address + length - 1, true);
  }
  if (kind == ZERO_BLOCK || !writes_tags) return;
  if (s->run_tag == tag && s->run_end == address) {
    s->run_end = address + length;
    return;
  }
  pthread_mutex_lock(&lock);
  end_run(thread, s);
  pthread_mutex_unlock(&lock);
  s->run_tag = tag;
  s->run_start = address;
  s->run_end = address + length;
  s->run_skipped = s->skipped;
  s->skipped = 0;
}

// --- Initial mappings ---------------------------------------------------------------------------

static struct { uint64_t start, end; } host_mappings[4096];
static size_t host_mapping_count;

// One line of /proc/self/maps; false at the end.
static bool next_mapping(
  FILE *maps, uint64_t *start, uint64_t *end, unsigned *protection, bool *is_file, bool *is_host
) {
  char line[4352], mode[8];
  uint64_t inode;
  if (!fgets(line, sizeof line, maps)) return false;
  if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*x %*s %" SCNu64, start, end, mode, &inode) < 4) {
    errno = EINVAL;
    fail("/proc/self/maps");
  }
  *protection = (mode[0] == 'r') | (mode[1] == 'w') << 1 | (mode[2] == 'x') << 2;
  *is_file = inode != 0;
  *is_host = *start >= (uint64_t)1 << 47 || strstr(line, "[v") || strstr(line, "[heap]");
  return true;
}

static FILE *open_maps(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) fail("/proc/self/maps");
  return maps;
}

// The emulator's own mappings, for versions that do not say which ones are the program's.
static void note_host_mappings(void) {
  FILE *maps = open_maps();
  unsigned protection;
  bool is_file, is_host;
  while (host_mapping_count < sizeof host_mappings / sizeof *host_mappings
         && next_mapping(maps, &host_mappings[host_mapping_count].start,
                         &host_mappings[host_mapping_count].end, &protection, &is_file, &is_host))
    host_mapping_count++;
  fclose(maps);
}

static bool is_programs(uint64_t start, uint64_t end, unsigned protection) {
  enum { PAGE_IS_VALID = 8 };
  if (flags_of_page) return (flags_of_page(start) & PAGE_IS_VALID) != 0;
  if (start < (uint64_t)1 << 40) return true;
  for (size_t k = 0; k < host_mapping_count; k++)
    if (start < host_mappings[k].end && end > host_mappings[k].start) return false;
  return (protection & 4) == 0;
}

static void put_initial_mappings(void) {
  FILE *maps = open_maps();
  uint64_t start, end;
  unsigned protection;
  bool is_file, is_host;
  while (next_mapping(maps, &start, &end, &protection, &is_file, &is_host)) {
    if (is_host || !is_programs(start, end, protection)) continue;
    begin(MAPPING, is_file);
    put(start >> 12);
    put((end - start) >> 12);
    put(protection);
  }
  fclose(maps);
}

// --- Code ---------------------------------------------------------------------------------------

static void on_block(plugin_id id, struct block *block) {
  static bool has_begun;
  (void)id;
  pthread_mutex_lock(&lock);
  // The program has been loaded, and nothing of it has run.
  if (!has_begun) put_initial_mappings();
  has_begun = true;
  pthread_mutex_unlock(&lock);
  for (size_t k = 0; k < qemu_plugin_tb_n_insns(block); k++) {
    struct instruction *instruction = qemu_plugin_tb_get_insn(block, k);
    uint32_t word = 0;
    if (instruction_data_3) instruction_data_3(instruction, &word, sizeof word);
    else memcpy(&word, instruction_data_1(instruction), sizeof word);
    uint64_t operation = decoded(word);
    if (operation != NOT_TAGGING)
      qemu_plugin_register_vcpu_insn_exec_cb(
        instruction, on_tag_store, READS_REGISTERS, (void *)operation);
    else
      qemu_plugin_register_vcpu_mem_cb(
        instruction, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
  }
}

// --- System calls -------------------------------------------------------------------------------

enum {  // arm64 Linux
  READV = 65, WRITEV = 66, READ = 63, WRITE = 64, PREAD = 67, PWRITE = 68, GETDENTS = 61,
  EXIT = 93, EXIT_GROUP = 94, PRCTL = 167, SENDTO = 206, RECVFROM = 207, BRK = 214, MUNMAP = 215,
  MREMAP = 216, CLONE = 220, EXECVE = 221, MMAP = 222, MPROTECT = 226, MADVISE = 233, CLONE3 = 435
};

static void put_call(unsigned thread, thread_state *s, int64_t result) {
  switch_to(thread);
  begin(CALL, 0);
  put_skipped(s);
  for (int k = 0; k < 7; k++) put((uint64_t)s->call[k]);
  put_signed(result);
}

static void put_copy(
  unsigned thread, thread_state *s, uint64_t address, int64_t length, bool into_user
) {
  if (length <= 0) return;
  switch_to(thread);
  begin(KERNEL_COPY, into_user);
  put_skipped(s);
  put(untagged(address));
  put((uint64_t)length);
}

// The program's memory is the emulator's, at the same addresses or at a fixed distance that user mode
// does not use for 64-bit programs.
static void put_vector(unsigned thread, thread_state *s, int64_t length, bool into_user) {
  const uint64_t *vector = (const uint64_t *)untagged((uint64_t)s->call[2]);
  for (int64_t k = 0; k < s->call[3] && length > 0; k++) {
    int64_t part = (int64_t)vector[2 * k + 1];
    if (part > length) part = length;
    put_copy(thread, s, vector[2 * k], part, into_user);
    length -= part;
  }
}

static void on_call(
  plugin_id id, unsigned thread, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
  uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8
) {
  (void)id, (void)a7, (void)a8;
  thread_state *s = state(thread);
  const int64_t call[7] = {
    number, (int64_t)a1, (int64_t)a2, (int64_t)a3, (int64_t)a4, (int64_t)a5, (int64_t)a6
  };
  memcpy(s->call, call, sizeof call);
  pthread_mutex_lock(&lock);
  end_run(thread, s);
  // These do not return, or only when they fail.
  if (number == EXECVE || number == EXIT || number == EXIT_GROUP) {
    memset(&s->call[2], 0, 5 * sizeof *s->call);
    put_call(thread, s, 0);
    if (number == EXECVE) flush();
  }
  pthread_mutex_unlock(&lock);
}

static void on_return(plugin_id id, unsigned thread, int64_t number, int64_t result) {
  (void)id;
  thread_state *s = state(thread);
  pthread_mutex_lock(&lock);
  switch (number) {
    case BRK: case MUNMAP: case MREMAP: case CLONE: case CLONE3: case MMAP: case MPROTECT:
    case MADVISE: case PRCTL:
      put_call(thread, s, result);
      // What is used next may be another page at the same address.
      forget_pages(s);
      break;
    case READ: case PREAD: case RECVFROM: case GETDENTS:
      put_copy(thread, s, (uint64_t)s->call[2], result, true);
      break;
    case WRITE: case PWRITE: case SENDTO:
      put_copy(thread, s, (uint64_t)s->call[2], result, false);
      break;
    case READV: put_vector(thread, s, result, true); break;
    case WRITEV: put_vector(thread, s, result, false); break;
    default: break;
  }
  pthread_mutex_unlock(&lock);
}

// --- Forks and the end --------------------------------------------------------------------------

static void before_fork(void) {
  pthread_mutex_lock(&lock);
  flush();
}

static void in_parent(void) { pthread_mutex_unlock(&lock); }

// A child writes a file of its own, which begins with what the parent had mapped.
static void in_child(void) {
  char suffix[32];
  pthread_mutex_init(&lock, NULL);
  snprintf(suffix, sizeof suffix, ".%d", (int)getpid());
  open_output(suffix);
  memset(records, 0, sizeof records);
  accesses = last_page = last_granule = 0;
  begin(FORK, 0);
  put((uint64_t)getppid());
  put(current_thread);
  put_initial_mappings();
  for (int k = 0; k < MOST_THREADS; k++) {
    if (!threads[k].filter) continue;
    forget_pages(&threads[k]);
    threads[k].run_tag = NO_TAG;
    threads[k].skipped = threads[k].last_address = 0;
  }
}

// Writes the tags that the emulator itself holds, for whoever wants to check the recorded ones.
static void put_snapshots(void) {
  enum { IS_ANONYMOUS_AND_TAGGED = 0x480, TAG_BYTES = 128 };
  FILE *maps = open_maps();
  uint64_t start, end;
  unsigned protection;
  bool is_file, is_host;
  while (next_mapping(maps, &start, &end, &protection, &is_file, &is_host)) {
    if (start >= (uint64_t)1 << 40) continue;
    for (uint64_t page = start; page < end; page += 4096) {
      if ((flags_of_page(page) & IS_ANONYMOUS_AND_TAGGED) != IS_ANONYMOUS_AND_TAGGED) continue;
      const uint8_t *tags = tags_of_page(page);
      begin(TAG_SNAPSHOT, 0);
      put(page >> 12);
      for (int k = 0; k < TAG_BYTES; k++) put_byte(tags[k]);
    }
  }
  fclose(maps);
}

static void on_exit_of_program(plugin_id id, void *unused) {
  (void)id, (void)unused;
  pthread_mutex_lock(&lock);
  for (unsigned k = 0; k < MOST_THREADS; k++)
    if (threads[k].filter) end_run(k, &threads[k]);
  if (verifies) put_snapshots();
  begin(END, 0);
  flush();
  fprintf(
    stderr, "mtetrace: %" PRIu64 " accesses, %" PRIu64 " touches, %" PRIu64 " tag runs, %" PRIu64
    " calls\n", accesses, records[PAGE] + records[ACCESS], records[TAG], records[CALL]);
  pthread_mutex_unlock(&lock);
}

// --- Installation -------------------------------------------------------------------------------

static bool is_on(const char *value) { return strcmp(value, "on") == 0; }

static bool take_option(const char *option) {
  const char *value = strchr(option, '=');
  if (!value++) return false;
  size_t name = (size_t)(value - option);
  uint64_t number = strtoull(value, NULL, 10);
  if (strncmp(option, "out=", name) == 0) {
    return snprintf(out_path, sizeof out_path, "%s", value) < (int)sizeof out_path;
  } else if (strncmp(option, "window=", name) == 0) {
    window = number;
    return number > 0;
  } else if (strncmp(option, "entries=", name) == 0) {
    for (filter_bits = 2; filter_bits < 30 && (uint64_t)1 << filter_bits != number;) filter_bits++;
    return (uint64_t)1 << filter_bits == number;
  } else if (strncmp(option, "block=", name) == 0) {
    zero_block = number;
    return number >= 16 && number <= 4096 && (number & (number - 1)) == 0;
  } else if (strncmp(option, "tags=", name) == 0) {
    writes_tags = is_on(value);
  } else if (strncmp(option, "exact=", name) == 0) {
    writes_accesses = is_on(value);
  } else if (strncmp(option, "verify=", name) == 0) {
    verifies = is_on(value);
  } else {
    return false;
  }
  return is_on(value) || strcmp(value, "off") == 0;
}

static int refuse(const char *why, const char *what) {
  fprintf(stderr, "mtetrace: %s%s\n", why, what);
  return 1;
}

EXPORTED int qemu_plugin_install(
  plugin_id id, const plugin_info *info, int count, char **options
) {
  if (info->is_system || strcmp(info->target, "aarch64") != 0)
    return refuse("expected qemu-aarch64 in user mode, found ", info->target);
  for (int k = 0; k < count; k++)
    if (!take_option(options[k])) return refuse("cannot use option ", options[k]);

  void *data = dlsym(RTLD_DEFAULT, "qemu_plugin_insn_data");
  if (info->version.current >= 3) instruction_data_3 = data; else instruction_data_1 = data;
  list_registers = dlsym(RTLD_DEFAULT, "qemu_plugin_get_registers");
  read_register = dlsym(RTLD_DEFAULT, "qemu_plugin_read_register");
  new_bytes = dlsym(RTLD_DEFAULT, "g_byte_array_new");
  resize_bytes = dlsym(RTLD_DEFAULT, "g_byte_array_set_size");
  find_cpu = dlsym(RTLD_DEFAULT, "qemu_get_cpu");
  read_debugger_register = dlsym(RTLD_DEFAULT, "aarch64_cpu_gdb_read_register");
  flags_of_page = dlsym(RTLD_DEFAULT, "page_get_flags");
  tags_of_page = dlsym(RTLD_DEFAULT, "page_get_target_data");
  bool has_registers = read_register ? list_registers != NULL : find_cpu && read_debugger_register;
  if (!data || !new_bytes || !resize_bytes || !has_registers)
    return refuse("this emulator does not let plugins read registers", "");
  if (verifies && (!flags_of_page || !tags_of_page))
    return refuse("this emulator does not let plugins read tags: verify=on is not possible", "");

  note_host_mappings();
  open_output("");
  qemu_plugin_register_vcpu_init_cb(id, on_thread);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
  qemu_plugin_register_vcpu_syscall_cb(id, on_call);
  qemu_plugin_register_vcpu_syscall_ret_cb(id, on_return);
  qemu_plugin_register_atexit_cb(id, on_exit_of_program, NULL);
  pthread_atfork(before_fork, in_parent, in_child);
  return 0;
}
