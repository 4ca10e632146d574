// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import TraceFormat

extension ReplaySession {
  /// Runs one instance until its next event lies beyond a clock, it ends, or a sample is due.
  mutating func run(_ cursor: TraceCursor, until limit: UInt64) throws(ReplayError) {
    while !cursor.isAtEnd && cursor.nextClock <= limit && eventsUntilSample != 0 && !isOver {
      if !plan.isVerified && suspicion == nil && !plan.countsEvents && follower == nil {
        let performed = performTouchesAndTags(cursor, until: limit)
        if performed > 0 {
          serial += UInt64(performed)
          lastValue = nil
          if lastOutcome.isDisjoint(with: [.unmapped, .protected]) {
            try advance(cursor, by: performed)
          } else {
            // The place to name is that of the record that was refused.
            try advance(cursor, by: performed - 1)
            noteRefusal(of: cursor.record, at: cursor)
            try advance(cursor, by: 1)
          }
          continue
        }
      }
      let record = cursor.record
      serial += 1
      oracle.event = serial
      if follower != nil { beginFollowing(record, at: cursor) }
      if record.kind == .operation {
        try perform(cursor.operation(of: record), at: cursor)
      } else {
        try perform(record, at: cursor)
        if record.kind != .tagRun, let left = eventsUntilSample { eventsUntilSample = left - 1 }
      }
      if follower != nil { noteHistory(of: record, at: cursor) }
      if case .every(let interval) = plan.invariants, serial.isMultiple(of: interval) {
        try checkMachine(at: cursor.place)
      }
      try advance(cursor, by: 1)
    }
  }

  /// Performs the touches and tag stores that come next, with their faults.
  ///
  /// - Returns: how many there were.
  private mutating func performTouchesAndTags(_ cursor: TraceCursor, until limit: UInt64) -> Int {
    let records = cursor.batch.records
    let end = machine.performTouchesAndTags(
      records,
      in: cursor.position..<records.count,
      until: limit,
      of: cursor.current
    )
    guard end > cursor.position else { return 0 }
    lastOutcome = machine.lastOutcome
    return end - cursor.position
  }

  private func advance(_ cursor: TraceCursor, by events: Int) throws(ReplayError) {
    do {
      try cursor.advance(to: cursor.position + events)
    } catch {
      throw .trace(error)
    }
  }

  /// Performs a touch, an access or a tag store, and lets the oracle follow.
  private mutating func perform(
    _ record: EventRecord,
    at cursor: TraceCursor
  ) throws(ReplayError) {
    if let suspicion { throw suspicion }
    let process = cursor.current
    lastOutcome = machine.perform(record, of: process, stamp: serial)
    lastValue = nil
    noteRefusal(of: record, at: cursor)
    guard plan.isVerified else { return }
    if !machine.isAlive(process) { forgetTheDead() }
    oracle.apply(
      record,
      page: pageNumber(record.page, of: process),
      stamp: serial,
      outcome: lastOutcome,
      of: process,
      at: cursor.place
    )
    followNotices(at: cursor)
  }

  /// Keeps in mind that the last access was refused, unless the trace goes on to expect that.
  private mutating func noteRefusal(of record: EventRecord, at cursor: TraceCursor) {
    let process = cursor.current
    if lastOutcome.contains(.unmapped) {
      let address = machine.address(of: record.page, process: process)
      suspicion = .event(
        place: cursor.place,
        expected: "an access to mapped memory",
        found: "0x\(hexadecimal(address)), where nothing is mapped"
      )
    } else if lastOutcome.contains(.protected) {
      let address = machine.address(of: record.page, process: process)
      suspicion = .event(
        place: cursor.place,
        expected: "an access that the mapping allows",
        found: "a \(record.isWrite ? "write" : "read") of 0x\(hexadecimal(address))"
      )
    }
  }

  /// Performs a tag instruction, and lets the oracle follow.
  private mutating func perform(_ instruction: TagInstruction, at cursor: TraceCursor) {
    let process = cursor.current
    lastOutcome = machine.perform(instruction, of: process, stamp: serial)
    lastValue = machine.lastValue
    if !lastOutcome.isDisjoint(with: [.unmapped, .protected]) {
      suspicion = .event(
        place: cursor.place,
        expected: "a tag instruction on memory that allows it",
        found: "\(instruction.opcode.name) of 0x\(hexadecimal(instruction.pointer)):"
          + " \(lastOutcome)"
      )
    }
    guard plan.isVerified else { return }
    if !machine.isAlive(process) { forgetTheDead() }
    oracle.apply(
      instruction,
      stamp: serial,
      outcome: lastOutcome,
      value: lastValue,
      of: process,
      at: cursor.place
    )
    followNotices(at: cursor)
  }

  /// Performs what a guest does, and lets the oracle follow.
  private mutating func perform(_ access: GuestAccess, at cursor: TraceCursor) {
    let process = cursor.current
    lastOutcome = machine.perform(access, of: process, stamp: serial)
    lastValue = nil
    guard plan.isVerified else { return }
    if !machine.isAlive(process) { forgetTheDead() }
    oracle.apply(access, stamp: serial, outcome: lastOutcome, of: process)
    followNotices(at: cursor)
  }

