// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

// How long accesses and tagged allocations have to wait beyond a plain fault. A wait is the difference of
// what the counters cost before and after, so that it can never disagree with them. Nothing is read
// before something happens that a plain fault does not have: `noteSlow()` stands before each such thing,
// and a fault without any is one more in a count.
//
// These are methods of the machine because a call that borrows the counters would copy all of them.

extension Machine {
  /// How long accesses and tagged allocations had to wait so far, by the costs of the configuration.
  public var stalls: StallReport {
    var stalls = stallMeter.report
    // Plain allocations are counted once, together; what other classes did not count is this one.
    let others = stalls.classes.dropFirst().reduce(0) { $0 + $1.count }
    stalls.classes[AllocationClass.reserved.rank].count = stalls.allocations.count - others
    return stalls
  }

  /// What everything that is waited for has cost so far, modulo 2^64.
  ///
  /// A difference of two such sums is exact as long as it is below 2^64 nanoseconds itself, which is 584
  /// years: that is what makes the wrapping operators right here.
  ///
  /// - Complexity: O(*n*), where *n* is the number of counters that are waited for.
  @inline(never)
  func waitedCost() -> UInt64 {
    var sum: UInt64 = 0
    for weight in stallMeter.weights { sum &+= counters[weight.counter] &* weight.nanoseconds }
    return sum
  }

  /// Notes that something follows which a plain fault does not have.
  @inline(__always)
  mutating func noteSlow() {
    if !stallMeter.isFaultSlow || !stallMeter.isAllocationSlow { startStall() }
  }

  @inline(never)
  private mutating func startStall() {
    let now = waitedCost()
    if !stallMeter.isFaultSlow { stallMeter.faultStart = now }
    if !stallMeter.isAllocationSlow { stallMeter.allocationStart = now }
    stallMeter.isFaultSlow = true
    stallMeter.isAllocationSlow = true
  }

  /// Leaves out what kswapd has done, for which nobody waits, since everything cost `before`.
  @inline(never)
  mutating func excludeFromStalls(since before: UInt64) {
    let spent = waitedCost() &- before
    stallMeter.faultStart &+= spent
    stallMeter.allocationStart &+= spent
  }

  // MARK: - Faults

  /// Begins the first fault of an access.
  @inline(__always)
  mutating func beginStallOfFault() { stallMeter.isFaultSlow = false }

  /// Ends an access that faulted.
  @inline(__always)
  mutating func endStallOfFault() {
    if stallMeter.isFaultSlow {
      endSlowFault()
    } else {
      stallMeter.report.faults.recordNothing()
    }
  }

  @inline(never)
  private mutating func endSlowFault() {
    stallMeter.report.faults.record(waitedCost() &- stallMeter.faultStart)
    counters[.stallNanoseconds] = stallMeter.report.faults.total
  }

  // MARK: - Tagged allocations

  /// Begins the allocation of a tagged page.
  @inline(__always)
  mutating func beginStallOfAllocation() {
    stallMeter.isAllocationSlow = false
    stallMeter.allocationClass = .reserved
    stallMeter.migratedPages = 0
  }

  /// Ends the allocation of a tagged page that got one.
  @inline(__always)
  mutating func endStallOfAllocation() {
    if stallMeter.isAllocationSlow {
      endSlowAllocation()
    } else {
      stallMeter.report.allocations.recordNothing()
    }
  }

  @inline(never)
  private mutating func endSlowAllocation() {
    let wait = waitedCost() &- stallMeter.allocationStart
    stallMeter.report.allocations.record(wait)
    stallMeter.report.classes[stallMeter.allocationClass.rank].add(
      wait,
      migratedPages: stallMeter.migratedPages
    )
  }
}
