// SPDX-License-Identifier: Apache-2.0

/// What performing one event led to: the set of steps that were taken, in no order.
///
/// An empty set is a hit, or a system call that returned success. Out of memory, a refused
/// swap-out and lost tags are results of the experiment, not failures of the program.
@frozen
public struct Outcome: OptionSet, Hashable, Sendable {
  /// The steps as bits; bits 63 to 48 hold a system call's error number.
  public let rawValue: UInt64
  /// Creates an outcome from its bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The page was present and allowed the access, or the system call succeeded.
  public static let hit: Outcome = []
  /// A read of an untouched page mapped the zero page.
  public static let zeroPage = Outcome(rawValue: 1 << 0)
  /// A write to an untouched page, or to the zero page, got a zeroed frame.
  public static let zeroFill = Outcome(rawValue: 1 << 1)
  /// A write to a shared page got a copy.
  public static let copyOnWrite = Outcome(rawValue: 1 << 2)
  /// A write to a page that nobody else uses any more made it writable.
  public static let reuse = Outcome(rawValue: 1 << 3)
  /// A swapped page was found in the swap cache.
  public static let swapCacheHit = Outcome(rawValue: 1 << 4)
  /// A swapped page was read from its device: a major fault.
  public static let swappedIn = Outcome(rawValue: 1 << 5)
  /// Saved tags were written back to a page.
  public static let tagsRestored = Outcome(rawValue: 1 << 6)
  /// The event entered direct reclaim.
  public static let directReclaim = Outcome(rawValue: 1 << 7)
  /// An access to a tagged mapping without tag storage faulted.
  public static let faultOnAccess = Outcome(rawValue: 1 << 8)
  /// Tag storage was reserved for a page.
  public static let tagsReserved = Outcome(rawValue: 1 << 9)
  /// A reservation failed once and the fault was retried.
  public static let retried = Outcome(rawValue: 1 << 10)
  /// A page was replaced by one that can hold tags.
  public static let replaced = Outcome(rawValue: 1 << 11)
  /// Pages were migrated out of tag storage.
  public static let migrated = Outcome(rawValue: 1 << 12)
  /// An access could not make progress within the replay cap.
  public static let livelock = Outcome(rawValue: 1 << 13)
  /// No memory could be had, and no victim helped.
  public static let outOfMemory = Outcome(rawValue: 1 << 14)
  /// The out-of-memory killer ended a process.
  public static let outOfMemoryKill = Outcome(rawValue: 1 << 15)
  /// Nothing is mapped at the address: SIGSEGV, SEGV_MAPERR.
  public static let unmapped = Outcome(rawValue: 1 << 16)
  /// The mapping forbids the access: SIGSEGV, SEGV_ACCERR.
  public static let protected = Outcome(rawValue: 1 << 17)
  /// The pointer's tag differs from the granule's: a tag check fault.
  public static let tagMismatch = Outcome(rawValue: 1 << 18)
  /// The page belongs to a file, whose pages this machine does not model.
  public static let filePage = Outcome(rawValue: 1 << 19)
  /// A tag store to memory that is not tagged had no effect.
  public static let untagged = Outcome(rawValue: 1 << 20)
  /// Tags of a page were lost, and the loss was noticed.
  public static let tagsLost = Outcome(rawValue: 1 << 21)
  /// The process had already ended.
  public static let processGone = Outcome(rawValue: 1 << 22)

  /// The name of each step, as text traces write it, in the order in which they are printed.
  public static let stepNames: [(step: Outcome, name: String)] = [
    (.filePage, "file"), (.unmapped, "unmapped"), (.protected, "protected"),
    (.zeroPage, "zero-page"), (.zeroFill, "zero-fill"), (.swapCacheHit, "swap-cache"),
    (.swappedIn, "swapped-in"), (.copyOnWrite, "copy"), (.reuse, "reuse"),
    (.tagsRestored, "tags-restored"), (.tagsReserved, "reserved"),
    (.faultOnAccess, "fault-on-access"), (.retried, "retried"), (.replaced, "replaced"),
    (.migrated, "migrated"), (.directReclaim, "direct-reclaim"), (.livelock, "livelock"),
    (.outOfMemory, "out-of-memory"), (.outOfMemoryKill, "oom-kill"),
    (.tagMismatch, "tag-mismatch"), (.untagged, "untagged"), (.tagsLost, "tags-lost"),
    (.processGone, "process-gone"),
  ]

  /// A system call's refusal.
  public static func error(_ number: ErrorNumber) -> Outcome {
    Outcome(rawValue: UInt64(number.rawValue) << 48)
  }

  /// The error number of a refused system call, `nil` for any other outcome.
  public var errorNumber: ErrorNumber? { ErrorNumber(rawValue: UInt16(rawValue >> 48)) }
}

/// The error numbers that the modelled system calls return.
public enum ErrorNumber: UInt16, CaseIterable, Error, Sendable {
  /// Interrupted by a signal.
  case eintr = 4
  /// Not enough memory, or a limit reached.
  case enomem = 12
  /// Permission denied.
  case eacces = 13
  /// Bad address.
  case efault = 14
  /// Device or resource busy.
  case ebusy = 16
  /// Exists already.
  case eexist = 17
  /// Invalid argument.
  case einval = 22
  /// No space left.
  case enospc = 28

  /// The name as `errno.h` has it.
  public var name: String {
    switch self {
    case .eintr: "EINTR"
    case .enomem: "ENOMEM"
    case .eacces: "EACCES"
    case .efault: "EFAULT"
    case .ebusy: "EBUSY"
    case .eexist: "EEXIST"
    case .einval: "EINVAL"
    case .enospc: "ENOSPC"
    }
  }
}

extension Outcome: CustomStringConvertible {
  /// The names of the steps joined by `+`; `hit` for none; an error's name for a refused call.
  public var description: String {
    if let number = errorNumber { return number.name }
    let names = Self.stepNames.filter { contains($0.step) }.map(\.name)
    return names.isEmpty ? "hit" : names.joined(separator: "+")
  }

  /// Reads what `description` prints; `ok` means the same as `hit`.
  ///
  /// - Returns: `nil` where a name is unknown.
  public init?(_ text: some StringProtocol) {
    if text == "hit" || text == "ok" {
      self = .hit
      return
    }
    if let number = ErrorNumber.allCases.first(where: { $0.name == text }) {
      self = .error(number)
      return
    }
    var steps: Outcome = []
    for part in text.split(separator: "+", omittingEmptySubsequences: false) {
      guard let found = Self.stepNames.first(where: { $0.name == part }) else { return nil }
      steps.insert(found.step)
    }
    self = steps
  }
}
