// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// swapoff and swapon.
// Source: Linux v6.8 `swapoff` and `try_to_unuse`; specification of the kernel around us, section 5.8.

extension Machine {
  /// Puts a device of the configuration into use again.
  mutating func swapOn(_ number: UInt32) -> Outcome {
    guard number < UInt32(device.deviceCount) else { return .error(.enoent) }
    guard !device.isOn(Int(number)) else { return .error(.ebusy) }
    device.swapOn(Int(number))
    return steps
  }

  /// Brings back everything that is on a device, with its tags, and takes the device out of use.
  ///
  /// It is refused where memory and the other devices have no room for the pages, and given up where a
  /// page finds no frame after all: the device is in use again then, with the pages that are left on
  /// it. Nobody is killed for such a frame: the task that runs `swapoff` would go first, and its
  /// death ends the call.
  mutating func swapOff(_ number: UInt32) -> Outcome {
    guard number < UInt32(device.deviceCount), device.isOn(Int(number)) else {
      return .error(.einval)
    }
    let type = Int(number)
    guard hasRoom(forPagesOf: type) else { return .error(.enomem) }
    device.beginSwapOff(type, released: &releasedSlots)
    dropReleasedSlots()
    if let error = emptyDevice(type) {
      device.cancelSwapOff(type)
      return steps.union(.error(error))
    }
    device.endSwapOff(type)
    // Each slot took its tags along, so that nothing should be left to erase.
    counters.add(.tagsInvalidated, tagStore.invalidateArea(type: type))
    adjustKernelFrames()
    return steps
  }

  /// Whether free frames and the free slots of other devices are as many as the pages on a device that
  /// have no frame.
  ///
  /// Linux asks whether it could commit to as many pages as the device has, which depends on the
  /// overcommit policy and under the usual one is always so; this asks what the question is about.
  private func hasRoom(forPagesOf type: Int) -> Bool {
    let needed = device.slots(of: type).count {
      device.count($0) > 0 && device.cachedFrame($0) == nil
    }
    let freeElsewhere = device.freeSlots - device.freeSlots(of: type)
    return needed <= buddy.freePages + buddy.listedPages + freeElsewhere
  }

  /// Brings back what is on a device, again and again, because reclaim for the later pages may put
  /// earlier ones back whose slot somebody else still uses.
  ///
  /// - Returns: why pages are left, `nil` where none are. A pass that leaves as many as it found stands
  ///   for the signal that would end the kernel's attempts.
  private mutating func emptyDevice(_ type: Int) -> ErrorNumber? {
    var left = Int.max
    while device.usedSlots(of: type) > 0 {
      guard device.usedSlots(of: type) < left else { return .eintr }
      left = device.usedSlots(of: type)
      for process in processes.indices where processes[process].isAlive {
        guard bringBackPages(on: type, of: process) else { return .enomem }
      }
      dropCachedPages(of: type)
    }
    return nil
  }

  /// Maps every page of a process that is on a device.
  ///
  /// - Returns: `false` where a page found no frame.
  private mutating func bringBackPages(on type: Int, of process: Int) -> Bool {
    let slots = device.slots(of: type)
    let everything = VirtualPageNumber(rawValue: 0)..<VirtualPageNumber(rawValue: 1 << 52)
    for page in processes[process].pageIndex.identifiers(in: everything) {
      let table = processes[process].table
      let state = table.state(page)
      guard state == .swap || state == .swapExclusive else { continue }
      let slot = table.target(page)
      guard lies(slot, on: slots) else { continue }
      guard let frame = frameForUnuse(of: slot, process) else { return false }
      mapUnused(frame, page, slot: slot, of: process)
    }
    return true
  }

  /// The frame of a slot's page, read into the swap cache if it is not there.
  ///
  /// The kernel reads ahead here, too, what it is about to read anyway.
  private mutating func frameForUnuse(of slot: UInt32, _ process: Int) -> PageFrameNumber? {
    if let cached = device.cachedFrame(slot) {
      let frame = PageFrameNumber(rawValue: cached)
      noteUseOfReadAhead(frame)
      return frame
    }
    return readIntoCache(slot, charging: process, for: .fault)
  }

  /// Replaces a swap entry by an old entry without write permission, as `unuse_pte` does.
  private mutating func mapUnused(
    _ frame: PageFrameNumber,
    _ page: PageIdentifier,
    slot: UInt32,
    of process: Int
  ) {
    let address = processes[process].pageIndex.page(of: page)
    guard let vma = processes[process].vmas.find(address) else {
      preconditionFailure("page \(page) of process \(process) is swapped outside any VMA")
    }
    let table = processes[process].table
    let isExclusive = table.state(page) == .swapExclusive
    restoreTags(of: frame, from: slot)
    table.clear(page)
    endKeptTags(page, of: process)
    device.drop(slot, released: &releasedSlots)
    if isExclusive { frames[frame].flags.insert(.exclusive) }
    addMapping(Mapping(process: UInt16(process), page: page), of: frame)
    let entry = entry(
      for: frame,
      in: FaultArea(vma),
      writable: false,
      dirty: false,
      young: false
    )
    table.setEntry(page, state: entry.state, flags: entry.flags, target: frame.rawValue)
    _ = freeSwapCopy(of: frame)
    note(.swapIn, process: process, page: page)
  }

  /// Takes the pages out of the swap cache that no swap entry names.
  private mutating func dropCachedPages(of type: Int) {
    drainAllBatches()
    finishWrites()
    for slot in slotsLying(on: type) {
      guard let cached = device.cachedFrame(slot) else { continue }
      let frame = PageFrameNumber(rawValue: cached)
      releaseIfUnused(frame)
      guard device.cachedFrame(slot) == cached else { continue }
      _ = freeSwapCopy(of: frame)
    }
  }
}
