// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory

// Others who read and write the tags of a process: a debugger, and the core dump.
// Source: Linux v6.8 arm64 `mte.c` and `elfcore.c`; dynamic tag storage RFC v3, patch on `ptrace`;
// specifications of the kernel around us, section 4.5, and of tag storage, section 10.

extension Machine {
  /// `PTRACE_PEEKMTETAGS`: makes a page of the traced process present, with tag storage, for its tags to
  /// be read.
  ///
  /// Neither the process nor its signals notice. The kernel overrides what the mapping forbids
  /// (`FOLL_FORCE`), which is not modelled: a mapping that cannot be read gives EIO.
  mutating func peekTags(at address: UInt64, count: Int, of process: Int) -> Outcome {
    switch reachTags(at: address, isWrite: false, of: process) {
    case .success: lastValue = UInt64(count)
    case .failure(let error): return steps.union(.error(error))
    }
    return steps
  }

  /// `PTRACE_POKEMTETAGS`: a page of the traced process becomes its own and dirty, and gets tags from
  /// the granule at `address` on, one byte each.
  mutating func pokeTags(_ tags: [UInt8], at address: UInt64, of process: Int) -> Outcome {
    switch reachTags(at: address, isWrite: true, of: process) {
    case .success(let page):
      let first = Int(address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
      for (offset, tag) in tags.enumerated() {
        storeTags(
          page,
          first: first + offset,
          count: 1,
          tag: MemoryTag(truncating: tag),
          of: process
        )
      }
      lastValue = UInt64(tags.count)
    case .failure(let error): return steps.union(.error(error))
    }
    return steps
  }

  /// What `access_remote_tags` does before it looks at tags.
  ///
  /// The page is faulted in before anybody asks whether it may have tags. A page without tag storage
  /// gets it by a fault that the tracer runs.
  private mutating func reachTags(
    at address: UInt64,
    isWrite: Bool,
    of process: Int
  ) -> Result<PageIdentifier, ErrorNumber> {
    let number = VirtualPageNumber(address: address, pageSize: pageSize)
    guard let vma = processes[process].vmas.find(number),
      vma.protection.contains(isWrite ? .write : .read)
    else { return .failure(.eio) }
    let page = processes[process].pageIndex.identifierAdding(number)
    let faults = counters[.pgfault]
    let isReached = access(page, isWrite: isWrite, of: process)
    if counters[.pgfault] != faults { endStallOfFault() }
    guard isReached else { return .failure(.eio) }
    return vma.flags.contains(.mte) ? .success(page) : .failure(.eopnotsupp)
  }

  /// The core dump of a process: the tags of all its pages that have some, by address.
  ///
  /// Pages are brought back from swap for it, but nothing is faulted in that was never touched, and a page
  /// that waits for its first access without tag storage is not given any: what the kernel keeps aside for
  /// it is not in the dump, which has zeros there. ``lastValue`` is the number of pages whose tags are
  /// dumped. Mappings that cannot be read are left out, which the kernel dumps, too.
  ///
  /// - Complexity: O(*n*), where *n* is the number of pages of tagged mappings that were ever touched.
  mutating func dumpCore(of process: Int) -> Outcome {
    var dumped: UInt64 = 0
    for vma in processes[process].vmas.areas
    where vma.flags.contains(.mte) && vma.protection.contains(.read) {
      for page in processes[process].pageIndex.identifiers(in: vma.pages) {
        guard bringBack(page, of: process) else { continue }
        let table = processes[process].table
        let frame = PageFrameNumber(rawValue: table.target(page))
        if table.state(page).hasFrame, frames[frame].flags.contains(.tagged) { dumped += 1 }
      }
      guard processes[process].isAlive else { return steps.union(.processGone) }
    }
    lastValue = dumped
    return steps
  }

  /// Runs the fault handler until a swapped page is back: `get_dump_page`.
  ///
  /// - Returns: whether the page is present now.
  private mutating func bringBack(_ page: PageIdentifier, of process: Int) -> Bool {
    let table = processes[process].table
    var attempts = 0
    var isRetry = false
    while processes[process].isAlive, table.state(page).hasSlot, attempts < replayCap {
      if attempts == 0 { beginStallOfFault() }
      let isReplay = attempts > 0
      attempts += 1
      guard fault(page, isWrite: false, of: process, isReplay: isReplay, isRetry: &isRetry)
      else { break }
    }
    if attempts > 0 { endStallOfFault() }
    return processes[process].isAlive && table.state(page) != .none && !table.state(page).hasSlot
  }
}
