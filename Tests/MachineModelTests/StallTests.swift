// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagStorage
import TestSupport
import Testing

@testable import MachineModel

/// Waits of accesses and allocations, against what the counters of each event cost.
@Suite struct StallTests {
  /// What everything that is waited for costs, by the kinds and without a meter.
  private func cost(_ counters: CounterSet, _ costs: EventCosts) -> Int {
    CostKind.allCases.filter(\.isWaitedFor).reduce(0) { sum, kind in
      let events =
        kind.added.reduce(0) { $0 + Int(counters[$1]) }
        - kind.subtracted.reduce(0) { $0 + Int(counters[$1]) }
      return sum + events * costs[kind.parameter]
    }
  }

  /// A machine whose processes reclaim for themselves, and a cost of its own for each event.
  private func configuration(
    _ design: TagStorageDesign,
    seed: UInt64
  ) -> MachineConfiguration {
    var random = SplitMix64(seed: seed ^ 0x57a11)
    var configuration = MachineConfiguration()
    configuration.design = design
    configuration.groupLimitBytes = 48 * 4096
    configuration.swap.device = [.zram, .disk][random.below(2)]
    configuration.swap.pageCluster = random.below(4)
    // Data lie in tag storage from the start.
    configuration.designChanges.preferAbovePercent = 0
    if random.below(2) == 0 { configuration.designChanges.mode = .onFaultOnly }
    for parameter in CostParameter.allCases {
      configuration.costs[parameter] = 1 + random.below(100_000)
    }
    return configuration
  }

  /// Without kswapd a fault waits for exactly what its counters cost, less one run of the handler.
  @Test(arguments: TagStorageDesign.allCases, UInt64(1)...2)
  func faultWaitsForWhatItsCountersCost(design: TagStorageDesign, seed: UInt64) throws {
    let configuration = configuration(design, seed: seed)
    let program = RandomProgram(seed: seed, pages: 90, count: 1_500, forks: true)
    var machine = try Machine(configuration)
    var processes = [machine.addProcess(pages: program.dictionary, group: machine.addGroup())]
    let whole = MappingRequest(
      address: RandomProgram.base << 12,
      length: UInt64(program.pages) << 12,
      protection: [.read, .write, .mte],
      flags: [.anonymous, .fixed]
    )
    _ = machine.perform(.map(whole, result: nil), of: processes[0])
    var waited = 0
    for (number, (process, step)) in program.steps.enumerated() where process < processes.count {
      let (before, stalls) = (machine.counters, machine.stalls)
      let record: EventRecord
      switch step {
      case .read(let page): record = .touch(UInt32(page), reads: 1, writes: 0, clock: 0)
      case .write(let page): record = .touch(UInt32(page), reads: 0, writes: 1, clock: 0)
      case .tag(let page, let first, let count, let tag):
        record = EventRecord(
          kind: .tagRun,
          page: UInt32(page),
          detail: UInt16(first),
          argument: tag,
          count: UInt16(count),
          clock: 0
        )
      case .operation(let operation):
        _ = machine.perform(operation, of: processes[process])
        #expect(machine.stalls.faults == stalls.faults, "step \(number): no access")
        continue
      case .fork:
        if let child = machine.fork(processes[process]) { processes.append(child) }
        continue
      case .exit: continue
      }
      _ = machine.perform(record, of: processes[process], stamp: UInt64(number + 1))
      let place = "\(design), seed \(seed), step \(number)"
      let faults = machine.counters[.pgfault] - before[.pgfault]
      #expect(machine.stalls.faults.count - stalls.faults.count == min(1, faults), "\(place)")
      let wait = Int(machine.counters[.stallNanoseconds] - before[.stallNanoseconds])
      let costs = configuration.costs
      let expected =
        faults == 0
        ? 0 : cost(machine.counters, costs) - cost(before, costs) - costs[.fault]
      #expect(wait == expected, "\(place)")
      if wait > 0 { waited += 1 }
    }
    #expect(machine.counters[.pgscanKswapd] == 0, "kswapd ran, for which nobody waits")
    #expect(waited > 0, "nothing waited")
    let stalls = machine.stalls
    #expect(stalls.faults.total == machine.counters[.stallNanoseconds])
    #expect(stalls.classes.reduce(0) { $0 + $1.count } == stalls.allocations.count)
    #expect(stalls.classes.reduce(0) { $0 + $1.total } == stalls.allocations.total)
    #expect(stalls.allocations.count <= machine.counters[.pgallocTagged])
  }

  /// What kswapd does in the background is nobody's wait.
  @Test func nobodyWaitsForKswapd() throws {
    var configuration = MachineConfiguration()
    configuration.design = .none
    configuration.costs = EventCosts()
    for parameter in CostParameter.allCases { configuration.costs[parameter] = 0 }
    configuration.costs[.pageScanned] = 1
    let pages = 20_000
    var machine = try Machine(configuration)
    let process = machine.addProcess(
      pages: (0..<UInt64(pages)).map { 0x10000 + $0 },
      group: machine.addGroup()
    )
    let whole = MappingRequest(
      address: 0x10000 << 12,
      length: UInt64(pages) << 12,
      protection: [.read, .write],
      flags: [.anonymous, .fixed]
    )
    _ = machine.perform(.map(whole, result: nil), of: process)
    for page in 0..<pages {
      _ = machine.perform(
        .touch(UInt32(page), reads: 0, writes: 1, clock: 0),
        of: process,
        stamp: 1
      )
    }
    #expect(machine.counters[.pgscanKswapd] > 0)
    #expect(machine.counters[.stallNanoseconds] == machine.counters[.pgscanDirect])
  }
}
