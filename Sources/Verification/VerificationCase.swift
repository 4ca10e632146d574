// SPDX-License-Identifier: Apache-2.0

public import MachineModel
import MemoryModel
public import Replay

/// One thing to verify: traces on one machine, with one design, codec and page size.
public struct VerificationCase: Sendable {
  /// The name, different from those of the other cases of a run.
  public var name: String
  /// The traces that run together.
  public var tracePaths: [String]
  /// Instances of each trace.
  public var copies = 1
  /// The machine, with its design, codec and page size.
  public var machine: MachineConfiguration
  /// When the invariants are checked.
  public var invariants = InvariantSchedule.end
  /// Pages whose tags have to be put back after a swap-out, so that the case proves something.
  public var requiredRestores: UInt64 = 0
  /// Whether it runs twice, and both reports must be the same.
  public var runsTwice = false
  /// What the trace itself demands.
  public var directives = TraceDirectives()
  /// Why the case must fail, `nil` if it must not.
  public var expectedFailure: String?
  /// Why the case is left out, `nil` if it runs.
  public var skipReason: String?
  /// Events of the traces, all instances together.
  public var events: UInt64 = 0

  /// Creates a case.
  public init(name: String, tracePaths: [String], machine: MachineConfiguration) {
    self.name = name
    self.tracePaths = tracePaths
    self.machine = machine
  }

  /// What to replay.
  var plan: ReplayPlan {
    var plan = ReplayPlan(
      tracePaths: tracePaths,
      copies: copies,
      machine: machine,
      isVerified: true
    )
    plan.invariants = invariants
    plan.ignoredSteps = directives.ignoredSteps
    // Where tags are meant to be lost, looking for lost ones early would find the same twice.
    plan.inspectsPages = invariants != .never && directives.differences == 0
    return plan
  }
}
