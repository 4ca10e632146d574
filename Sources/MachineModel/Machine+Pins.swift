// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Pages that a device may read or write, and that therefore stay where they are.
// Source: Linux v6.8 `mm/gup.c`; specification of the kernel around us, sections 3.1, 3.3 and 5.5.

/// The pins of a machine.
///
/// A pin belongs to a frame, and whoever gives it back names the address at which it was taken: the
/// page may have been unmapped or moved since.
struct PinTable {
  /// Pins by frame; never iterated.
  private var counts: [UInt32: Int] = [:]
  /// Frames by process and page number, those pinned last at the end; iterated for its keys only, which
  /// are sorted then.
  private var frames: [Place: [UInt32]] = [:]

  private struct Place: Hashable {
    var process: Int
    var page: UInt64
  }

  /// Pins that were not given back.
  private(set) var total = 0

  /// The pins of a frame.
  func count(of frame: PageFrameNumber) -> Int { counts[frame.rawValue] ?? 0 }

  /// The word for a page that needs no pin.
  private static let noFrame = UInt32.max

  /// Notes a pin; `frame` is `nil` for the zero page and for pages outside the model, which are given
  /// back like any other.
  mutating func add(_ frame: PageFrameNumber?, page: UInt64, of process: Int) {
    if let frame {
      counts[frame.rawValue, default: 0] += 1
      total += 1
    }
    let word = frame?.rawValue ?? Self.noFrame
    frames[Place(process: process, page: page), default: []].append(word)
  }

  /// Takes the last pin of a page away.
  ///
  /// - Returns: its frame, if it has one, and whether the frame has no other; `nil` where the page was
  ///   not pinned.
  mutating func remove(page: UInt64, of process: Int) -> (frame: PageFrameNumber?, isLast: Bool)? {
    let place = Place(process: process, page: page)
    guard var list = frames[place], let frame = list.popLast() else { return nil }
    frames[place] = list.isEmpty ? nil : list
    guard frame != Self.noFrame else { return (nil, false) }
    let left = (counts[frame] ?? 0) - 1
    counts[frame] = left == 0 ? nil : left
    total -= 1
    return (PageFrameNumber(rawValue: frame), left == 0)
  }

  /// The pages of a process that have pins, ascending.
  func pages(of process: Int) -> [UInt64] {
    frames.keys.filter { $0.process == process }.map(\.page).sorted()
  }

  /// Whether nobody has pinned anything.
  var isEmpty: Bool { frames.isEmpty }
}

extension Machine {
  /// `pin_user_pages`: faults pages in, makes them the process's own, and keeps them where they are.
  ///
  /// As in the kernel a call that fails after the first page returns what it has pinned. Long-term pins
  /// are taken only when every page lies outside CMA areas and outside the zone Movable. The zero page is not pinned.
  mutating func pin(
    address: UInt64,
    length: UInt64,
    flags: PinFlags,
    of process: Int
  ) -> Outcome {
    let untagged = VirtualPageNumber.untagged(address)
    let first = VirtualPageNumber(address: untagged, pageSize: pageSize).rawValue
    let (end, overflow) = untagged.addingReportingOverflow(length)
    guard length > 0, !overflow else { return .error(.einval) }
    let last = (end - 1) >> UInt64(pageSize.shift)
    var pinned: [UInt64] = []
    var reached = first
    var failure: ErrorNumber?
    while reached <= last, failure == nil {
      let number = VirtualPageNumber(rawValue: reached)
      failure = pinOnePage(number, flags, of: process)
      if failure == nil {
        pinned.append(reached)
        reached += 1
      }
    }
    guard processes[process].isAlive else { return steps.union(.processGone) }
    if let failure, pinned.isEmpty || failure == .enomem && flags.contains(.longTerm) {
      for page in pinned.reversed() { unpin(page, of: process) }
      return steps.union(.error(failure))
    }
    lastValue = UInt64(pinned.count)
    return steps
  }

  /// `unpin_user_pages`.
  ///
  /// Giving back what was not pinned is a mistake of the caller that the kernel does not notice; here
  /// it is EINVAL, and the pages before it are given back.
  mutating func unpin(address: UInt64, length: UInt64, of process: Int) -> Outcome {
    let untagged = VirtualPageNumber.untagged(address)
    let (end, overflow) = untagged.addingReportingOverflow(length)
    guard length > 0, !overflow else { return .error(.einval) }
    let first = untagged >> UInt64(pageSize.shift)
    for page in first...((end - 1) >> UInt64(pageSize.shift)) {
      guard unpin(page, of: process) else { return steps.union(.error(.einval)) }
    }
    return steps
  }

  /// Gives back the pins of a process that ends.
  ///
  /// Whatever held them belonged to files that end with the process.
  mutating func releasePins(of process: Int) {
    guard !pins.isEmpty else { return }
    for page in pins.pages(of: process) {
      while unpin(page, of: process) {}
    }
  }

  /// Whether a frame may be pinned: `folio_maybe_dma_pinned`.
  func isPinned(_ frame: PageFrameNumber) -> Bool {
    frames[frame].flags.contains(.pinned)
  }

