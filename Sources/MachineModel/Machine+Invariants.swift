// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// The promises of the machine as a whole, each recomputed from scratch. The numbers in front are those
// of the specifications' lists (kernel: section 11; tag storage: section 18).

extension Machine {
  /// Stops the program where a promise of the machine does not hold.
  ///
  /// - Complexity: O(frames + pages of all processes + swap slots).
  public func checkInvariants() {
    buddy.checkInvariants(frames: frames)
    device.checkInvariants()
    tagStore.checkInvariants()
    blocks.checkInvariants()
    checkMappings()
    checkFrames()
    checkPins()
    checkTagStorage()
    checkGroups()
  }

  /// S1, S5, I7: page tables against the frame table and the swap map.
  private func checkMappings() {
    var mapped = FlatStorage<UInt32>(repeating: 0, count: frames.count)
    var swapped = FlatStorage<UInt32>(repeating: 0, count: device.slots)
    for process in processes.indices {
      let table = processes[process].table
      var resident = 0
      var swapEntries = 0
      for number in 0..<processes[process].pageIndex.count {
        let page = PageIdentifier(number)
        let flags = table.flags(page)
        let target = Int(table.target(page))
        switch table.state(page) {
        case .frame, .faultOnAccess:
          resident += 1
          mapped[target] += 1
          checkEntry(flags, of: page, process: process, frame: target)
        case .swap, .swapExclusive:
          swapEntries += 1
          swapped[target] += 1
        case .none, .zeroPage, .filePage:
          break
        }
      }
      precondition(
        resident == table.residentPages && swapEntries == table.swapEntries,
        "process \(process): \(resident) resident pages and \(swapEntries) swap entries, recorded"
          + " \(table.residentPages) and \(table.swapEntries)"
      )
    }
    for frame in 0..<frames.count {
      let recorded = mapCount(PageFrameNumber(frame))
      precondition(
        Int(mapped[frame]) == recorded,
        "frame \(frame) is mapped by \(mapped[frame]) entries, recorded \(recorded)"
      )
    }
    for slot in 1..<device.slots {
      let recorded = device.count(UInt32(slot))
      precondition(
        Int(swapped[slot]) == recorded,
        "slot \(slot) is in \(swapped[slot]) entries, recorded \(recorded)"
      )
    }
  }

  /// Pins against the frame table and the counters.
  private func checkPins() {
    var total = 0
    for number in 0..<frames.count {
      let count = pins.count(of: PageFrameNumber(number))
      precondition(
        frames[number].flags.contains(.pinned) == (count > 0),
        "frame \(number) has \(count) pins and the flags \(frames[number].flags.rawValue)"
      )
      precondition(
        count == 0 || frames[number].use == .anonymous,
        "frame \(number) is pinned and \(frames[number].use)"
      )
      total += count
    }
    let counted = counters[.nrFollPinAcquired] - counters[.nrFollPinReleased]
    precondition(
      total == pins.total && UInt64(total) == counted,
      "\(total) pins of frames, recorded \(pins.total), counted \(counted)"
    )
  }

  private func checkEntry(
    _ flags: EntryFlags,
    of page: PageIdentifier,
    process: Int,
    frame: Int
  ) {
    let frameFlags = frames[frame].flags
    if flags.contains(.tagged) && flags.contains(.readable) {
      precondition(
        frameFlags.contains(.tagged),
        "page \(page) of process \(process) is readable and tagged, frame \(frame) is not tagged"
      )
    }
    if flags.contains(.writable) {
      precondition(
        frameFlags.contains(.exclusive) || frameFlags.contains(.sharedMapping),
        "page \(page) of process \(process) is writable, frame \(frame) is not exclusive"
      )
    }
  }

