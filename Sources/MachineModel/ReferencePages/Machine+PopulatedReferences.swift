// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory

// Reference pages without a shared page: populate-on-fault and own-fault-callback.
// Source: replies to the reference-pages patch; specification of the kernel around us, section 10.4.

extension Machine {
  /// Fills a page on any first touch.
  ///
  /// Filled by the kernel's own fault handler, a page of a writable mapping is mapped writable and dirty
  /// even for a read, as every anonymous page is. A callback only returns the page to a handler that
  /// maps it for the access at hand, so that a first write after a read is a fault of its own.
  ///
  /// Source: Linux v6.8 `do_anonymous_page` and `do_read_fault`.
  mutating func populateFromReference(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    guard let frame = fillFrame(at: address, in: vma, of: process) else { return false }
    let mapsForWriting = isWrite || !vma.flags.contains(.fileOperations)
    mapFrame(
      frame,
      at: page,
      in: vma,
      of: process,
      writable: mapsForWriting,
      dirty: mapsForWriting && vma.protection.contains(.write)
    )
    addToBatch(frame)
    note(.reference, process: process, page: page)
    return true
  }
}
