// SPDX-License-Identifier: Apache-2.0

import Containers
import MachineModel
import MemoryModel

// What a replay checks beside the pages that its events concern.

extension ReplayPlan {
  /// Whether something depends on the number of each event, so that none may be skipped.
  var countsEvents: Bool {
    if case .every = invariants { return true }
    return lastEvent != nil
  }
}

extension ReplaySession {
  /// Checks all invariants of the machine and, where the plan asks for it, every page.
  ///
  /// - Throws: ``ReplayError/invariant(_:)`` with the event that was performed last.
  mutating func checkMachine(at place: String) throws(ReplayError) {
    do throws(BrokenInvariant) {
      try machine.verifyInvariants()
    } catch {
      throw .invariant(finding(error, at: place))
    }
    if plan.isVerified && plan.inspectsPages { inspectPages(at: place) }
  }

  /// Checks what the counters of the whole run must add up to.
  mutating func checkIdentities() throws(ReplayError) {
    do throws(BrokenInvariant) {
      try machine.verifyIdentities()
    } catch {
      throw .invariant(finding(error, at: cursors.last?.name ?? ""))
    }
  }

  private func finding(_ broken: BrokenInvariant, at place: String) -> ReplayFinding {
    ReplayFinding(
      .invariant(broken.name),
      event: serial,
      place: place,
      expected: broken.name,
      found: broken.problem,
      description: "\(place): after event \(serial), expected \(broken.name) to hold, found that"
        + " \(broken.problem)"
    )
  }

  /// S7, T3, T4, I9, I10: every page that any process knows of, in memory and in swap, new ones too.
  private mutating func inspectPages(at place: String) {
    for cursor in cursors {
      for process in cursor.processes.values.sorted() where machine.isAlive(process) {
        for number in 0..<machine.pageCount(of: process) {
          guard oracle.firstFinding == nil else { return }
          let page = PageIdentifier(number)
          let address = machine.address(of: page, process: process)
          oracle.inspect(
            machine.view(page, of: process),
            page: address >> UInt64(plan.machine.pageSize.shift),
            of: process,
            at: place
          )
        }
      }
    }
  }
}
