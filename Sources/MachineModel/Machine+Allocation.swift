// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// Where frames come from: charging, the page allocator's fast and slow path, kswapd.
// Source: Linux v6.8 page allocator; specification of the kernel around us, sections 1.8, 1.9, 6.7.

/// What a caller wants of the page allocator.
struct FrameRequest {
  /// Where the pages may come from.
  var migrateType: MigrateType
  /// Whether the frame must be able to hold tags.
  var isTagged = false
  /// Whether the out-of-memory killer may help.
  var mayKill = true
  /// Whether the request may dip below all watermarks and must not reclaim.
  var ignoresWatermarks = false
  /// Whether the page is one of zram's pools.
  var isPoolPage = false
  /// The highest zone that may serve it.
  var highestZone: ZoneKind

  /// Creates a request that aims at Movable where it asks for movable pages, else at Normal.
  ///
  /// Source: Linux v6.8 `gfp_zone` of `GFP_HIGHUSER_MOVABLE` and `GFP_KERNEL`.
  init(migrateType: MigrateType) {
    self.migrateType = migrateType
    highestZone = migrateType == .movable ? .movable : .normal
  }

  /// A page of user memory.
  static var user: FrameRequest { FrameRequest(migrateType: .movable) }
  /// A page of the kernel's own.
  static var kernel: FrameRequest { FrameRequest(migrateType: .unmovable) }
}

extension Machine {
  /// Allocates a frame for a process's data and charges its group.
  ///
  /// A tagged request tries to reserve tag storage for the frame it gets, as far as the design says.
  ///
  /// - Returns: `nil` where memory ran out; ``steps`` says so.
  mutating func allocateUserFrame(tagged: Bool, charging process: Int) -> PageFrameNumber? {
    let group = processes[process].group
    if tagged { beginStallOfAllocation() }
    guard charge(group, of: process) else { return nil }
    var request = FrameRequest.user
    request.isTagged = tagged
    guard var frame = allocateFrame(request, for: process) else {
      groups[group].chargedPages -= 1
      return nil
    }
    if tagged {
      counters.add(.pgallocTagged)
      if !reserveOnAllocation(frame) {
        guard let other = exchange(frame, request, for: process) else {
          groups[group].chargedPages -= 1
          return nil
        }
        frame = other
      }
      endStallOfAllocation()
    }
    frames[frame].ownerPage = Self.noPage
    frames[frame].ownerSpace = UInt16(process)
    frames[frame].use = .anonymous
    if !defects.isEmpty { overwriteTags(under: frame) }
    return frame
  }

  /// Gives a frame of user data back, with everything that belongs to its contents.
  mutating func freeUserFrame(_ frame: PageFrameNumber) {
    precondition(mapCount(frame) == 0, "frame \(frame.rawValue) is freed while it is mapped")
    groups[group(of: frame)].chargedPages -= 1
    releaseTags(of: frame)
    freeFrame(frame)
  }

  /// The memory group that pays for a frame.
  func group(of frame: PageFrameNumber) -> Int {
    processes[Int(frames[frame].ownerSpace)].group
  }

  /// Allocates one frame.
  @inline(__always)
  mutating func allocateFrame(_ request: FrameRequest, for process: Int?) -> PageFrameNumber? {
    if let frame = tryAllocate(request, above: .low) { return frame }
    return allocateBelowLowMark(request, for: process)
  }

  /// Allocates one frame where free memory is short: wakes kswapd, then reclaims.
  private mutating func allocateBelowLowMark(
    _ request: FrameRequest,
    for process: Int?
  ) -> PageFrameNumber? {
    wakeKswapd(for: request.highestZone)
    if let frame = tryAllocate(request, above: .min) { return frame }
    guard !isReclaiming, !request.ignoresWatermarks else { return nil }
    return allocateSlowly(request, for: process)
  }

  /// One attempt at the zones.
  @inline(__always)
  mutating func tryAllocate(
    _ request: FrameRequest,
    above level: WatermarkLevel
  ) -> PageFrameNumber? {
    let wanted = pageRequest(request)
    let isUrgent = request.ignoresWatermarks || isReclaiming
    let frame: PageFrameNumber?
    if choosesFrames {
      frame = chooseFrame(request, above: isUrgent ? nil : level)
    } else if filtersPages && request.isTagged {
      frame = allocatePassingOverTagStorage(wanted, above: level)
    } else if isUrgent {
      frame = allocateIgnoringMarks(wanted)
    } else {
      frame = buddy.allocatePage(wanted, above: level, frames: &frames)
    }
    guard let frame else { return nil }
    counters.add(Self.pgalloc(buddy.zone(of: frame)))
    if holdsTouchedBlocks { holdTagBlock(ofTouched: frame) }
    return frame
  }

  /// What a request means to the page allocator.
  @inline(__always)
  func pageRequest(_ request: FrameRequest) -> PageRequest {
    PageRequest(
      request.migrateType,
      mayUseCMA: request.migrateType == .movable
        && !(request.isTagged && policy.cmaEligibility != .allMovable),
      highestZone: request.highestZone
    )
  }

