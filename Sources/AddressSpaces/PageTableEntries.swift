// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

/// The entries of one page table, and how many of them have a frame or a slot.
///
/// They are one noncopyable value, so that ``PageTable`` changes an entry in a single access to its
/// storage: each access to a property of a class is checked at run time, which is most of its cost.
struct PageTableEntries: ~Copyable {
  private var bytes: FlatStorage<UInt8>
  private var targets: FlatStorage<UInt32>
  private(set) var residentPages = 0
  private(set) var swapEntries = 0

  init(capacity: Int) {
    bytes = FlatStorage(repeating: 0, count: capacity)
    targets = FlatStorage(repeating: 0, count: capacity)
  }

  var capacity: Int { bytes.count }

  /// The byte of an entry, 0 where there is no room for it yet.
  func byte(_ page: PageIdentifier) -> UInt8 {
    Int(page) < bytes.count ? bytes[Int(page)] : 0
  }

  func target(_ page: PageIdentifier) -> UInt32 {
    Int(page) < targets.count ? targets[Int(page)] : 0
  }

  mutating func reserve(_ capacity: Int) {
    guard capacity > bytes.count else { return }
    let grown = capacity + capacity / 2
    bytes.grow(to: grown, repeating: 0)
    targets.grow(to: grown, repeating: 0)
  }

  /// Replaces an entry and keeps the counts.
  mutating func set(_ page: PageIdentifier, byte: UInt8, target: UInt32) {
    reserve(Int(page) + 1)
    let old = bytes[Int(page)]
    residentPages += (Self.hasFrame(byte) ? 1 : 0) - (Self.hasFrame(old) ? 1 : 0)
    swapEntries += (Self.hasSlot(byte) ? 1 : 0) - (Self.hasSlot(old) ? 1 : 0)
    bytes[Int(page)] = byte
    targets[Int(page)] = target
  }

  /// Replaces the five flags of an entry, whose state must not be ``EntryState/none``.
  mutating func setFlags(_ page: PageIdentifier, _ flags: EntryFlags) {
    let old = byte(page)
    precondition(old >> EntryState.shift != 0, "page-table entry \(page) is empty")
    bytes[Int(page)] = old & ~EntryFlags.all.rawValue | flags.intersection(.all).rawValue
  }

  /// Clears the young flag of an entry, and says whether it was set.
  mutating func clearYoung(_ page: PageIdentifier) -> Bool {
    let old = byte(page)
    guard old & EntryFlags.young.rawValue != 0 else { return false }
    bytes[Int(page)] = old & ~EntryFlags.young.rawValue
    return true
  }

  /// Replaces the target of an entry, which must have one.
  mutating func setTarget(_ page: PageIdentifier, _ target: UInt32) {
    let held = byte(page)
    precondition(
      Self.hasFrame(held) || Self.hasSlot(held),
      "page-table entry \(page) has no target, state \(held >> EntryState.shift)"
    )
    targets[Int(page)] = target
  }

  mutating func withBytes<Result>(_ body: (inout MutableSpan<UInt8>) -> Result) -> Result {
    bytes.withMutableSpan(0..<bytes.count, body)
  }

  /// Whether the state is ``EntryState/frame`` or ``EntryState/faultOnAccess``: 2 or 3.
  private static func hasFrame(_ byte: UInt8) -> Bool { byte >> 6 == 1 }

  /// Whether the state is ``EntryState/swap`` or ``EntryState/swapExclusive``: 4 or 5.
  private static func hasSlot(_ byte: UInt8) -> Bool { byte >> 6 == 2 }
}
