// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

// What a trace says of the event before, and of the tags in memory.

extension ReplaySession {
  /// Compares a page with what the recorder saw of its tags.
  mutating func compareSnapshot(
    _ tags: [UInt8],
    page: UInt64,
    at cursor: TraceCursor
  ) throws(ReplayError) {
    guard plan.isVerified, machine.isAlive(cursor.current) else { return }
    guard tags.count == plan.machine.pageSize.tagBytes else {
      throw .event(
        place: cursor.place,
        expected: "a snapshot of \(plan.machine.pageSize.tagBytes) bytes",
        found: "\(tags.count)"
      )
    }
    let address = page << UInt64(plan.machine.pageSize.shift)
    oracle.compareSnapshot(
      tags,
      view: machine.view(at: address, process: cursor.current),
      page: page,
      of: cursor.current,
      at: cursor.place
    )
  }

  /// Compares what the event before led to with what the trace's writer expects.
  mutating func check(_ expectation: Expectation, at cursor: TraceCursor) {
    switch expectation {
    case .value(let expected):
      let found = lastValue.map { "0x\(hexadecimal($0))" } ?? "none"
      noteExpectation(
        lastValue == expected,
        "the value 0x\(hexadecimal(expected))",
        found,
        at: cursor
      )
    case .signal(let expected):
      let found = lastOutcome.isDisjoint(with: .signals) ? nil : machine.lastSignal
      noteExpectation(
        found == expected,
        "the signal \(expected.code.rawValue) at 0x\(hexadecimal(expected.address))",
        found.map { "\($0.code.rawValue) at 0x\(hexadecimal($0.address))" } ?? "none",
        at: cursor
      )
    case .outcome(let expected):
      let ignored = plan.ignoredSteps
      noteExpectation(
        expected.subtracting(ignored) == lastOutcome.subtracting(ignored),
        "the outcome \(expected)",
        lastOutcome.description,
        at: cursor
      )
    }
  }

  /// Notes an expectation about the event before.
  private mutating func noteExpectation(
    _ holds: Bool,
    _ expected: String,
    _ found: String,
    at cursor: TraceCursor
  ) {
    guard !holds else {
      oracle.noteExpectation(failure: nil)
      return
    }
    let finding = ReplayFinding(
      .expectation,
      event: serial,
      place: cursor.place,
      process: cursor.current,
      expected: expected,
      found: found,
      description: "\(cursor.place): expected \(expected) of the event before, found \(found)"
    )
    oracle.noteExpectation(failure: finding)
  }

  /// Compares granules of a page, from that at an address on, with what the trace's writer expects.
  mutating func checkTags(_ tags: [UInt8], at address: UInt64, _ cursor: TraceCursor) {
    let view = machine.view(at: address, process: cursor.current)
    var failure: ReplayFinding?
    let first = Int(address & UInt64(plan.machine.pageSize.bytes - 1)) / MemoryTag.granuleBytes
    for (granule, expected) in zip(first..., tags) {
      let found = tag(view.tags, granule)
      guard found != expected else { continue }
      failure = ReplayFinding(
        .expectation,
        event: serial,
        place: cursor.place,
        process: cursor.current,
        page: address & ~UInt64(plan.machine.pageSize.bytes - 1),
        granule: granule,
        expected: "tag \(expected)",
        found: "tag \(found)",
        description: "\(cursor.place): page 0x\(hexadecimal(address)): granule \(granule): expected"
          + " tag \(expected), found \(found)"
      )
      break
    }
    oracle.noteExpectation(failure: failure)
  }
}