  /// An attempt that may take the last page, and does so only where no other zone is above its mark.
  private mutating func allocateIgnoringMarks(_ request: PageRequest) -> PageFrameNumber? {
    if buddy.zoneCount > 1 {
      if let frame = buddy.allocatePage(request, above: .low, frames: &frames) { return frame }
      if let frame = buddy.allocatePage(request, above: .min, frames: &frames) { return frame }
    }
    return buddy.allocatePage(request, above: nil, frames: &frames)
  }

  /// The counter of pages that a zone handed out.
  @inline(__always)
  static func pgalloc(_ zone: ZoneKind) -> Counter {
    switch zone {
    case .dma: .pgallocDma
    case .dma32: .pgallocDma32
    case .normal: .pgallocNormal
    case .movable: .pgallocMovable
    }
  }

  /// Direct reclaim, again and again while it helps, then the out-of-memory killer.
  private mutating func allocateSlowly(
    _ request: FrameRequest,
    for process: Int?
  ) -> PageFrameNumber? {
    noteSlow()
    let mayUseCMA = pageRequest(request).mayUseCMA || filtersPages && request.isTagged
    let aimsAtMovable = tellsAims && request.highestZone == .movable
    while true {
      var roundsWithoutProgress = 0
      while roundsWithoutProgress < 17 {
        counters.add(aimsAtMovable ? .allocstallMovable : .allocstallNormal)
        steps.insert(.directReclaim)
        let reclaimed = reclaimDirectly(skippingCMA: !mayUseCMA, for: request.highestZone)
        if let frame = tryAllocate(request, above: .min) { return frame }
        if reclaimed > 0 {
          // What was reclaimed may lie on lists that the request cannot use.
          buddy.drainPageLists(frames: &frames)
          if let frame = tryAllocate(request, above: .min) { return frame }
        }
        roundsWithoutProgress = reclaimed > 0 ? 0 : roundsWithoutProgress + 1
        if reclaimed == 0 && !couldReclaim { break }
      }
      guard request.mayKill, killForMemory(group: nil, askedBy: process) else {
        steps.insert(.outOfMemory)
        return nil
      }
      if let frame = tryAllocate(request, above: .min) { return frame }
      if let process, !processes[process].isAlive { return nil }
    }
  }

  /// Whether another round of reclaim could find anything: there are pages of files, or others and
  /// slots for them.
  private var couldReclaim: Bool {
    for group in 0..<groups.count {
      if hasFilePages && groups[group].inactiveFilePages + groups[group].activeFilePages > 0 {
        return true
      }
      if hasFreeSlots && pagesOnLists(of: group) > 0 { return true }
    }
    return false
  }

  /// Gives one frame to the page allocator.
  mutating func freeFrame(_ frame: PageFrameNumber) {
    counters.add(.pgfree)
    buddy.freePage(frame, frames: &frames)
    if choosesFrames { noteFreed(frame) }
  }

  /// Charges one page to a group, reclaiming from it while it is at its limit.
  ///
  /// - Returns: `false` where the limit cannot be kept and the process was ended for it.
  @inline(__always)
  mutating func charge(_ group: Int, of process: Int) -> Bool {
    if let limit = groups[group].limitPages, groups[group].chargedPages >= limit {
      guard makeRoom(in: group, limit: limit, for: process) else { return false }
    }
    groups[group].chargedPages += 1
    return true
  }

  /// Brings a group below its limit.
  ///
  /// - Returns: `false` where that cannot be done and the process was ended for it.
  private mutating func makeRoom(in group: Int, limit: Int, for process: Int) -> Bool {
    noteSlow()
    var retries = 16
    while groups[group].chargedPages >= limit {
      counters.add(.memcgCharges)
      steps.insert(.directReclaim)
      let reclaimed = reclaimGroup(group)
      if groups[group].chargedPages < limit { break }
      if reclaimed == 0 { retries -= 1 }
      if retries == 0 {
        guard killForMemory(group: group, askedBy: process) else {
          steps.insert(.outOfMemory)
          return false
        }
        if !processes[process].isAlive { return false }
        retries = 16
      }
    }
    return true
  }

  /// Makes sure that the page tables for an address exist.
  ///
  /// - Returns: `false` where memory ran out.
  mutating func growTables(of process: Int, for address: VirtualPageNumber) -> Bool {
    let wanted = processes[process].table.noteMapped(address)
    if wanted == 0 { return processes[process].isAlive }
    for _ in 0..<wanted {
      guard charge(processes[process].group, of: process) else { return false }
      guard let frame = allocateFrame(.kernel, for: process) else {
        groups[processes[process].group].chargedPages -= 1
        return false
      }
      frames[frame].use = .kernel
      processes[process].tableFrames.append(frame.rawValue)
    }
    return processes[process].isAlive
  }

  /// Gives back the frames of page tables that no mapping needs any more.
  mutating func shrinkTables(of process: Int) {
    let needed = processes[process].table.tablePages
    while processes[process].tableFrames.count > needed,
      let frame = processes[process].tableFrames.popLast()
    {
      groups[processes[process].group].chargedPages -= 1
      freeFrame(PageFrameNumber(rawValue: frame))
    }
  }
}
