// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import PhysicalMemory
import Replay
import TagStorage
import TestSupport
import Testing

// Random programs under the designs and defects that lose tags: the machine stays sound, and whatever
// the oracle finds wrong has a counter that says why.

@Suite struct DesignTraceTests {
  /// A machine in which tags are often kept aside: small groups, read-ahead, pages in tag storage.
  private func configuration(seed: UInt64) -> MachineConfiguration {
    var random = SplitMix64(seed: seed ^ 0xde51)
    var configuration = MachineConfiguration()
    configuration.swap.device = [.zram, .disk][random.below(2)]
    configuration.swap.pageCluster = 1 + random.below(3)
    configuration.zone.pageLists = random.below(2) == 0 ? .perCPU : .off
    configuration.groupLimitBytes = [nil, 48 * 4096, 64 * 4096][random.below(3)]
    configuration.blockBytes = [4096, 8192, 16384][random.below(3)]
    // Data lie in tag storage from the start.
    configuration.designChanges.preferAbovePercent = 0
    if random.below(2) == 0 { configuration.designChanges.mode = .onFaultOnly }
    return configuration
  }

  private func program(seed: UInt64) -> RandomTrace {
    RandomTrace(seed: seed, pages: 90, count: 400, processes: 3)
  }

  private func check(_ configuration: MachineConfiguration, seed: UInt64) throws -> DesignReport {
    let report = try replay([program(seed: seed).text], invariantsEvery: 100) { $0 = configuration }
    let counters = report.counters
    let named = counters[.tagsLost] + counters[.tagsLeaked] + counters[.dataOverwritten]
    #expect(
      report.verification.differences == 0 || named > 0,
      "seed \(seed), \(configuration): \(report.verification.messages)"
    )
    return report
  }

  @Test(arguments: TagStorageDesign.allCases)
  func whatADesignLosesIsNamed(_ design: TagStorageDesign) throws {
    for seed in UInt64(1)...4 {
      var configuration = configuration(seed: seed)
      configuration.design = design
      // These know no larger blocks.
      if design.policy.frameChoice != .allocator { configuration.blockBytes = 4096 }
      let report = try check(configuration, seed: seed)
      guard design.policy.keepsEveryTag else { continue }
      #expect(report.counters[.tagsLost] == 0 && report.counters[.tagsLeaked] == 0, "seed \(seed)")
      #expect(report.verification.differences == 0, "seed \(seed)")
    }
  }

  /// Programs that collapse memory, with and without huge pages at faults, under every answer to a collapse.
  @Test(arguments: TagStorageDesign.allCases)
  func whatADesignLosesWithHugePagesIsNamed(_ design: TagStorageDesign) throws {
    var collapses: UInt64 = 0
    for seed in UInt64(1)...3 {
      var configuration = configuration(seed: seed)
      configuration.design = design
      configuration.groupLimitBytes = seed == 2 ? 900 * 4096 : nil
      configuration.hugePages = HugePagePolicy.allCases[Int(seed) % 3]
      if seed == 3 { configuration.designChanges.collapse = .untagged }
      if design.policy.frameChoice != .allocator { configuration.blockBytes = 4096 }
      var program = RandomTrace(seed: seed, pages: 1024, count: 250, processes: 2)
      program.useHugePages(seed: seed)
      let report = try replay([program.text], invariantsEvery: 5_000) { $0 = configuration }
      let counters = report.counters
      let named = counters[.tagsLost] + counters[.tagsLeaked] + counters[.dataOverwritten]
      #expect(
        report.verification.differences == 0 || named > 0 && !design.policy.keepsEveryTag,
        "seed \(seed), \(configuration): \(report.verification.messages)"
      )
      collapses += counters[.thpCollapseAlloc] + counters[.thpFaultAlloc]
    }
    #expect((collapses > 0) == (design.policy.frameChoice == .allocator))
  }

  /// The posted code with huge pages and blocks of several pages: tag blocks that were skipped are taken by
  /// others, given back too early, and hold data, and all that is found wrong has a counter.
  @Test func whatSkippedBlocksLoseIsNamed() throws {
    var damage: UInt64 = 0
    for seed in UInt64(1)...8 {
      var configuration = configuration(seed: seed)
      configuration.design = .rfc3AsPosted
      configuration.groupLimitBytes = nil
      configuration.hugePages = .always
      configuration.blockBytes = seed.isMultiple(of: 2) ? 8192 : 16384
      configuration.designChanges.mode = nil
      configuration.designChanges.collapse = .tagged
      var program = RandomTrace(seed: seed, pages: 1024, count: 250, processes: 3)
      program.useHugePages(seed: seed)
      let report = try replay([program.text], invariantsEvery: 500) { $0 = configuration }
      let counters = report.counters
      let named = counters[.tagsLost] + counters[.tagsLeaked] + counters[.dataOverwritten]
      #expect(
        report.verification.differences == 0 || named > 0,
        "seed \(seed), \(configuration): \(report.verification.messages)"
      )
      damage += counters[.tagsLostOverwritten] + counters[.dataOverwritten]
    }
    #expect(damage > 0)
  }

  @Test(arguments: TagStorageDefect.allCases.filter { $0.reasonWithoutEffect == nil })
  func whatADefectLosesIsNamed(_ defect: TagStorageDefect) throws {
    var parked: UInt64 = 0
    for seed in UInt64(1)...4 {
      var configuration = configuration(seed: seed)
      configuration.defects = TagStorageDefects([defect])
      parked += try check(configuration, seed: seed).counters[.tagsParked]
    }
    #expect(parked > 0, "no program has tags kept aside")
  }

  /// Every policy between the designs keeps its promises, whatever the answers are.
  @Test func drawnAnswersKeepThePromises() throws {
    for seed in UInt64(1)...16 {
      var random = SplitMix64(seed: seed ^ 0xa5e)
      var configuration = configuration(seed: seed)
      configuration.design = [.rfc1, .rfc2, .rfc3, .allOrNothing, .tagOfTags][random.below(5)]
      func draw<Choice: CaseIterable>(_ type: Choice.Type) -> Choice? {
        let all = Array(Choice.allCases)
        let number = random.below(all.count + 1)
        return number == all.count ? nil : all[number]
      }
      configuration.designChanges.preferAbovePercent = [nil, 0, 50, 100][random.below(4)]
      configuration.designChanges.pageLists = draw(DesignPolicy.PageListUse.self)
      configuration.designChanges.cmaEligibility = draw(DesignPolicy.CMAEligibility.self)
      configuration.designChanges.mode = draw(ReservationPolicy.Mode.self)
      configuration.designChanges.extent = draw(ReservationPolicy.Extent.self)
      configuration.designChanges.attempts = [nil, 1, 5][random.below(3)]
      configuration.designChanges.fastTrack = draw(ReservationPolicy.FastTrack.self)
      configuration.designChanges.failureAtFault = draw(ReservationPolicy.FailureAtFault.self)
      configuration.designChanges.fatalSignal = draw(ReservationPolicy.FatalSignal.self)
      configuration.designChanges.releaseCondition = draw(ReservationPolicy.ReleaseCondition.self)
      // The only answer of these by which tags can be lost.
      configuration.designChanges.parkedLookup = .everywhere
      let report = try check(configuration, seed: seed)
      #expect(report.counters[.tagsLost] == 0, "seed \(seed): \(configuration)")
    }
  }

  /// A zone border 8 pages into tag storage divides it without a loss; with the defect of the posted split
  /// every loss is named.
  @Test(arguments: [[], [TagStorageDefect.shortSplit]])
  func aDividedRegionKeepsItsTags(_ defects: [TagStorageDefect]) throws {
    for seed in UInt64(1)...4 {
      var configuration = configuration(seed: seed)
      configuration.defects = TagStorageDefects(defects)
      configuration.zones.selection = .kernel
      configuration.zone.maxOrder = 3
      let start = 1 << 32 + 512 * 4096 - 8 * 4096 - configuration.ramBytes
      configuration.memoryRanges = [MemoryRange(start: start, size: configuration.ramBytes)]
      let layout = try MachineLayout(configuration)
      let kernel = layout.kernelRegions
      #expect(kernel.regions.map(\.tags.count) == [8, 504])
      // Where the kernel looks for tags is where the hardware has them, up to the defect.
      let wrong = layout.region.memory.first { number in
        let frame = PageFrameNumber(number)
        let start = layout.region.block(of: frame).map {
          layout.region.frames(ofBlock: $0).lowerBound
        }
        return kernel.block(of: frame).map { kernel.firstFrame(of: $0).index } != start
      }
      // The posted split gives the 8 frames below the border 7 * 32 + 1 data frames.
      #expect(wrong == (defects.isEmpty ? nil : 225))
      let report = try check(configuration, seed: seed)
      #expect(!defects.isEmpty || report.counters[.tagsLost] == 0, "seed \(seed)")
    }
  }
}
