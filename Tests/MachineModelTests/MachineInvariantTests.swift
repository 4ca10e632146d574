// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage
import Testing

@testable import MachineModel

/// Runs a made-up program on a machine, with all invariants checked every so often.
func run(
  _ program: RandomProgram,
  on configuration: MachineConfiguration,
  checkEvery: Int,
  takesShortcuts: Bool = true
) throws -> CounterSet {
  var machine = try Machine(configuration)
  machine.takesShortcuts = takesShortcuts
  var processes = [machine.addProcess(pages: program.dictionary, group: machine.addGroup())]
  let whole = MappingRequest(
    address: RandomProgram.base << 12,
    length: UInt64(program.pages) << 12,
    protection: [.read, .write, .mte],
    flags: [.anonymous, .fixed]
  )
  _ = machine.perform(.map(whole, result: nil), of: processes[0])
  for (number, (process, step)) in program.steps.enumerated() {
    guard process < processes.count else { continue }
    let target = processes[process]
    switch step {
    case .read(let page):
      _ = machine.perform(
        .touch(UInt32(page), reads: 1, writes: 0, clock: 0),
        of: target,
        stamp: UInt64(number + 1)
      )
    case .write(let page):
      _ = machine.perform(
        .touch(UInt32(page), reads: 0, writes: 1, clock: 0),
        of: target,
        stamp: UInt64(number + 1)
      )
    case .tag(let page, let first, let count, let tag):
      _ = machine.perform(
        EventRecord(
          kind: .tagRun,
          page: UInt32(page),
          detail: UInt16(first),
          argument: tag,
          count: UInt16(count),
          clock: 0
        ),
        of: target,
        stamp: UInt64(number + 1)
      )
    case .operation(let operation):
      _ = machine.perform(operation, of: target)
    case .fork:
      if let child = machine.fork(target) { processes.append(child) }
    case .exit:
      _ = machine.perform(.exit(status: 0), of: target)
    }
    if number % checkEvery == checkEvery - 1 { machine.checkInvariants() }
  }
  machine.checkInvariants()
  for process in processes { _ = machine.perform(.exit(status: 0), of: process) }
  machine.checkInvariants()
  return machine.counters
}

@Suite struct MachineInvariantTests {
  /// The designs that differ most run three programs each, the others one.
  private static func seeds(_ design: TagStorageDesign) -> ClosedRange<UInt64> {
    [.none, .staticCarveout, .rfc3].contains(design) ? 1...3 : 3...3
  }

  /// A common case in one step leaves what the general path leaves in several.
  @Test(arguments: TagStorageDesign.allCases, [false, true])
  func shortcutsChangeNothing(design: TagStorageDesign, failsToSave: Bool) throws {
    for seed in Self.seeds(design) {
      var configuration = MachineConfiguration()
      configuration.design = design
      configuration.groupLimitBytes = 64 * 4096
      configuration.swap.bytes = 200 * 4096
      configuration.zone.pageLists = seed.isMultiple(of: 2) ? .perCPU : .off
      if seed == 3 {
        configuration.zram.memory = .on
        configuration.zram.limitBytes = 50 * 4096
      }
      if failsToSave { configuration.injectedFaults = [.failTagAllocation] }
      configuration.replacement = seed == 3 ? .multiGenerational : .twoList
      let program = RandomProgram(seed: seed, pages: 200, count: 3000, forks: true)
      let short = try run(program, on: configuration, checkEvery: 1000)
      let long = try run(program, on: configuration, checkEvery: 1000, takesShortcuts: false)
      // A store may take all that would go to a device.
      #expect(short[.pswpout] + short[.storeStored] > 0, "seed \(seed)")
      for counter in Counter.allCases {
        #expect(short[counter] == long[counter], "seed \(seed), \(counter.name)")
      }
    }
  }

  @Test(arguments: TagStorageDesign.allCases, SwapConfiguration.Device.allCases)
  func invariantsHoldForRandomProgramsInASmallGroup(
    design: TagStorageDesign,
    device: SwapConfiguration.Device
  ) throws {
    for seed in Self.seeds(design) {
      var configuration = MachineConfiguration()
      configuration.design = design
      configuration.swap.device = device
      configuration.groupLimitBytes = 64 * 4096
      configuration.isObserved = false
      let program = RandomProgram(seed: seed, pages: 200, count: 3000, forks: true)
      let counters = try run(program, on: configuration, checkEvery: 1000)
      if device != .none {
        #expect(counters[.pswpin] + counters[.storeRestored] > 0, "seed \(seed)")
      }
    }
  }

  @Test(arguments: [SwapConfiguration.Device.zram, .ssd, .disk])
  func anObservedMachineCountsWhatAnUnobservedOneCounts(
    device: SwapConfiguration.Device
  ) throws {
    var configuration = MachineConfiguration()
    configuration.swap.device = device
    configuration.groupLimitBytes = 64 * 4096
    let program = RandomProgram(seed: 11, pages: 200, count: 3000, forks: true)
    configuration.isObserved = true
    let observed = try run(program, on: configuration, checkEvery: 1000)
    configuration.isObserved = false
    let unobserved = try run(program, on: configuration, checkEvery: 1000)
    #expect(observed == unobserved)
    #expect(observed[.pswpin] > 0)
  }

  @Test(arguments: [SwapConfiguration.Device.zram, .ssd, .disk])
  func invariantsHoldWhereTagStorageHoldsDataAndIsTakenBack(device: SwapConfiguration.Device) throws
  {
    var configuration = MachineConfiguration()
    configuration.swap.device = device
    configuration.isObserved = false
    var program = RandomProgram(seed: 7, pages: 20_000, count: 40_000, forks: false)
    // Untagged memory fills RAM to the last frame of tag storage before half of it becomes tagged.
    let half = UInt64(program.pages / 2) << 12
    let base = RandomProgram.base << 12
    let untagged = MappingRequest(
      address: base,
      length: half * 2,
      protection: [.read, .write],
      flags: [.anonymous, .fixed]
    )
    var opening: [(process: Int, step: ProgramStep)] = [
      (0, .operation(.map(untagged, result: nil)))
    ]
    opening += (0..<program.pages).map { (0, .write(page: $0)) }
    opening.append(
      (
        0,
        .operation(
          .protect(
            address: base,
            length: half,
            protection: [.read, .write, .mte],
            result: nil
          )
        )
      )
    )
    // Reading in order lets read-ahead bring tagged pages to frames that nobody asked to hold tags.
    let sweep: [(process: Int, step: ProgramStep)] = (0..<program.pages).map {
      (0, .read(page: $0))
    }
    program.steps = opening + program.steps + sweep + sweep
    let counters = try run(program, on: configuration, checkEvery: 4000)
    var mustHappen: [Counter] = [
      .reserveFast, .reserveSlow, .pgmigrateSuccess, .foaFaults, .foaReplacedTsp, .pswpin,
      .tagsRestoredSwap,
    ]
    if device != .zram { mustHappen.append(.tagsParked) }
    for counter in mustHappen {
      #expect(counters[counter] > 0, "\(counter.name) never happened")
    }
    #expect(counters[.tagsLost] == 0 && counters[.livelocks] == 0)
  }
}
