// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Reserving the tag storage of a frame, and giving it back.
// Source: dynamic tag storage RFC v3; specification of tag storage, sections 5 to 7.

/// What came of asking for the tag storage of a frame.
enum ReservationResult: Equatable {
  /// The frame may hold tags.
  case reserved
  /// A frame of the block could not be moved away.
  case busy
  /// No frame was free to move a page to.
  case noMemory
  /// The frame lies outside every tagged memory range: it is tag storage itself.
  case invalid
  /// The process that asks is being ended.
  case interrupted
  /// The block is marked as taken although nobody has it.
  case exists
}

extension Machine {
  /// The tag block that the kernel takes for a frame's tags: the one that holds them, unless a defect
  /// has it look elsewhere.
  func kernelBlock(of frame: PageFrameNumber) -> Int? {
    guard hasSeveralRegions else { return region.block(of: frame) }
    return kernelRegions.block(of: frame).map { block in
      let first = kernelRegions.firstFrame(of: block).index
      return (first - region.tags.lowerBound) / region.blockPages
    }
  }

  /// Takes the tag block of a frame out of the page allocator, if nobody did yet.
  mutating func reserveTagStorage(for frame: PageFrameNumber) -> ReservationResult {
    guard let reservation else { return .reserved }
    guard !frames[frame].flags.contains(.storageReserved) else { return .reserved }
    // Where frames are chosen by their storage, a page without is moved.
    guard !choosesFrames || hasStorage(frame) else { return .busy }
    counters.add(.reserveCalls)
    if interleaved.count > 0 {
      counters.add(.reserveHits)
      finishReservation(of: frame)
      return .reserved
    }
    guard let block = kernelBlock(of: frame) else {
      noteSlow()
      countFailure(.invalid, for: frame)
      return .invalid
    }
    if reservation.extent == .everything && !choosesFrames { takeEverythingOnce(reservation) }
    if blocks.isReserved(block) {
      counters.add(.reserveHits)
    } else {
      noteSlow()
      let result = take(block, reservation)
      guard result == .reserved else {
        countFailure(result, for: frame)
        return result
      }
      // Whatever was pinned during the burst belongs to it as soon as it can be had.
      if reservation.extent == .everything && !processes.isEmpty { blocks.hold(block) }
    }
    blocks.addShare(toBlock: block)
    finishReservation(of: frame)
    return .reserved
  }

  /// Marks a frame as having tag storage.
  mutating func finishReservation(of frame: PageFrameNumber) {
    if choosesFrames { countServed(frame, by: .more) }
    frames[frame].flags.insert(.storageReserved)
    steps.insert(.tagsReserved)
    if !parkedTags.isEmpty { unparkTags(of: frame) }
  }

  /// Makes sure that a frame can hold tags, where that cannot fail.
  ///
  /// - Returns: whether it can; where not, a fault on access sees to it.
  @inline(__always)
  mutating func prepareForTags(_ frame: PageFrameNumber) -> Bool {
    if canHoldTags(frame) { return true }
    guard takesTagBlocksAtOnce else { return false }
    return reserveTagStorage(for: frame) == .reserved
  }

  /// Counts a reservation that failed, by its cause.
  mutating func countFailure(_ result: ReservationResult, for frame: PageFrameNumber) {
    let cause: Counter =
      switch result {
      case .reserved: preconditionFailure("a reservation that succeeded counts as failed")
      case .busy: .reserveFailBusy
      case .noMemory: .reserveFailNomem
      case .invalid: .reserveFailInvalid
      case .interrupted: .reserveFailIntr
      case .exists: .reserveFailExists
      }
    counters.add(cause)
    stallMeter.noteReservation(.failed)
    if watch.isOn { noteFailedReservation(of: frame, cause: cause) }
    // A frame without a tag block never came as far as the CMA area.
    guard policy.store == nil, result != .invalid else { return }
    counters.add(.cmaAllocFail)
    counters.add(.cmaAllocFailPages, region.blockPages)
  }

  /// Gives back a frame's share of its tag block, and the block with the last share.
  mutating func releaseTagStorage(of frame: PageFrameNumber) {
    if choosesFrames { countServed(frame, by: .less) }
    guard interleaved.count == 0 else {
      counters.add(.cmoTagLines, lines(pageSize.bytes, of: configuration.tagLineBytes))
      return
    }
    guard let block = kernelBlock(of: frame), let reservation else {
      preconditionFailure("frame \(frame.rawValue) has tag storage and lies outside tagged memory")
    }
    if !defects.isEmpty && damage.strayFrames.remove(frame.rawValue) != nil {
      if blocks.count(ofBlock: block) > 0 && defects.contains(.skippedBlocks) {
        giveBackForeignShare(of: block, after: frame)
      } else {
        // The block is gone already, or was never taken, of which the kernel warns.
        counters.add(.storageWarnings)
      }
      return
    }
    guard
      reservation.releaseCondition == .reserved || frames[frame].flags.contains(.tagged)
        || choosesFrames
    else {
      counters.add(.reserveSharesLeaked)
      blocks.leakShare(ofBlock: block)
      return
    }
    // Late write-back of tag lines must not overwrite data.
    counters.add(.cmoTagLines, lines(pageSize.bytes, of: configuration.tagLineBytes))
    if blocks.removeShare(fromBlock: block) {
      giveBack(block)
    } else if !choosesFrames && damage.undercounted.contains(block),
      blocks.count(ofBlock: block) == 1
    {
      releaseEarly(block, after: frame)
    }
  }

  /// Cache lines of a size that a range of bytes touches.
  func lines(_ bytes: Int, of lineBytes: Int) -> Int { (bytes + lineBytes - 1) / lineBytes }
}
