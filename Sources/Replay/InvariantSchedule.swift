// SPDX-License-Identifier: Apache-2.0

/// When a replay checks all invariants of its machine.
///
/// Every schedule but ``never`` includes the end of the run.
public enum InvariantSchedule: Hashable, Sendable {
  /// Not at all.
  case never
  /// At the end of the run.
  case end
  /// At each mark of a trace.
  case marks
  /// After every *n*-th event; *n* is at least 1.
  case every(UInt64)
}
