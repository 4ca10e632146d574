// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// What an allocation does about tag storage.
// Source: dynamic tag storage RFC v1 to v3; specification of tag storage, section 5.

extension Machine {
  /// Tag blocks that a mandatory allocation finds unobtainable before memory counts as exhausted.
  ///
  /// The kernel gives up after as many rounds of reclaim without progress.
  private static let blocksUntilExhausted = 16

  /// Asks for the tag storage of a frame as it is handed out.
  ///
  /// - Returns: whether the frame can be handed out.
  mutating func reserveOnAllocation(_ frame: PageFrameNumber) -> Bool {
    guard let reservation, reservation.mode != .onFaultOnly else { return true }
    let result = reserveTagStorage(for: frame)
    return result == .reserved || accepts(result, reservation)
  }

  /// ``reserveOnAllocation(_:)`` for 2^`order` frames that are allocated at once.
  mutating func reserveOnAllocation(ofBlockAt head: PageFrameNumber, order: Int) -> Bool {
    guard let reservation, reservation.mode != .onFaultOnly else { return true }
    let result = reserveTagStorage(ofBlockAt: head, order: order)
    return result == .reserved || accepts(result, reservation)
  }

  /// Whether an allocation hands out a frame for which a reservation failed.
  private func accepts(_ result: ReservationResult, _ reservation: ReservationPolicy) -> Bool {
    reservation.mode == .bestEffort
      || result == .interrupted && reservation.fatalSignal == .pretendSuccess
  }

  /// Takes another frame in place of one whose tag storage could not be had.
  ///
  /// What cannot be used goes to the tail of the free lists in the end. The kernel puts each frame there
  /// at once; keeping them in hand meanwhile says the same without finding one of them again. A block
  /// that could not be had is not tried again within one allocation.
  ///
  /// - Returns: `nil` where memory ran out; ``steps`` says so.
  mutating func exchange(
    _ unusable: PageFrameNumber,
    _ request: FrameRequest,
    for process: Int?
  ) -> PageFrameNumber? {
    guard let reservation else { preconditionFailure("an exchange without reservation") }
    var refused = [unusable]
    while true {
      switch takeReservable(request, reservation, for: process, refusing: &refused) {
      case .taken(let frame):
        putBack(refused)
        return frame
      case .outOfFrames:
        putBack(refused)
        return nil
      case .exhausted:
        guard request.mayKill, killForMemory(group: nil, askedBy: process) else {
          putBack(refused)
          steps.insert(.outOfMemory)
          return nil
        }
      }
      if let process, !processes[process].isAlive {
        putBack(refused)
        return nil
      }
    }
  }

  /// Allocates a page that can hold tags where tag storage is not kept from the request, but passed over
  /// page by page.
  ///
  /// All CMA memory of this machine is tag storage, so that each look at its free lists is in vain and sees
  /// every page: the first look that the balance of CMA memory asks for, and one more before the request
  /// fails. Free tag storage counts for the marks, as it does for everybody who may look at it.
  ///
  /// Source: specification of tag storage, section 15.7.
  @inline(never)
  mutating func allocatePassingOverTagStorage(
    _ request: PageRequest,
    above level: WatermarkLevel
  ) -> PageFrameNumber? {
    let isFirst = buddy.freeCMAPages * 100 > buddy.freePages * policy.preferAbovePercent
    if isFirst { counters.add(.filterSkipped, buddy.freeCMAPages) }
    let frame = buddy.allocatePagePassingOverCMA(request, above: level, frames: &frames)
    if frame == nil { counters.add(.filterSkipped, buddy.freeCMAPages) }
    return frame
  }

  /// What came of looking for a frame that can hold tags.
  private enum Search {
    case taken(PageFrameNumber)
    /// The allocator had no further frame, and has done what it does about that.
    case outOfFrames
    /// Too many tag blocks could not be had.
    case exhausted
  }

  /// Takes frames until one can hold tags, there are no more, or too many blocks could not be had.
  private mutating func takeReservable(
    _ request: FrameRequest,
    _ reservation: ReservationPolicy,
    for process: Int?,
    refusing refused: inout [PageFrameNumber]
  ) -> Search {
    var failed: [Int] = []
    if let last = refused.last, let block = kernelBlock(of: last) { failed.append(block) }
    while failed.count < Self.blocksUntilExhausted {
      guard let frame = allocateFrame(request, for: process) else { return .outOfFrames }
      let block = kernelBlock(of: frame)
      if let block, failed.contains(block) {
        refused.append(frame)
        continue
      }
      let result = reserveTagStorage(for: frame)
      if result == .reserved || accepts(result, reservation) {
        if result == .reserved { stallMeter.noteExchange() }
        return .taken(frame)
      }
      refused.append(frame)
      if let block { failed.append(block) }
    }
    return .exhausted
  }

  private mutating func putBack(_ refused: [PageFrameNumber]) {
    counters.add(.reserveRefused, refused.count)
    for frame in refused {
      counters.add(.pgfree)
      buddy.putBackLast(frame, frames: &frames)
      if choosesFrames { noteFreed(frame) }
    }
  }
}
