// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Faults on pages that are not in swap: first touches, and writes to pages mapped read-only.
// Source: Linux v6.8 `handle_pte_fault`; specification of the kernel around us, section 4.2.

extension Machine {
  /// The first touch of a page.
  mutating func faultOnNothing(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    if !vma.flags.isDisjoint(with: [.file, .reference]) {
      if vma.flags.contains(.reference) {
        return faultOnReference(page, at: address, in: vma, isWrite: isWrite, of: process)
      }
      if hasFilePages {
        return faultOnFile(page, at: address, in: vma, isWrite: isWrite, of: process)
      }
      if vma.flags.contains(.shared) || !isWrite {
        return mapFilePage(page, at: address, in: vma, isWrite: isWrite, of: process)
      }
    }
    if usesHugePages && isWrite,
      let isDone = fillHugePage(around: address, in: vma, of: process)
    {
      return isDone
    }
    return isWrite
      ? fillPage(page, at: address, in: vma, of: process)
      : mapZeroPage(page, at: address, in: vma, of: process)
  }

  /// A fault on a page that has the zero page or a reference page.
  mutating func faultOnZeroPage(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    if vma.flags.contains(.reference) {
      return faultOnReference(page, at: address, in: vma, isWrite: isWrite, of: process)
    }
    return isWrite
      ? fillPage(page, at: address, in: vma, of: process)
      : mapZeroPage(page, at: address, in: vma, of: process)
  }

  /// Maps a page of a file on a machine where these have no frames.
  private mutating func mapFilePage(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    guard growTables(of: process, for: address) else { return false }
    counters.add(.faultFile)
    steps.insert(.filePage)
    var flags: EntryFlags = [.readable, .young]
    // A private file page is copied when it is written; a shared one is the file itself.
    if vma.flags.contains(.shared) && vma.protection.contains(.write) {
      flags.insert([.writable, .dirty])
    }
    processes[process].table.setEntry(page, state: .filePage, flags: flags, target: 0)
    return true
  }

  /// Maps the zero page.
  mutating func mapZeroPage(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard mapKernelPage(zeroFrame, at: page, address, in: vma, of: process) else { return false }
    counters.add(.faultZeroPage)
    steps.insert(.zeroPage)
    return true
  }

  /// Maps a page that belongs to the kernel for reading: no reference, no reverse map, not resident.
  mutating func mapKernelPage(
    _ frame: PageFrameNumber,
    at page: PageIdentifier,
    _ address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard growTables(of: process, for: address) else { return false }
    processes[process].table.setEntry(
      page,
      state: .zeroPage,
      flags: vma.flags.contains(.mte) ? [.readable, .young, .tagged] : [.readable, .young],
      target: frame.rawValue
    )
    return true
  }

  /// Gives a page a frame of its own: zeroed, or for a private file mapping a copy of the file's page,
  /// whose data count as zeros where pages of files have no frames.
  mutating func fillPage(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard let frame = allocatePrivateFrame(at: address, in: vma, of: process) else { return false }
    if configuration.isObserved { contents[frame.index] = 0 }
    counters.add(.faultZeroFill)
    steps.insert(.zeroFill)
    if vma.flags.contains(.mte) && canHoldTags(frame) { initializeTags(of: frame) }
    frames[frame].flags.insert([.swapBacked, .exclusive])
    mapFrame(frame, at: page, in: vma, of: process, writable: true, dirty: true)
    addToBatch(frame)
    return true
  }

  /// Allocates a frame for the first page of its own that an address gets.
  ///
  /// - Returns: `nil` where memory ran out, or the allocation ended the process.
  @inline(__always)
  mutating func allocatePrivateFrame(
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> PageFrameNumber? {
    guard growTables(of: process, for: address) else { return nil }
    if !vma.hasReverseMap && !vma.flags.contains(.shared) {
      processes[process].vmas.noteAnonymousWrite(at: address)
      chargeKernelObjects(of: process)
      guard processes[process].isAlive else { return nil }
    }
    guard
      let frame = allocateUserFrame(tagged: vma.flags.wantsTagStorage, charging: process)
    else { return nil }
    // The allocation may have ended the process that asked for it.
    guard processes[process].isAlive else {
      freeUserFrame(frame)
      return nil
    }
    return frame
  }

  /// A write to a page that is mapped without write permission, in a mapping that allows it.
  mutating func faultOnFrame(
    _ page: PageIdentifier,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    let table = processes[process].table
    let frame = PageFrameNumber(rawValue: table.target(page))
    guard isWrite else {
      // The entry lost its read permission to PROT_NONE and the mapping has it again.
      mapAgain(page, in: vma, of: process)
      return true
    }
    if vma.flags.contains(.shared) || canReuse(frame) {
      counters.add(.pgreuse)
      steps.insert(.reuse)
      frames[frame].flags.insert(.exclusive)
      table.setFlags(page, table.flags(page).union([.writable, .dirty, .young]))
      return true
    }
    return copyOnWrite(page, of: frame, in: vma, process: process)
  }

  /// Whether a write may go to the frame itself because nobody else uses it.
  ///
  /// A swap-cache copy does not count as a user where its slot can be freed.
  mutating func canReuse(_ frame: PageFrameNumber) -> Bool {
    let flags = frames[frame].flags
    if flags.contains(.exclusive) { return true }
    // A batch that holds the page has a reference to it, which must not count as a user.
    if !flags.contains(.onList) { drainBatch() }
    guard mapCount(frame) == 1, !flags.contains(.pinned) else { return false }
    guard flags.contains(.inSwapCache) else { return true }
    return freeSwapCopy(of: frame)
  }

  /// Gives the writer a copy of a shared page, with its tags.
  mutating func copyOnWrite(
    _ page: PageIdentifier,
    of source: PageFrameNumber,
    in vma: FaultArea,
    process: Int
  ) -> Bool {
    hold(source)
    let allocated = allocateUserFrame(tagged: vma.flags.wantsTagStorage, charging: process)
    letGo(source)
    // Whoever was ended for the copy's frame may have been the last to map the source.
    guard let copy = allocated else {
      releaseIfUnused(source)
      return false
    }
    guard processes[process].isAlive,
      processes[process].table.target(page) == source.rawValue,
      processes[process].table.state(page) == .frame
    else {
      freeUserFrame(copy)
      releaseIfUnused(source)
      return processes[process].isAlive
    }
    counters.add(.faultCopyOnWrite)
    counters.add(.pagesCopied)
    steps.insert(.copyOnWrite)
    contents[copy.index] = contents[source.index]
    copyTags(from: source, to: copy, dropping: .dropCopiedTags)
    unmapFrame(source, at: page, of: process)
    frames[copy].flags.insert([.swapBacked, .exclusive])
    mapFrame(copy, at: page, in: vma, of: process, writable: true, dirty: true)
    addToBatch(copy)
    releaseIfUnused(source)
    note(.copy, process: process, page: page)
    return true
  }

  /// Writes an entry anew from its mapping, for a frame that stays where it is.
  mutating func mapAgain(_ page: PageIdentifier, in vma: FaultArea, of process: Int) {
    let table = processes[process].table
    let flags = table.flags(page)
    let frame = PageFrameNumber(rawValue: table.target(page))
    // Write permission comes back without a fault only for a page that nobody else can see.
    let writable =
      flags.contains(.writable) || frames[frame].flags.contains(.exclusive)
    let entry = entry(
      for: frame,
      in: vma,
      writable: writable,
      dirty: flags.contains(.dirty),
      young: flags.contains(.young)
    )
    table.setEntry(page, state: entry.state, flags: entry.flags, target: frame.rawValue)
  }
}
