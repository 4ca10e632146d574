// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// `MADV_COLLAPSE`: what khugepaged does, at once and for the caller. The pages of each aligned range that
// one huge page could map are copied to a block of neighbouring frames, with their tags.
//
// Simplified: the frames of the block are mapped one by one afterwards, as if the huge page had been split
// at once, and a range that was collapsed before is collapsed again. Swapped pages come back by faults that
// count as such.
//
// Source: Linux v6.8 `madvise_collapse`, `hpage_collapse_scan_pmd`, `collapse_huge_page`; specification of
// tag storage, section 9.

/// What came of collapsing one range.
private enum CollapseResult: Equatable {
  /// The range has its block.
  case done
  /// The range stays as it is; the next one is tried.
  case refused(ErrorNumber)
  /// The range stays as it is, and so do all after it.
  case stopped(ErrorNumber)
}

extension Machine {
  /// Collapses every aligned range of a huge page's size that lies in `range`, mapping by mapping.
  ///
  /// - Precondition: every mapping in `range` can have huge pages and has had a page.
  /// - Returns: `nil` where all of them have their blocks afterwards; otherwise the last reason: ENOMEM
  ///   where no block could be allocated, EBUSY where the memory group could not be charged, EAGAIN where
  ///   a page is pinned or on no LRU list, and EINVAL for everything else: no page that may be written, a
  ///   page that could not be brought back from swap, a mapping without room for an aligned huge page, or
  ///   a tagged one under a design that refuses. What was collapsed before stays.
  mutating func collapse(_ range: Range<VirtualPageNumber>, of process: Int) -> ErrorNumber? {
    for part in processes[process].vmas.ranges(in: range) {
      if let error = collapsePart(part.pages, of: process) { return error }
      guard processes[process].isAlive else { return nil }
    }
    return nil
  }

  /// Collapses the part of one mapping.
  private mutating func collapsePart(
    _ part: Range<VirtualPageNumber>,
    of process: Int
  ) -> ErrorNumber? {
    guard let area = processes[process].vmas.find(part.lowerBound) else {
      preconditionFailure("no VMA at \(part.lowerBound) of process \(process)")
    }
    guard !(area.isTagged && policy.collapse == .refused) else { return .einval }
    guard let fitting = hugeRange(in: area.pages), !fitting.isEmpty else { return .einval }
    // A part that ends in the huge page in which it begins holds none, which the kernel refuses; one that
    // ends where its first huge page would begin holds none, either, which it does not.
    guard let whole = hugeRange(in: part) else { return .einval }
    drainAllBatches()
    var failure: ErrorNumber?
    var first = whole.lowerBound.rawValue
    while first < whole.upperBound.rawValue {
      let next = first + 1 << UInt64(hugePageOrder)
      let pages = VirtualPageNumber(rawValue: first)..<VirtualPageNumber(rawValue: next)
      switch collapseOne(pages, in: FaultArea(area), of: process) {
      case .done: break
      case .refused(let error): failure = error
      case .stopped(let error): return error
      }
      guard processes[process].isAlive else { return failure }
      first = next
    }
    return failure
  }

  /// The part of a range that whole, aligned huge pages cover, `nil` where the range begins and ends within
  /// one.
  func hugeRange(in range: Range<VirtualPageNumber>) -> Range<VirtualPageNumber>? {
    let mask = UInt64(1) << UInt64(hugePageOrder) - 1
    let start = (range.lowerBound.rawValue + mask) & ~mask
    let end = range.upperBound.rawValue & ~mask
    guard start <= end else { return nil }
    return VirtualPageNumber(rawValue: start)..<VirtualPageNumber(rawValue: end)
  }

  /// Collapses one aligned range.
  private mutating func collapseOne(
    _ range: Range<VirtualPageNumber>,
    in vma: FaultArea,
    of process: Int
  ) -> CollapseResult {
    if let error = obstacle(to: range, whereSwapped: .isAllowed, of: process) {
      return .refused(error)
    }
    let head: PageFrameNumber
    // A guest's pages are not in a tagged mapping, which alone is refused.
    let isTagged = vma.flags.wantsTagStorage && policy.collapse != .untagged
    switch allocateHugePage(tagged: isTagged, effort: .reclaiming, charging: process) {
    case .noBlock:
      counters.add(.thpCollapseAllocFailed)
      return .stopped(.enomem)
    case .noCharge:
      counters.add(.thpCollapseAlloc)
      return .stopped(.ebusy)
    case .taken(let frame):
      counters.add(.thpCollapseAlloc)
      head = frame
    }
    guard bringBack(range, of: process) else {
      freeHugePage(head)
      return .stopped(.einval)
    }
    // Reclaim for the block, or for the pages that came back, may have taken others.
    if let error = obstacle(to: range, whereSwapped: .isRefused, of: process) {
      freeHugePage(head)
      return .refused(error)
    }
    move(range, to: head, in: vma, of: process)
    return .done
  }

