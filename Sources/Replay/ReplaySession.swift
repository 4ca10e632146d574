// SPDX-License-Identifier: Apache-2.0

public import MachineModel
public import MemoryModel
import TagCompression
import TagStorage
import TraceFormat

/// What to replay, and how carefully.
public struct ReplayPlan: Sendable {
  /// The traces' files, in the order of the command line.
  public var tracePaths: [String]
  /// Instances of each trace.
  public var copies: Int
  /// The machine.
  public var machine: MachineConfiguration
  /// Whether the shadow oracle follows the run.
  public var isVerified: Bool
  /// Accesses that an instance may be ahead of another before that one runs.
  public var quantumAccesses: UInt64 = 4096
  /// When all invariants of the machine are checked.
  public var invariants = InvariantSchedule.end
  /// Whether each check of the invariants also compares every page, in memory and in swap, with the
  /// oracle; these comparisons are not counted.
  public var inspectsPages = false
  /// Whether the run ends at the first failure.
  public var stopsAtFirstFinding = false
  /// The last event to perform, `nil` for all.
  public var lastEvent: UInt64?
  /// Containers in memory, by the path that stands for them; only ever looked up.
  public var containers: [String: [UInt8]] = [:]
  /// Which tag pages ``ReplaySession/run(observing:progress:)`` shows.
  public var observation: TagObservation?
  /// The most points of a series over time that ``ReplaySession/series()`` has, `nil` for no series.
  public var seriesPoints: Int?
  /// Steps that expectations leave out of account, so that one trace can hold for designs that differ
  /// in them.
  public var ignoredSteps: Outcome = .hit

  /// Creates a plan.
  public init(
    tracePaths: [String],
    copies: Int,
    machine: MachineConfiguration,
    isVerified: Bool
  ) {
    self.tracePaths = tracePaths
    self.copies = copies
    self.machine = machine
    self.isVerified = isVerified
  }
}

/// The state of a machine at a mark of a trace.
public struct MarkedState: Sendable {
  /// The mark's text.
  public let text: String
  /// What had been counted so far.
  public let counters: CounterSet
  /// Saved tags by size class.
  public let savedTags: [SavedTagClass]
  /// Bytes of mapped anonymous pages.
  public let anonymousBytes: UInt64
}

/// One replay of one or more traces on one machine.
///
/// The instances run together, interleaved by clock: the one whose next event is oldest goes on until
/// it is a quantum ahead of the next. Equal clocks go by the order of the command line.
public struct ReplaySession: ~Copyable {
  var machine: Machine
  var cursors: [TraceCursor] = []
  var oracle: ShadowOracle
  let plan: ReplayPlan
  private var sampler = MemorySampler()
  private var contentsDigest: UInt64 = 0
  /// Events performed so far; the number of the event that writes is the stamp it leaves.
  var serial: UInt64 = 0
  private var traces: [TraceSummary] = []
  /// What had been counted at each mark of the traces, in the order in which they were passed.
  public internal(set) var marks: [MarkedState] = []
  /// An outcome that the trace must explain with an expectation, else it is an error.
  var suspicion: ReplayError?
  var lastOutcome: Outcome = .hit
  /// Touches and accesses until a sample is due, `nil` where none is wanted.
  var eventsUntilSample: UInt64?
  /// What the last event returned beside its outcome.
  var lastValue: UInt64?
  /// Keeps the series over time, `nil` where none is wanted.
  var recorder: SeriesRecorder?
  /// Follows one page, frame or tag block, `nil` where nothing is to be explained.
  var follower: HistoryFollower?
  /// The clock from which on the current process has run.
  var runningSince: UInt64 = 0

  /// Builds the machine and opens the traces.
  ///
  /// - Throws: ``ReplayError`` for bad configurations and unreadable traces.
  public static func open(_ plan: ReplayPlan) throws(ReplayError) -> ReplaySession {
    var configuration = plan.machine
    configuration.isObserved = plan.isVerified
    configuration.logsSavedTags = plan.observation == .swapOut
    var session = ReplaySession(plan, machine: try buildMachine(configuration))
    try session.openTraces()
    return session
  }

  private init(_ plan: ReplayPlan, machine: consuming Machine) {
    self.plan = plan
    self.machine = machine
    oracle = ShadowOracle(plan.machine)
    for _ in 0..<self.machine.processCount { oracle.addProcess() }
    if let points = plan.seriesPoints { recorder = SeriesRecorder(self.machine, points: points) }
    if case .every(let interval) = plan.observation {
      precondition(interval > 0, "a sample every 0 events")
      precondition(plan.isVerified, "samples of tags are the oracle's, which does not run")
      eventsUntilSample = interval
    }
  }

