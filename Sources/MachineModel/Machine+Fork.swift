// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

extension Machine {
  /// Copies a process: its mappings, and its pages copy-on-write.
  ///
  /// Pages of mappings that were never written are not copied at all; the child faults them in.
  ///
  /// - Returns: the child's number, `nil` where the process has ended or memory ran out.
  ///
  /// Source: Linux v6.8 `copy_page_range`; specification of the kernel around us, section 4.3.
  public mutating func fork(_ parent: Int) -> Int? {
    steps = .hit
    let child = copyProcess(parent)
    settleTagPages()
    return child
  }

  private mutating func copyProcess(_ parent: Int) -> Int? {
    guard processes[parent].isAlive else { return nil }
    switchProcessor(to: parent)
    let source = processes[parent]
    let child = processes.count
    processes.append(
      Process(
        pageIndex: source.pageIndex,
        pageTable: makeTable(for: source.pageIndex),
        vmas: source.vmas.forked(),
        group: source.group,
        processor: child % configuration.processors,
        tagThreads: source.tagThreads.forked()
      )
    )
    copyDescriptors(from: parent, to: child)
    if hasGuests { processes[parent].guest.removeEntries { _ in true } }
    for vma in source.vmas.areas where vma.isCopiedAtFork || vma.isSharedAtFork {
      for page in source.pageIndex.identifiers(in: vma.start..<vma.end) {
        guard share(page, in: vma, from: parent, with: child) else { return child }
        guard processes[parent].isAlive else {
          // The parent was ended for the child's page tables; half a child is none.
          dropAddressSpace(of: child)
          processes[child].isAlive = false
          return child
        }
      }
    }
    chargeKernelObjects(of: child)
    return child
  }

  /// Gives the child one page of the parent.
  ///
  /// - Returns: `false` where the child was ended for want of memory.
  private mutating func share(
    _ page: PageIdentifier,
    in vma: VirtualMemoryArea,
    from parent: Int,
    with child: Int
  ) -> Bool {
    let table = processes[parent].table
    guard table.state(page) != .none else { return true }
    counters.add(.pagesForked)
    let address = processes[parent].pageIndex.page(of: page)
    guard growTables(of: child, for: address), processes[parent].isAlive else {
      return processes[child].isAlive
    }
    // Making room for the child's tables may have swapped the page out.
    let state = table.state(page)
    let flags = table.flags(page)
    let target = table.target(page)
    let childTable = processes[child].table
    switch state {
    case .none:
      break
    case .filePage where hasFilePages:
      let frame = PageFrameNumber(rawValue: target)
      mapFilePage(frame, at: page, flags: flags.subtracting(.young), of: child)
    case .zeroPage, .filePage:
      childTable.setEntry(page, state: state, flags: flags, target: target)
    case .frame, .faultOnAccess:
      let frame = PageFrameNumber(rawValue: target)
      if isPinned(frame), !vma.flags.contains(.shared) {
        return copyForChild(page, of: frame, in: vma, child: child)
      }
      var shared = flags
      if !vma.flags.contains(.shared) {
        frames[frame].flags.remove(.exclusive)
        shared.remove(.writable)
        table.setFlags(page, shared)
      }
      shared.remove(.young)
      childTable.setEntry(page, state: state, flags: shared, target: target)
      addMapping(Mapping(process: UInt16(child), page: page), of: frame)
    case .swap, .swapExclusive:
      device.duplicate(target)
      table.setEntry(page, state: .swap, flags: [], target: target)
      childTable.setEntry(page, state: .swap, flags: [], target: target)
      copyKeptTags(page, of: parent, to: page, of: child)
    }
    return true
  }
}

extension VirtualMemoryArea {
  /// Whether a fork child goes on using the parent's pages.
  fileprivate var isSharedAtFork: Bool {
    flags.contains(.shared) && flags.isDisjoint(with: [.file, .dontFork, .wipeOnFork])
  }
}
