// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Faults on mappings of files, where pages of files have frames.
// Source: Linux v6.8 `do_read_fault`, `do_cow_fault`, `do_shared_fault`, `filemap_fault`.

extension Machine {
  /// The frame of a page of a file that an entry maps, `nil` for any other entry.
  @inline(__always)
  func fileFrame(_ page: PageIdentifier, in table: ProcessTable) -> PageFrameNumber? {
    guard hasFilePages, table.state(page) == .filePage else { return nil }
    return PageFrameNumber(rawValue: table.target(page))
  }

  /// The file behind a mapping that is made now.
  ///
  /// A file that the trace does not identify is one of its own, which nobody but fork children ever
  /// maps again.
  mutating func backing(of request: MappingRequest, of process: Int) -> FileBacking? {
    guard !request.flags.contains(.anonymous) else { return nil }
    if let file = request.file {
      return FileBacking(
        identity: filePages.file(named: file.number, in: processes[process].group),
        pageOffset: file.offset >> UInt64(pageSize.shift)
      )
    }
    return hasFilePages ? FileBacking(identity: filePages.newFile(), pageOffset: 0) : nil
  }

  /// A fault in a mapping of a file, on a page that has no frame of its own.
  mutating func faultOnFile(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    let isShared = vma.flags.contains(.shared)
    guard isShared || !isWrite else {
      return copyFilePage(page, at: address, in: vma, of: process)
    }
    let table = processes[process].table
    if table.state(page) == .filePage {
      // The page is mapped, but not for this access.
      if isWrite {
        counters.add(.pgreuse)
        steps.insert(.reuse)
      }
      table.setFlags(
        page,
        table.flags(page).union(
          isWrite ? [.readable, .writable, .young, .dirty] : [.readable, .young]
        )
      )
      return true
    }
    guard growTables(of: process, for: address) else { return false }
    let place = filePlace(of: address, process: process)
    guard let frame = cachedFrame(of: place, for: process) else { return false }
    counters.add(.faultFile)
    steps.insert(.filePage)
    mapFilePage(
      frame,
      at: page,
      flags: isWrite ? [.readable, .writable, .young, .dirty] : [.readable, .young],
      of: process
    )
    return true
  }

  /// Gives the writer of a private mapping a copy of the file's page.
  ///
  /// The program's own view has zeros where it wrote nothing, so that the copy begins with no stamp.
  private mutating func copyFilePage(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    // As the kernel does, the copy's frame is taken before the file is read.
    let mapped = fileFrame(page, in: processes[process].table)
    if let mapped { hold(mapped) }
    let allocated = allocatePrivateFrame(at: address, in: vma, of: process)
    if let mapped { letGo(mapped) }
    guard let copy = allocated else { return false }
    let place = filePlace(of: address, process: process)
    guard let source = cachedFrame(of: place, for: process) else {
      freeUserFrame(copy)
      return false
    }
    precondition(mapped == nil || mapped == source, "a held page of a file changed its frame")
    if processes[process].table.state(page) == .filePage { unmapFilePage(page, of: process) }
    counters.add(.faultCopyOnWrite)
    counters.add(.pagesCopied)
    steps.insert(.copyOnWrite)
    if configuration.isObserved { contents[copy.index] = 0 }
    frames[copy].flags.insert([.swapBacked, .exclusive])
    mapFrame(copy, at: page, in: vma, of: process, writable: true, dirty: true)
    addToBatch(copy)
    note(.copy, process: process, page: page)
    return true
  }

  /// The page of a file that a mapping has at an address.
  func filePlace(of address: VirtualPageNumber, process: Int) -> FilePlace {
    guard let area = processes[process].vmas.find(address) else {
      preconditionFailure("no VMA at \(address), which maps a page of a file")
    }
    let offset = area.pageOffset + address.rawValue - area.start.rawValue
    return FilePlace(file: area.fileIdentity, page: offset)
  }

  /// The frame of a page of a file, which a fault wants and which is read where it is not in memory.
  ///
  /// - Returns: `nil` where memory ran out, or the allocation ended the process.
  private mutating func cachedFrame(
    of place: FilePlace,
    for process: Int
  ) -> PageFrameNumber? {
    let number = filePages.number(of: place)
    if filePages[number].isCached { return PageFrameNumber(rawValue: filePages[number].frame) }
    guard let frame = allocateUserFrame(tagged: false, charging: process) else { return nil }
    guard processes[process].isAlive else {
      freeUserFrame(frame)
      return nil
    }
    fill(frame, with: number)
    counters.add(.pgmajfault)
    counters.add(.faultFileRead)
    steps.insert(.fileRead)
    return frame
  }

  /// Puts a page of a file into a new frame.
  private mutating func fill(_ frame: PageFrameNumber, with number: UInt32) {
    frames[frame].use = .file
    frames[frame].swapSlot = number
    noteFileRefault(of: frame, number)
    filePages.insert(frame, at: number)
    noteSlow()
    if !restoreCleanPage(number, into: frame) {
      counters.add(.filePagesRead)
      if configuration.isObserved { contents[frame.index] = filePages[number].stamp }
    }
    addToBatch(frame)
  }

  /// `MADV_WILLNEED` of a file: reads the pages that the trace ever touches, and maps none.
  ///
  /// It gives up where memory is short.
  mutating func readFile(_ area: VirtualMemoryArea, of process: Int) {
    for page in processes[process].pageIndex.identifiers(in: area.pages) {
      let address = processes[process].pageIndex.page(of: page)
      let number = filePages.number(of: filePlace(of: address, process: process))
      guard !filePages[number].isCached else { continue }
      guard let frame = allocateReadAheadFrame(for: process) else { return }
      fill(frame, with: number)
    }
  }

  /// Maps a page of a file.
  mutating func mapFilePage(
    _ frame: PageFrameNumber,
    at page: PageIdentifier,
    flags: EntryFlags,
    of process: Int
  ) {
    addMapping(Mapping(process: UInt16(process), page: page), of: frame)
    processes[process].filePages += 1
    processes[process].table.setEntry(
      page,
      state: .filePage,
      flags: flags,
      target: frame.rawValue
    )
  }

  /// Takes a page of a file out of a page table; it stays in memory.
  mutating func unmapFilePage(_ page: PageIdentifier, of process: Int) {
    let table = processes[process].table
    let frame = PageFrameNumber(rawValue: table.target(page))
    let flags = table.flags(page)
    counters.add(.pagesUnmapped)
    if flags.contains(.young) { markAccessed(frame) }
    removeFileMapping(Mapping(process: UInt16(process), page: page), of: frame)
  }

  /// Empties an entry that maps a page of a file, and keeps what the entry knew of a write.
  mutating func removeFileMapping(_ mapping: Mapping, of frame: PageFrameNumber) {
    let process = Int(mapping.process)
    if processes[process].table.flags(mapping.page).contains(.dirty) {
      frames[frame].flags.insert(.dirty)
    }
    processes[process].filePages -= 1
    unmapFrame(frame, at: mapping.page, of: process)
  }
}
