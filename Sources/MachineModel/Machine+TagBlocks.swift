// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Taking tag blocks out of the page allocator and putting them back.
// Source: dynamic tag storage RFC v1 to v3; specification of tag storage, sections 7, 12 and 15.

extension Machine {
  /// Takes a tag block that nobody has, and accounts for it.
  ///
  /// - Returns: ``ReservationResult/reserved``, or why not; then nothing is accounted for.
  mutating func take(_ block: Int, _ reservation: ReservationPolicy) -> ReservationResult {
    let result = tryToTake(block, reservation)
    if result == .reserved {
      if !failuresInARow.isEmpty { failuresInARow[block] = nil }
    } else {
      let failures = failuresInARow[block, default: 0] + 1
      failuresInARow[block] = failures
      counters[.reserveFailLongest] = max(counters[.reserveFailLongest], failures)
    }
    return result
  }

  private mutating func tryToTake(
    _ block: Int,
    _ reservation: ReservationPolicy
  ) -> ReservationResult {
    if defects.contains(.lateBitmap) {
      let isLate = damage.releasedBlock == block
      damage.releasedBlock = nil
      if isLate { return .exists }
    }
    let result = acquire(block, reservation)
    guard result == .reserved else { return result }
    if policy.store == nil {
      cmaArea?.markAllocated(region.frames(ofBlock: block))
      counters.add(.cmaAllocSuccess)
      counters.add(.cmaAllocSuccessPages, region.blockPages)
    }
    // Late write-back of data lines must not overwrite tags.
    let bytes = region.blockPages * pageSize.bytes
    counters.add(.cmoDataLines, lines(bytes, of: configuration.dataLineBytes))
    return .reserved
  }

  /// Gets the frames of a tag block, from a store, by the fast track or by contiguous allocation.
  private mutating func acquire(
    _ block: Int,
    _ reservation: ReservationPolicy
  ) -> ReservationResult {
    if policy.store != nil { return takeFromStore(block) }
    let range = region.frames(ofBlock: block)
    if mayTakeDirectly(reservation) && takeFreeBlock(block) {
      counters.add(.reserveFast)
      if watch.isOn { noteBlock(block, .blockTaken(block, by: .reserveFast)) }
      stallMeter.noteReservation(.fast)
      return .reserved
    }
    guard !isAskerBeingEnded else { return .interrupted }
    let migrated = counters[.pgmigrateSuccess]
    for attempt in 0..<reservation.attempts {
      if attempt > 0 { counters.add(.reserveRetries) }
      switch allocateContiguously(range) {
      case .reserved:
        counters.add(.reserveSlow)
        if watch.isOn { noteBlock(block, .blockTaken(block, by: .reserveSlow)) }
        stallMeter.noteReservation(
          attempt == 0 ? .migrated : .retried,
          migrated: counters[.pgmigrateSuccess] - migrated
        )
        return .reserved
      case .busy:
        continue
      case .noMemory, .invalid, .interrupted, .exists:
        return .noMemory
      }
    }
    return .busy
  }

  /// Whether a fatal signal waits for the process whose event is being performed.
  ///
  /// The only one in this machine is that of the out-of-memory killer.
  private var isAskerBeingEnded: Bool {
    currentProcess < processes.count && !processes[currentProcess].isAlive
  }

  private func mayTakeDirectly(_ reservation: ReservationPolicy) -> Bool {
    switch reservation.fastTrack {
    case .none: false
    case .singlePage: region.blockPages == 1 && !defects.contains(.deadFastTrack)
    case .block: !defects.contains(.deadFastTrack)
    }
  }

  /// The fast track: takes a block whose frames are all free.
  private mutating func takeFreeBlock(_ block: Int) -> Bool {
    let range = region.frames(ofBlock: block)
    if defects.contains(.uncountedFastTrack) { return takeFirstFreeFrames(range, ofBlock: block) }
    for frame in range where !buddy.isFree(PageFrameNumber(frame), frames: frames) { return false }
    for frame in range {
      let taken = buddy.takeFree(PageFrameNumber(frame), frames: &frames)
      precondition(taken, "frame \(frame) was free and could not be taken")
      frames[frame].use = .tagBlock
    }
    return true
  }

