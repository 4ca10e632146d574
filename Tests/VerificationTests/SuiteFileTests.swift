// SPDX-License-Identifier: Apache-2.0

import MachineFile
import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing
import Verification

@Suite struct SuiteFileTests {
  @Test func defaultsAreThoseBesideTheList() throws {
    let suite = try SuiteFile(
      yaml: """
        invariants: 1000
        limits: [4M, 8M]
        verify:
          - traces: [a.trace, b.trace]
            designs: [rfc3, none]
            set: {ram: 128M, swap: {device: disk}}
          - traces: [c.trace]
            name: second
            limits: [16M]
            together: true
            copies: 2
            twice: true
            invariants: marks
            expected-failure: known
        """,
      name: "suite.yaml"
    )
    let first = try #require(suite.entries.first)
    let second = try #require(suite.entries.last)
    #expect(suite.entries.count == 2)
    #expect(first.matrix.tracePaths == ["a.trace", "b.trace"])
    #expect(first.matrix.limits == [4 << 20, 8 << 20] && first.matrix.invariants == .every(1000))
    #expect(first.matrix.designs == [.rfc3, .none] && second.matrix.designs == nil)
    let machine = try suite.machine(of: first, on: MachineDescription()).configuration
    #expect(machine.ramBytes == 128 << 20 && machine.swap.device == .disk)
    #expect(second.matrix.limits == [16 << 20] && second.matrix.invariants == .marks)
    #expect(second.matrix.isTogether && second.matrix.copies == 2 && second.matrix.runsTwice)
    #expect(second.matrix.expectedFailure == "known" && second.matrix.label == "second")
  }

  @Test(
    arguments: [
      ("", "s:1:1: expected a suite with the key verify, found nothing"),
      ("- a", "s:1:1: expected a suite with the key verify, found a list"),
      ("twice: true", "s:1:1: expected a suite with the key verify, found others"),
      ("verify: all", "s:1:9: expected a list of what to verify, found all"),
      ("verify:\n  - twice: true", "s:2:5: expected the key traces, found none"),
      ("verify:\n  - traces: a", "s:2:13: expected a list of traces, found a"),
      ("verify:\n  - tracks: [a]", "s:2:5: expected one of traces, together, "),
      (
        "verify:\n  - traces: [a]\n    designs: [rfc3, rfc9]",
        "s:3:21: expected a design, found rfc9"
      ),
      ("verify:\n  - traces: [a]\n    limits: [0]", "s:3:14: expected a size such as 8M, found 0"),
      (
        "verify:\n  - traces: [a]\n    copies: 0",
        "s:3:13: expected a number from 1 to 1000, found 0"
      ),
      ("verify:\n  - traces: [a]\n    twice: yes", "s:3:12: expected true or false, found yes"),
      (
        "verify:\n  - traces: [a]\n    invariants: often",
        "s:3:17: expected never, end, marks, or a number of events, found often"
      ),
      ("verify:\n  - traces: [a]\n    set: {rom: 1}", "s:3:11: expected a machine key, found rom"),
      ("verify:\n  - traces: [a", "s:3:1: expected YAML, found an error: "),
    ]
  )
  func whatIsWrongHasLineAndColumn(yaml: String, expected: String) {
    let error = #expect(throws: MachineFileError.self) {
      try SuiteFile(yaml: yaml, name: "s")
    }
    #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "")")
  }
}
