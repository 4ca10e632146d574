// SPDX-License-Identifier: Apache-2.0

import MachineFile
import MachineModel
import MemoryModel
import Replay
import Reporting
import TagStorage
import TraceFormat
import TraceSynthesis

/// The replays of two designs at the values that a search for their break-even point asks for.
struct BreakEvenReplays {
  let traces: [String]
  let designs: [TagStorageDesign]
  let copies: Int
  let isVerified: Bool
  let axis: BreakEvenReport.Axis
  let choice: TagShareOptions
  let machine: MachineDescription
  /// Whether other costs need other replays.
  let repeatsForCosts: Bool
  /// The report of a run whose costs do not matter, once there is one.
  private var known: RunReport?

  init(
    traces: [String],
    designs: [TagStorageDesign],
    copies: Int,
    isVerified: Bool,
    axis: BreakEvenReport.Axis,
    choice: TagShareOptions,
    machine: MachineDescription,
    repeatsForCosts: Bool
  ) {
    self.traces = traces
    self.designs = designs
    self.copies = copies
    self.isVerified = isVerified
    self.axis = axis
    self.choice = choice
    self.machine = machine
    self.repeatsForCosts = repeatsForCosts
  }

  /// What both designs come to at a value.
  mutating func report(at value: UInt64) throws(Failure) -> RunReport {
    var description = machine
    var containers: [String: [UInt8]] = [:]
    switch axis {
    case .taggedShare:
      for path in traces { containers[path] = try thinned(path, value) }
    case .key(let key):
      if !repeatsForCosts, key.hasPrefix("cost.") {
        if known == nil { known = try replayed(description, [:]) }
      }
      do throws(MachineSettingError) {
        try description.set(key, to: "\(value)")
      } catch {
        throw Failure(.usage, "--over \(key): \(error.description)")
      }
    }
    guard var report = known else { return try replayed(description, containers) }
    report.machine.settings = MachineKey.settings(of: description.configuration)
    return report
  }

  private func thinned(_ path: String, _ value: UInt64) throws(Failure) -> [UInt8] {
    let share = TagShare(
      hundredthsOfPercent: value,
      seed: choice.shareSeed,
      chunkPages: choice.shareChunk
    )
    do throws(TraceError) {
      return try TagThinner.thin(to: share) { () throws(TraceError) in
        try TraceReader.open(path: path)
      }.written.bytes
    } catch {
      throw Failure(error)
    }
  }

  private func replayed(
    _ description: MachineDescription,
    _ containers: [String: [UInt8]]
  ) throws(Failure) -> RunReport {
    var plan = ReplayPlan(
      tracePaths: traces,
      copies: copies,
      machine: description.configuration,
      isVerified: isVerified
    )
    plan.containers = containers
    let report: RunReport
    do throws(ReplayError) {
      report = try DesignRuns(designs: designs, plan: plan).results().report
    } catch {
      if case .machine(let error) = error { throw MachineInput.failure(error, of: description) }
      throw Failure(error)
    }
    guard !isVerified || Verdict(report).isClean else {
      let message = report.designs.lazy.compactMap(\.verification.messages.first).first
      throw Failure(.verification, message ?? "tags were lost")
    }
    return report
  }
}
