// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Where a handle says that its tags are.
public enum TagPlace: Hashable, Sendable {
  /// In the handle itself.
  case inline
  /// In an object of this class at a kernel address.
  case object(address: UInt64, sizeClass: TagSizeClass)
}

extension TagCodec {
  /// The handle of an object of `sizeClass` at `address`.
  ///
  /// - Precondition: `sizeClass` is one of the codec's and not inline, and `address` is a kernel
  ///   address (bits 63 to 60 are ones) that is a multiple of 64 or of the object's size, if that
  ///   is less.
  /// - Complexity: O(1).
  public func handle(address: UInt64, sizeClass: TagSizeClass) -> TagHandle {
    precondition(
      address >> 60 == 0b1111 && address & (classMask | 1) == 0,
      "0x\(String(address, radix: 16)) is not the address of an object"
    )
    return TagHandle(truncating: address | classIdentifier(of: sizeClass))
  }

  /// Where `handle` leads, by the rule of the codec and without looking there.
  ///
  /// The object need not exist, and its class need not be one of the codec's: a corrupt handle may
  /// say anything, and so does the posted v5 codec for some pages.
  ///
  /// - Complexity: O(1).
  public func place(of handle: TagHandle, pageSize: PageSize) -> TagPlace {
    let isInline: Bool
    switch self {
    case .raw: isInline = false
    case .mtecomp, .mtecompV5, .xnuRunLength: isInline = !handle.looksLikeAddress
    case .mtecompV11: isInline = handle.rawValue & 1 == 1
    }
    if isInline { return .inline }
    let identifier = Int(handle.rawValue & classMask)
    let bytes: Int
    switch self {
    case .raw, .mtecompV11: bytes = pageSize.tagBytes
    case .mtecomp, .mtecompV5: bytes = 16 << identifier
    case .xnuRunLength: bytes = (identifier + 1) * XNURunLength.slotBytes
    }
    return .object(
      address: (handle.rawValue | 1 << 63) & ~classMask,
      sizeClass: TagSizeClass(bytes: bytes)
    )
  }

  /// Whether saving what was encoded takes an object, even if only for a moment.
  ///
  /// The v11 codec takes its buffer before it knows whether the tags fit the handle, and gives it
  /// back if they do.
  public func allocatesObject(for encoded: EncodedTags) -> Bool {
    self == .mtecompV11 || !encoded.sizeClass.isInline
  }

  /// Whether a refused allocation costs the tags instead of the swap-out.
  ///
  /// The posted v5 codec takes temporaries for every page; where it gets none, or no object, its
  /// handle is 0, which is stored as that of any page.
  public var losesTagsWithoutMemory: Bool { self == .mtecompV5 }

  /// Whether the codec's statistics count the release of `handle`.
  ///
  /// The posted v5 codec takes handle 0, a page of zero tags, for an entry without tags.
  public func reportsRelease(of handle: TagHandle) -> Bool {
    self != .mtecompV5 || handle.rawValue != 0
  }

  /// The low bits of a handle that say the size class.
  private var classMask: UInt64 {
    switch self {
    case .raw, .mtecompV11: 0
    case .mtecomp, .mtecompV5: 7
    case .xnuRunLength: 63
    }
  }

  private func classIdentifier(of sizeClass: TagSizeClass) -> UInt64 {
    switch self {
    case .raw, .mtecompV11: 0
    case .mtecomp, .mtecompV5: UInt64((sizeClass.bytes / 16).trailingZeroBitCount)
    case .xnuRunLength: UInt64(sizeClass.bytes / XNURunLength.slotBytes - 1)
    }
  }
}
