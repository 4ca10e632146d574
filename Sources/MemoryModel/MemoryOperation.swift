// SPDX-License-Identifier: Apache-2.0

/// Page protection bits with the values of arm64 Linux.
public struct Protection: OptionSet, Hashable, Sendable {
  /// The bits as `mmap` takes them.
  public let rawValue: UInt8
  /// Creates a set from the bits that `mmap` takes.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `PROT_READ`.
  @inlinable public static var read: Protection { Protection(rawValue: 0x1) }
  /// `PROT_WRITE`.
  @inlinable public static var write: Protection { Protection(rawValue: 0x2) }
  /// `PROT_EXEC`.
  @inlinable public static var execute: Protection { Protection(rawValue: 0x4) }
  /// `PROT_SEM`.
  @inlinable public static var semaphore: Protection { Protection(rawValue: 0x8) }
  /// `PROT_BTI`.
  @inlinable public static var branchTarget: Protection { Protection(rawValue: 0x10) }
  /// `PROT_MTE`: the mapping is tagged.
  @inlinable public static var mte: Protection { Protection(rawValue: 0x20) }
}

/// The properties of a mapping that matter to the simulator.
public struct MappingFlags: OptionSet, Hashable, Sendable {
  /// The bits, as the trace container stores them.
  public let rawValue: UInt16
  /// Creates a set from stored bits.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// No file behind the mapping.
  public static let anonymous = MappingFlags(rawValue: 0x1)
  /// `MAP_SHARED`.
  public static let shared = MappingFlags(rawValue: 0x2)
  /// `MAP_FIXED`: replaces what is mapped there.
  public static let fixed = MappingFlags(rawValue: 0x4)
  /// `MAP_FIXED_NOREPLACE`: fails where something is mapped.
  public static let fixedNoReplace = MappingFlags(rawValue: 0x8)
  /// `MAP_POPULATE`: faults every page in.
  public static let populate = MappingFlags(rawValue: 0x10)
  /// `MAP_NORESERVE`.
  public static let noReserve = MappingFlags(rawValue: 0x20)
  /// `MAP_GROWSDOWN`.
  public static let growsDown = MappingFlags(rawValue: 0x40)
  /// The main thread's stack.
  public static let stack = MappingFlags(rawValue: 0x80)
  /// The heap that `brk` grows.
  public static let heap = MappingFlags(rawValue: 0x100)
  /// Nobody recorded the mapping: an importer added it, because the recording touches it.
  public static let inferred = MappingFlags(rawValue: 0x200)
}

/// The flags of `mremap`.
public struct RemapFlags: OptionSet, Hashable, Sendable {
  /// The bits as `mremap` takes them.
  public let rawValue: UInt8
  /// Creates a set from the bits that `mremap` takes.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `MREMAP_MAYMOVE`.
  public static let mayMove = RemapFlags(rawValue: 1)
  /// `MREMAP_FIXED`.
  public static let fixed = RemapFlags(rawValue: 2)
  /// `MREMAP_DONTUNMAP`.
  public static let dontUnmap = RemapFlags(rawValue: 4)
}

/// The advice of `madvise`, with Linux's numbers.
public enum Advice: UInt8, CaseIterable, Sendable {
  /// `MADV_NORMAL`.
  case normal = 0
  /// `MADV_RANDOM`.
  case random = 1
  /// `MADV_SEQUENTIAL`.
  case sequential = 2
  /// `MADV_WILLNEED`: swap-in read-ahead.
  case willNeed = 3
  /// `MADV_DONTNEED`: drops the pages.
  case dontNeed = 4
  /// `MADV_FREE`: lets reclaim drop the pages until they are written again.
  case free = 8
  /// `MADV_DONTFORK`.
  case dontFork = 10
  /// `MADV_DOFORK`.
  case doFork = 11
  /// `MADV_HUGEPAGE`.
  case hugePage = 14
  /// `MADV_NOHUGEPAGE`.
  case noHugePage = 15
  /// `MADV_WIPEONFORK`.
  case wipeOnFork = 18
  /// `MADV_KEEPONFORK`.
  case keepOnFork = 19
  /// `MADV_COLD`: deactivates the pages.
  case cold = 20
  /// `MADV_PAGEOUT`: reclaims the pages now.
  case pageOut = 21
  /// `MADV_POPULATE_READ`.
  case populateRead = 22
  /// `MADV_POPULATE_WRITE`.
  case populateWrite = 23
  /// `MADV_COLLAPSE`: brings the pages of huge pages together in one block each.
  case collapse = 25
}

/// One range of addresses that a process had mapped when recording began, or maps later.
public struct MappingRequest: Equatable, Sendable {
  /// The first byte; for a request without `fixed`, where the recorded kernel put the mapping.
  public var address: UInt64
  /// Bytes, as the program asked for them; the kernel rounds up to whole pages.
  public var length: UInt64
  /// The protection asked for.
  public var protection: Protection
  /// What kind of mapping it is.
  public var flags: MappingFlags
  /// The file behind it and the place in it, `nil` where the trace does not know them.
  public var file: MappedFile?

  /// Creates a request.
  public init(
    address: UInt64,
    length: UInt64,
    protection: Protection,
    flags: MappingFlags,
    file: MappedFile? = nil
  ) {
    self.address = address
    self.length = length
    self.protection = protection
    self.flags = flags
    self.file = file
  }
}

/// A file that a trace identifies, and the place in it where a mapping begins.
public struct MappedFile: Equatable, Sendable {
  /// The number of the file, by which all processes of the trace mean the same one.
  public var number: UInt32
  /// Bytes from the start of the file to the mapping: a multiple of the page size.
  public var offset: UInt64

