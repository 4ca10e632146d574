// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Faults on tagged mappings of frames without tag storage.
// Source: dynamic tag storage RFC v3; specification of tag storage, section 8.

extension Machine {
  /// Reserves tag storage for the page of a fault-on-access entry, or replaces the page.
  ///
  /// The access may be tried again whatever happened.
  ///
  /// - Returns: whether the same fault goes on with a second attempt at the reservation.
  mutating func faultOnAccess(
    _ page: PageIdentifier,
    in vma: FaultArea,
    of process: Int,
    mayRetry: Bool
  ) -> Bool {
    guard let reservation else {
      preconditionFailure("page \(page) faults on access under a design without reservation")
    }
    noteSlow()
    counters.add(.foaFaults)
    steps.insert(.faultOnAccess)
    let frame = PageFrameNumber(rawValue: processes[process].table.target(page))
    guard vma.flags.contains(.mte) else {
      mapAgain(page, in: vma, of: process)
      return false
    }
    if frames[frame].flags.contains(.tagStorage) && policy.selfTagging == .untaggable {
      // RFC v1 cannot move a page whose tags are kept aside.
      guard reservation.parkedLookup != .nowhere || parkedTags[frame.rawValue] == nil else {
        if mayRetry { noteRetry() }
        return mayRetry
      }
      replace(frame, reservation, cause: .foaReplacedTsp)
      return false
    }
    hold(frame)
    let result = reserveTagStorage(for: frame)
    letGo(frame)
    if result == .reserved {
      counters.add(.foaResolvedReserve)
      mapAgain(page, in: vma, of: process)
      return false
    }
    if mayRetry && reservation.failureAtFault != .replace {
      noteRetry()
      return true
    }
    if reservation.failureAtFault != .replay {
      replace(frame, reservation, cause: .foaReplacedOther)
    }
    return false
  }

  private mutating func noteRetry() {
    counters.add(.foaRetry)
    steps.insert(.retried)
  }

  /// Moves a page to a frame that can hold tags, and counts what comes of it.
  mutating func replace(
    _ frame: PageFrameNumber,
    _ reservation: ReservationPolicy,
    cause: Counter,
    failure: Counter = .foaReplacedFail
  ) {
    counters.add(.lruDisableIpis, configuration.processors)
    drainAllBatches()
    finishWrites()
    for _ in 0..<reservation.replaceAttempts {
      switch migrate(frame, tagged: true) {
      case .moved, .dropped:
        counters.add(cause)
        steps.insert(.replaced)
        return
      case .busy:
        continue
      case .noMemory:
        counters.add(failure)
        return
      }
    }
    counters.add(failure)
  }
}
