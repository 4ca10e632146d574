// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// The system calls that change an address space. `VMASet` decides about mappings; this file does what
// follows for pages. Source: specification of the kernel around us, section 4.1.

extension Machine {
  /// `mmap`, of a reference page where `backing` names one.
  mutating func map(
    _ request: MappingRequest,
    backing: FileBacking?,
    of process: Int
  ) -> Outcome {
    let place: Range<VirtualPageNumber>
    switch processes[process].vmas.checkMap(request) {
    case .failure(let error): return .error(error)
    case .success(let range): place = range
    }
    // The descriptor of a reference page is open for reading only.
    if let backing, backing.kind != .file, request.flags.contains(.shared),
      request.protection.contains(.write)
    {
      return .error(.eacces)
    }
    for lost in processes[process].vmas.mappedRanges(in: place) { dropPages(lost, of: process) }
    let result = processes[process].vmas.map(request, backing: backing)
    releaseTables(place, of: process)
    if case .failure(let error) = result { return .error(error) }
    lastValue = place.lowerBound.address(pageSize: pageSize)
    if request.flags.contains(.populate) {
      populate(place, isWrite: request.protection.contains(.write), of: process)
    }
    return steps
  }

  /// `munmap`.
  mutating func unmap(address: UInt64, length: UInt64, of process: Int) -> Outcome {
    switch processes[process].vmas.unmap(address: address, length: length) {
    case .failure(let error):
      return .error(error)
    case .success(let ranges):
      for range in ranges {
        dropPages(range, of: process)
        releaseTables(range, of: process)
      }
      return steps
    }
  }

  /// `mprotect`.
  mutating func protect(
    address: UInt64,
    length: UInt64,
    protection: Protection,
    of process: Int
  ) -> Outcome {
    let result = processes[process].vmas.protect(
      address: address,
      length: length,
      protection: protection
    )
    for range in result.changed {
      rewriteEntries(range, of: process)
      if hasGuests { dropStageTwo(in: range, of: process) }
    }
    return result.error.map { .error($0) } ?? steps
  }

  /// Rewrites the entries of present pages after their mappings changed.
  private mutating func rewriteEntries(_ range: Range<VirtualPageNumber>, of process: Int) {
    let index = processes[process].pageIndex
    let table = processes[process].table
    for vma in processes[process].vmas.ranges(in: range) {
      for page in index.identifiers(in: vma.start..<vma.end) {
        switch table.state(page) {
        case .frame, .faultOnAccess:
          mapAgain(page, in: FaultArea(vma), of: process)
        case .zeroPage, .filePage:
          // The next access finds out anew what the mapping allows.
          var flags = table.flags(page)
          flags.remove([.readable, .writable])
          if FaultArea(vma).allows(isWrite: false) { flags.insert(.readable) }
          if vma.flags.contains(.mte) { flags.insert(.tagged) }
          table.setFlags(page, flags)
        case .none, .swap, .swapExclusive:
          break
        }
      }
    }
  }

  /// `mremap`.
  mutating func remap(
    address: UInt64,
    oldLength: UInt64,
    newLength: UInt64,
    flags: RemapFlags,
    newAddress: UInt64,
    of process: Int
  ) -> Outcome {
    let plan: RemapPlan
    switch processes[process].vmas.remap(
      address: address,
      oldLength: oldLength,
      newLength: newLength,
      flags: flags,
      newAddress: newAddress
    )
    {
    case .failure(let refusal):
      for range in refusal.dropped {
        dropPages(range, of: process)
        releaseTables(range, of: process)
      }
      return .error(refusal.number)
    case .success(let found): plan = found
    }
    lastValue = plan.mapping.lowerBound.address(pageSize: pageSize)
    for range in plan.dropped { dropPages(range, of: process) }
    if let moved = plan.moved {
      if hasGuests { dropStageTwo(in: moved, of: process) }
      movePages(moved, to: plan.mapping.lowerBound, of: process)
      if !plan.keepsSource { releaseTables(moved, of: process) }
    }
    for range in plan.dropped { releaseTables(range, of: process) }
    return processes[process].isAlive ? steps : steps.union(.processGone)
  }

  /// Moves page-table entries; frames, slots and tags stay what they are.
  private mutating func movePages(
    _ source: Range<VirtualPageNumber>,
    to destination: VirtualPageNumber,
    of process: Int
  ) {
    let index = processes[process].pageIndex
    let table = processes[process].table
    for old in index.identifiers(in: source) where table.state(old) != .none {
      let offset = index.page(of: old).rawValue - source.lowerBound.rawValue
      let address = VirtualPageNumber(rawValue: destination.rawValue + offset)
      let new = index.identifierAdding(address)
      guard growTables(of: process, for: address) else { return }
      // Making room for the table may have swapped the page out, so its entry is read only now.
      table.move(old, to: new)
      guard let frame = table.frame(new) ?? fileFrame(new, in: table) else {
        copyKeptTags(old, of: process, to: new, of: process)
        endKeptTags(old, of: process)
        continue
      }
      removeMapping(Mapping(process: UInt16(process), page: old), of: frame)
      addMapping(Mapping(process: UInt16(process), page: new), of: frame)
    }
  }

