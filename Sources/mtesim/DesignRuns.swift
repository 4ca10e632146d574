// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MachineFile
import MachineModel
import MemoryModel
import Replay
import Synchronization
import TagStorage

/// The replays of one plan under several designs.
///
/// Each design has its own machine and reads the traces itself, so the designs run on as many cores as
/// there are. Results go by the order of the designs, whichever ends first: the report does not
/// depend on the number of cores.
struct DesignRuns {
  let designs: [TagStorageDesign]
  /// What every design runs, apart from the design.
  let plan: ReplayPlan

  private struct Run {
    var result: DesignReport
    var traces: [TraceSummary]
    var machine: MachineSummary
    var snapshot: MachineSnapshot
  }

  /// What all designs found, and what the kernel of each would show at the end.
  struct Results {
    let report: RunReport
    let snapshots: [(design: String, snapshot: MachineSnapshot)]
  }

  /// Runs all designs.
  ///
  /// - Throws: the error of the first design, in their order, that has one.
  func results() throws(ReplayError) -> Results {
    var runs: [Run] = []
    for result in perform() { runs.append(try result.get()) }
    guard let first = runs.first else { preconditionFailure("no design was replayed") }
    return Results(
      report: RunReport(
        programVersion: programVersion,
        traces: first.traces,
        // Designs with tag storage in RAM say how much it is.
        machine: runs.first { $0.machine.tagStorageBytes > 0 }?.machine ?? first.machine,
        designs: runs.map(\.result)
      ),
      snapshots: runs.map { ($0.result.design, $0.snapshot) }
    )
  }

  private func perform() -> [Result<Run, ReplayError>] {
    let results = Mutex([Result<Run, ReplayError>?](repeating: nil, count: designs.count))
    let progress = ProgressLine(runs: designs.count)
    DispatchQueue.concurrentPerform(iterations: designs.count) { index in
      let result = run(designs[index], index, progress)
      results.withLock { $0[index] = result }
    }
    progress.erase()
    return results.withLock { $0.compactMap(\.self) }
  }

  private func run(
    _ design: TagStorageDesign,
    _ index: Int,
    _ progress: borrowing ProgressLine
  ) -> Result<Run, ReplayError> {
    var plan = plan
    plan.machine.design = design
    do throws(ReplayError) {
      var session = try ReplaySession.open(plan)
      for (path, trace) in zip(plan.tracePaths, session.traceSummaries) where trace.events == 0 {
        throw .event(place: path, expected: "at least one event", found: "none")
      }
      let total = session.traceSummaries.reduce(0) { $0 + $1.events * UInt64($1.copies) }
      let result = try session.run { progress.note($0, of: total, run: index) }
      return .success(
        Run(
          result: result,
          traces: session.traceSummaries,
          machine: session.machineSummary(settings: MachineKey.settings(of: plan.machine)),
          snapshot: session.machineSnapshot
        )
      )
    } catch {
      return .failure(error)
    }
  }
}
