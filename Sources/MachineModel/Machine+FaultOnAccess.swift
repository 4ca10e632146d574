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
  /// - Returns: whether the access may be tried again, which it always may.
  mutating func faultOnAccess(
    _ page: PageIdentifier,
    in vma: VirtualMemoryArea,
    of process: Int,
    attempt: Int
  ) -> Bool {
    guard let reservation = policy.reservation else {
      preconditionFailure("page \(page) faults on access under a design without reservation")
    }
    counters.add(.foaFaults)
    steps.insert(.faultOnAccess)
    if attempt > 1 { counters.add(.foaReplay) }
    let frame = PageFrameNumber(rawValue: processes[process].table.target(page))
    guard vma.flags.contains(.mte) else {
      mapAgain(page, in: vma, of: process)
      return true
    }
    if frames.flags[frame.index].contains(.tagStorage) {
      replace(frame, reservation, cause: .foaReplacedTsp)
      return true
    }
    hold(frame)
    let result = reserveTagStorage(for: frame)
    letGo(frame)
    if result == .reserved {
      counters.add(.foaResolvedReserve)
      mapAgain(page, in: vma, of: process)
    } else if attempt == 1 {
      counters.add(.foaRetry)
      steps.insert(.retried)
    } else {
      replace(frame, reservation, cause: .foaReplacedOther)
    }
    return true
  }

  /// Moves a page to a frame that can hold tags.
  private mutating func replace(
    _ frame: PageFrameNumber,
    _ reservation: ReservationPolicy,
    cause: Counter
  ) {
    counters.add(.lruDisableIpis, configuration.processors)
    finishWrites()
    for _ in 0..<reservation.replaceAttempts {
      switch migrate(frame, tagged: true) {
      case .moved:
        counters.add(cause)
        steps.insert(.replaced)
        return
      case .busy:
        continue
      case .noMemory:
        counters.add(.foaReplacedFail)
        return
      }
    }
    counters.add(.foaReplacedFail)
  }
}
