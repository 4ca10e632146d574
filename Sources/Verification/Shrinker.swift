// SPDX-License-Identifier: Apache-2.0

import MachineFile
import MachineModel
import MemoryModel
public import Replay
import TagStorage
public import TraceFormat

/// A small trace that fails as a large one does.
public struct ShrunkTrace: Sendable {
  /// The trace as text, with the options of its machine; it fails by itself.
  public let text: String
  /// What the replay of it finds.
  public let finding: ReplayFinding
  /// Its events.
  public let eventCount: Int
  /// Replays that it took.
  public let replays: Int
}

/// Makes a failing trace as small as it can while it fails in the same way.
///
/// It cuts at the failing event first, then tries the page that failed alone, with a PAGEOUT in place of
/// the pressure that swapped it out, and leaves out pages, events, granules and settings of the machine
/// in turn. Only what fails in the same way counts: the same kind of finding, and for an expectation the
/// same words.
public struct Shrinker {
  private var item: VerificationCase
  private let original: ReplayFinding
  private let progress: (_ replays: Int, _ events: Int) -> Void
  private var trace: TraceEvents
  private var replays = 0

  /// The name of candidates in findings.
  private static let name = "shrunk.trace"

  /// Shrinks the trace of a failed case.
  ///
  /// `progress` is told how many replays were done, and how many events are left.
  ///
  /// - Returns: `nil` where the case has several traces or instances, or the failure does not come back
  ///   once the trace is cut.
  /// - Throws: where the trace cannot be read.
  public static func shrink(
    _ item: VerificationCase,
    _ finding: ReplayFinding,
    progress: @escaping (_ replays: Int, _ events: Int) -> Void = { _, _ in }
  ) throws(TraceError) -> ShrunkTrace? {
    guard item.tracePaths.count == 1, item.copies == 1, let path = item.tracePaths.first else {
      return nil
    }
    let reader = try TraceReader.open(path: path)
    let last = finding.event == 0 ? reader.totals.records : finding.event
    var shrinker = Shrinker(
      item: item,
      original: finding,
      progress: progress,
      trace: try TraceEvents(reader, first: last)
    )
    return try shrinker.run()
  }

  private init(
    item: VerificationCase,
    original: ReplayFinding,
    progress: @escaping (_ replays: Int, _ events: Int) -> Void,
    trace: TraceEvents
  ) {
    self.item = item
    self.original = original
    self.progress = progress
    self.trace = trace
    self.item.tracePaths = [Self.name]
    // The end of a candidate is looked at only where nothing is seen before it: that is most of the
    // work of a short replay.
    self.item.invariants = .never
    self.item.runsTwice = false
  }

  private mutating func run() throws(TraceError) -> ShrunkTrace? {
    let whole = trace.events
    // Demands of the large trace fail in a small one for reasons of their own.
    let isCheck = original.kind == .snapshot || original.kind == .expectation
    if !isCheck { accept(whole.filter { !$0.isCheck }) }
    if finding(of: trace.events) == nil {
      item.invariants = .end
      if !isCheck { accept(whole.filter { !$0.isCheck }) }
      guard finding(of: trace.events) != nil else { return nil }
    }
    cutToShortestPrefix()
    cutToPages()
    if original.kind != .snapshot {
      var count = 0
      repeat {
        count = trace.events.count
        dropEvents()
        dropInitialMappings()
        simplifyEvents()
      } while trace.events.count < count
      shrinkMachine()
      dropEvents()
    }
    return try result()
  }

  private mutating func result() throws(TraceError) -> ShrunkTrace? {
    guard let finding = finding(of: trace.events) else { return nil }
    let lines = [
      TraceDirectives.optionsLine(item.machine),
      "# Shrunk from \(item.name). It fails with:",
      "# \(finding.description)",
    ]
    return ShrunkTrace(
      text: lines.joined(separator: "\n") + "\n" + (try trace.text()),
      finding: finding,
      eventCount: trace.events.count,
      replays: replays
    )
  }

  // MARK: - Questions

