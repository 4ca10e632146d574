// SPDX-License-Identifier: Apache-2.0

import Containers
import MachineModel
import MemoryModel
import TagStorage
import TestSupport
import Testing

extension RandomProgram {
  /// The program with mappings of files among its steps.
  func mappingFiles(seed: UInt64) -> RandomProgram {
    var random = SplitMix64(seed: seed ^ 0xf11e)
    var program = self
    var place = 1
    while place < program.steps.count {
      let first = random.below(pages)
      let length = 1 + random.below(min(48, pages - first))
      let request = MappingRequest(
        address: (Self.base + UInt64(first)) << 12,
        length: UInt64(length) << 12,
        protection: [[.read, .write], [.read], [.read, .execute]][random.below(3)],
        flags: [[.fixed], [.fixed], [.fixed, .shared]][random.below(3)],
        file: random.below(3) == 0
          ? nil
          : MappedFile(number: UInt32(random.below(3)), offset: UInt64(random.below(2)) << 14)
      )
      program.steps.insert(
        (program.steps[place].process, .operation(.map(request, result: nil))),
        at: place
      )
      place += 1 + random.below(25)
    }
    return program
  }
}

@Suite struct FilePageTests {
  private static func configuration(seed: UInt64) -> MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.filePages = .on
    configuration.groupLimitBytes = 64 * 4096
    configuration.swap.bytes = [200 * 4096, 64 << 20][Int(seed & 1)]
    return configuration
  }

  @Test(arguments: PageReplacement.allCases, SwapConfiguration.Device.allCases)
  func invariantsHoldForRandomProgramsThatMapFiles(
    replacement: PageReplacement,
    device: SwapConfiguration.Device
  ) throws {
    for seed in UInt64(1)...2 {
      var configuration = Self.configuration(seed: seed)
      configuration.replacement = replacement
      configuration.swap.device = device
      let program = RandomProgram(seed: seed, pages: 200, count: 3000, forks: true)
        .mappingFiles(seed: seed)
      let counters = try run(program, on: configuration, checkEvery: 250)
      for counter in [
        Counter.faultFile, .faultFileRead, .filePagesWritten, .pgstealFile, .workingsetRefaultFile,
      ] {
        #expect(counters[counter] > 0, "seed \(seed): \(counter.name) never happened")
      }
      let (scanned, stolen) = (counters[.pgscanFile], counters[.pgstealFile])
      #expect(stolen <= scanned, "seed \(seed)")
    }
  }

  /// Every page size, and every design: whatever the design does with tag storage, files are cached in
  /// ordinary memory.
  @Test(arguments: TagStorageDesign.allCases)
  func invariantsHoldUnderEveryDesign(design: TagStorageDesign) throws {
    var configuration = Self.configuration(seed: 3)
    configuration.design = design
    let program = RandomProgram(seed: 3, pages: 200, count: 2000, forks: true)
      .mappingFiles(seed: 3)
    let counters = try run(program, on: configuration, checkEvery: 250)
    #expect(counters[.faultFileRead] > 0)
  }

  @Test func anObservedMachineCountsWhatAnUnobservedOneCounts() throws {
    var configuration = Self.configuration(seed: 5)
    let program = RandomProgram(seed: 5, pages: 200, count: 3000, forks: true)
      .mappingFiles(seed: 5)
    configuration.isObserved = true
    let observed = try run(program, on: configuration, checkEvery: 1000)
    configuration.isObserved = false
    let unobserved = try run(program, on: configuration, checkEvery: 1000)
    #expect(observed == unobserved)
  }
}