  /// `brk`; where the recorded kernel's answer is known, the heap ends there.
  mutating func moveBreak(to address: UInt64, recorded: Int64?, of process: Int) -> Outcome {
    if let recorded, recorded >= 0, processes[process].vmas.heapStart == nil {
      processes[process].vmas.setHeapStart(UInt64(recorded))
      lastValue = UInt64(recorded)
      return steps
    }
    let end = recorded.map { UInt64(bitPattern: $0) } ?? address
    let change = processes[process].vmas.brk(to: end)
    for range in change.dropped {
      dropPages(range, of: process)
      releaseTables(range, of: process)
    }
    lastValue = change.programBreak
    // A heap that cannot grow stays where it is, which `brk` reports by the old break.
    return change.programBreak == end || address == 0 ? steps : .error(.enomem)
  }

  /// `madvise`.
  mutating func advise(
    address: UInt64,
    length: UInt64,
    advice: Advice,
    of process: Int
  ) -> Outcome {
    let result = processes[process].vmas.advise(
      address: address,
      length: length,
      advice: advice
    )
    for range in result.ranges {
      switch advice {
      case .dontNeed: dropPages(range, of: process)
      case .free: makeDroppable(range, of: process)
      case .cold: deactivate(range, of: process)
      case .pageOut: pageOut(range, of: process)
      case .willNeed:
        // Of a mapping that keeps a file, the file is read ahead.
        for vma in processes[process].vmas.ranges(in: range) {
          if !vma.flags.contains(.file) {
            readFromSwap(vma.pages, of: process)
          } else if hasFilePages && !vma.flags.contains(.reference) {
            readFile(vma, of: process)
          }
        }
      case .collapse:
        if let error = collapse(range, of: process) { return .error(error) }
      case .populateRead: populate(range, isWrite: false, of: process)
      case .populateWrite: populate(range, isWrite: true, of: process)
      default: break
      }
    }
    return result.error.map { .error($0) } ?? steps
  }

  /// Drops the pages of a range, but not the page tables.
  mutating func dropPages(_ range: Range<VirtualPageNumber>, of process: Int) {
    drainBatch()
    noteResidentPages(of: process)
    for page in processes[process].pageIndex.identifiers(in: range) {
      dropEntry(page, of: process)
    }
  }

  /// Frees the page tables of a range that no mapping around it needs.
  private mutating func releaseTables(_ range: Range<VirtualPageNumber>, of process: Int) {
    let bounds = processes[process].vmas.tableBounds(around: range)
    processes[process].table.releaseTables(range, within: bounds)
    shrinkTables(of: process)
  }

  /// Faults every page of a range in.
  private mutating func populate(
    _ range: Range<VirtualPageNumber>,
    isWrite: Bool,
    of process: Int
  ) {
    let index = processes[process].pageIndex
    for number in range.lowerBound.rawValue..<range.upperBound.rawValue {
      let address = VirtualPageNumber(rawValue: number)
      // Pages that the mapping forbids to touch are passed over without a fault.
      guard let vma = processes[process].vmas.find(address),
        FaultArea(vma).allows(isWrite: isWrite)
      else { return }
      let page = index.identifierAdding(address)
      guard access(page, isWrite: isWrite, of: process) else { return }
    }
  }

  /// `MADV_FREE`: reclaim may drop the pages until they are written again.
  private mutating func makeDroppable(_ range: Range<VirtualPageNumber>, of process: Int) {
    drainBatch()
    let table = processes[process].table
    for page in processes[process].pageIndex.identifiers(in: range) {
      switch table.state(page) {
      case .swap, .swapExclusive:
        dropEntry(page, of: process)
      case .frame, .faultOnAccess:
        let frame = PageFrameNumber(rawValue: table.target(page))
        guard mapCount(frame) == 1 else { continue }
        // A page that was given up before and written since is given up again.
        guard frames[frame].flags.contains(.swapBacked) else {
          table.setFlags(page, table.flags(page).subtracting([.young, .dirty]))
          continue
        }
        if frames[frame].flags.contains(.inSwapCache) {
          guard freeSwapCopy(of: frame) else { continue }
        }
        table.setFlags(page, table.flags(page).subtracting([.young, .dirty]))
        // A page that waits in another CPU's batch cannot be moved to the list of droppable pages.
        guard frames[frame].flags.contains(.onList) else { continue }
        takeOffList(frame)
        frames[frame].flags.remove([.swapBacked, .dirty, .referenced])
        addToLazyFree(frame)
        counters.add(.pglazyfree)
      case .none, .zeroPage, .filePage:
        break
      }
    }
  }
}