  /// Takes over events if they still fail in the same way.
  @discardableResult
  private mutating func accept(_ events: [TraceEvents.Event]) -> Bool {
    guard finding(of: events) != nil else { return false }
    trace.events = events
    return true
  }

  /// What a replay of these events finds, `nil` where that is not the failure that is looked for.
  private mutating func finding(of events: [TraceEvents.Event]) -> ReplayFinding? {
    var candidate = trace
    candidate.events = events
    return finding(of: candidate, on: item.machine)
  }

  private mutating func finding(
    of candidate: TraceEvents,
    on machine: MachineConfiguration
  ) -> ReplayFinding? {
    replays += 1
    progress(replays, candidate.events.count)
    var plan = item.plan
    plan.machine = machine
    plan.stopsAtFirstFinding = true
    var found: ReplayFinding?
    do throws(TraceError) {
      plan.containers = [Self.name: try candidate.container()]
    } catch {
      return nil
    }
    do throws(ReplayError) {
      var session = try ReplaySession.open(plan)
      _ = try session.run()
      found = session.firstFinding
    } catch ReplayError.invariant(let broken) {
      found = broken
    } catch {
      // A trace that contradicts itself shows nothing.
      return nil
    }
    guard let found, found.kind == original.kind else { return nil }
    if found.kind == .expectation || found.kind == .snapshot {
      guard found.expected == original.expected && found.found == original.found else { return nil }
    }
    return found
  }

  // MARK: - Steps

  /// Looks for the shortest beginning that fails, where the failure was seen later than it happened.
  private mutating func cutToShortestPrefix() {
    let whole = trace.events
    // Most failures are seen at the event that causes them.
    guard !whole.isEmpty, accept(Array(whole.dropLast())) else { return }
    var low = 0
    var high = trace.events.count
    while low + 1 < high {
      let middle = (low + high) / 2
      if accept(Array(whole[..<middle])) { high = middle } else { low = middle }
    }
  }

  /// Leaves out the touches of pages that do not matter.
  private mutating func cutToPages() {
    let whole = trace.events
    if let page = original.page {
      let own = whole.filter { $0.page == nil || $0.page == page }
      // What swaps the page out: a PAGEOUT just before the event that brings it back.
      if original.kind != .snapshot, let last = own.last {
        let pageOut = TraceEvents.Event.operation(
          .advise(
            address: page,
            length: UInt64(trace.header.pageSize.bytes),
            advice: .pageOut,
            result: nil
          )
        )
        if accept(own.dropLast() + [pageOut, last]) || accept(own + [pageOut]) { return }
      }
      if accept(own) || original.kind == .snapshot { return }
    }
    var seen: Set<UInt64> = []
    var pages = whole.compactMap(\.page).filter { seen.insert($0).inserted }
    while let half = halved(pages, of: whole) { pages = half }
    var shrinker = self
    let kept = reduced(pages) { shrinker.finding(of: Self.events(whole, of: $0)) != nil }
    self = shrinker
    trace.events = Self.events(whole, of: kept)
  }

  /// The events that concern one of some pages, or no page.
  private static func events(
    _ events: [TraceEvents.Event],
    of pages: [UInt64]
  ) -> [TraceEvents.Event] {
    let kept = Set(pages)
    return events.filter { $0.page.map(kept.contains) ?? true }
  }

  /// Half of the pages, with as much or half as much memory for them, so that they still do not fit.
  ///
  /// - Returns: `nil` where no half fails.
  private mutating func halved(
    _ pages: [UInt64],
    of whole: [TraceEvents.Event]
  ) -> [UInt64]? {
    guard pages.count > 1 else { return nil }
    let middle = pages.count / 2
    let pageBytes = trace.header.pageSize.bytes
    let limit = item.machine.groupLimitBytes
    for half in [Array(pages[middle...]), Array(pages[..<middle])] {
      let smaller = (limit ?? pages.count * pageBytes) / 2 / pageBytes * pageBytes
      for limit in [limit, smaller] {
        var candidate = trace
        candidate.events = Self.events(whole, of: half)
        var machine = item.machine
        machine.groupLimitBytes = limit
        guard finding(of: candidate, on: machine) != nil else { continue }
        trace = candidate
        item.machine = machine
        return half
      }
    }
    return nil
  }

