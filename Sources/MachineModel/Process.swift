// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import TagStorage

/// One process: its address space and what is charged for it.
struct Process {
  /// The virtual pages of its trace by identifier, shared with the other processes of that trace.
  let pageIndex: PageIndex
  /// Its page table, which this property keeps alive; uses go through ``table``.
  let pageTable: PageTable
  /// Its page table, for use within one method of the machine.
  let table: ProcessTable
  /// Its mappings.
  var vmas: VMASet
  /// The memory group that pays for its pages.
  let group: Int
  /// The CPU that it runs on.
  let processor: Int
  /// Whether it has neither exited nor been killed.
  var isAlive = true
  /// Frames that hold its page tables.
  var tableFrames: [UInt32] = []
  /// The tag pages that it needs, where tags lie in virtual memory.
  var tagPages = VirtualTagPages()
  /// Frames that hold its tag pages.
  var tagFrames: [UInt32] = []
  /// Entries of its page table that map pages of files, where these have frames.
  var filePages = 0
  /// Pages charged for the objects that describe its address space.
  var objectPages = 0
  /// Whether it has run since its page tables were last walked for young bits.
  var hasRunSinceWalk = true
  /// Whether its page tables were ever walked for young bits.
  var wasWalked = false
  /// Its descriptors of reference pages.
  var descriptors = DescriptorTable()
  /// What it gives to a guest.
  var guest = GuestMemory()
  /// What its threads have to do with tags.
  var tagThreads: TagThreads

  init(
    pageIndex: PageIndex,
    pageTable: PageTable,
    vmas: VMASet,
    group: Int,
    processor: Int,
    tagThreads: TagThreads
  ) {
    self.pageIndex = pageIndex
    self.pageTable = pageTable
    table = ProcessTable(pageTable)
    self.vmas = vmas
    self.group = group
    self.processor = processor
    self.tagThreads = tagThreads
  }
}
