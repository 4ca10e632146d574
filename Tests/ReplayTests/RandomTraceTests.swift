// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing

/// A machine and a program, both made from a seed.
private struct Experiment {
  var configuration = MachineConfiguration()
  var program: RandomTrace

  init(seed: UInt64, steps: Int) {
    var random = SplitMix64(seed: seed ^ 0x5eed)
    let designs = TagStorageDesign.allCases
    configuration.design = designs[random.below(designs.count)]
    configuration.swap.device = [.zram, .zram, .disk, .disk, .none][random.below(5)]
    configuration.swap.pageCluster = random.below(4)
    configuration.swap.usesSlotCaches = random.below(2) == 0
    // Some machines run out of swap, and then out of memory.
    configuration.swap.bytes = [256 << 20, 96 * 4096, 400 * 4096][random.below(3)]
    configuration.groupLimitBytes = [nil, 48 * 4096, 64 * 4096, 100 * 4096][random.below(4)]
    program = RandomTrace(
      seed: seed,
      pages: [20, 90, 150][random.below(3)],
      count: steps,
      processes: 1 + random.below(4)
    )
  }

  /// What went wrong, `nil` where nothing did.
  func failure(of program: RandomTrace) -> String? {
    let report: DesignReport
    do {
      report = try replay([program.text], invariantsEvery: 250) { $0 = configuration }
    } catch {
      return "\(error)"
    }
    if let message = report.verification.messages.first { return message }
    if report.counters[.tagsLost] > 0 { return "tags were lost" }
    if report.counters[.livelocks] > 0 { return "an access made no progress" }
    return nil
  }

  /// The program without the steps that its failure does not need: halves first, then quarters, down
  /// to single steps.
  func shrunk() -> RandomTrace {
    var smallest = program
    var size = smallest.steps.count / 2
    while size > 0 {
      var start = 0
      while start < smallest.steps.count {
        var candidate = smallest
        let end = min(start + size, candidate.steps.count)
        candidate.steps.removeSubrange(start..<end)
        if failure(of: candidate) != nil {
          smallest = candidate
        } else {
          start += size
        }
      }
      size /= 2
    }
    return smallest
  }
}

@Suite struct RandomTraceTests {
  /// `MTESIM_SEEDS` runs that many seeds, `MTESIM_FIRST_SEED` starts elsewhere, `MTESIM_STEPS` makes
  /// the programs longer.
  @Test func randomProgramsLoseNothing() {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["MTESIM_SEEDS"].flatMap { UInt64($0) } ?? 60
    let first = environment["MTESIM_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
    let steps = environment["MTESIM_STEPS"].flatMap { Int($0) } ?? 500
    for seed in first..<(first + count) {
      let experiment = Experiment(seed: seed, steps: steps)
      guard let failure = experiment.failure(of: experiment.program) else { continue }
      let smallest = experiment.shrunk()
      Issue.record(
        """
        seed \(seed), \(experiment.configuration.canonicalText): \(failure)
        the smallest trace that fails: \(experiment.failure(of: smallest) ?? "")
        \(smallest.text)
        """
      )
      return
    }
  }
}
