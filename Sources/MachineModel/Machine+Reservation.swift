// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Taking tag blocks out of the page allocator and giving them back.
// Source: dynamic tag storage RFC v3; specification of tag storage, sections 5 to 7 and 12.

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
}

extension Machine {
  /// Asks for the tag storage of a frame as it is handed out; failure is no harm yet.
  mutating func reserveOnAllocation(_ frame: PageFrameNumber) {
    guard policy.reservation != nil else { return }
    _ = reserveTagStorage(for: frame)
  }

  /// Takes the tag block of a frame out of the page allocator, if nobody did yet.
  mutating func reserveTagStorage(for frame: PageFrameNumber) -> ReservationResult {
    guard let reservation = policy.reservation else { return .reserved }
    guard !frames[frame].flags.contains(.storageReserved) else { return .reserved }
    counters.add(.reserveCalls)
    guard let block = region.block(of: frame) else {
      counters.add(.reserveFailInvalid)
      return .invalid
    }
    if blocks.isReserved(block) {
      counters.add(.reserveHits)
    } else {
      let result = acquire(block, reservation)
      guard result == .reserved else {
        counters.add(result == .busy ? .reserveFailBusy : .reserveFailNomem)
        counters.add(.cmaAllocFail)
        counters.add(.cmaAllocFailPages, region.blockPages)
        return result
      }
      cmaArea?.markAllocated(region.frames(ofBlock: block))
      counters.add(.cmaAllocSuccess)
      counters.add(.cmaAllocSuccessPages, region.blockPages)
      // Late write-back of data lines must not overwrite tags.
      counters.add(
        .cmoDataLines,
        region.blockPages * pageSize.bytes / CacheGeometry.dataLineBytes
      )
    }
    blocks.addShare(toBlock: block)
    frames[frame].flags.insert(.storageReserved)
    steps.insert(.tagsReserved)
    if let parked = parkedTags.removeValue(forKey: frame.rawValue) {
      counters.add(.tagsParkedRestored)
      frameTags.load(frame.index, from: parked.span)
      frames[frame].flags.insert(.tagged)
    }
    return .reserved
  }

  /// Gets the frames of a tag block, by the fast track or by contiguous allocation.
  private mutating func acquire(
    _ block: Int,
    _ reservation: ReservationPolicy
  ) -> ReservationResult {
    let range = region.frames(ofBlock: block)
    if reservation.takesFreeBlocksDirectly && takeFreeBlock(range) {
      counters.add(.reserveFast)
      return .reserved
    }
    for attempt in 0..<reservation.attempts {
      if attempt > 0 { counters.add(.reserveRetries) }
      switch allocateContiguously(range) {
      case .reserved:
        counters.add(.reserveSlow)
        return .reserved
      case .busy:
        continue
      case .noMemory, .invalid:
        return .noMemory
      }
    }
    return .busy
  }

  /// The fast track: takes a block whose frames are all free.
  private mutating func takeFreeBlock(_ range: Range<Int>) -> Bool {
    for frame in range where !buddy.isFree(PageFrameNumber(frame), frames: frames) { return false }
    for frame in range {
      let taken = buddy.takeFree(PageFrameNumber(frame), frames: &frames)
      precondition(taken, "frame \(frame) was free and could not be taken")
      frames[frame].use = .tagBlock
    }
    return true
  }

  /// The slow path: isolates the pageblocks, moves the pages away, and claims the frames.
  private mutating func allocateContiguously(_ range: Range<Int>) -> ReservationResult {
    guard buddy.isolate(range, frames: &frames) else {
      counters.add(.reserveFailIsolated)
      return .busy
    }
    counters.add(.lruDisableIpis, configuration.processors)
    drainAllBatches()
    finishWrites()
    var result = ReservationResult.reserved
    for frame in range where !buddy.isFree(PageFrameNumber(frame), frames: frames) {
      switch migrateAway(PageFrameNumber(frame)) {
      case .moved: steps.insert(.migrated)
      case .busy: result = .busy
      case .noMemory: result = .noMemory
      }
      if result == .noMemory { break }
    }
    if result == .reserved {
      if buddy.claimIsolated(range, frames: &frames) {
        for frame in range { frames[frame].use = .tagBlock }
      } else {
        result = .busy
      }
    }
    buddy.undoIsolation(range, as: .cma, frames: &frames)
    return result
  }

  /// Gives back a frame's share of its tag block, and the block with the last share.
  mutating func releaseTagStorage(of frame: PageFrameNumber) {
    guard let block = region.block(of: frame) else {
      preconditionFailure("frame \(frame.rawValue) has tag storage and lies outside tagged memory")
    }
    // Late write-back of tag lines must not overwrite data.
    counters.add(.cmoTagLines, pageSize.bytes / CacheGeometry.bytesPerTagLine)
    guard blocks.removeShare(fromBlock: block) else { return }
    counters.add(.reserveReleases)
    counters.add(.cmaReleaseSuccessPages, region.blockPages)
    cmaArea?.clear(region.frames(ofBlock: block))
    for frame in region.frames(ofBlock: block) {
      buddy.freePage(PageFrameNumber(frame), frames: &frames)
    }
  }
}

/// The cache lines that cache maintenance works on.
enum CacheGeometry {
  /// Bytes of a data cache line.
  static let dataLineBytes = 64
  /// Bytes of data memory whose tags one tag cache line holds: 64 bytes of 4-bit tags.
  static let bytesPerTagLine = 64 * 2 * 16
}