  /// B1, I4, I6, I8, T5: every frame is one thing, and its flags fit that.
  private func checkFrames() {
    let batched = Set(batchedFrames)
    precondition(batched.count == batchedFrames.count, "a page is in two batches")
    precondition(
      batched.allSatisfy { frames[$0].use == .anonymous },
      "a batch holds a frame without user data"
    )
    for number in 0..<frames.count {
      let frame = PageFrameNumber(number)
      let flags = frames[number].flags
      let use = frames[number].use
      if flags.contains(.tagged) {
        precondition(canHoldTags(frame), "frame \(number) is tagged without tag storage")
      }
      if flags.contains(.tagStorage) && policy.selfTagging == .untaggable {
        precondition(
          flags.isDisjoint(with: [.tagged, .storageReserved]),
          "frame \(number) of tag storage is tagged or has tag storage itself"
        )
      }
      precondition(!flags.contains(.held), "frame \(number) is held between events")
      // The zero page lies in the kernel's image and is tagged from boot on.
      if frame == zeroFrame { continue }
      switch use {
      case .free, .listed, .reserved, .tagBlock:
        precondition(
          flags.isDisjoint(with: [.tagged, .storageReserved, .onList, .inSwapCache])
            && (parkedTags[frame.rawValue] == nil
              || damage.outlivedTags.contains(frame.rawValue)),
          "frame \(number) is \(use) and has the flags \(flags.rawValue)"
        )
      case .inHand:
        preconditionFailure("frame \(number) was allocated and never put to use")
      case .kernel:
        break
      case .anonymous:
        precondition(
          flags.contains(.onList) != batched.contains(frame),
          "frame \(number) holds user data and is on no list and in no batch, or on both"
        )
        if flags.contains(.inSwapCache) {
          precondition(
            device.cachedFrame(frames[number].swapSlot) == frame.rawValue,
            "frame \(number) is not what slot \(frames[number].swapSlot) has cached"
          )
        }
        precondition(
          mapCount(frame) > 0 || !flags.isDisjoint(with: [.inSwapCache, .pinned]),
          "frame \(number) holds user data that nobody can reach"
        )
      }
    }
  }

  /// I2, I3, I5, T6: tag blocks against the frames that have their tag storage.
  private func checkTagStorage() {
    var shares = [Int](repeating: 0, count: region.blockCount)
    for number in 0..<frames.count
    where frames[number].flags.contains(.storageReserved)
      && !damage.strayFrames.contains(UInt32(number))
    {
      guard let block = region.block(of: PageFrameNumber(number)) else {
        preconditionFailure("frame \(number) has tag storage and lies outside tagged memory")
      }
      shares[block] += 1
    }
    for block in 0..<region.blockCount where policy.bootPlacement == .cmaArea {
      precondition(
        shares[block] == blocks.count(ofBlock: block),
        "tag block \(block) serves \(shares[block]) frames, recorded \(blocks.count(ofBlock: block))"
      )
      let isClear = cmaArea?.isClear(region.frames(ofBlock: block)) ?? true
      precondition(
        isClear != blocks.isReserved(block),
        "tag block \(block): \(blocks.count(ofBlock: block)) shares, CMA bits clear: \(isClear)"
      )
      for number in region.frames(ofBlock: block) where !damage.unownedBlocks.contains(block) {
        let isHeld = frames[number].use == .tagBlock
        precondition(
          isHeld == blocks.isReserved(block),
          "tag block \(block): frame \(number) is \(frames[number].use)"
        )
      }
    }
    precondition(
      kernelFrames.count == tagStore.slabPages,
      "saved tags need \(tagStore.slabPages) frames and have \(kernelFrames.count)"
    )
  }

  /// L1: charges and list lengths against the frames.
  private func checkGroups() {
    var charged = [Int](repeating: 0, count: groups.count)
    var listed = [Int](repeating: 0, count: groups.count)
    for process in processes {
      charged[process.group] += process.tableFrames.count + process.objectPages
    }
    for number in 0..<frames.count
    where frames[number].use == .anonymous {
      let group = group(of: PageFrameNumber(number))
      charged[group] += 1
      listed[group] += frames[number].flags.contains(.onList) ? 1 : 0
    }
    for group in 0..<groups.count {
      let state = groups[group]
      precondition(
        charged[group] == state.chargedPages,
        "group \(group) is charged \(state.chargedPages) pages and has \(charged[group])"
      )
      let lengths = state.inactivePages + state.activePages + state.lazyFreePages
      precondition(
        listed[group] == lengths,
        "group \(group) has \(lengths) pages on its lists, and \(listed[group]) say they are"
      )
    }
  }
}
