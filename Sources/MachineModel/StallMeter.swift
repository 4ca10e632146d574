// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What a machine has measured of the waits of accesses and tagged allocations, and of those under way.
///
/// `Machine+Stalls.swift` measures.
struct StallMeter {
  /// What one step of a counter costs.
  struct Weight {
    let counter: Counter
    /// In nanoseconds; modulo 2^64, since a counter may also be subtracted.
    var nanoseconds: UInt64
  }

  /// The counters of everything that is waited for.
  let weights: [Weight]
  /// What everything had cost when the current fault, or allocation, began to be slow; only then is it
  /// of any meaning.
  var faultStart: UInt64 = 0
  var allocationStart: UInt64 = 0
  var isFaultSlow = false
  var isAllocationSlow = false
  /// What the reservations of the current allocation took so far.
  var allocationClass = AllocationClass.reserved
  /// Pages that were migrated for them.
  var migratedPages: UInt64 = 0
  /// What was measured so far.
  var report = StallReport()

  /// Creates a meter of a machine whose events cost `costs`.
  init(_ costs: EventCosts) {
    var weights: [Weight] = []
    func add(_ counter: Counter, _ nanoseconds: UInt64) {
      if let index = weights.firstIndex(where: { $0.counter == counter }) {
        weights[index].nanoseconds &+= nanoseconds
      } else {
        weights.append(Weight(counter: counter, nanoseconds: nanoseconds))
      }
    }
    for kind in CostKind.allCases where kind.isWaitedFor {
      let cost = UInt64(costs[kind.parameter])
      for counter in kind.added { add(counter, cost) }
      for counter in kind.subtracted { add(counter, 0 &- cost) }
    }
    self.weights = weights.filter { $0.nanoseconds != 0 }
  }

  /// Notes what a reservation took.
  mutating func noteReservation(_ result: AllocationClass, migrated pages: UInt64 = 0) {
    allocationClass = max(allocationClass, result)
    migratedPages += pages
  }

  /// Notes that the frame which the allocation got has its tag storage after all, after others that had
  /// none were refused.
  mutating func noteExchange() {
    if allocationClass == .failed { allocationClass = .retried }
  }
}
