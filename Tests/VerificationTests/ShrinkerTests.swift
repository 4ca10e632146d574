// SPDX-License-Identifier: Apache-2.0

import MachineModel
import Replay
import TagStorage
import TestSupport
import Testing

@testable import Verification

@Suite struct ShrinkerTests {
  /// A trace of hundreds of events, most of which have nothing to do with the failure, and a fault for
  /// each kind of finding.
  @Test(
    arguments: [
      (InjectedFault.dropLastRun, 4), (.dropRestore, 4), (.swapGranules, 5), (.dropData, 4),
    ]
  )
  func whatAFaultLosesTakesFewEvents(fault: InjectedFault, mostEvents: Int) throws {
    let files = try TraceFiles()
    let path = try files.write(
      program(pages: 80, options: "--limit 256K --swap-size 1M --design rfc3 --codec raw")
    )
    var matrix = CaseMatrix(tracePaths: [path])
    matrix.injections = [.fault(fault)]
    let item = try #require(try matrix.cases().first)
    let finding = try #require(CaseRun(item).finding)
    #expect(finding.kind == .difference(after: "swap-in"))
    let shrunk = try #require(try Shrinker.shrink(item, finding))
    #expect(shrunk.eventCount <= mostEvents, "\(shrunk.text)")
    #expect(shrunk.finding.kind == finding.kind)

    let again = CaseMatrix(tracePaths: [try files.write(shrunk.text, "shrunk.trace")])
    let alone = try again.cases()
    #expect(alone.count == 1, "the small trace names its design and codec")
    for item in alone { #expect(CaseRun(item).finding?.kind == finding.kind) }
  }

  @Test func aBrokenInvariantKeepsItsName() throws {
    let files = try TraceFiles()
    let swapping = program(pages: 12, options: "--swap-size 1M --codec raw").split(separator: "\n")
    let pageOut = swapping[..<38] + ["advise 0x100000 48K pageout"] + swapping[38...]
    let path = try files.write(pageOut.joined(separator: "\n") + "\n")
    var matrix = CaseMatrix(tracePaths: [path])
    matrix.designs = [.none]
    matrix.injections = [.fault(.miscountCharge)]
    matrix.invariants = .every(20)
    let item = try #require(try matrix.cases().first)
    let finding = try #require(CaseRun(item).finding)
    #expect(finding.kind == .invariant("charges"))
    #expect(finding.event % 20 == 0 && finding.event > 0)
    #expect(finding.description.contains("after event \(finding.event)"))
    #expect(finding.found.contains("group 0 is charged"))
    let shrunk = try #require(try Shrinker.shrink(item, finding))
    #expect(shrunk.finding.kind == finding.kind)
    #expect(UInt64(shrunk.eventCount) < finding.event / 3, "\(shrunk.text)")
  }

  @Test func anExpectationFailsWithTheSameWords() throws {
    let files = try TraceFiles()
    let path = try files.write(
      """
      map 0x100000 16K rw mte anon fixed
      write 0x102000
      write 0x100000
      tag 0x100000 32 3
      write 0x103000
      tags 0x100000 => 3*1 4*1
      read 0x103000
      """
    )
    let item = try #require(try CaseMatrix(tracePaths: [path]).cases().first)
    let finding = try #require(CaseRun(item).finding)
    #expect(finding.kind == .expectation)
    #expect(finding.granule == 1 && finding.expected == "tag 4" && finding.found == "tag 3")
    let shrunk = try #require(try Shrinker.shrink(item, finding))
    #expect(shrunk.eventCount == 3, "\(shrunk.text)")
    #expect(shrunk.text.hasSuffix("tags 0x100000 => 3*1 4*1\n"), "\(shrunk.text)")
  }

  /// Random properties of subsets, against what must be left of them.
  @Test func reductionLeavesExactlyWhatMatters() {
    for seed in UInt64(1)...50 {
      var random = SplitMix64(seed: seed)
      let count = 1 + random.below(200)
      let needed = Set((0..<random.below(6)).map { _ in random.below(count) })
      var questions = 0
      let kept = reduced(Array(0..<count)) {
        questions += 1
        return needed.isSubset(of: $0)
      }
      #expect(kept == needed.sorted(), "seed \(seed)")
      #expect(questions <= 40 * (needed.count + 1) + 2 * count, "seed \(seed): \(questions)")
    }
  }
}
