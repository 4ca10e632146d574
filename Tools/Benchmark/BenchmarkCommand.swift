// SPDX-License-Identifier: Apache-2.0

import CReference
import MachineModel
import MemoryModel
import Replay
import TagStorage
import TraceFormat

/// Prints page accesses per second of the simulator, beside a C loop that only keeps an exact LRU.
///
///     mtesim-benchmark [--rounds N] [TRACE...]
///
/// All variants run in turn within each round, so that whatever else the computer does falls on all of
/// them; the figures are medians with minimum and maximum, and ratios are taken within a round.
@main
struct BenchmarkCommand {
  static func main() {
    var rounds = 3
    var traces: [String] = []
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      if argument == "--rounds", let value = arguments.popFirst(), let number = Int(value),
        number > 0
      {
        rounds = number
      } else {
        traces.append(argument)
      }
    }
    runSynthetic(rounds: rounds)
    for trace in traces { runRecording(trace, rounds: rounds) }
  }

  private static func runSynthetic(rounds: Int) {
    let stream = SyntheticStream(seed: 1)
    let plain = stream.records(tagged: false)
    let tagged = stream.records(tagged: true)
    var figures = [Figures(), Figures(), Figures()]
    var ratios = [Figures(), Figures()]
    var results: [Int] = []
    for _ in 0..<rounds {
      let (cTime, cMisses) = timeReference(stream)
      let (plainTime, plainCounters) = timeMachine(plain, isTagged: false)
      let (taggedTime, taggedCounters) = timeMachine(tagged, isTagged: true)
      for (index, time) in [cTime, plainTime, taggedTime].enumerated() {
        figures[index].add(time)
      }
      ratios[0].add(plainTime / cTime)
      ratios[1].add(taggedTime / cTime)
      results = [
        cMisses, Int(plainCounters[.pgfault]), Int(taggedCounters[.pgfault]),
        Int(taggedCounters[.tagsSavedSwap]),
      ]
    }
    print("synthetic: \(SyntheticStream.accesses) accesses, \(SyntheticStream.pages) pages,")
    print("           \(SyntheticStream.frames) frames, log-uniform popularity")
    let names = ["exact LRU in C", "mtesim, no tags", "mtesim, tags"]
    for (name, figure) in zip(names, figures) {
      print("  \(pad(name)) \(figure.rate(of: SyntheticStream.accesses)) M accesses/s")
    }
    print("  C: \(results[0]) misses; mtesim: \(results[1]) and \(results[2]) faults,")
    print("  \(results[3]) pages swapped out with tags")
    print("  time relative to C: \(ratios[0].ratio) without tags, \(ratios[1].ratio) with tags")
  }

  private static func timeReference(_ stream: SyntheticStream) -> (Double, Int) {
    var misses: UInt64 = 0
    var writebacks: UInt64 = 0
    let time = seconds {
      misses = unsafe stream.words.withUnsafeBufferPointer { words in
        unsafe reference_exact_lru(
          words.baseAddress,
          UInt64(words.count),
          UInt32(SyntheticStream.pages),
          UInt32(SyntheticStream.frames),
          &writebacks
        )
      }
    }
    return (time, Int(misses))
  }

  private static func timeMachine(
    _ records: [EventRecord],
    isTagged: Bool
  ) -> (Double, CounterSet) {
    var configuration = MachineConfiguration()
    configuration.ramBytes = 1 << 30
    configuration.design = .staticCarveout
    configuration.groupLimitBytes = (SyntheticStream.frames + 1024) * 4096
    configuration.swap.bytes = 2 << 30
    configuration.swap.pageCluster = 0
    configuration.isObserved = false
    guard var machine = try? Machine(configuration) else {
      preconditionFailure("the benchmark's own machine cannot be built")
    }
    let process = machine.addProcess(
      pages: (0..<UInt64(SyntheticStream.pages)).map { 0x1000 + $0 },
      group: machine.addGroup()
    )
    let request = MappingRequest(
      address: 0x1000 << 12,
      length: UInt64(SyntheticStream.pages) << 12,
      protection: isTagged ? [.read, .write, .mte] : [.read, .write],
      flags: .anonymous
    )
    let mapped = machine.perform(.map(request, result: nil), of: process)
    precondition(mapped == .hit, "the benchmark's mapping failed: \(mapped)")
    let time = seconds {
      var index = 0
      while index < records.count {
        index = machine.performHits(
          records,
          in: index..<records.count,
          until: .max,
          of: process
        )
        guard index < records.count else { break }
        _ = machine.perform(records[index], of: process, stamp: UInt64(index))
        index += 1
      }
    }
    return (time, machine.counters)
  }

  private static func runRecording(_ path: String, rounds: Int) {
    var time = Figures()
    var accesses: UInt64 = 0
    var events: UInt64 = 0
    for _ in 0..<rounds {
      var configuration = MachineConfiguration()
      configuration.ramBytes = 256 << 20
      configuration.groupLimitBytes = 12 << 20
      let plan = ReplayPlan(
        tracePaths: [path],
        copies: 1,
        machine: configuration,
        isVerified: false
      )
      do throws(ReplayError) {
        var session = try ReplaySession.open(plan)
        var report: DesignReport?
        time.add(
          try secondsThrowing { () throws(ReplayError) in report = try session.run() }
        )
        accesses = report?.counters[.accesses] ?? 0
        events = report?.counters[.events] ?? 0
      } catch {
        print("mtesim-benchmark: \(error.description)")
        return
      }
    }
    print("\(path): \(events) events for \(accesses) accesses, limit 12 MiB")
    print("  \(pad("mtesim")) \(time.rate(of: Int(accesses))) M accesses/s,")
    print("  \(pad("")) \(time.rate(of: Int(events))) M events/s")
  }

  private static func pad(_ text: String) -> String {
    text + String(repeating: " ", count: max(0, 16 - text.count))
  }
}

/// Seconds that a piece of work takes.
private func seconds(_ work: () -> Void) -> Double {
  let start = ContinuousClock.now
  work()
  return (ContinuousClock.now - start) / .seconds(1)
}

private func secondsThrowing<Failure: Error>(
  _ work: () throws(Failure) -> Void
) throws(Failure) -> Double {
  let start = ContinuousClock.now
  try work()
  return (ContinuousClock.now - start) / .seconds(1)
}

/// The figures of one variant over the rounds.
private struct Figures {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  private var sorted: [Double] { values.sorted() }

  /// Millions of `count` per second: median, and the range in brackets.
  func rate(of count: Int) -> String {
    let rates = sorted.map { Double(count) / $0 / 1e6 }
    return "\(text(rates[rates.count / 2])) (\(text(rates[rates.count - 1]))-\(text(rates[0])))"
  }

  /// A ratio: median, and the range in brackets.
  var ratio: String {
    let ratios = sorted
    return
      "\(text(ratios[ratios.count / 2])) (\(text(ratios[0]))-\(text(ratios[ratios.count - 1])))"
  }

  private func text(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}
