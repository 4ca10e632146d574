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
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The page was present and allowed the access, or the system call succeeded.
  @inlinable public static var hit: Outcome { [] }
  /// A read of an untouched page mapped the zero page.
  @inlinable public static var zeroPage: Outcome { Outcome(rawValue: 1 << 0) }
  /// A write to an untouched page, or to the zero page, got a zeroed frame.
  @inlinable public static var zeroFill: Outcome { Outcome(rawValue: 1 << 1) }
  /// A write to a shared page got a copy.
  @inlinable public static var copyOnWrite: Outcome { Outcome(rawValue: 1 << 2) }
  /// A write to a page that nobody else uses any more made it writable.
  @inlinable public static var reuse: Outcome { Outcome(rawValue: 1 << 3) }
  /// A swapped page was found in the swap cache.
  @inlinable public static var swapCacheHit: Outcome { Outcome(rawValue: 1 << 4) }
  /// A swapped page was read from its device: a major fault.
  @inlinable public static var swappedIn: Outcome { Outcome(rawValue: 1 << 5) }
  /// Saved tags were written back to a page.
  @inlinable public static var tagsRestored: Outcome { Outcome(rawValue: 1 << 6) }
  /// The event entered direct reclaim.
  @inlinable public static var directReclaim: Outcome { Outcome(rawValue: 1 << 7) }
  /// An access to a tagged mapping without tag storage faulted.
  @inlinable public static var faultOnAccess: Outcome { Outcome(rawValue: 1 << 8) }
  /// Tag storage was reserved for a page.
  @inlinable public static var tagsReserved: Outcome { Outcome(rawValue: 1 << 9) }
  /// A reservation failed once and the fault was retried.
  @inlinable public static var retried: Outcome { Outcome(rawValue: 1 << 10) }
  /// A page was replaced by one that can hold tags.
  @inlinable public static var replaced: Outcome { Outcome(rawValue: 1 << 11) }
  /// Pages were migrated out of tag storage.
  @inlinable public static var migrated: Outcome { Outcome(rawValue: 1 << 12) }
  /// An access could not make progress within the replay cap.
  @inlinable public static var livelock: Outcome { Outcome(rawValue: 1 << 13) }
  /// No memory could be had, and no victim helped.
  @inlinable public static var outOfMemory: Outcome { Outcome(rawValue: 1 << 14) }
  /// The out-of-memory killer ended a process.
  @inlinable public static var outOfMemoryKill: Outcome { Outcome(rawValue: 1 << 15) }
  /// Nothing is mapped at the address: SIGSEGV, SEGV_MAPERR.
  @inlinable public static var unmapped: Outcome { Outcome(rawValue: 1 << 16) }
  /// The mapping forbids the access: SIGSEGV, SEGV_ACCERR.
  @inlinable public static var protected: Outcome { Outcome(rawValue: 1 << 17) }
  /// The pointer's tag differs from the granule's, and that is only reported.
  @inlinable public static var tagMismatch: Outcome { Outcome(rawValue: 1 << 18) }
  /// A page of a file was mapped.
  @inlinable public static var filePage: Outcome { Outcome(rawValue: 1 << 19) }
  /// A tag store to memory that is not tagged had no effect.
  @inlinable public static var untagged: Outcome { Outcome(rawValue: 1 << 20) }
  /// Tags of a page were lost, and the loss was noticed.
  @inlinable public static var tagsLost: Outcome { Outcome(rawValue: 1 << 21) }
  /// The process had already ended.
  @inlinable public static var processGone: Outcome { Outcome(rawValue: 1 << 22) }

  /// The access was not performed, because its pointer has the wrong tag: SIGSEGV, SEGV_MTESERR.
  @inlinable public static var tagCheckFault: Outcome { Outcome(rawValue: 1 << 23) }
  /// The access was performed though its pointer has the wrong tag, and the fault was latched.
  @inlinable public static var tagCheckLatched: Outcome { Outcome(rawValue: 1 << 24) }
  /// A fault that was latched before is delivered: SIGSEGV, SEGV_MTEAERR.
  @inlinable public static var asyncTagFault: Outcome { Outcome(rawValue: 1 << 25) }
  /// A tag store to an address inside a granule: SIGBUS, BUS_ADRALN.
  @inlinable public static var misaligned: Outcome { Outcome(rawValue: 1 << 26) }
  /// An instruction that programs may not use: SIGILL.
  @inlinable public static var undefined: Outcome { Outcome(rawValue: 1 << 27) }

  /// A read of an untouched page mapped a reference page.
  @inlinable public static var referencePage: Outcome { Outcome(rawValue: 1 << 28) }
  /// A page got a frame of its own with the content of its reference page.
  @inlinable public static var referenceFill: Outcome { Outcome(rawValue: 1 << 29) }
  /// The content of a reference page came from memory without tags, which count as tag 0.
  @inlinable public static var untaggedSource: Outcome { Outcome(rawValue: 1 << 30) }

  /// A page of a file that was not in memory was read: a major fault.
  @inlinable public static var fileRead: Outcome { Outcome(rawValue: 1 << 31) }
  /// A page of a file came from its copy in tag storage, and not from its disk.
  @inlinable public static var restored: Outcome { Outcome(rawValue: 1 << 32) }
  /// A clean page of a file, or a copy of one, was dropped from tag storage.
  @inlinable public static var dropped: Outcome { Outcome(rawValue: 1 << 33) }

  /// A guest's access had no stage-2 entry: the host mapped the page for its guest.
  @inlinable public static var stageTwoFault: Outcome { Outcome(rawValue: 1 << 34) }

  /// The name of each step, as text traces write it, in the order in which they are printed.
  public static let stepNames: [(step: Outcome, name: String)] = [
    (.filePage, "file"), (.fileRead, "file-read"), (.restored, "restored"), (.unmapped, "unmapped"),
    (.protected, "protected"),
    (.zeroPage, "zero-page"), (.zeroFill, "zero-fill"), (.swapCacheHit, "swap-cache"),
    (.swappedIn, "swapped-in"), (.copyOnWrite, "copy"), (.reuse, "reuse"),
    (.tagsRestored, "tags-restored"), (.tagsReserved, "reserved"),
    (.faultOnAccess, "fault-on-access"), (.stageTwoFault, "stage-2-fault"), (.retried, "retried"),
    (.replaced, "replaced"),
    (.migrated, "migrated"), (.dropped, "dropped"), (.directReclaim, "direct-reclaim"),
    (.livelock, "livelock"),
    (.outOfMemory, "out-of-memory"), (.outOfMemoryKill, "oom-kill"),
    (.tagMismatch, "tag-mismatch"), (.untagged, "untagged"), (.tagsLost, "tags-lost"),
    (.processGone, "process-gone"), (.tagCheckFault, "tag-check-fault"),
    (.tagCheckLatched, "tag-check-latched"), (.asyncTagFault, "async-tag-fault"),
    (.misaligned, "misaligned"), (.undefined, "undefined"),
    (.referencePage, "reference-page"), (.referenceFill, "reference-fill"),
    (.untaggedSource, "untagged-source"),
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
  /// No such device.
  case enoent = 2
  /// Interrupted by a signal.
  case eintr = 4
  /// Input or output error.
  case eio = 5
  /// Not an open descriptor.
  case ebadf = 9
  /// Try again later.
  case eagain = 11
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
  /// Too many open descriptors.
  case emfile = 24
  /// No space left.
  case enospc = 28
  /// Not supported there.
  case eopnotsupp = 95

  /// The name as `errno.h` has it.
  public var name: String {
    switch self {
    case .enoent: "ENOENT"
    case .eintr: "EINTR"
    case .eio: "EIO"
    case .ebadf: "EBADF"
    case .eagain: "EAGAIN"
    case .enomem: "ENOMEM"
    case .eacces: "EACCES"
    case .efault: "EFAULT"
    case .ebusy: "EBUSY"
    case .eexist: "EEXIST"
    case .einval: "EINVAL"
    case .emfile: "EMFILE"
    case .enospc: "ENOSPC"
    case .eopnotsupp: "EOPNOTSUPP"
    }
  }
}

extension Outcome: CustomStringConvertible {
  /// The names of the steps, and of the error of a refused call, joined by `+`; `hit` for none.
  public var description: String {
    var names = Self.stepNames.filter { contains($0.step) }.map(\.name)
    if let number = errorNumber { names.append(number.name) }
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
    var steps: Outcome = []
    for part in text.split(separator: "+", omittingEmptySubsequences: false) {
      if let found = Self.stepNames.first(where: { $0.name == part }) {
        steps.insert(found.step)
      } else if steps.errorNumber == nil,
        let number = ErrorNumber.allCases.first(where: { $0.name == part })
      {
        steps.formUnion(.error(number))
      } else {
        return nil
      }
    }
    self = steps
  }
}