  private mutating func dropEvents() {
    var shrinker = self
    let kept = reduced(trace.events) { shrinker.finding(of: $0) != nil }
    self = shrinker
    trace.events = kept
  }

  private mutating func dropInitialMappings() {
    var shrinker = self
    let kept = reduced(trace.header.initialMappings) { mappings in
      var candidate = shrinker.trace
      candidate.header.initialMappings = mappings
      return shrinker.finding(of: candidate, on: shrinker.item.machine) != nil
    }
    self = shrinker
    trace.header.initialMappings = kept
  }

  /// Makes single events smaller: fewer granules, one access, one page.
  private mutating func simplifyEvents() {
    for index in trace.events.indices {
      var isSmaller = true
      while isSmaller {
        isSmaller = false
        for simpler in simplerForms(of: trace.events[index]) {
          var events = trace.events
          events[index] = simpler
          if accept(events) {
            isSmaller = true
            break
          }
        }
      }
    }
    for index in trace.header.initialMappings.indices {
      for mapping in simplerForms(of: trace.header.initialMappings[index]) {
        var candidate = trace
        candidate.header.initialMappings[index] = mapping
        guard finding(of: candidate, on: item.machine) != nil else { continue }
        trace = candidate
        break
      }
    }
  }

  /// Smaller events that may do as well, the smallest first.
  private func simplerForms(of event: TraceEvents.Event) -> [TraceEvents.Event] {
    switch event {
    case .memory(let record, let page) where record.kind == .tagRun && record.count > 1:
      let half = record.count / 2
      let parts: [(first: UInt16, count: UInt16)] = [
        (record.detail, 1), (record.detail + record.count - 1, 1), (record.detail, half),
        (record.detail + half, record.count - half),
      ]
      return parts.map { part in
        let run = EventRecord(
          kind: .tagRun,
          page: record.page,
          detail: part.first,
          argument: record.argument,
          count: part.count,
          clock: record.clock
        )
        return .memory(run, page: page)
      }
    case .memory(let record, let page) where record.kind == .touch:
      guard UInt64(record.detail) + UInt64(record.count) > 1 else { return [] }
      return [(UInt16(1), UInt16(0)), (0, 1)].map { reads, writes in
        let touch = EventRecord.touch(
          record.page,
          reads: reads,
          writes: writes,
          clock: record.clock
        )
        return .memory(touch, page: page)
      }
    case .operation(.map(let request, let result)):
      return simplerForms(of: request).map { smaller in
        // The result stays what it was unless the mapping begins elsewhere.
        let isMoved = smaller.address != request.address
        return .operation(
          .map(smaller, result: isMoved ? Int64(bitPattern: smaller.address) : result)
        )
      }
    default:
      return []
    }
  }

  /// The mapping reduced to the page that failed, or to its half.
  private func simplerForms(of request: MappingRequest) -> [MappingRequest] {
    let bytes = UInt64(trace.header.pageSize.bytes)
    guard request.length > bytes else { return [] }
    var forms: [MappingRequest] = []
    if let page = original.page, page >= request.address, page - request.address < request.length {
      var one = request
      one.address = page
      one.length = bytes
      forms.append(one)
    }
    var half = request
    half.length = max(bytes, request.length / 2 / bytes * bytes)
    forms.append(half)
    return forms
  }

  /// Gives every setting its default, and takes faults away, where the failure stays.
  private mutating func shrinkMachine() {
    let defaults = MachineConfiguration()
    for key in MachineKey.all {
      var machine = item.machine
      guard key.value(in: machine) != key.value(in: defaults),
        key.set(key.value(in: defaults), in: &machine)
      else { continue }
      if finding(of: trace, on: machine) != nil { item.machine = machine }
    }
    for injection in item.machine.injections {
      var machine = item.machine
      machine.withdraw(injection)
      if finding(of: trace, on: machine) != nil { item.machine = machine }
    }
    // Where tags live in no RAM at all, the design has nothing to do with the failure.
    var machine = item.machine
    machine.design = .none
    if finding(of: trace, on: machine) != nil { item.machine = machine }
  }
}
