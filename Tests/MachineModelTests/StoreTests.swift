// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage
import Testing

@testable import MachineModel

/// A machine whose store is full of swapped pages, before any page is tagged.
private func machine(
  _ design: TagStorageDesign,
  pages: Int = 900,
  _ change: (inout MachineConfiguration) -> Void = { _ in }
) throws -> Machine {
  var configuration = MachineConfiguration()
  configuration.design = design
  configuration.ramBytes = 8 << 20
  configuration.swap.device = .ssd
  configuration.swap.bytes = 8 << 20
  configuration.groupLimitBytes = 200 * 4096
  change(&configuration)
  var machine = try Machine(configuration)
  let process = machine.addProcess(
    pages: (0..<UInt64(pages)).map { 0x10000 + $0 },
    group: machine.addGroup()
  )
  let request = MappingRequest(
    address: 0x10000 << 12,
    length: UInt64(pages) << 12,
    protection: [.read, .write],
    flags: .anonymous
  )
  _ = machine.perform(.map(request, result: nil), of: process)
  for page in UInt32(0)..<UInt32(pages) {
    _ = machine.perform(.touch(page, reads: 0, writes: 1, clock: 0), of: process, stamp: 1)
  }
  machine.checkInvariants()
  return machine
}

/// Maps `count` more pages with tags, and writes to them.
private func tagPages(_ count: Int, on machine: inout Machine) {
  let process = machine.addProcess(
    pages: (0..<UInt64(count)).map { 0x50000 + $0 },
    group: machine.addGroup()
  )
  let request = MappingRequest(
    address: 0x50000 << 12,
    length: UInt64(count) << 12,
    protection: [.read, .write, .mte],
    flags: .anonymous
  )
  _ = machine.perform(.map(request, result: nil), of: process)
  for page in UInt32(0)..<UInt32(count) {
    _ = machine.perform(.touch(page, reads: 0, writes: 1, clock: 0), of: process, stamp: 2)
  }
  machine.checkInvariants()
}

/// Stores of swapped pages in tag storage: what they take, and what becomes of it when tags come.
@Suite struct StoreTests {
  private static let designs: [TagStorageDesign] = [.frontswap, .ramdiskSwap, .zswapLike]

  @Test(arguments: designs)
  func theStoreFillsAndItsMemoryAddsUp(design: TagStorageDesign) throws {
    // In a pool of few frames compression saves nothing: objects of every size have frames of their own.
    let machine = try machine(design, pages: 1200) { $0.ramBytes = 64 << 20 }
    let page = UInt64(4096)
    let (idle, data) = (machine.bytes(of: .tagStorageIdle), machine.bytes(of: .tagStorageData))
    #expect(idle + data + machine.bytes(of: .tagStorageHeld) == 512 * page)
    #expect(machine.bytes(of: .tagStorageFree) == 0 && machine.bytes(of: .tagStorageWithheld) == 0)
    #expect(data >= 400 * page && machine.bytes(of: .storeMemUsed) == data)
    let held = machine.bytes(of: .storeOrigData)
    if design == .frontswap {
      #expect(held == data && machine.bytes(of: .storeComprData) == data)
    } else {
      #expect(held > data && machine.bytes(of: .storeComprData) <= data, "compression saves")
    }
    // Free memory is that of the page allocator alone.
    let free = (machine.buddy.freePages + machine.buddy.listedPages) * 4096
    #expect(machine.bytes(of: .free) == UInt64(free))
    try machine.verifyIdentities()
  }

  @Test func onlyPageDescriptorsThatThereAreCount() throws {
    let bytes = try [TagStorageDesign.frontswap, .zswapLike, .staticCarveout].map {
      try machine($0).bytes(of: .structPages)
    }
    let expected: [UInt64] = [131_072, 126_976, 126_976]
    #expect(bytes == expected)
  }

  @Test(arguments: designs)
  func whatTagsDisplaceIsWritten(design: TagStorageDesign) throws {
    var machine = try machine(design)
    let full = machine.counters
    tagPages(400, on: &machine)
    let counters = machine.counters
    #expect(counters[.reserveSlow] > full[.reserveSlow])
    #expect(counters[.storeRelocated] + counters[.storeRecalled] > 0)
    #expect(counters[.reserveFailBusy] == 0 && counters[.reserveFailNomem] == 0)
    // Of the 400 pages those are resident that reclaim in a group of 200 has left.
    let resident = machine.bytes(of: .pagesWithTagStorage)
    #expect(resident > 0 && machine.bytes(of: .tagStorageHeld) * 32 >= resident)
    try machine.verifyIdentities()
  }

  @Test func frontswapMovesBeforeItWrites() throws {
    // One batch of reclaim, so that half of the store is idle; the tagged pages need none.
    var machine = try machine(.frontswap, pages: 220)
    #expect(machine.store.idleFrames == 31 && machine.copies.count == 32)
    tagPages(180, on: &machine)
    #expect(machine.counters[.storeRelocated] > 0 && machine.counters[.storeWritten] == 0)
    #expect(machine.counters[.storeRecalled] == 0)
  }

