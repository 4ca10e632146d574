// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel

/// The page table of a process as the machine's methods use it: without counting references.
///
/// Taking the table itself out of the array of processes would count one reference up and one down
/// for each use, two locked instructions that cost more than the look-up they surround.
///
/// It is sound because a ``Process`` owns its table by a constant, and the machine keeps every process
/// it ever had until it ends itself: nothing removes an element of its array. A value of this type is
/// stored in ``Process/table`` beside the constant, and elsewhere lives in one method of the machine.
@safe struct ProcessTable {
  private let reference: Unmanaged<PageTable>

  @inline(__always)
  init(_ table: PageTable) {
    unsafe reference = .passUnretained(table)
  }

  @inline(__always)
  func flags(_ page: PageIdentifier) -> EntryFlags {
    unsafe reference._withUnsafeGuaranteedRef { $0.flags(page) }
  }

  @inline(__always)
  func state(_ page: PageIdentifier) -> EntryState {
    unsafe reference._withUnsafeGuaranteedRef { $0.state(page) }
  }

  @inline(__always)
  func target(_ page: PageIdentifier) -> UInt32 {
    unsafe reference._withUnsafeGuaranteedRef { $0.target(page) }
  }

  @inline(__always)
  func prefetchTarget(_ page: PageIdentifier) {
    unsafe reference._withUnsafeGuaranteedRef { $0.prefetchTarget(page) }
  }

  @inline(__always)
  func frame(_ page: PageIdentifier) -> PageFrameNumber? {
    unsafe reference._withUnsafeGuaranteedRef { $0.frame(page) }
  }

  @inline(__always)
  func setFlags(_ page: PageIdentifier, _ flags: EntryFlags) {
    unsafe reference._withUnsafeGuaranteedRef { $0.setFlags(page, flags) }
  }

  @inline(__always)
  func setEntry(
    _ page: PageIdentifier,
    state: EntryState,
    flags: EntryFlags,
    target: UInt32
  ) {
    unsafe reference._withUnsafeGuaranteedRef {
      $0.setEntry(page, state: state, flags: flags, target: target)
    }
  }

  @inline(__always)
  func clear(_ page: PageIdentifier) {
    unsafe reference._withUnsafeGuaranteedRef { $0.clear(page) }
  }

  @inline(__always)
  func move(_ source: PageIdentifier, to destination: PageIdentifier) {
    unsafe reference._withUnsafeGuaranteedRef { $0.move(source, to: destination) }
  }

  @inline(__always)
  func clearYoung(_ page: PageIdentifier) -> Bool {
    unsafe reference._withUnsafeGuaranteedRef { $0.clearYoung(page) }
  }

  @inline(__always)
  func withFlags<Result>(_ body: (inout MutableSpan<UInt8>) -> Result) -> Result {
    unsafe reference._withUnsafeGuaranteedRef { $0.withFlags(body) }
  }

  @inline(__always)
  func noteMapped(_ page: VirtualPageNumber) -> Int {
    unsafe reference._withUnsafeGuaranteedRef { $0.noteMapped(page) }
  }

  @discardableResult
  func releaseTables(
    _ range: Range<VirtualPageNumber>,
    within bounds: Range<VirtualPageNumber>
  ) -> Int {
    unsafe reference._withUnsafeGuaranteedRef { $0.releaseTables(range, within: bounds) }
  }

  func releaseAllTables() {
    unsafe reference._withUnsafeGuaranteedRef { $0.releaseAllTables() }
  }

  var residentPages: Int { unsafe reference._withUnsafeGuaranteedRef { $0.residentPages } }

  var swapEntries: Int { unsafe reference._withUnsafeGuaranteedRef { $0.swapEntries } }

  var tablePages: Int { unsafe reference._withUnsafeGuaranteedRef { $0.tablePages } }
}
