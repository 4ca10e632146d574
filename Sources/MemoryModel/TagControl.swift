// SPDX-License-Identifier: Apache-2.0

/// What happens when the tag of a pointer differs from that of the memory it points to.
public enum TagCheckMode: String, CaseIterable, Sendable {
  /// Nothing is compared.
  case none
  /// The access is not performed, and the thread gets SIGSEGV at once.
  case sync
  /// The access is performed, and the thread gets SIGSEGV at its next entry to the kernel.
  case async
  /// Loads as in `sync`, stores as in `async`.
  case asymm
  /// The access is performed, and counted; no hardware does this.
  case report
}

/// The argument of `prctl(PR_SET_TAGGED_ADDR_CTRL)`.
///
///     bit  0 enable      1 sync      2 async      18 ......... 3
///                                                 tags for IRG
///
/// Source: Linux v6.8 `PR_TAGGED_ADDR_ENABLE`, `PR_MTE_TCF_*`, `PR_MTE_TAG_MASK`.
public struct TagControl: OptionSet, Hashable, Sendable {
  /// The argument, any 64 bits; the kernel refuses those that mean nothing.
  public let rawValue: UInt64
  /// Creates a control from the argument.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// System calls accept tagged pointers.
  public static let enable = TagControl(rawValue: 1 << 0)
  /// Wrong tags may be treated as ``TagCheckMode/sync`` says.
  public static let sync = TagControl(rawValue: 1 << 1)
  /// Wrong tags may be treated as ``TagCheckMode/async`` says.
  public static let async = TagControl(rawValue: 1 << 2)
  /// All bits that mean something.
  public static let known = TagControl(rawValue: 1 << 19 - 1)

  /// The tags that IRG may choose, bit *t* for tag *t*.
  public var includedTags: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 3) }

  /// Creates a control that lets IRG choose certain tags.
  public static func include(_ tags: UInt16) -> TagControl {
    TagControl(rawValue: UInt64(tags) << 3)
  }
}

/// The `si_code` of a signal that an event can lead to; names are those of the kernel.
public enum SignalCode: String, CaseIterable, Sendable {
  /// SIGSEGV: nothing is mapped there.
  case segvMapErr = "SEGV_MAPERR"
  /// SIGSEGV: the mapping forbids the access.
  case segvAccErr = "SEGV_ACCERR"
  /// SIGSEGV: a tag check failed in an earlier access; the address is 0.
  case segvMTEAErr = "SEGV_MTEAERR"
  /// SIGSEGV: a tag check failed; the address carries the pointer's tag.
  case segvMTESErr = "SEGV_MTESERR"
  /// SIGBUS: a tag store whose address is not that of a granule.
  case busAdrAln = "BUS_ADRALN"
  /// SIGILL: an instruction that programs may not use.
  case illIllOpc = "ILL_ILLOPC"
}

/// A signal with its code and its address.
public struct Signal: Equatable, Sendable {
  /// Why.
  public var code: SignalCode
  /// `si_addr`: where, with the pointer's tag in bits 59 to 56 for a tag check.
  public var address: UInt64

  /// Creates a signal.
  public init(code: SignalCode, address: UInt64) {
    self.code = code
    self.address = address
  }
}

/// How `pin_user_pages` was asked to pin.
public struct PinFlags: OptionSet, Hashable, Sendable {
  /// The flags as bits; the numbers are our own.
  public let rawValue: UInt8
  /// Creates a set from its bits.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `FOLL_WRITE`: the pages will be written.
  public static let write = PinFlags(rawValue: 1)
  /// `FOLL_LONGTERM`: the pins may last, so that pages of CMA areas are moved away first.
  public static let longTerm = PinFlags(rawValue: 2)
  /// All bits that mean something.
  public static let known: PinFlags = [.write, .longTerm]
}