  /// Names a file and a place in it.
  public init(number: UInt32, offset: UInt64 = 0) {
    self.number = number
    self.offset = offset
  }
}

/// An event other than a touch, an access or a tag store.
///
/// `result` is what the recorded kernel returned: an address, a count, zero, or a negative error
/// number. `nil` means that nobody recorded it, as in traces written by hand, and that the machine's
/// own answer counts.
public enum MemoryOperation: Equatable, Sendable {
  /// `mmap`, or a mapping that existed when recording began.
  case map(MappingRequest, result: Int64?)
  /// `munmap`.
  case unmap(address: UInt64, length: UInt64, result: Int64?)
  /// `mprotect`.
  case protect(address: UInt64, length: UInt64, protection: Protection, result: Int64?)
  /// `mremap`; `newAddress` is the address asked for with `fixed`, else where the mapping went.
  case remap(
    address: UInt64,
    oldLength: UInt64,
    newLength: UInt64,
    flags: RemapFlags,
    newAddress: UInt64,
    result: Int64?
  )
  /// `mmap` of a reference page's descriptor, private unless the flags say `shared`; `offset` is in
  /// bytes. The flags have `anonymous`, because no pages of a file are behind the mapping.
  case mapReference(MappingRequest, descriptor: UInt32, offset: UInt64, result: Int64?)
  /// `mmap` of anonymous memory whose untouched pages read as zeros with this tag.
  case mapTagged(MappingRequest, tag: MemoryTag, result: Int64?)
  /// `refpage_create`; the result is a descriptor.
  case createReference(ReferenceRequest, result: Int64?)
  /// `close` of a reference page's descriptor.
  case close(descriptor: UInt32, result: Int64?)
  /// `brk`: the new end of the heap asked for, 0 to ask where it is.
  ///
  /// A program's first call asks, and its result says where the heap begins, with nothing mapped.
  case brk(address: UInt64, result: Int64?)
  /// `madvise`.
  case advise(address: UInt64, length: UInt64, advice: Advice, result: Int64?)
  /// `prctl(PR_SET_TAGGED_ADDR_CTRL)` of the current thread.
  case tagControl(TagControl, result: Int64?)
  /// The current thread sets or clears PSTATE.TCO, which switches its tag checks off while it is set.
  case tagCheckOverride(isSet: Bool)
  /// An instruction of the current thread that has to do with tags.
  case tagInstruction(TagInstruction)
  /// `pin_user_pages` on behalf of the current process; the result is the number of pages.
  case pin(address: UInt64, length: UInt64, flags: PinFlags, result: Int64?)
  /// `unpin_user_pages` of pages that ``pin(address:length:flags:result:)`` pinned.
  case unpin(address: UInt64, length: UInt64)
  /// `ptrace(PTRACE_PEEKMTETAGS)` of whoever traces the current process: the tags of `count` granules,
  /// from the one at `address` to at most the end of its page. The value is how many were read.
  case peekTags(address: UInt64, count: Int)
  /// `ptrace(PTRACE_POKEMTETAGS)`: the same granules get these tags, one byte each.
  case pokeTags(address: UInt64, tags: [UInt8])
  /// The kernel writes the core dump of the current process. The value is how many pages it has the
  /// tags of.
  case coreDump
  /// `KVM_SET_USER_MEMORY_REGION` of a guest with MTE, whose monitor the current process is: memory slot
  /// `number` becomes `length` bytes from `address` on, whatever it was before; with 0 bytes it is deleted.
  case memorySlot(number: UInt32, address: UInt64, length: UInt64)
  /// The guest of the current process uses its memory.
  case guest(GuestAccess)
  /// The current process suspends the machine to disk, from where it comes back. The value is how many frames
  /// had tags.
  case hibernate
  /// `swapoff` of one of the machine's devices, counted from 0, called by the current process.
  case swapOff(device: UInt32)
  /// `swapon` of one of the machine's devices that was switched off.
  case swapOn(device: UInt32)
  /// The kernel read from (`intoUser` false) or wrote to (`intoUser` true) user memory.
  case kernelCopy(address: UInt64, length: UInt64, intoUser: Bool)
  /// The records that follow belong to this thread of the current process.
  case thread(UInt32)
  /// The records that follow belong to this process of the trace; the first process is 0.
  case process(UInt32)
  /// The current process forks; the child gets this number, and the parent goes on.
  case fork(child: UInt32)
  /// The current process replaces its address space by an empty one.
  case exec
  /// The current process ends with this status.
  case exit(status: Int32)
  /// A named point in time.
  case mark(String)
  /// The tags of one page as the recorder's own tag memory held them at this point: `page` is the
  /// virtual page number, `tags` holds `PageSize.tagBytes` bytes, even granule in the low nibble.
  case tagSnapshot(page: UInt64, tags: [UInt8])
  /// What the previous event must have led to; replay fails when it did not.
  case expect(Expectation)
  /// The tags that memory must hold, one byte a granule, from the granule at `address` to at most
  /// the end of its page; replay fails when it does not. The check itself touches nothing.
  case expectTags(address: UInt64, tags: [UInt8])
}

/// What the writer of a trace says the previous event leads to.
public enum Expectation: Equatable, Sendable {
  /// Exactly these steps.
  case outcome(Outcome)
  /// A value: the address of a mapping, the break, a number of pages, a pointer, a mask or a tag.
  case value(UInt64)
  /// A signal.
  case signal(Signal)
}
