// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import PhysicalMemory
import Replay
import Swap
import TagStorage
import TestSupport
import Testing

/// A machine and a program, both made from a seed.
private struct Experiment {
  var configuration = MachineConfiguration()
  var program: RandomTrace
  var checkEvery: UInt64 = 250

  init(seed: UInt64, steps: Int) {
    var random = SplitMix64(seed: seed ^ 0x5eed)
    // The others lose tags, which their own tests want named.
    let designs = TagStorageDesign.allCases.filter(\.policy.keepsEveryTag)
    configuration.design = designs[random.below(designs.count)]
    configuration.swap.device = [.zram, .zram, .ssd, .disk, .none][random.below(5)]
    configuration.swap.pageCluster = random.below(4)
    configuration.swap.slotCacheSize = random.below(2) == 0 ? 64 : 0
    configuration.zone.pageLists = random.below(2) == 0 ? .perCPU : .off
    // Some machines run out of swap, and then out of memory.
    configuration.swap.bytes = [256 << 20, 96 * 4096, 400 * 4096][random.below(3)]
    configuration.tagChecks = TagCheckMode.allCases[random.below(TagCheckMode.allCases.count)]
    configuration.preferredTagChecks = [.sync, .async, .asymm][random.below(3)]
    configuration.hasAsymmetricTagChecks = random.below(2) == 0
    configuration.groupLimitBytes = [nil, 48 * 4096, 64 * 4096, 100 * 4096][random.below(4)]
    program = RandomTrace(
      seed: seed,
      pages: [20, 90, 150][random.below(3)],
      count: steps,
      processes: 1 + random.below(4)
    )
    drawAllocatorSwitches(seed: seed)
    drawSwapDevices(seed: seed)
  }

  /// Two machines of three have several swap devices, one of two a zram that takes memory.
  private mutating func drawSwapDevices(seed: UInt64) {
    var random = SplitMix64(seed: seed ^ 0x5a9)
    if random.below(3) > 0 {
      configuration.swap.devices = (0..<1 + random.below(3)).map { _ in
        SwapDeviceConfiguration(
          SwapDeviceKind.allCases[random.below(3)],
          bytes: [40 * 4096, 300 * 4096, 16 << 20, nil][random.below(4)],
          priority: [nil, 1, 1, 2][random.below(4)]
        )
      }
    }
    if random.below(2) == 0 {
      configuration.zram.memory = .on
      configuration.zram.limitBytes = [nil, 20 * 4096, 200 * 4096][random.below(3)]
      configuration.zram.compression.meanPercent = 20 + random.below(60)
    }
  }

  /// Switches of the page allocator and of reclaim, most of them the kernel's.
  private mutating func drawAllocatorSwitches(seed: UInt64) {
    var random = SplitMix64(seed: seed ^ 0xa110c)
    if random.below(4) == 0 { configuration.zone.stealing = .block }
    configuration.zone.watermarkBoostFactor = [15_000, 15_000, 0, 100_000][random.below(4)]
    configuration.zone.watermarkScaleFactor = [10, 10, 300][random.below(3)]
    configuration.zone.minimumFree =
      [.standard, .standard, .raisedForHugePages, .kibibytes(0)][random.below(4)]
    let policies = ReferencePagePolicy.allCases
    configuration.referencePages = policies[random.below(policies.count)]
    configuration.addressBits = random.below(2) == 0 ? 48 : 39
    configuration.swap.clusterSlots = [256, 64][random.below(2)]
    configuration.replacement = random.below(2) == 0 ? .twoList : .multiGenerational
    configuration.kernel = random.below(2) == 0 ? .linux68 : .linux61
  }

  /// A machine of 64 MiB that is full, so that data lie in tag storage.
  init(fullMachineWithSeed seed: UInt64, steps: Int) {
    self.init(seed: seed, steps: 0)
    var random = SplitMix64(seed: seed ^ 0xf111)
    configuration.groupLimitBytes = nil
    configuration.design =
      [
        .staticCarveout, .rfc3, .rfc3, .rfc3, .allOrNothing, .tagOfTags, .ownZone,
      ][random.below(7)]
    configuration.swap.device = random.below(6) == 0 ? .none : configuration.swap.device
    configuration.swap.bytes = random.below(3) == 0 ? 8 << 20 : 256 << 20
    configuration.blockBytes = random.below(3) == 0 ? 16384 : 4096
    program = RandomTrace(
      filling: 15_000 + random.below(1500),
      seed: seed,
      count: steps,
      processes: 1 + random.below(3)
    )
  }

