// SPDX-License-Identifier: Apache-2.0

import MachineModel
public import MemoryModel
import TagStorage
import TraceFormat

/// Follows one page, frame or tag block through a run.
///
/// It compares the subject's state before and after each event, and takes what happened in between from
/// the machine, which notes that on slow paths only.
struct HistoryFollower {
  /// What has been seen so far.
  var history: History
  /// The state after the last event that was looked at.
  var state: [HistoryValue]
  /// Faults counted before the event at hand.
  var faults: UInt64 = 0
  /// Failures that the shadow oracle had found before it.
  var differences: UInt64 = 0
  /// Whether the event at hand is an access to the subject.
  var isEventsPage = false
}

extension ReplaySession {
  /// Begins to keep the history of a page, frame or tag block.
  ///
  /// - Precondition: no event was performed, and the machine has the frame or tag block.
  public mutating func follow(_ subject: HistorySubject) {
    precondition(serial == 0, "a history that begins after event \(serial)")
    machine.startWatching(subject)
    let state = machine.state(of: subject)
    follower = HistoryFollower(
      history: History(design: plan.machine.design.rawValue, subject: subject, start: state),
      state: state
    )
  }

  /// What happened to the subject so far, `nil` where none is followed.
  public var history: History? {
    var history = follower?.history
    history?.events = serial
    return history
  }

  /// The state of a page, frame or tag block now.
  ///
  /// - Precondition: the machine has the frame or tag block.
  public func state(of subject: HistorySubject) -> [HistoryValue] { machine.state(of: subject) }

  /// The machine's number of the process that the first trace begins with.
  public var firstProcess: Int {
    cursors.first?.processes[0] ?? 0
  }

  /// The tag blocks of the machine, 0 without tag storage in RAM.
  public var tagBlockCount: Int { machine.tagBlockCount }

  /// Bytes of a page.
  public var pageBytes: Int { plan.machine.pageSize.bytes }

  /// The page frame numbers of the machine's memory, ranges from first to last.
  public var frameNumbers: String { machine.frameNumbers }

  /// Whether a page frame number is that of the machine's memory.
  public func hasFrame(_ number: Int) -> Bool { machine.hasFrame(number) }

  /// Prepares to see what the next event does.
  mutating func beginFollowing(_ record: EventRecord, at cursor: TraceCursor) {
    guard follower != nil else { return }
    var isEventsPage = false
    if case .page(let address, cursor.current) = follower?.history.subject,
      record.kind != .operation
    {
      isEventsPage = machine.address(of: record.page, process: cursor.current) == address
    }
    follower?.isEventsPage = isEventsPage
    follower?.faults = machine.counters[.pgfault]
    follower?.differences = oracle.report.differences
    machine.prepareWatch(isEventsPage: isEventsPage)
  }

  /// Notes what the event that was just performed did to the subject.
  ///
  /// An access that needs no fault changes nothing that a history tells.
  mutating func noteHistory(of record: EventRecord, at cursor: TraceCursor) {
    guard let follower else { return }
    let isHit =
      record.kind != .operation && lastOutcome == .hit
      && machine.counters[.pgfault] == follower.faults
    guard !isHit || oracle.report.differences != follower.differences else { return }
    let subject = follower.history.subject
    let state = machine.state(of: subject)
    let changes = History.changes(from: follower.state, to: state)
    var steps = stepsThatConcern(follower, state)
    let isConcerned =
      !changes.isEmpty || follower.isEventsPage
      || steps.contains { if case .tagsLost = $0 { false } else { true } }
    if !isConcerned { steps.removeAll() }
    steps += differenceStep(follower)
    guard !changes.isEmpty || !steps.isEmpty else { return }
    self.follower?.state = state
    let printer = TracePrinter(
      pageSize: plan.machine.pageSize,
      pages: cursor.reader.pages
    )
    self.follower?.history.entries.append(
      HistoryEntry(
        event: serial,
        clock: record.clock,
        place: cursor.place,
        process: cursor.current,
        action: printer.words(for: record, in: cursor.batch),
        outcome: lastOutcome,
        steps: steps,
        changes: changes
      )
    )
  }

  /// The noted steps without tag blocks that were taken for the frames of other pages.
  private func stepsThatConcern(
    _ follower: HistoryFollower,
    _ state: [HistoryValue]
  ) -> [HistoryStep] {
    guard case .page = follower.history.subject else { return machine.watchedSteps }
    let blocks = (follower.state + state).filter { $0.field == .tagBlock }.map(\.text)
    return machine.watchedSteps.filter { step in
      switch step {
      case .blockTaken(let block, _), .blockGivenBack(let block): blocks.contains("\(block)")
      default: true
      }
    }
  }

  /// The failure that the shadow oracle found in the subject within the event, if it found one.
  private func differenceStep(_ follower: HistoryFollower) -> [HistoryStep] {
    guard oracle.report.differences != follower.differences, let finding = oracle.lastFinding,
      case .page(finding.page, finding.process) = follower.history.subject
    else { return [] }
    return [.difference("expected \(finding.expected), found \(finding.found)")]
  }
}
