// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel

/// What a fault needs to know of the VMA it happens in: 12 bytes that travel in registers, where the
/// VMA itself is 88 bytes that would be copied from one step of the fault to the next.
struct FaultArea {
  /// Its properties.
  let flags: VMAFlags
  /// The reference page behind it, where its flags say that there is one.
  let fileIdentity: UInt32
  /// Its protection.
  let protection: Protection
  /// Whether it was written to before, so that its private pages have a reverse map.
  let hasReverseMap: Bool

  @inline(__always)
  init(_ vma: borrowing VirtualMemoryArea) {
    flags = vma.flags
    protection = vma.protection
    fileIdentity = vma.fileIdentity
    hasReverseMap = vma.anonVMA != 0
  }

  /// Whether the mapping's protection allows an access; arm64 user mappings that can be written can
  /// be read, too.
  @inline(__always)
  func allows(isWrite: Bool) -> Bool {
    protection.contains(.write) || !isWrite && !protection.isDisjoint(with: [.read, .write])
  }
}