  @Test func writtenThroughCopiesAreDropped() throws {
    var machine = try machine(.frontswap) {
      $0.designChanges.storeWrites = .through
      $0.designChanges.storeWhenFull = .reclaim
    }
    #expect(machine.counters[.storeStored] == machine.counters[.pswpout])
    #expect(machine.counters[.storeReclaimed] > 0)
    tagPages(400, on: &machine)
    #expect(machine.counters[.storeRecalled] > 0 && machine.counters[.storeWritten] == 0)
    #expect(machine.counters[.storeRelocated] == 0)
  }

  /// A page of the store's own device lies nowhere else: whatever is asked for, it is written before it goes.
  ///
  /// Copies of such pages were dropped under `through`, and their data lost.
  @Test(arguments: StorePolicy.WhenFull.allCases)
  func pagesOfTheStoresDeviceAreNeverDropped(whenFull: StorePolicy.WhenFull) throws {
    var machine = try machine(.ramdiskSwap) {
      $0.designChanges.storeWrites = .through
      $0.designChanges.storeWhenFull = whenFull
    }
    tagPages(400, on: &machine)
    let counters = machine.counters
    #expect(counters[.storeRecalled] + counters[.storeReclaimed] > 0)
    #expect(counters[.storeWritten] == counters[.storeRecalled] + counters[.storeReclaimed])
  }

  /// What the store writes to a zram counts as written there, what that refuses included.
  @Test func writesToZramAreCountedAsSuch() throws {
    let counters = try machine(.zswapLike, pages: 240) {
      $0.swap.device = .zram
      $0.zram.memory = .on
      $0.zram.limitBytes = 4 * 4096
    }.counters
    #expect(counters[.swapoutRefusedZramLimit] > 0 && counters[.storeWritten] > 0)
    #expect(counters[.pswpoutSync] == counters[.pswpout])
  }

  /// Nothing to write to: the reservation fails and the copies stay.
  @Test func aDeviceThatRefusesFailsTheReservation() throws {
    var machine = try machine(.ramdiskSwap, pages: 250) {
      $0.swap.device = .none
      $0.designChanges.storeForm = .plain
    }
    let copies = machine.copies.count
    #expect(machine.device.deviceCount == 1 && copies == 63)
    tagPages(150, on: &machine)
    #expect(machine.counters[.reserveFailBusy] > 0 && machine.counters[.storeRecalled] == 0)
    #expect(machine.copies.count == copies)
    machine.checkInvariants()
    try machine.verifyIdentities()
  }

  @Test func theCacheWritesWhenItIsFull() throws {
    let machine = try machine(.zswapLike)
    let counters = machine.counters
    #expect(counters[.storeReclaimed] > 0 && counters[.storeSkipped] > 0)
    #expect(counters[.storeWritten] == counters[.storeReclaimed])
    #expect(counters[.pswpout] == counters[.storeWritten] + counters[.storeSkipped])
  }

  @Test func theDeviceOfTheStoreIsSwap() throws {
    var machine = try machine(.ramdiskSwap, pages: 2400) { $0.groupLimitBytes = nil }
    let uses = machine.device.uses
    #expect(uses.map(\.kind) == [.ssd, .ramdisk] && uses.map(\.totalSlots) == [2047, 127])
    #expect(uses[1].priority == SwapDevice.largestPriority)
    // Its memory does not suffice for its slots: the others stand in.
    #expect(machine.forwards.count > 0)
    // Where memory has room either device can be emptied, of what it has for the other too.
    let rest: UInt64 = (0x10000 + 1000) << 12
    _ = machine.perform(.unmap(address: rest, length: 1400 << 12, result: nil), of: 0)
    let first = machine.perform(.swapOff(device: 0), of: 0)
    #expect(first.errorNumber == nil && machine.forwards.count == 0)
    machine.checkInvariants()
    #expect(machine.copies.count > 0)
    let second = machine.perform(.swapOff(device: 1), of: 0)
    #expect(second.errorNumber == nil && machine.copies.count == 0)
    #expect(machine.store.occupiedFrames == 0)
    machine.checkInvariants()
  }

  @Test(arguments: ["I1", "I2", "store"])
  func damageIsFound(promise: String) throws {
    var machine = try machine(.frontswap)
    switch promise {
    case "I1":
      let frame = machine.store.frames.first { machine.frames[$0].use == .stored }
      machine.frames[try #require(frame)].use = .storeIdle
    case "I2":
      machine.blocks.hold(machine.region.blockCount - 1)
    default:
      machine.counters.add(.storeStored)
    }
    do throws(BrokenInvariant) {
      try machine.verifyInvariants()
      Issue.record("nothing found")
    } catch {
      #expect(error.name == promise, "\(error.problem)")
    }
  }
}