  /// The fast track as posted: once it has the first frame it reports success, whatever the others are,
  /// and the reference that the hand-out should have is missing.
  private mutating func takeFirstFreeFrames(_ range: Range<Int>, ofBlock block: Int) -> Bool {
    var taken = 0
    for frame in range {
      guard buddy.takeFree(PageFrameNumber(frame), frames: &frames) else { break }
      frames[frame].use = .tagBlock
      taken += 1
    }
    guard taken > 0 else { return false }
    damage.undercounted.insert(block)
    if taken < range.count { damage.unownedBlocks.insert(block) }
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
      case .dropped: steps.insert(.dropped)
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

  /// Puts the frames of a tag block that serves nobody back.
  mutating func giveBack(_ block: Int) {
    counters.add(.reserveReleases)
    if watch.isOn { noteBlock(block, .blockGivenBack(block)) }
    guard policy.store == nil else {
      returnToStore(block)
      return
    }
    counters.add(.cmaReleaseSuccessPages, region.blockPages)
    cmaArea?.clear(region.frames(ofBlock: block))
    for frame in region.frames(ofBlock: block) {
      guard frames[frame].use == .tagBlock else {
        precondition(
          damage.unownedBlocks.contains(block),
          "tag block \(block): frame \(frame) is \(frames[frame].use)"
        )
        continue
      }
      buddy.freePage(PageFrameNumber(frame), frames: &frames)
    }
    guard !defects.isEmpty else { return }
    damage.undercounted.remove(block)
    if defects.contains(.lateBitmap) { damage.releasedBlock = block }
  }

  // MARK: - Blocks that are held for ever

  /// Takes all tag storage for ever, when the first page after boot asks for tags.
  ///
  /// Source: specification of tag storage, section 15.3.
  mutating func takeEverythingOnce(_ reservation: ReservationPolicy) {
    // The zero page is tagged at boot, before there are processes, and counts as nobody.
    guard !processes.isEmpty, !tookEverything else { return }
    tookEverything = true
    noteSlow()
    let migrated = counters[.pgmigrateSuccess]
    for block in 0..<region.blockCount {
      if !blocks.isReserved(block) {
        guard take(block, reservation) == .reserved else { continue }
        counters.add(.reserveHeld)
      }
      blocks.hold(block)
    }
    counters.add(.reserveBurstMigrated, Int(counters[.pgmigrateSuccess] - migrated))
  }

  /// Takes the tag block of a frame that is used for the first time, where every such frame counts as
  /// tagged.
  ///
  /// Source: specification of tag storage, section 15.14.
  mutating func holdTagBlock(ofTouched frame: PageFrameNumber) {
    guard let reservation, let block = region.block(of: frame), !blocks.isHeld(block) else {
      return
    }
    if !blocks.isReserved(block) {
      noteSlow()
      let result = take(block, reservation)
      precondition(result == .reserved, "tag block \(block) cannot be taken at once: \(result)")
      counters.add(.reserveHeld)
    }
    blocks.hold(block)
  }

  /// Takes the tag blocks of everything that the kernel has in memory at boot, where every frame that is
  /// used counts as tagged.
  mutating func holdTagsOfKernel() {
    guard holdsTouchedBlocks else { return }
    for frame in 0..<region.tags.lowerBound where frames[frame].use == .reserved {
      holdTagBlock(ofTouched: PageFrameNumber(frame))
    }
  }

  /// Takes the blocks that hold the tags of tag storage, where it has any.
  ///
  /// Source: specification of tag storage, section 2.7.
  mutating func holdTagsOfTagStorage() {
    guard let reservation else { return }
    for block in region.firstBlockOfTagStorage..<region.blockCount {
      let result = take(block, reservation)
      precondition(result == .reserved, "tag block \(block) cannot be taken at boot: \(result)")
      counters.add(.reserveHeld)
      blocks.hold(block)
    }
  }
}
