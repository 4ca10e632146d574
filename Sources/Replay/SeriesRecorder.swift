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
  private var maps = BoundedSeries<TagStoragePoint>(capacity: Self.mapPoints)
  private let blocks: Int
  private let blocksPerCell: Int
  /// Accesses of all programs so far.
  private var accesses: UInt64 = 0
  /// Accesses since the last map.
  private var accessesSinceMap: UInt64 = 0
  private var clock: UInt64 = 0

  private struct Activity {
    var process: Int
    var name: String
    var series: BoundedSeries<ActivityPoint>
  }

  private var activities: [Activity] = []
  /// The place of each process in ``activities``; looked up only, never iterated.
  private var places: [Int: Int] = [:]
  /// What had been counted when the process that runs now began to.
  private var countersBefore = CounterSet()
  private var marks: [SeriesMark] = []

  /// Starts to record a machine.
  init(_ machine: borrowing Machine, points: Int) {
    memory = BoundedSeries(capacity: points)
    blocks = machine.tagBlockCount
    blocksPerCell = max(1, (blocks + Self.mapCells - 1) / Self.mapCells)
    countersBefore = machine.counters
  }

  /// Notes what memory is used for after `accesses` more accesses.
  mutating func note(
    _ machine: borrowing Machine,
    bytes: [UInt64],
    events: UInt64,
    accesses: UInt64,
    clock: UInt64
  ) {
    self.clock = max(self.clock, clock)
    self.accesses += accesses
    // The machine does not know of these two.
    var counters = machine.counters
    counters[.events] = events
    counters[.accesses] = self.accesses
    memory.append(
      MemoryPoint(accesses: accesses, clock: self.clock, counters: counters, bytes: bytes)
    )
    accessesSinceMap += accesses
    // A map costs a look at every frame of tag storage, so none is made that would only be merged.
    if accessesSinceMap >= maps.accessesPerPoint { noteMap(machine) }
  }

  /// Notes what the kernel did since the last call, all of it while `cursor`'s process ran from `clock`
  /// on.
  mutating func noteRun(_ machine: borrowing Machine, of cursor: TraceCursor, from clock: UInt64) {
    let point = ActivityPoint(
      clocks: clock..<max(clock, cursor.clock),
      from: countersBefore,
      to: machine.counters
    )
    countersBefore = machine.counters
    let place: Int
    if let known = places[cursor.current] {
      place = known
    } else {
      place = activities.count
      places[cursor.current] = place
      activities.append(
        Activity(
          process: cursor.current,
          name: Self.name(of: cursor),
          series: BoundedSeries(capacity: memory.capacity)
        )
      )
    }
    activities[place].series.append(point)
  }

  /// Notes that a trace passed a mark.
  mutating func noteMark(_ text: String, at cursor: TraceCursor) {
    marks.append(SeriesMark(text: text, clock: cursor.clock, process: cursor.current))
  }

  /// What was recorded up to now.
  mutating func series(_ machine: borrowing Machine) -> RunSeries {
    if accessesSinceMap > 0 || maps.points.isEmpty { noteMap(machine) }
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
