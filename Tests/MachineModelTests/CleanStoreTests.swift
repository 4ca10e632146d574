// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage
import TestSupport
import Testing

@testable import MachineModel

/// A store of clean pages as plainly as possible: pages from the one not used for longest to the last.
private struct PlainStore {
  let capacity: Int
  let storesOnlyUsedPages: Bool
  let keepsCopies: Bool
  var pages: [Int] = []
  var stored = 0
  var skipped = 0
  var restored = 0
  var missed = 0
  var reclaimed = 0
  var invalidated = 0

  mutating func follow(_ event: FilePageEvent) {
    switch event {
    case .evicted(let page, let wasInUse):
      if drop(page) { invalidated += 1 }
      guard wasInUse || !storesOnlyUsedPages else {
        skipped += 1
        return
      }
      if pages.count == capacity {
        pages.removeFirst()
        reclaimed += 1
      }
      pages.append(page)
      stored += 1
    case .loaded(let page):
      guard drop(page) else {
        missed += 1
        return
      }
      restored += 1
      if keepsCopies { pages.append(page) } else { invalidated += 1 }
    }
  }

  private mutating func drop(_ page: Int) -> Bool {
    guard let place = pages.firstIndex(of: page) else { return false }
    pages.remove(at: place)
    return true
  }
}

/// The designs that keep copies of clean pages of files.
@Suite struct CleanStoreTests {
  private static let designs = TagStorageDesign.allCases.filter(\.policy.takesTagBlocksAtOnce)

  @Test func theDesignsAreKnown() {
    #expect(Self.designs == [.cleancache, .gcma, .virtioTmem])
  }

  /// Up to 330 pages of files, so that 128 frames of tag storage are not enough.
  @Test(arguments: designs)
  func storesHoldWhatAPlainListHolds(_ design: TagStorageDesign) throws {
    var seen = (stored: 0, restored: 0, reclaimed: 0)
    for seed in UInt64(1)...6 {
      let stream = UseStream(seed: seed, length: 5000)
      let frames = 60 + Int(seed) % 100
      let filePages = stream.pages * (4 + Int(seed) % 4) / 8
      var lists = PlainFourLists(
        frames: frames,
        filePages: filePages,
        batchPages: 15,
        kernel: .linux68,
        swappiness: 60
      )
      for page in stream.uses { _ = lists.use(page) }
      let found = try counters(of: stream, frames: frames, filePages: filePages) {
        $0.filePages = .on
        $0.design = design
        $0.ramBytes = 16 << 20
        // Under virtio-tmem nothing would be left to store in otherwise.
        $0.designChanges.taggedFrames = .mapped
      }
      let policy = try #require(design.policy.store)
      var plain = PlainStore(
        // The zero page has tags.
        capacity: 127,
        storesOnlyUsedPages: policy.admits == .workingSet,
        keepsCopies: policy.afterRestore == .keepCopy
      )
      for event in lists.history { plain.follow(event) }
      let expected: [(Counter, Int)] = [
        (.storeStored, plain.stored), (.storeSkipped, plain.skipped),
        (.storeRestored, plain.restored), (.storeMissed, plain.missed),
        (.storeReclaimed, plain.reclaimed), (.storeInvalidated, plain.invalidated),
        (.filePagesRead, plain.missed), (.storeRecalled, 0),
      ]
      for (counter, value) in expected {
        #expect(found[counter] == UInt64(value), "seed \(seed): \(counter.name)")
      }
      seen.stored += plain.stored
      seen.restored += plain.restored
      seen.reclaimed += plain.reclaimed
    }
    #expect(seen.stored > 100 && seen.restored > 20, "\(seen)")
    if design != .gcma { #expect(seen.reclaimed > 20, "\(seen)") }
  }

  /// S14: whatever the store holds, a reservation succeeds, and no access ever faults for tags.
  @Test(arguments: designs, PageReplacement.allCases)
  func reservationsAlwaysSucceed(
    _ design: TagStorageDesign,
    replacement: PageReplacement
  ) throws {
    var recalled: UInt64 = 0
    for seed in UInt64(1)...3 {
      var configuration = MachineConfiguration()
      configuration.design = design
      configuration.filePages = .on
      configuration.replacement = replacement
      configuration.swap.device = [.zram, .disk][Int(seed % 2)]
      configuration.groupLimitBytes = 64 * 4096
      // So small that the blocks of tagged pages are those whose frames are stored in first.
      configuration.ramBytes = 4 << 20
      configuration.blockBytes = 4096 << Int(seed - 1)
      // The baselines know no working set.
      configuration.designChanges.storeAdmits =
        seed == 3 && replacement == .twoList ? nil : .everyPage
      configuration.designChanges.storeAfterRestore = seed == 2 ? .keepCopy : nil
      // What the first use of a frame takes is taken before anything is evicted.
      configuration.designChanges.taggedFrames = seed == 1 ? .touched : .mapped
      let program = RandomProgram(seed: seed, pages: 300, count: 3000, forks: true)
        .mappingFiles(seed: seed)
      let counters = try run(program, on: configuration, checkEvery: 250)
      for counter in [
        Counter.reserveFailBusy, .reserveFailNomem, .reserveFailIntr, .reserveFailExists,
        .foaMarked, .foaFaults, .tagsParked, .pgmigrateSuccess, .pgmigrateFail, .lruDisableIpis,
        .tagsLost,
      ] {
        #expect(counters[counter] == 0, "seed \(seed): \(counter.name)")
      }
      #expect(counters[.reserveCalls] > 0 && counters[.storeStored] > 0, "seed \(seed)")
      recalled += counters[.storeRecalled]
    }
    #expect(recalled > 0)
  }

  /// F4: a copy that is not what the disk holds is noticed.
  @Test func damagedCopiesAreFound() throws {
    var configuration = MachineConfiguration()
    configuration.design = .cleancache
    configuration.filePages = .on
    var machine = try Machine(configuration)
    let process = machine.addProcess(pages: [16, 17], group: machine.addGroup())
    let file = MappingRequest(address: 16 << 12, length: 8192, protection: .read, flags: .fixed)
    _ = machine.perform(.map(file, result: nil), of: process)
    for page in UInt32(0)..<2 {
      _ = machine.perform(.touch(page, reads: 1, writes: 0, clock: 0), of: process, stamp: 1)
    }
    let advice = MemoryOperation.advise(
      address: 16 << 12,
      length: 8192,
      advice: .pageOut,
      result: nil
    )
    _ = machine.perform(advice, of: process)
    try machine.verifyInvariants()
    let copy = Int(machine.filePages[0].copy)
    machine.contents[copy] += 1
    #expect { try machine.verifyInvariants() } throws: { ($0 as? BrokenInvariant)?.name == "F4" }
    machine.contents[copy] -= 1
    machine.frames[copy].swapSlot = 1
    #expect { try machine.verifyInvariants() } throws: { ($0 as? BrokenInvariant)?.name == "F4" }
  }

  /// A guest whose host takes a tag block with the first use of any page that it covers.
  @Test func everyUsedFrameCountsAsTagged() throws {
    var configuration = MachineConfiguration()
    configuration.design = .virtioTmem
    configuration.filePages = .on
    configuration.groupLimitBytes = 64 * 4096
    let program = RandomProgram(seed: 4, pages: 200, count: 1000, forks: false)
      .mappingFiles(seed: 4)
    let counters = try run(program, on: configuration, checkEvery: 100)
    #expect(counters[.reserveHeld] > 2 && counters[.reserveReleases] == 0)
  }
}
