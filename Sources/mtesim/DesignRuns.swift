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
    var series: RunSeries?
  }

  /// What all designs found, and what the kernel of each would show at the end.
  struct Results {
    let report: RunReport
    let snapshots: [(design: String, snapshot: MachineSnapshot)]
    /// What each design looked like over time; empty where the plan wants no series.
    let series: [RunSeries]
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
        // Designs with tag storage in RAM say how much it is; the first of those with most does.
        machine: runs.dropFirst().reduce(first.machine) {
          $1.machine.tagStorageBytes > $0.tagStorageBytes ? $1.machine : $0
        },
        designs: runs.map(\.result)
      ),
      snapshots: runs.map { ($0.result.design, $0.snapshot) },
      series: runs.compactMap(\.series)
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
    // Tag pages are counted as they are saved only where somebody looks at the series.
    if plan.seriesPoints != nil { plan.observation = .swapOut }
    var runs = TagRunCounter(plan.machine.codec, pageSize: plan.machine.pageSize)
    do throws(ReplayError) {
      var session = try ReplaySession.open(plan)
      for (path, trace) in zip(plan.tracePaths, session.traceSummaries) where trace.events == 0 {
        throw .event(place: path, expected: "at least one event", found: "none")
      }
      let total = session.traceSummaries.reduce(0) { $0 + $1.events * UInt64($1.copies) }
      let result = try session.run(observing: &runs) { progress.note($0, of: total, run: index) }
      var series = session.series()
      series?.tagRuns = runs.counts
      return .success(
        Run(
          result: result,
          traces: session.traceSummaries,
          machine: session.machineSummary(settings: MachineKey.settings(of: plan.machine)),
          snapshot: session.machineSnapshot,
          series: series
        )
      )
    } catch {
      return .failure(error)
    }
  }
}
