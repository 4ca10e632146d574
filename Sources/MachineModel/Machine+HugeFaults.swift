// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Transparent huge pages at faults.
//
// Simplified: the frames are mapped one by one, as if the huge page had been split at once, so that they are
// reclaimed, moved and given up one by one; a read fault maps the zero page, where the kernel could map a
// huge one; and a page table that was left empty does not keep a huge page away.
//
// Source: Linux v6.8 `do_huge_pmd_anonymous_page`, `vma_thp_gfp_mask` with `defrag` at its default.

/// Which mappings get huge pages at their first write.
public enum HugePagePolicy: String, CaseIterable, Sendable {
  /// None.
  case never
  /// Those that were advised to: `MADV_HUGEPAGE`.
  case madvise
  /// All but those that were advised against: `MADV_NOHUGEPAGE`.
  case always
}

extension Machine {
  /// Fills the huge page around an address with zeros, if it can have one.
  ///
  /// - Returns: whether the access can be performed now; `nil` where the fault goes on with one page.
  /// - Complexity: O(pages of a huge page).
  @inline(never)
  mutating func fillHugePage(
    around address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool? {
    guard let range = emptyHugeRange(around: address, of: process) else { return nil }
    guard growTables(of: process, for: address) else { return false }
    if !vma.hasReverseMap {
      processes[process].vmas.noteAnonymousWrite(at: address)
      chargeKernelObjects(of: process)
      guard processes[process].isAlive else { return false }
    }
    let isAdvised = vma.flags.contains(.hugePage)
    let allocation = allocateHugePage(
      tagged: vma.flags.wantsTagStorage,
      effort: isAdvised ? .reclaiming : .light,
      charging: process
    )
    guard case .taken(let head) = allocation else {
      counters.add(.thpFaultFallback)
      return nil
    }
    counters.add(.thpFaultAlloc)
    counters.add(.faultZeroFill)
    counters.add(.thpPagesZeroed, 1 << hugePageOrder - 1)
    steps.insert(.zeroFill)
    let index = processes[process].pageIndex
    for offset in 0..<1 << hugePageOrder {
      let number = VirtualPageNumber(rawValue: range.lowerBound.rawValue + UInt64(offset))
      let frame = PageFrameNumber(head.index + offset)
      let page = index.identifierAdding(number)
      mapHugePart(frame, at: page, isZero: true, in: vma, of: process)
    }
    return true
  }

  /// The aligned range of a huge page around an address, if it lies in one mapping that may have it, and
  /// nothing in it was touched yet.
  private func emptyHugeRange(
    around address: VirtualPageNumber,
    of process: Int
  ) -> Range<VirtualPageNumber>? {
    guard let area = processes[process].vmas.find(address), area.canHaveHugePages else {
      return nil
    }
    guard configuration.hugePages == .always || area.flags.contains(.hugePage) else { return nil }
    let pages = UInt64(1) << UInt64(hugePageOrder)
    let first = address.rawValue & ~(pages - 1)
    let start = VirtualPageNumber(rawValue: first)
    let end = VirtualPageNumber(rawValue: first + pages)
    guard area.start <= start, end <= area.end else { return nil }
    let table = processes[process].table
    for page in processes[process].pageIndex.identifiers(in: start..<end)
    where table.state(page) != .none {
      return nil
    }
    return start..<end
  }
}
