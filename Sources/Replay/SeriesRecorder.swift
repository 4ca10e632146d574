// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

/// Keeps what a run looked like over time, in memory that does not grow with its length.
///
/// It is told after every quantum, when memory is sampled anyway, and changes nothing.
struct SeriesRecorder {
  /// Cells that a map of the tag storage has at most: what a reader can still tell apart.
  static let mapCells = 512
  /// Maps over the run at most: steps of a slider.
  static let mapPoints = 64

  private var memory: BoundedSeries<MemoryPoint>
  /// What the sampler had added up when the last point of memory was complete.
  private var integralsBefore = [UInt128](repeating: 0, count: MemoryCategory.allCases.count)
  /// Accesses since then, `nil` where nothing was noted since.
  private var accessesSincePoint: UInt64?
  /// Events and accesses of all programs so far.
  private var (events, accesses): (UInt64, UInt64) = (0, 0)
  private var clock: UInt64 = 0

  private var maps = BoundedSeries<TagStoragePoint>(capacity: Self.mapPoints)
  private let blocks: Int
  private let blocksPerCell: Int
  /// Accesses since the last map.
  private var accessesSinceMap: UInt64 = 0

  /// What the kernel did for one process.
  private struct Activity {
    var process: Int
    var name: String
    var series: BoundedSeries<ActivityPoint>
    /// The stretch that is not complete yet.
    var open: ActivityPoint
  }

  private var activities: [Activity] = []
  /// The place of each process in ``activities``, by its number.
  private var places: [Int?] = []
  /// What had been counted when the process that runs now began to.
  private var countsBefore: [UInt64]
  private var marks: [SeriesMark] = []

  /// Starts to record a machine.
  init(_ machine: borrowing Machine, points: Int) {
    memory = BoundedSeries(capacity: points)
    blocks = machine.tagBlockCount
    blocksPerCell = max(1, (blocks + Self.mapCells - 1) / Self.mapCells)
    let counters = machine.counters
    countsBefore = KernelActivity.allCounters.map { counters[$0] }
  }

  /// Notes what memory is used for after `accesses` more accesses, as `sampler` has just seen it.
  mutating func note(
    _ machine: borrowing Machine,
    _ sampler: borrowing MemorySampler,
    events: UInt64,
    accesses: UInt64,
    clock: UInt64
  ) {
    self.clock = max(self.clock, clock)
    self.events = events
    self.accesses += accesses
    let pending = (accessesSincePoint ?? 0) + accesses
    accessesSincePoint = pending
    accessesSinceMap += accesses
    // Most quanta complete nothing, and end here.
    if pending >= memory.accessesPerPoint { completePoint(machine, sampler) }
    if accessesSinceMap >= maps.accessesPerPoint { noteMap(machine) }
  }

  /// Notes what the kernel did since the last call, all of it while `cursor`'s process ran from `clock`
  /// on.
  mutating func noteRun(_ machine: borrowing Machine, of cursor: TraceCursor, from clock: UInt64) {
    let place = place(of: cursor, from: clock)
    let end = max(clock, cursor.clock)
    activities[place].open.add(clock..<end, from: &countsBefore, to: machine.counters)
    guard activities[place].open.accesses >= activities[place].series.accessesPerPoint else {
      return
    }
    activities[place].series.append(activities[place].open)
    activities[place].open = ActivityPoint(at: end)
  }

  /// Notes that a trace passed a mark.
  mutating func noteMark(_ text: String, at cursor: TraceCursor) {
    marks.append(SeriesMark(text: text, clock: cursor.clock, process: cursor.current))
  }

  /// What was recorded up to now; `sampler` is the one that was noted last.
  mutating func series(
    _ machine: borrowing Machine,
    _ sampler: borrowing MemorySampler
  ) -> RunSeries {
    if accessesSincePoint != nil { completePoint(machine, sampler) }
    if accessesSinceMap > 0 || maps.points.isEmpty { noteMap(machine) }
    for place in activities.indices {
      activities[place].series.append(activities[place].open)
      activities[place].open = ActivityPoint(at: activities[place].open.clocks.upperBound)
    }
    var series = RunSeries()
    series.memory = memory.points
    series.tagStorage.blocks = blocks
    series.tagStorage.blocksPerCell = blocksPerCell
    series.tagStorage.points = maps.points
    series.processes = activities.map {
      ProcessSeries(name: $0.name, process: $0.process, points: $0.series.points)
    }
    series.marks = marks
    return series
  }

  /// Completes a point of memory, from what the sampler has added up since the last one.
  private mutating func completePoint(
    _ machine: borrowing Machine,
    _ sampler: borrowing MemorySampler
  ) {
    // The machine does not know of these two.
    var counters = machine.counters
    counters[.events] = events
    counters[.accesses] = accesses
    let integrals = sampler.integrals
    memory.append(
      MemoryPoint(
        accesses: accessesSincePoint ?? 0,
        clock: clock,
        counters: counters,
        lastBytes: sampler.lastBytes,
        integrals: zip(integrals, integralsBefore).map { $0 - $1 }
      )
    )
    integralsBefore = integrals
    accessesSincePoint = nil
  }

  /// The place of a cursor's process among those that ran, which it gets with its first stretch.
  private mutating func place(of cursor: TraceCursor, from clock: UInt64) -> Int {
    let process = cursor.current
    while places.count <= process { places.append(nil) }
    if let place = places[process] { return place }
    places[process] = activities.count
    activities.append(
      Activity(
        process: process,
        name: Self.name(of: cursor),
        series: BoundedSeries(capacity: memory.capacity),
        open: ActivityPoint(at: clock)
      )
    )
    return activities.count - 1
  }

  private mutating func noteMap(_ machine: borrowing Machine) {
    maps.append(
      TagStoragePoint(
        accesses: accessesSinceMap,
        cells: machine.tagStorageUse(blocksPerCell: blocksPerCell)
      )
    )
    accessesSinceMap = 0
  }

  /// The name of the trace that a cursor follows, and of the process where the trace has forked.
  private static func name(of cursor: TraceCursor) -> String {
    let trace = String(cursor.name.split(separator: "/").last ?? "")
    let number = cursor.processes.filter { $0.value == cursor.current }.keys.min() ?? 0
    return number == 0 ? trace : "\(trace), process \(number)"
  }
}
