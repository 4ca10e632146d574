// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing
import Verification

@Suite struct CaseTests {
  @Test(arguments: try CaseTrace.all())
  func caseHolds(_ trace: CaseTrace) throws {
    for design in trace.designs {
      func run(checking interval: UInt64? = nil) throws -> DesignReport {
        var configuration = MachineConfiguration()
        trace.directives.apply(to: &configuration)
        configuration.design = design
        return try replay(
          [trace.text],
          invariantsEvery: interval,
          ignoring: trace.directives.ignoredSteps
        ) { $0 = configuration }
      }
      let report = try run()
      let verification = report.verification
      #expect(
        verification.failedExpectations == 0
          && verification.differences == trace.directives.differences,
        "\(design.rawValue): \(verification.messages.joined(separator: "\n"))"
      )
      #expect(verification.expectations > 0)
      for (counter, value) in trace.directives.counters {
        #expect(report.counters[counter] == value, "\(design.rawValue): \(counter.name)")
      }
      // A case for all designs is repeated under one that reserves and one that does not.
      guard trace.designs.count == 1 || [.none, .rfc3].contains(design) else { continue }
      #expect(try run() == report, "\(design.rawValue): the second run differs")
      #expect(try run(checking: 7) == report, "\(design.rawValue): the run with checks differs")
    }
  }

  @Test func everyStepHappensInSomeCase() throws {
    let cases = try CaseTrace.all()
    let happening = cases.reduce(into: Outcome.hit) { $0.formUnion($1.expectedSteps) }
    for (step, name) in Outcome.stepNames {
      #expect(happening.contains(step), "no case expects \(name)")
    }
  }
}
