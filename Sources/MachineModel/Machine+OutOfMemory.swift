// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory

extension Machine {
  /// Ends the largest process, of one group or of the machine.
  ///
  /// Running out of memory is a result: the victim's later events have the outcome
  /// `process-gone`.
  ///
  /// - Returns: `false` where no process is left to end.
  ///
  /// Source: Linux v6.8 `oom_badness`: resident pages, swap entries and page tables.
  mutating func killForMemory(group: Int?, askedBy process: Int?) -> Bool {
    var victim: Int?
    var largest = -1
    for candidate in processes.indices
    where processes[candidate].isAlive && candidate != pageCache {
      if let group, processes[candidate].group != group { continue }
      let table = processes[candidate].table
      let size =
        table.residentPages + processes[candidate].filePages + table.swapEntries
        + processes[candidate].tableFrames.count
      if size > largest {
        largest = size
        victim = candidate
      }
    }
    guard let victim else { return false }
    counters.add(.oomKill)
    steps.insert(.outOfMemoryKill)
    dropAddressSpace(of: victim)
    processes[victim].isAlive = false
    return true
  }

  /// Unmaps everything that a process has.
  mutating func dropAddressSpace(of process: Int) {
    drainBatch()
    noteResidentPages(of: process)
    let table = processes[process].table
    for page in 0..<processes[process].pageIndex.count
    where table.state(PageIdentifier(page)) != .none {
      dropEntry(PageIdentifier(page), of: process)
    }
    releasePins(of: process)
    processes[process].vmas = VMASet(pageSize: pageSize)
    processes[process].guest = GuestMemory()
    closeDescriptors(of: process)
    releaseIdleReferences()
    table.releaseAllTables()
    shrinkTables(of: process)
    releaseKernelObjects(of: process)
  }
}