  /// A machine and a program that maps files.
  init(filesWithSeed seed: UInt64, steps: Int) {
    self.init(seed: seed, steps: steps)
    var random = SplitMix64(seed: seed ^ 0xcac4e)
    configuration.filePages = .on
    configuration.swappiness = [60, 60, 0, 150][random.below(4)]
    if random.below(8) == 0 { configuration.replacement = random.below(2) == 0 ? .exact : .clock }
    program.mapFiles(seed: seed)
  }

  /// A machine and a program that collapses memory, and mostly one that has huge pages at faults.
  init(hugePagesWithSeed seed: UInt64, steps: Int) {
    self.init(seed: seed, steps: 0)
    var random = SplitMix64(seed: seed ^ 0x4096)
    configuration.hugePages = HugePagePolicy.allCases[random.below(3)]
    configuration.groupLimitBytes = [nil, nil, 700 * 4096, 1300 * 4096][random.below(4)]
    let isSmall = [.none, .eccColocated, .staticCarveout].contains(configuration.design)
    configuration.ramBytes = isSmall ? 16 << 20 : 64 << 20
    // A small machine has no memory to keep for huge pages.
    configuration.zone.minimumFree = .standard
    configuration.blockBytes = [4096, 4096, 8192, 16384][random.below(4)]
    if !configuration.policy.hasTagBlocks { configuration.blockBytes = 4096 }
    program = RandomTrace(
      seed: seed,
      pages: [512, 1024, 1600][random.below(3)],
      count: steps,
      processes: 1 + random.below(3)
    )
    program.useHugePages(seed: seed)
    checkEvery = 5_000
  }

  /// A full machine whose memory is two or three zones.
  init(zonesWithSeed seed: UInt64, steps: Int) {
    self.init(fullMachineWithSeed: seed, steps: steps)
    var random = SplitMix64(seed: seed ^ 0x20e5)
    let below = [8, 24, 32][random.below(3)] << 20
    configuration.memoryRanges = [
      MemoryRange(start: 1 << 32, size: configuration.ramBytes - below),
      MemoryRange(start: 1 << 32 - below, size: below),
    ]
    configuration.zones.selection = random.below(4) == 0 ? .one : .kernel
    let isAlone = configuration.zones.selection == .one
    configuration.zones.movableBytes = isAlone || random.below(2) == 0 ? 16 << 20 : 0
    // A machine this small has no memory to keep for huge pages.
    configuration.zone.minimumFree = .standard
  }

  /// A machine whose tag storage is a store of swapped pages, mostly a small one that is full.
  init(storeWithSeed seed: UInt64, steps: Int) {
    self.init(seed: seed, steps: steps)
    var random = SplitMix64(seed: seed ^ 0x5704e)
    configuration.design = [.frontswap, .ramdiskSwap, .zswapLike][random.below(3)]
    configuration.ramBytes = [8, 8, 16, 64][random.below(4)] << 20
    configuration.blockBytes = [4096, 4096, 16384, 32768][random.below(4)]
    var changes = DesignChanges()
    changes.storeWrites = [nil, .back, .through][random.below(3)]
    changes.storeForm = [nil, .plain, .compressed][random.below(3)]
    changes.storeWhenFull = [nil, .refuse, .reclaim][random.below(3)]
    changes.storeSlotsPercent = [nil, 50, 300][random.below(3)]
    changes.mode = [nil, nil, .mandatory, .onFaultOnly][random.below(4)]
    configuration.designChanges = changes
    configuration.groupLimitBytes = [48, 64, 100][random.below(3)] * 4096
    program = RandomTrace(
      seed: seed,
      pages: [90, 150, 400][random.below(3)],
      count: steps,
      processes: 1 + random.below(4)
    )
  }

