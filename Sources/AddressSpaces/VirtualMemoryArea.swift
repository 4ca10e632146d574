// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The properties of a VMA beside its read, write and execute permission.
///
///     bit  0 mte            1 mteAllowed     2 shared       3 file
///     bit  4 growsDown      5 noReserve      6 accounted    7 locked
///     bit  8 wipeOnFork     9 dontFork      10 randomRead  11 sequentialRead
///     bit 12 hugePage      13 noHugePage    14 neverWritable  15 reference
///     bit 16 stack         17 heap          18 fileOperations  19 guestMTE
///
/// Two VMAs merge only when all but the ``labels`` are equal.
///
/// Source: Linux v6.8 `vm_flags_t`; the bit numbers are our own.
public struct VMAFlags: OptionSet, Hashable, Sendable {
  /// The flags as bits.
  public let rawValue: UInt32
  /// Creates a set from its bits.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `VM_MTE`: the pages are Tagged memory; once set it stays.
  @inlinable public static var mte: VMAFlags { VMAFlags(rawValue: 1 << 0) }
  /// `VM_MTE_ALLOWED`: `PROT_MTE` is accepted.
  @inlinable public static var mteAllowed: VMAFlags { VMAFlags(rawValue: 1 << 1) }
  /// `VM_SHARED`: writes reach every process that maps the pages.
  @inlinable public static var shared: VMAFlags { VMAFlags(rawValue: 1 << 2) }
  /// A file is behind the mapping.
  @inlinable public static var file: VMAFlags { VMAFlags(rawValue: 1 << 3) }
  /// `VM_GROWSDOWN`: a fault below the VMA may extend it.
  @inlinable public static var growsDown: VMAFlags { VMAFlags(rawValue: 1 << 4) }
  /// `VM_NORESERVE`: no memory is committed for it.
  @inlinable public static var noReserve: VMAFlags { VMAFlags(rawValue: 1 << 5) }
  /// `VM_ACCOUNT`: memory is committed for it.
  @inlinable public static var accounted: VMAFlags { VMAFlags(rawValue: 1 << 6) }
  /// `VM_LOCKED`: its pages stay in memory.
  @inlinable public static var locked: VMAFlags { VMAFlags(rawValue: 1 << 7) }
  /// `VM_WIPEONFORK`: a child sees it untouched.
  @inlinable public static var wipeOnFork: VMAFlags { VMAFlags(rawValue: 1 << 8) }
  /// `VM_DONTCOPY`: a child does not get it.
  @inlinable public static var dontFork: VMAFlags { VMAFlags(rawValue: 1 << 9) }
  /// `VM_RAND_READ`.
  @inlinable public static var randomRead: VMAFlags { VMAFlags(rawValue: 1 << 10) }
  /// `VM_SEQ_READ`.
  @inlinable public static var sequentialRead: VMAFlags { VMAFlags(rawValue: 1 << 11) }
  /// `VM_HUGEPAGE`.
  @inlinable public static var hugePage: VMAFlags { VMAFlags(rawValue: 1 << 12) }
  /// `VM_NOHUGEPAGE`.
  @inlinable public static var noHugePage: VMAFlags { VMAFlags(rawValue: 1 << 13) }
  /// `VM_MAYWRITE` is missing: write permission cannot be had by `mprotect`.
  @inlinable public static var neverWritable: VMAFlags { VMAFlags(rawValue: 1 << 14) }
  /// Untouched pages have the content of a reference page.
  ///
  /// With ``file`` it is that of a descriptor, without it that of a tag which the kernel keeps.
  @inlinable public static var reference: VMAFlags { VMAFlags(rawValue: 1 << 15) }
  /// A ``reference`` mapping with operations of its own (`vm_ops`), so that it is not anonymous.
  @inlinable public static var fileOperations: VMAFlags { VMAFlags(rawValue: 1 << 18) }
  /// `VM_MTE_KVM`: memory of a guest with MTE, so that its pages are asked for as tagged ones are.
  ///
  /// Source: dynamic tag storage RFC v3.
  @inlinable public static var guestMTE: VMAFlags { VMAFlags(rawValue: 1 << 19) }

  /// Whether pages are asked for that can hold tags.
  @inlinable public var wantsTagStorage: Bool { !isDisjoint(with: [.mte, .guestMTE]) }

  /// The main thread's stack; a name, not a property.
  @inlinable public static var stack: VMAFlags { VMAFlags(rawValue: 1 << 16) }
  /// The heap that `brk` grows; a name, not a property.
  @inlinable public static var heap: VMAFlags { VMAFlags(rawValue: 1 << 17) }

  /// The flags that only name a VMA; the kernel finds these areas by address, so that they do not
  /// keep neighbours from merging, and a merged VMA has the names of both.
  @inlinable public static var labels: VMAFlags { [.stack, .heap] }
}

/// The file behind a mapping, where the caller knows it.
public struct FileBacking: Equatable, Sendable {
  /// Identities from here on are given by ``VMASet`` itself.
  public static let firstOwnIdentity: UInt32 = 1 << 31

