// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What the processor and the kernel know of one thread's tags.
struct TagThread {
  /// The number in the trace.
  var number: UInt32
  /// What happens on a wrong tag.
  var mode: TagCheckMode
  /// Tags that IRG, ADDG and SUBG do not choose: `GCR_EL1.Exclude`, bit *t* for tag *t*.
  var excludedTags: UInt16 = 0xffff
  /// `PSTATE.TCO`: no tag is checked while it is set.
  var isOverridden = false
  /// `RGSR_EL1`: what IRG goes on from where nobody recorded its result.
  var generator = TagGenerator()
}

/// The threads of a process, as far as tags depend on them.
struct TagThreads {
  /// The thread that the trace last switched to.
  var current: TagThread
  /// Whether a tag check fault of the current thread is latched; no other can have one, since leaving
  /// a thread is an entry to the kernel.
  var isFaultLatched = false
  /// The threads that ran before, in the order in which they first did.
  private var others: [TagThread] = []

  /// The threads of a new program: one, which has made no `prctl` yet.
  init(mode: TagCheckMode) {
    current = TagThread(number: 0, mode: mode)
  }

  /// Goes on with another thread; one that has not run before starts as a copy of the current one,
  /// which made it.
  mutating func switchThread(to number: UInt32) {
    guard number != current.number else { return }
    let left = current
    if let index = others.firstIndex(where: { $0.number == number }) {
      current = others[index]
      others[index] = left
    } else {
      current.number = number
      others.append(left)
    }
  }

  /// What a fork child has: a copy of the current thread, without its latched fault.
  ///
  /// Source: Linux v6.8 arm64 `arch_dup_task_struct`.
  func forked() -> TagThreads {
    var child = TagThreads(mode: current.mode)
    child.current = current
    return child
  }
}

/// The generator of tags with `GCR_EL1.RRND` = 0, whose results do not depend on anything else.
///
/// Source: Arm Architecture Reference Manual, `AArch64.RandomTag` and `AArch64.ChooseNonExcludedTag`.
struct TagGenerator: Equatable {
  /// `RGSR_EL1.SEED`; the kernel starts it at any value but 0.
  var seed: UInt16 = 1
  /// `RGSR_EL1.TAG`: the last tag.
  var tag = MemoryTag.zero

  /// The next tag that `excluded` allows; 0 where it allows none.
  mutating func next(excluding excluded: UInt16) -> MemoryTag {
    var offset: UInt8 = 0
    for bit in 0..<4 as Range<UInt8> {
      let fresh = (seed >> 5 ^ seed >> 3 ^ seed >> 2 ^ seed) & 1
      seed = fresh << 15 | seed >> 1
      offset |= UInt8(fresh) << bit
    }
    tag = Self.tag(from: tag, advancedBy: offset, excluding: excluded)
    return tag
  }

  /// The tag `offset` allowed tags after `start`; with offset 0 the first allowed one from `start` on.
  static func tag(
    from start: MemoryTag,
    advancedBy offset: UInt8,
    excluding excluded: UInt16
  ) -> MemoryTag {
    if excluded == 0xffff { return .zero }
    var tag = start.rawValue
    func isExcluded() -> Bool { excluded >> UInt16(tag) & 1 != 0 }
    if offset == 0 {
      while isExcluded() { tag = (tag + 1) & 15 }
    }
    for _ in 0..<offset {
      repeat { tag = (tag + 1) & 15 } while isExcluded()
    }
    return MemoryTag(truncating: tag)
  }
}
