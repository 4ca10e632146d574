// SPDX-License-Identifier: Apache-2.0

import CReference
import MachineModel
import MemoryModel
import PhysicalMemory
import Replay
import TagStorage
import TraceFormat

/// Prints page accesses per second of the simulator, beside two loops in C: one that only keeps an exact
/// LRU, and one that has the least of a fault path.
///
///     mtesim-benchmark [--rounds N] [--accesses N] [--only VARIANT] [--counters] [--no-page-lists]
///                      [TRACE...]
///
/// All variants run in turn within each round, so that whatever else the computer does falls on all of
/// them; the figures are medians with minimum and maximum, and ratios are taken within a round.
/// `--only` runs one variant (`c`, `c-faults`, `plain`, `tagged`), which is what a profiler wants; `--counters`
/// prints everything the machines counted, by which two builds are compared; `--no-page-lists` turns
/// the per-CPU page lists off.
@main
struct BenchmarkCommand {
  static func main() {
    var options = Options()
    var traces: [String] = []
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      if !options.parse(argument, &arguments) { traces.append(argument) }
    }
    runSynthetic(options)
    for trace in traces { runRecording(trace, rounds: options.rounds) }
  }

  private static func runSynthetic(_ options: Options) {
    let stream = SyntheticStream(seed: 1, accesses: options.accesses)
    let variants = Variant.allCases.filter { options.only == nil || options.only == $0 }
    let records = variants.map { stream.records(for: $0) }
    var figures = variants.map { _ in Figures() }
    let yardsticks = variants.filter(\.isReference)
    var ratios = variants.map { _ in yardsticks.map { _ in Figures() } }
    var runs: [VariantRun] = []
    for _ in 0..<options.rounds {
      runs = zip(variants, records).map { variant, records in
        switch variant {
        case .exactLRU: timeExactLRU(stream)
        case .faultPath: timeFaultPath(stream)
        case .plain, .tagged: timeMachine(records, isTagged: variant == .tagged, options)
        }
      }
      for (index, run) in runs.enumerated() {
        figures[index].add(run.seconds)
        for yardstick in yardsticks.indices {
          ratios[index][yardstick].add(run.seconds / runs[yardstick].seconds)
        }
      }
    }
    print("synthetic: \(options.accesses) accesses, \(SyntheticStream.pages) pages,")
    print("           \(SyntheticStream.frames) frames, log-uniform popularity; one thread")
    for (index, variant) in variants.enumerated() {
      print("  \(pad(variant.title)) \(figures[index].rate(of: options.accesses)) M accesses/s")
      for (yardstick, ratio) in zip(yardsticks, ratios[index]).prefix(index) {
        print("  \(pad("")) \(ratio.ratio) times the time of \(yardstick.title)")
      }
      print("    \(variant.explanation)")
      print("    \(runs[index].summary)")
      if options.printsCounters { runs[index].printCounters() }
    }
  }

  private static func timeExactLRU(_ stream: SyntheticStream) -> VariantRun {
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
    return VariantRun(
      seconds: time,
      summary: "\(misses) misses, \(writebacks) evicted pages had been written"
    )
  }

  private static func timeFaultPath(_ stream: SyntheticStream) -> VariantRun {
    var counts = reference_fault_counts()
    let time = seconds {
      counts = unsafe stream.words.withUnsafeBufferPointer { words in
        unsafe reference_fault_path(
          words.baseAddress,
          UInt64(words.count),
          UInt32(SyntheticStream.pages),
          UInt32(SyntheticStream.frames)
        )
      }
    }
    return VariantRun(
      seconds: time,
      summary: "\(counts.faults) faults, \(counts.swap_outs) pages swapped out"
    )
  }

  private static func timeMachine(
    _ records: [EventRecord],
    isTagged: Bool,
    _ options: Options
  ) -> VariantRun {
    var configuration = MachineConfiguration()
    configuration.ramBytes = 1 << 30
    configuration.design = .staticCarveout
    // Page tables and kernel objects are charged to the group, too; data get as many frames as the C loop has.
    configuration.groupLimitBytes =
      (SyntheticStream.frames + SyntheticStream.kernelPages) * PageSize.kib4.bytes
    configuration.swap.bytes = 2 << 30
    configuration.swap.pageCluster = 0
    configuration.isObserved = false
    configuration.zone.pageLists = options.usesPageLists ? .perCPU : .off
    guard var machine = try? Machine(configuration) else {
      preconditionFailure("the benchmark's own machine cannot be built")
    }
    let process = machine.addProcess(
      pages: (0..<UInt64(SyntheticStream.pages)).map { SyntheticStream.firstPage + $0 },
      group: machine.addGroup()
    )
    let request = MappingRequest(
      address: SyntheticStream.firstPage << UInt64(PageSize.kib4.shift),
      length: UInt64(SyntheticStream.pages) << UInt64(PageSize.kib4.shift),
      protection: isTagged ? [.read, .write, .mte] : [.read, .write],
      flags: .anonymous
    )
    let mapped = machine.perform(.map(request, result: nil), of: process)
    precondition(mapped == .hit, "the benchmark's mapping failed: \(mapped)")
    let time = seconds {
      var index = 0
      while index < records.count {
        index = machine.performTouchesAndTags(
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
    var run = VariantRun(seconds: time, summary: "")
    let counters = machine.counters
    run.summary =
      "\(counters[.pgfault]) faults, \(counters[.pswpout]) pages swapped out"
      + (isTagged ? ", \(counters[.tagsSavedSwap]) with tags" : "")
    run.counters = counters
    run.bytes = MemoryCategory.allCases.map { ($0.name, machine.bytes(of: $0)) }
    return run
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

/// What the command line asks for.
private struct Options {
  var rounds = 3
  var accesses = 20_000_000
  var only: Variant?
  var printsCounters = false
  var usesPageLists = true

  /// Reads one option with its value.
  ///
  /// - Returns: `false` where `argument` is no option.
  mutating func parse(_ argument: String, _ rest: inout ArraySlice<String>) -> Bool {
    switch argument {
    case "--rounds": rounds = rest.popFirst().flatMap { Int($0) }.map { max($0, 1) } ?? rounds
    case "--accesses":
      accesses = rest.popFirst().flatMap { Int($0) }.map { max($0, 1) } ?? accesses
    case "--only": only = rest.popFirst().flatMap { Variant(rawValue: $0) }
    case "--counters": printsCounters = true
    case "--no-page-lists": usesPageLists = false
    default: return false
    }
    return true
  }
}

/// What is measured on the synthetic stream.
enum Variant: String, CaseIterable {
  case exactLRU = "c"
  case faultPath = "c-faults"
  case plain
  case tagged

  /// Whether it is one of the loops in C, which stand before the simulator in a round.
  var isReference: Bool { self == .exactLRU || self == .faultPath }

  fileprivate var title: String {
    switch self {
    case .exactLRU: "exact LRU in C"
    case .faultPath: "faults in C"
    case .plain: "mtesim, no tags"
    case .tagged: "mtesim, tags"
    }
  }

  fileprivate var explanation: String {
    switch self {
    case .exactLRU: "one list, moved to the front at each access; no faults, swap or counters"
    case .faultPath:
      "page table, two lists with second chance, refault distances, swap slots"
    case .plain: "page table, page allocator, two-list reclaim, swap slots and cache on zram"
    case .tagged: "the same, and each page is tagged once; tags are saved at swap-out by mtecomp"
    }
  }
}

/// One run of one variant.
private struct VariantRun {
  var seconds: Double
  var summary: String
  var counters = CounterSet()
  var bytes: [(name: String, bytes: UInt64)] = []

  /// Prints every counter that is not zero, and the memory at the end by category.
  func printCounters() {
    for counter in Counter.allCases where counters[counter] != 0 {
      print("      \(counter.name) \(counters[counter])")
    }
    for category in bytes where category.bytes != 0 {
      print("      \(category.name) \(category.bytes) bytes")
    }
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