  /// The caller's number for the file, 1 to 2^31 - 1.
  public var identity: UInt32
  /// Where in the file the mapping starts, in pages.
  public var pageOffset: UInt64

  /// What kind of mapping the file makes.
  public var kind: Kind

  /// A kind of mapping.
  public enum Kind: Sendable {
    /// Pages of a file; the VMA has the file's operations.
    case file
    /// Pages with the content of a reference page; the VMA keeps the file but has no operations, so
    /// that it counts as anonymous.
    case referencePage
    /// Pages with the content of a reference page, by operations of the file.
    case referenceOperations
    /// Pages with the content that the kernel keeps for a tag; there is no file, and the page offset
    /// follows the address.
    case referenceTag
  }

  /// Names a file and a place in it.
  ///
  /// - Precondition: `identity` is in 1..<2^31.
  public init(identity: UInt32, pageOffset: UInt64, kind: Kind = .file) {
    precondition(
      identity > 0 && identity < Self.firstOwnIdentity,
      "file identity \(identity) is not in 1..<2^31"
    )
    self.identity = identity
    self.pageOffset = pageOffset
    self.kind = kind
  }

  /// What the VMA is marked with.
  var flags: VMAFlags {
    switch kind {
    case .file: .file
    case .referencePage: [.file, .reference]
    case .referenceOperations: [.file, .reference, .fileOperations]
    case .referenceTag: .reference
    }
  }
}

/// A range of virtual pages with equal properties: one VMA of a process.
///
/// Source: Linux v6.8 `struct vm_area_struct`.
public struct VirtualMemoryArea: Equatable, Sendable {
  /// The first page.
  public internal(set) var start: VirtualPageNumber
  /// The page after the last one.
  public internal(set) var end: VirtualPageNumber
  /// Read, write, execute and branch-target permission; `PROT_MTE` is ``VMAFlags/mte``.
  public internal(set) var protection: Protection
  /// All other properties.
  public internal(set) var flags: VMAFlags
  /// Which file, or which reference page, is behind it; 0 for private anonymous memory.
  ///
  /// A shared anonymous mapping is backed by a file of its own, as in the kernel.
  public internal(set) var fileIdentity: UInt32
  /// The number of `start` in the file, in pages; for private anonymous memory the page number that
  /// the mapping had when it was first written to.
  public internal(set) var pageOffset: UInt64
  /// Which reverse map its private pages belong to; 0 until the first write fault.
  public internal(set) var anonVMA: UInt32
  /// Whether ``anonVMA`` came with a fork, so that pages may belong to an ancestor, too.
  public internal(set) var forkInherited: Bool
  /// The state of VMA-based swap read-ahead, which this module only keeps; 0 at first.
  public internal(set) var readAhead: UInt64

  /// The pages as a half-open range.
  public var pages: Range<VirtualPageNumber> { start..<end }

  /// The number of pages, at least 1.
  public var pageCount: Int { pages.pageCount }

  /// Whether there is neither a file behind it nor another process that shares it.
  public var isPrivateAnonymous: Bool { flags.isDisjoint(with: [.file, .shared]) }

  /// Whether it is private and no file's operations fill it, so that its pages are anonymous from the
  /// first on, though it may keep a file.
  ///
  /// Source: Linux v6.8 `vma_is_anonymous`.
  public var isFilledByKernel: Bool {
    flags.isDisjoint(with: [.shared, .fileOperations])
      && (!flags.contains(.file) || flags.contains(.reference))
  }

  /// Whether a guest with MTE may have the pages: private anonymous memory that may be tagged.
  ///
  /// Those of reference pages are not modelled as a guest's.
  ///
  /// Source: Linux v6.8 arm64 `kvm_vma_mte_allowed`.
  public var mayBelongToGuest: Bool {
    flags.contains(.mteAllowed) && flags.isDisjoint(with: [.shared, .file, .reference])
  }

  /// Whether huge pages may lie in it, as far as it is large enough: it is private, the kernel fills it with
  /// zeros, and nobody has advised against it.
  ///
  /// Source: Linux v6.8 `hugepage_vma_check`; huge pages of files and of shared memory are left out.
  public var canHaveHugePages: Bool {
    isFilledByKernel && flags.isDisjoint(with: [.reference, .noHugePage])
  }

  /// Whether the pages are Tagged memory.
  public var isTagged: Bool { flags.contains(.mte) }

  /// The part of the VMA that lies in `range`.
  ///
  /// - Precondition: the two overlap.
  public func clipped(to range: Range<VirtualPageNumber>) -> VirtualMemoryArea {
    let kept = pages.clamped(to: range)
    precondition(!kept.isEmpty, "VMA \(pages) does not overlap \(range)")
    var part = self
    part.start = kept.lowerBound
    part.end = kept.upperBound
    part.pageOffset += kept.lowerBound.rawValue - start.rawValue
    return part
  }
}
