// SPDX-License-Identifier: Apache-2.0

public import MachineModel
public import TraceFormat

/// Why a replay cannot be done.
public enum ReplayError: Error, CustomStringConvertible {
  /// A trace is unreadable or corrupt.
  case trace(TraceError)
  /// The configuration describes no machine.
  case machine(MachineError)
  /// An event contradicts the events before it.
  case event(place: String, expected: String, found: String)
  /// The machine has no such frame or tag block to explain.
  case subject(expected: String, found: String)
  /// The machine broke a promise of its own: a mistake of the program, or an injected one.
  case invariant(ReplayFinding)

  /// One line: where, what was expected, and what was found.
  public var description: String {
    switch self {
    case .trace(let error): error.description
    case .machine(let error): error.description
    case .event(let place, let expected, let found):
      "\(place): expected \(expected), found \(found)"
    case .subject(let expected, let found): "expected \(expected), found \(found)"
    case .invariant(let finding): finding.description
    }
  }
}