  @discardableResult
  private mutating func unpin(_ page: UInt64, of process: Int) -> Bool {
    guard let removed = pins.remove(page: page, of: process) else { return false }
    guard let frame = removed.frame else { return true }
    counters.add(.nrFollPinReleased)
    guard removed.isLast else { return true }
    frames[frame].flags.remove(.pinned)
    if choosesFrames { noteUnpinned(frame) }
    // A page that was unmapped meanwhile lived for its pin only.
    releaseIfUnused(frame)
    return true
  }

  /// Pins one page.
  ///
  /// - Returns: why not, `nil` where it is pinned or needs no pin.
  private mutating func pinOnePage(
    _ number: VirtualPageNumber,
    _ flags: PinFlags,
    of process: Int
  ) -> ErrorNumber? {
    let isWrite = flags.contains(.write)
    guard let vma = processes[process].vmas.find(number) else { return .efault }
    // Without FOLL_FORCE a pin for reading wants PROT_READ itself.
    let wanted: Protection = isWrite ? .write : .read
    guard vma.protection.contains(wanted) else { return .efault }
    let page = processes[process].pageIndex.identifierAdding(number)
    let table = processes[process].table
    guard access(page, isWrite: isWrite, of: process) else { return .enomem }
    if table.state(page) == .zeroPage && flags.contains(.longTerm) {
      // A page that is written later would not be the one that was pinned.
      counters.add(.pgfault)
      guard
        faultOnZeroPage(page, at: number, in: FaultArea(vma), isWrite: true, of: process)
      else { return .enomem }
    }
    guard table.state(page).hasFrame else {
      pins.add(nil, page: number.rawValue, of: process)
      return nil
    }
    var frame = PageFrameNumber(rawValue: table.target(page))
    if !vma.flags.contains(.shared), !frames[frame].flags.contains(.exclusive) {
      guard unshare(page, in: vma, of: process) else { return .enomem }
      frame = PageFrameNumber(rawValue: table.target(page))
    }
    if flags.contains(.longTerm), !mayStayForLong(frame) {
      guard migrateOutOfCMA(frame, tagged: vma.flags.wantsTagStorage) == .moved else {
        return .enomem
      }
      steps.insert(.migrated)
      if choosesFrames { noteRelocation(from: frame) }
      frame = PageFrameNumber(rawValue: table.target(page))
    }
    pins.add(frame, page: number.rawValue, of: process)
    frames[frame].flags.insert(.pinned)
    counters.add(.nrFollPinAcquired)
    return nil
  }

  /// Whether a page may be pinned for long where it is: CMA areas and Movable must remain movable.
  ///
  /// Source: Linux v6.8 `folio_is_longterm_pinnable`.
  private func mayStayForLong(_ frame: PageFrameNumber) -> Bool {
    !frames[frame].flags.contains(.tagStorage) && buddy.zone(of: frame) != .movable
  }

  /// Makes a page that others may share the process's own, without writing it.
  ///
  /// Source: Linux v6.8 `do_wp_page` with `FAULT_FLAG_UNSHARE`.
  private mutating func unshare(
    _ page: PageIdentifier,
    in vma: VirtualMemoryArea,
    of process: Int
  ) -> Bool {
    counters.add(.pgfault)
    let table = processes[process].table
    let frame = PageFrameNumber(rawValue: table.target(page))
    guard !canReuse(frame) else {
      frames[frame].flags.insert(.exclusive)
      counters.add(.pgreuse)
      steps.insert(.reuse)
      return true
    }
    return copyOnWrite(page, of: frame, in: FaultArea(vma), process: process)
      && table.state(page).hasFrame
  }

  /// Gives a fork child a copy of a page that is pinned, since the parent's must stay the one that the
  /// device uses.
  ///
  /// - Returns: `false` where the child was ended for want of memory.
  ///
  /// Source: Linux v6.8 `copy_present_page`.
  mutating func copyForChild(
    _ page: PageIdentifier,
    of source: PageFrameNumber,
    in vma: VirtualMemoryArea,
    child: Int
  ) -> Bool {
    hold(source)
    let allocated = allocateUserFrame(tagged: vma.flags.wantsTagStorage, charging: child)
    letGo(source)
    guard let copy = allocated, processes[child].isAlive, isPinned(source) else {
      // Whoever was ended for the copy's frame may have been the parent, with its pins.
      if let allocated { freeUserFrame(allocated) }
      releaseIfUnused(source)
      if processes[child].isAlive { dropAddressSpace(of: child) }
      processes[child].isAlive = false
      return false
    }
    counters.add(.pagesCopied)
    contents[copy.index] = contents[source.index]
    // The kernel copies under the lock of the page table, where it must not wait for memory.
    copyTags(from: source, to: copy, dropping: .dropCopiedTags, isAtomic: true)
    frames[copy].flags.insert([.swapBacked, .exclusive])
    mapFrame(copy, at: page, in: FaultArea(vma), of: child, writable: true, dirty: true)
    addToBatch(copy)
    note(.copy, process: child, page: page)
    return true
  }
}
