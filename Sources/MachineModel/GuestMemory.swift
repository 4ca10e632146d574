// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel

/// The memory that a process gives to a guest whose monitor it is.
///
/// Source: Linux v6.8 `struct kvm_memory_slot`; limits as on arm64.
struct GuestMemory {
  /// Memory slots of one guest: `KVM_USER_MEM_SLOTS`.
  static let slotLimit: UInt32 = 32_764

  /// A memory slot.
  struct Slot {
    /// Its number, below ``slotLimit``.
    var number: UInt32
    /// Its pages in the monitor's address space.
    var pages: Range<VirtualPageNumber>
  }

  /// The slots, by number.
  private(set) var slots: [Slot] = []
  /// The frame of each page that has a stage-2 entry; asked for single pages and never read in order.
  private var entries: [PageIdentifier: UInt32] = [:]

  /// The pages of a slot, `nil` where there is none of the number.
  func pages(ofSlot number: UInt32) -> Range<VirtualPageNumber>? {
    slots.first { $0.number == number }?.pages
  }

  /// Whether a slot holds a page.
  func contains(_ page: VirtualPageNumber) -> Bool {
    slots.contains { $0.pages.contains(page) }
  }

  /// Makes, moves or, with `nil`, deletes a slot.
  mutating func setSlot(_ number: UInt32, to pages: Range<VirtualPageNumber>?) {
    slots.removeAll { $0.number == number }
    guard let pages else { return }
    let place = slots.firstIndex { $0.number > number } ?? slots.count
    slots.insert(Slot(number: number, pages: pages), at: place)
  }

  // MARK: Stage-2 entries

  /// Whether a page has a stage-2 entry that leads to a frame.
  func hasEntry(_ page: PageIdentifier, to frame: UInt32) -> Bool { entries[page] == frame }

  /// Notes a stage-2 entry.
  mutating func addEntry(_ page: PageIdentifier, to frame: UInt32) { entries[page] = frame }

  /// Takes a stage-2 entry away, if there is one.
  mutating func removeEntry(_ page: PageIdentifier) { entries[page] = nil }

  /// Takes the stage-2 entries away whose pages `isGone` names.
  mutating func removeEntries(where isGone: (PageIdentifier) -> Bool) {
    entries = entries.filter { !isGone($0.key) }
  }
}
