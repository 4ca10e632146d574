// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A run as a timeline for Perfetto's viewer: one group of processes for each design.
///
/// Each design has a process for its machine, with a counter track for every category of memory and
/// every counter that was not zero all the time, and one for each process of the traces, with a track
/// for each kind of work that the kernel did for it. Times are clocks of the traces: an access is a
/// nanosecond. A slice is a stretch in which the process ran and the work was done; how long the work
/// took is not modelled, and how often it was done is among the slice's arguments.
public enum TimelineReport {
  /// Process numbers of one design; a machine has fewer processes than that.
  private static let numbersPerDesign = 100_000

  /// Writes the trace, in Protocol Buffers.
  ///
  /// - Precondition: `series` has one element for each design of `report`.
  public static func bytes(_ report: RunReport, _ series: [RunSeries]) -> [UInt8] {
    precondition(series.count == report.designs.count, "\(series.count) series")
    var trace = PerfettoTrace()
    for (index, heading) in ReportRows.headings(report).enumerated() {
      let first = (index + 1) * numbersPerDesign
      let machine = trace.addProcess("\(printable(heading)): machine", number: first)
      addMemory(series[index].memory, to: &trace, machine)
      addCounters(series[index].memory, to: &trace, machine)
      addProcesses(series[index], design: printable(heading), first: first + 1, to: &trace)
    }
    return trace.bytes
  }

  /// The mean of each stretch from its beginning on, so that the area below is that of the report.
  private static func addMemory(
    _ points: [MemoryPoint],
    to trace: inout PerfettoTrace,
    _ machine: PerfettoTrace.Track
  ) {
    for (rank, category) in MemoryCategory.allCases.enumerated() {
      guard points.contains(where: { $0.integral(of: category) > 0 }) else { continue }
      let (title, meaning) = texts(of: category.name)
      let track = trace.addCounter(
        title,
        .bytes,
        description: meaning,
        below: machine,
        rank: rank
      )
      var start: UInt64 = 0
      var shown: UInt64?
      for point in points {
        let bytes = point.meanBytes(of: category)
        if bytes != shown { trace.addValue(bytes, at: start, on: track) }
        shown = bytes
        start = point.clock
      }
      if let last = points.last {
        trace.addValue(last.lastBytes[category.rawValue], at: last.clock, on: track)
      }
    }
  }

  /// What had been counted, at the end of each stretch in which it changed.
  private static func addCounters(
    _ points: [MemoryPoint],
    to trace: inout PerfettoTrace,
    _ machine: PerfettoTrace.Track
  ) {
    for counter in Counter.allCases {
      guard let last = points.last, last.counters[counter] > 0 else { continue }
      let track = trace.addCounter(
        counter.name,
        .count,
        description: texts(of: counter.name).meaning,
        below: machine,
        rank: MemoryCategory.allCases.count + counter.rawValue
      )
      trace.addValue(0, at: 0, on: track)
      var shown: UInt64 = 0
      for point in points where point.counters[counter] != shown {
        shown = point.counters[counter]
        trace.addValue(shown, at: point.clock, on: track)
      }
    }
  }

  private static func addProcesses(
    _ series: RunSeries,
    design: String,
    first: Int,
    to trace: inout PerfettoTrace
  ) {
    for process in series.processes {
      let parent = trace.addProcess(
        "\(design): \(printable(process.name))",
        number: first + process.process
      )
      let marks = series.marks.filter { $0.process == process.process }
      if !marks.isEmpty {
        let track = trace.addTrack("marks", below: parent, rank: 0)
        for mark in marks { trace.addInstant(printable(mark.text), at: mark.clock, on: track) }
      }
      for activity in KernelActivity.allCases {
        let slices = process.points.filter { !$0.rises(of: activity).isEmpty }
        guard !slices.isEmpty else { continue }
        let track = trace.addTrack(activity.title, below: parent, rank: 1 + activity.rawValue)
        for point in slices {
          let numbers = zip(activity.counters, point.rises(of: activity)).filter { $0.1 > 0 }
          trace.addSlice(
            activity.title,
            point.clocks,
            numbers: numbers.map { ($0.0.name, $0.1) },
            on: track
          )
        }
      }
    }
  }

  private static func texts(of name: String) -> (title: String, meaning: String) {
    guard let entry = Glossary.entry(for: name) else {
      preconditionFailure("no glossary entry for \(name)")
    }
    return (entry.title, entry.meaning)
  }
}

extension KernelActivity {
  /// The name of slices and of their track.
  var title: String {
    switch self {
    case .reservation: "tag storage reserved or given back"
    case .migration: "migration"
    case .reclaim: "reclaim"
    case .swapIn: "swap in"
    case .swapOut: "swap out"
    case .allocationStall: "allocation stall"
    case .faultOnAccess: "fault on access"
    case .stall: "waiting beyond plain faults"
    }
  }
}