  /// The process of an event enters the kernel, in an event that the machine does not perform itself.
  private mutating func enterKernel(at cursor: TraceCursor) {
    guard machine.isAlive(cursor.current) else { return }
    lastOutcome = machine.enterKernel(from: cursor.current)
    guard plan.isVerified else { return }
    oracle.followDelivery(lastOutcome, mustDeliver: true, of: cursor.current, at: cursor.place)
  }

  /// Performs a rarer event.
  private mutating func perform(
    _ operation: MemoryOperation,
    at cursor: TraceCursor
  ) throws(ReplayError) {
    if case .expect(let expectation) = operation {
      check(expectation, at: cursor)
      suspicion = nil
      return
    }
    if let suspicion { throw suspicion }
    let process = cursor.current
    switch operation {
    case .process(let number):
      guard let known = cursor.processes[number] else {
        throw .event(
          place: cursor.place,
          expected: "a process that was forked before",
          found: "\(number)"
        )
      }
      if known != process {
        enterKernel(at: cursor)
        recorder?.noteRun(machine, of: cursor, from: runningSince)
        runningSince = cursor.clock
      }
      cursor.current = known
    case .fork(let child):
      guard cursor.processes[child] == nil else {
        throw .event(
          place: cursor.place,
          expected: "a new process number",
          found: "\(child)"
        )
      }
      enterKernel(at: cursor)
      let entry = lastOutcome
      guard let number = machine.fork(process) else {
        // A process that was ended for want of memory forks no more; its children are as gone as it.
        cursor.processes[child] = process
        lastOutcome = .processGone
        break
      }
      cursor.processes[child] = number
      lastOutcome = entry
      oracle.fork(process)
    case .kernelCopy(let address, let length, let intoUser):
      try performCopy(address: address, length: length, intoUser: intoUser, at: cursor)
    case .tagInstruction(let instruction):
      perform(instruction, at: cursor)
    case .guest(let access):
      perform(access, at: cursor)
    case .mark(let text):
      lastOutcome = .hit
      recorder?.noteMark(text, at: cursor)
      marks.append(
        MarkedState(
          text: text,
          counters: machine.counters,
          savedTags: machine.savedTagClasses,
          anonymousBytes: machine.bytes(of: .anonymous)
        )
      )
      if plan.invariants == .marks { try checkMachine(at: cursor.place) }
    case .tagSnapshot(let page, let tags):
      try compareSnapshot(tags, page: page, at: cursor)
    case .expectTags(let address, let tags):
      checkTags(tags, at: address, cursor)
    case .exit, .exec:
      verifyWhole(process, at: cursor.place)
      fallthrough
    default:
      lastOutcome = machine.perform(operation, of: process)
      lastValue = machine.lastValue
      if plan.isVerified {
        oracle.apply(operation, outcome: lastOutcome, of: process, at: cursor.place)
        followNotices(at: cursor)
      }
    }
  }

  /// A kernel copy touches every page of its range.
  private mutating func performCopy(
    address: UInt64,
    length: UInt64,
    intoUser: Bool,
    at cursor: TraceCursor
  ) throws(ReplayError) {
    enterKernel(at: cursor)
    var outcome = machine.isAlive(cursor.current) ? lastOutcome : .hit
    for page in machine.pagesCopied(address: address, length: length, of: cursor.current) {
      let touch = EventRecord.touch(
        page,
        reads: intoUser ? 0 : 1,
        writes: intoUser ? 1 : 0,
        clock: cursor.nextClock
      )
      try perform(touch, at: cursor)
      outcome.formUnion(lastOutcome)
    }
    lastOutcome = outcome
  }

  /// Compares the pages that the machine moved, copied or brought back.
  private mutating func followNotices(at cursor: TraceCursor) {
    guard !machine.notices.isEmpty else { return }
    let notices = machine.notices
    machine.notices.removeAll(keepingCapacity: true)
    for notice in notices where machine.isAlive(notice.process) {
      let cause: ComparisonCause =
        switch notice.cause {
        case .swapIn: .swapIn
        case .migration: .migration
        case .copy: .copy
        case .reference: .reference
        }
      oracle.compare(
        machine.view(notice.page, of: notice.process),
        page: pageNumber(notice.page, of: notice.process),
        of: notice.process,
        after: cause,
        at: cursor.place
      )
    }
  }

  /// Lets the oracle forget processes that were ended for want of memory.
  private mutating func forgetTheDead() {
    for cursor in cursors {
      for process in cursor.processes.values where !machine.isAlive(process) {
        oracle.forget(process)
      }
    }
  }

  private func pageNumber(_ page: PageIdentifier, of process: Int) -> UInt64 {
    machine.address(of: page, process: process) >> UInt64(plan.machine.pageSize.shift)
  }
}