  /// What went wrong, `nil` where nothing did.
  func failure(of program: RandomTrace) -> String? {
    let report: DesignReport
    do {
      report = try replay([program.text], invariantsEvery: checkEvery) { $0 = configuration }
    } catch {
      return "\(error)"
    }
    if let message = report.verification.messages.first { return message }
    if report.counters[.tagsLost] > 0 { return "tags were lost" }
    // A full machine without swap cannot move anything, and nobody moves what is pinned.
    let isStuck = report.counters[.livelocks] > 0
    // A store that has to write what it holds fails where no device takes it.
    let isStoreStuck =
      configuration.policy.store != nil && report.counters[.reserveFailBusy] > 0
    if isStuck && report.counters[.reserveFailNomem] == 0 && report.counters[.migratePinned] == 0
      && !isStoreStuck
    {
      return "an access made no progress"
    }
    return nil
  }

  /// The program without the steps that its failure does not need: halves first, then quarters, down
  /// to single steps.
  func shrunk() -> RandomTrace {
    var smallest = program
    var size = smallest.steps.count / 2
    while size > 0 {
      var start = 0
      while start < smallest.steps.count {
        var candidate = smallest
        let end = min(start + size, candidate.steps.count)
        candidate.steps.removeSubrange(start..<end)
        if failure(of: candidate) != nil {
          smallest = candidate
        } else {
          start += size
        }
      }
      size /= 2
    }
    return smallest
  }
}

@Suite struct RandomTraceTests {
  /// `MTESIM_SEEDS` runs that many seeds, `MTESIM_FIRST_SEED` starts elsewhere, `MTESIM_STEPS` makes
  /// the programs longer.
  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  private func run(seeds: Int, _ make: (UInt64) -> Experiment) {
    let first = Self.number("MTESIM_FIRST_SEED") ?? 1
    for seed in first..<(first + seeds) {
      let experiment = make(UInt64(seed))
      guard let failure = experiment.failure(of: experiment.program) else { continue }
      let smallest = experiment.shrunk()
      Issue.record(
        """
        seed \(seed), \(experiment.configuration): \(failure)
        the smallest trace that fails: \(experiment.failure(of: smallest) ?? "")
        \(smallest.text)
        """
      )
      return
    }
  }

  @Test func randomProgramsLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 500
    run(seeds: Self.number("MTESIM_SEEDS") ?? 60) { Experiment(seed: $0, steps: steps) }
  }

  @Test func randomProgramsThatMapFilesLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 500
    run(seeds: Self.number("MTESIM_SEEDS") ?? 40) { Experiment(filesWithSeed: $0, steps: steps) }
  }

  @Test func randomProgramsWithHugePagesLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 300
    run(seeds: Self.number("MTESIM_SEEDS") ?? 20) {
      Experiment(hugePagesWithSeed: $0, steps: steps)
    }
  }

  @Test func randomProgramsOnAFullMachineLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 1500
    run(seeds: (Self.number("MTESIM_SEEDS") ?? 20) / 10) {
      var experiment = Experiment(fullMachineWithSeed: $0, steps: steps)
      experiment.checkEvery = 20_000
      return experiment
    }
  }

  @Test func randomProgramsOnAStoreLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 500
    run(seeds: Self.number("MTESIM_SEEDS") ?? 60) { Experiment(storeWithSeed: $0, steps: steps) }
  }

  @Test func randomProgramsOnSeveralZonesLoseNothing() {
    let steps = Self.number("MTESIM_STEPS") ?? 1000
    run(seeds: (Self.number("MTESIM_SEEDS") ?? 30) / 10) {
      var experiment = Experiment(zonesWithSeed: $0, steps: steps)
      experiment.checkEvery = 20_000
      return experiment
    }
  }

  /// Broken behaviour is noticed, and what is left of the program after shrinking is short.
  @Test(arguments: [InjectedFault.dropRestore, .dropData, .dropCopiedTags])
  func shrinkingKeepsTheFailure(fault: InjectedFault) throws {
    var experiment = Experiment(seed: 1, steps: 0)
    experiment.configuration = MachineConfiguration()
    experiment.configuration.design = .staticCarveout
    experiment.configuration.injectedFaults = [fault]
    experiment.checkEvery = 20_000
    let programs = (1...20).lazy.map {
      RandomTrace(seed: UInt64($0), pages: 20, count: 250, processes: 3)
    }
    let failing = programs.first { [experiment] in experiment.failure(of: $0) != nil }
    experiment.program = try #require(failing, "no program notices \(fault.rawValue)")
    let smallest = experiment.shrunk()
    #expect(experiment.failure(of: smallest) != nil)
    #expect(smallest.steps.count <= 8, "\(smallest.text)")
  }
}