  private static func buildMachine(
    _ configuration: MachineConfiguration
  ) throws(ReplayError) -> Machine {
    do {
      return try Machine(configuration)
    } catch {
      throw .machine(error)
    }
  }

  /// Runs all traces to their end.
  ///
  /// `progress` is told the number of events performed so far, every 65,536 events or somewhat more,
  /// and at the end. It cannot change the result.
  ///
  /// - Throws: ``ReplayError`` where a trace is corrupt or contradicts itself.
  /// - Returns: the design's part of the report.
  public mutating func run(
    progress: (_ events: UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> DesignReport {
    var nobody = NoTagObserver()
    return try run(observing: &nobody, progress: progress)
  }

  /// Runs all traces to their end, and shows the tag pages that the plan's observation names.
  ///
  /// What `progress` is told, what is thrown and what is returned is as without an observer.
  ///
  /// - Precondition: samples of tags need a plan that is verified.
  public mutating func run<Observer: TagObserver & ~Copyable>(
    observing observer: inout Observer,
    progress: (_ events: UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> DesignReport {
    var reported: UInt64 = 0
    while !isOver, let next = nextCursor() {
      let before = cursors[next.index].clock
      runningSince = before
      try run(cursors[next.index], until: next.limit)
      while eventsUntilSample == 0 {
        showSample(to: &observer)
        try run(cursors[next.index], until: next.limit)
      }
      showSwappedTags(to: &observer)
      sampler.sample(machine, accesses: cursors[next.index].clock - before)
      noteSeries(cursors[next.index], since: before)
      if serial - reported >= Self.eventsPerProgress {
        reported = serial
        progress(serial)
      }
    }
    progress(serial)
    if let suspicion { throw suspicion }
    for cursor in cursors {
      for process in cursor.processes.values.sorted() where machine.isAlive(process) {
        verifyWhole(process, at: cursor.name)
      }
    }
    if plan.invariants != .never && !isStopped { try checkMachine(at: cursors.last?.name ?? "") }
    if !isStopped { try checkIdentities() }
    for process in 0..<machine.processCount { machine.noteResidentPages(of: process) }
    return DesignReport(
      design: plan.machine.design.rawValue,
      codec: plan.machine.codec.rawValue,
      counters: finalCounters(),
      memory: sampler.memory,
      tagOverhead: sampler.tagOverhead,
      savedTags: machine.savedTagClasses,
      stalls: machine.stalls,
      verification: oracle.report,
      contentsDigest: plan.isVerified ? textDigest(hexadecimal(contentsDigest)) : ""
    )
  }

  /// The first failure of the run so far, `nil` if there was none.
  public var firstFinding: ReplayFinding? { oracle.firstFinding }

  /// Whether a failure has ended the run.
  var isStopped: Bool { plan.stopsAtFirstFinding && oracle.firstFinding != nil }

  /// Whether the run ends before its traces do.
  var isOver: Bool {
    if let last = plan.lastEvent, serial >= last { return true }
    return isStopped
  }

  /// Events between two calls that report progress: milliseconds, at any speed seen so far.
  private static let eventsPerProgress: UInt64 = 65_536

  /// What the report says about the traces.
  public var traceSummaries: [TraceSummary] { traces }

  /// What the run looked like so far, `nil` where the plan wants no series.
  ///
  /// Tag pages by runs are for a ``TagRunCounter`` to count.
  public mutating func series() -> RunSeries? { recorder?.series(machine, sampler) }

  /// What the machine's kernel would show of its memory now; after the run, at its end.
  public var machineSnapshot: MachineSnapshot { machine.snapshot }

  /// What the report says about the machine.
  ///
  /// `settings` are all its switches apart from the design; the digest covers them and the injected
  /// faults.
  public func machineSummary(settings: [MachineSetting]) -> MachineSummary {
    let configuration = plan.machine
    let broken =
      configuration.injectedFaults.map(\.rawValue) + configuration.defects.members.map(\.name)
    let faults = broken.sorted().joined(separator: ",")
    let text = settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    let layout = machine.tagStorageLayout
    return MachineSummary(
      ramBytes: UInt64(configuration.ramBytes),
      pageBytes: UInt64(configuration.pageSize.bytes),
      tagStorageBytes: UInt64(layout.pages * configuration.pageSize.bytes),
      blockPages: UInt64(layout.blockPages),
      swapDevice: configuration.swap.summary,
      swapBytes: UInt64(configuration.swap.totalBytes),
      pageCluster: configuration.swap.pageCluster,
      limitBytes: UInt64(configuration.groupLimitBytes ?? 0),
      settings: settings,
      digest: textDigest("\(text) faults=\(faults)")
    )
  }

  private mutating func openTraces() throws(ReplayError) {
    let sharedGroup = plan.machine.groupLimitBytes == nil ? machine.addGroup() : nil
    for path in plan.tracePaths {
      for copy in 0..<plan.copies {
        do throws(TraceError) {
          let reader =
            if let bytes = plan.containers[path] {
              try TraceReader(bytes: bytes, name: path)
            } else {
              try TraceReader.open(path: path)
            }
          if copy == 0 { traces.append(summary(of: reader)) }
          let process = machine.addProcess(
            pages: reader.pages,
            group: sharedGroup ?? machine.addGroup()
          )
          oracle.addProcess()
          let name = plan.copies == 1 ? reader.name : "\(reader.name)#\(copy)"
          let cursor = try TraceCursor(reader: reader, name: name, process: process)
          cursors.append(cursor)
        } catch {
          throw .trace(error)
        }
        try checkGeometry(of: cursors[cursors.count - 1].reader)
        try mapInitially(cursors[cursors.count - 1])
      }
    }
  }

  /// A machine's page size is that of the traces it runs, and its addresses reach all their pages.
  private func checkGeometry(of reader: TraceReader) throws(ReplayError) {
    let expected = plan.machine.pageSize
    guard reader.header.pageSize == expected else {
      throw .event(
        place: "\(reader.name):header",
        expected: "pages of \(expected.bytes) bytes",
        found: "\(reader.header.pageSize.bytes)"
      )
    }
    let pageBits = plan.machine.addressBits - expected.shift
    if let page = reader.pages.max(), page >> UInt64(pageBits) != 0 {
      throw .event(
        place: "\(reader.name):header",
        expected: "pages below 2^\(plan.machine.addressBits)",
        found: "0x\(hexadecimal(page << UInt64(expected.shift)))"
      )
    }
  }

  private func summary(of reader: TraceReader) -> TraceSummary {
    TraceSummary(
      name: String(reader.name.split(separator: "/").last ?? ""),
      digest: reader.digest,
      commandLine: reader.header.commandLine,
      copies: plan.copies,
      events: reader.totals.records,
      accesses: reader.totals.accesses,
      pages: UInt64(reader.pages.count)
    )
  }

  /// Maps what the program had mapped when recording began.
  private mutating func mapInitially(_ cursor: TraceCursor) throws(ReplayError) {
    for mapping in cursor.reader.header.initialMappings {
      let operation = MemoryOperation.map(mapping, result: Int64(bitPattern: mapping.address))
      let outcome = machine.perform(operation, of: cursor.current)
      guard outcome.errorNumber == nil else {
        throw .event(
          place: "\(cursor.name):header",
          expected: "an initial mapping that can be made",
          found: outcome.description
        )
      }
      oracle.apply(operation, outcome: outcome, of: cursor.current, at: "\(cursor.name):header")
    }
  }

  /// Tells the recorder of the quantum that is over.
  private mutating func noteSeries(_ cursor: TraceCursor, since before: UInt64) {
    recorder?.noteRun(machine, of: cursor, from: runningSince)
    recorder?.note(
      machine,
      sampler,
      events: serial,
      accesses: cursor.clock - before,
      clock: cursor.clock
    )
  }

  /// The cursor to run next and the clock until which it may run.
  private func nextCursor() -> (index: Int, limit: UInt64)? {
    var first: Int?
    var second: UInt64?
    for index in cursors.indices where !cursors[index].isAtEnd {
      guard let best = first else {
        first = index
        continue
      }
      if cursors[index].nextClock < cursors[best].nextClock {
        second = cursors[best].nextClock
        first = index
      } else {
        second = min(second ?? .max, cursors[index].nextClock)
      }
    }
    guard let first else { return nil }
    guard let second else {
      return (first, cursors[first].nextClock + plan.quantumAccesses * 16)
    }
    return (first, second + plan.quantumAccesses)
  }

  private func finalCounters() -> CounterSet {
    var counters = machine.counters
    counters[.events] = serial
    counters[.accesses] = cursors.reduce(0) { $0 + $1.clock }
    return counters
  }

  /// Compares every page of a process before its address space goes, and adds it to the digest.
  mutating func verifyWhole(_ process: Int, at place: String) {
    guard plan.isVerified, machine.isAlive(process) else { return }
    for page in oracle.pages(of: process) {
      oracle.compare(
        machine.view(at: page << UInt64(plan.machine.pageSize.shift), process: process),
        page: page,
        of: process,
        after: .endOfRun,
        at: place
      )
    }
    oracle.digest(of: process, into: &contentsDigest)
  }
}