  /// What becomes of a range with swapped pages.
  private enum SwappedPages: Equatable {
    /// They are brought back.
    case isAllowed
    /// It is not collapsed.
    case isRefused
  }

  /// Why a range cannot be collapsed now, `nil` where it can.
  ///
  /// Pages that other processes share are no obstacle: they are copied as for a write.
  private func obstacle(
    to range: Range<VirtualPageNumber>,
    whereSwapped swapped: SwappedPages,
    of process: Int
  ) -> ErrorNumber? {
    let table = processes[process].table
    var isWritable = false
    for page in processes[process].pageIndex.identifiers(in: range) {
      switch table.state(page) {
      case .none, .zeroPage: break
      case .filePage: return .einval
      case .swap, .swapExclusive:
        if swapped == .isRefused { return .einval }
      case .frame, .faultOnAccess:
        let frame = PageFrameNumber(rawValue: table.target(page))
        let flags = frames[frame].flags
        guard flags.contains(.onList), flags.isDisjoint(with: [.pinned, .held]) else {
          return .eagain
        }
        if table.flags(page).contains(.writable) { isWritable = true }
      }
    }
    return isWritable ? nil : .einval
  }

  /// Brings the swapped pages of a range back.
  ///
  /// - Returns: whether all came, and the process is alive.
  private mutating func bringBack(
    _ range: Range<VirtualPageNumber>,
    of process: Int
  ) -> Bool {
    let table = processes[process].table
    var isRetry = false
    var isComplete = true
    for page in processes[process].pageIndex.identifiers(in: range)
    where isComplete && table.state(page).hasSlot {
      isComplete =
        fault(page, isWrite: false, of: process, isReplay: false, isRetry: &isRetry)
        && processes[process].isAlive
    }
    // What came back waits in a batch, and would count as busy.
    drainAllBatches()
    return isComplete
  }

  /// Copies the pages of a range to a block, zeroes the frames of those that are absent, and maps all of
  /// them in place of what was mapped.
  private mutating func move(
    _ range: Range<VirtualPageNumber>,
    to head: PageFrameNumber,
    in vma: FaultArea,
    of process: Int
  ) {
    let index = processes[process].pageIndex
    let table = processes[process].table
    for offset in 0..<1 << hugePageOrder {
      let address = VirtualPageNumber(rawValue: range.lowerBound.rawValue + UInt64(offset))
      let copy = PageFrameNumber(head.index + offset)
      let page = index.identifierAdding(address)
      let source = table.frame(page)
      if let source {
        counters.add(.pagesCopied)
        contents[copy.index] = contents[source.index]
        // The kernel copies under a lock, where it may not wait for memory.
        copyTags(from: source, to: copy, dropping: .dropCopiedTags, isAtomic: true)
        unmapFrame(source, at: page, of: process)
      } else {
        counters.add(.thpPagesZeroed)
      }
      mapHugePart(copy, at: page, isZero: source == nil, in: vma, of: process)
      guard let source else { continue }
      releaseIfUnused(source)
      note(.copy, process: process, page: page)
    }
  }

  /// Maps one frame of a huge page, with its first tags where it has zeros.
  mutating func mapHugePart(
    _ frame: PageFrameNumber,
    at page: PageIdentifier,
    isZero: Bool,
    in vma: FaultArea,
    of process: Int
  ) {
    if isZero {
      if configuration.isObserved { contents[frame.index] = 0 }
      if vma.flags.contains(.mte) && canHoldTags(frame) { initializeTags(of: frame) }
    }
    frames[frame].flags.insert([.swapBacked, .exclusive])
    mapFrame(frame, at: page, in: vma, of: process, writable: true, dirty: true)
    addToBatch(frame)
  }
}
