// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import TagStorage
import Testing

@testable import MachineModel

/// Parts of the multi-generational LRU that random streams seldom reach.
@Suite struct GenerationTests {
  @Test func aTierIsSparedFromTwiceTheRefaultsOn() {
    var refaults = TierRefaults()
    for _ in 0..<1000 { refaults.noteEviction(inSecondTier: false) }
    for _ in 0..<99 { refaults.noteRefault(inSecondTier: false) }
    for _ in 0..<500 { refaults.noteEviction(inSecondTier: true) }
    // (99 + 1) * 500 * 2 / (1000 + 64) is 93.98.
    for _ in 0..<93 { refaults.noteRefault(inSecondTier: true) }
    #expect(!refaults.sparesSecondTier)
    refaults.noteRefault(inSecondTier: true)
    #expect(refaults.sparesSecondTier)
    // Spared pages count as if they had been evicted and had not come back.
    for _ in 0..<10 { refaults.noteSpared() }
    #expect(!refaults.sparesSecondTier)
  }

  @Test func fewRefaultsSpareNothingAndOldOnesCountByHalf() {
    var refaults = TierRefaults()
    for _ in 0..<63 { refaults.noteRefault(inSecondTier: true) }
    #expect(!refaults.sparesSecondTier)
    for _ in 0..<65 { refaults.noteRefault(inSecondTier: true) }
    #expect(refaults.sparesSecondTier)
    refaults.startGeneration()
    #expect(refaults.sparesSecondTier)
    refaults.startGeneration()
    #expect(!refaults.sparesSecondTier)
  }

  /// Pages that came back before are spared, and are the first to go in the next generation.
  @Test func sparedPagesGoFirstInTheNextGeneration() throws {
    var configuration = MachineConfiguration()
    configuration.design = .staticCarveout
    configuration.replacement = .multiGenerational
    configuration.kernel = .linux61
    var machine = try Machine(configuration)
    let firstPage: UInt64 = 0x10000
    let process = machine.addProcess(
      pages: (0..<200).map { firstPage + $0 },
      group: machine.addGroup()
    )
    let whole = MappingRequest(
      address: firstPage << 12,
      length: 200 << 12,
      protection: [.read, .write],
      flags: [.anonymous, .fixed]
    )
    _ = machine.perform(.map(whole, result: nil), of: process)
    func touch(_ pages: Range<UInt32>, _ machine: inout Machine) {
      for page in pages {
        _ = machine.perform(.touch(page, reads: 0, writes: 1, clock: 0), of: process, stamp: 1)
      }
      machine.drainBatch()
    }
    touch(0..<100, &machine)
    // A group begins with all generations that there may be.
    _ = machine.generations[0].endEmptyGenerations()
    machine.groups[0].nonresidentAge = machine.generations[0].minSequence
    machine.age(0)
    touch(100..<200, &machine)
    let table = machine.processes[process].table
    for page in UInt32(0)..<20 {
      let frame = try #require(table.frame(page))
      machine.frames[frame].flags.insert(.workingset)
    }
    // A generation ends before eviction begins, and halves this.
    for _ in 0..<400 { machine.generations[0].refaults.noteRefault(inSecondTier: true) }

    func evicted(_ pages: Range<UInt32>) -> Int { pages.count { table.frame($0) == nil } }
    let first = machine.reclaimGroup(0)
    #expect(first == 64)
    machine.checkInvariants()
    #expect(evicted(0..<20) == 0 && evicted(20..<84) == 64)
    // What is left of the oldest generation, and a batch of the next one.
    let second = machine.reclaimGroup(0)
    #expect(second == 80)
    machine.checkInvariants()
    #expect(evicted(84..<100) == 16 && evicted(0..<20) == 20 && evicted(100..<144) == 44)
  }
}
