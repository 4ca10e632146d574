// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory
import TagStorage
import Testing

@testable import MachineModel

/// A machine is built as its layout says, and shows it.
@Suite struct MachineLayoutTests {
  @Test(arguments: PageSize.allCases)
  func machinesAreBuiltAsLaidOut(_ pageSize: PageSize) throws {
    for design in TagStorageDesign.allCases {
      var configuration = MachineConfiguration()
      configuration.pageSize = pageSize
      // Enough for tag storage of one pageblock.
      configuration.ramBytes = pageSize.pagesPerPageblock * pageSize.bytes * 32
      configuration.design = design
      configuration.zone.watermarkScaleFactor = 50
      configuration.processors = 3
      let layout = try MachineLayout(configuration)
      let machine = try Machine(configuration)
      let snapshot = machine.snapshot
      let zone = snapshot.zones[0]
      #expect(zone.managedPages == layout.managedPages, "\(design)")
      #expect(zone.presentPages == layout.presentPages, "\(design)")
      #expect(zone.managedCMAPages == layout.cmaFrames.count, "\(design)")
      let marks = layout.zones[0].watermarks
      #expect(
        [zone.min, zone.low, zone.high, zone.boost] == [marks.min, marks.low, marks.high, 0]
      )
      #expect(zone.perCPULists.count == 3)
      let blocks = zone.types.reduce(0) { $0 + $1.pageblocks }
      #expect(blocks == layout.presentPages / pageSize.pagesPerPageblock, "\(design)")
      // Nothing runs yet: only the tag blocks of the zero page and of tag storage may be taken.
      let region = layout.region
      let taken = region.blockCount - region.firstBlockOfTagStorage + 1
      // A store gives the blocks of its own frames, and the page allocator none.
      let isTaken = design.policy.reservation != nil && design.policy.store == nil
      var reserved = isTaken ? taken * region.blockPages : 0
      // One of 8 cells is active at boot, that of the zero page among them.
      if design == .xnu { reserved = region.tags.count / 8 }
      #expect(layout.storePages == (design.policy.store == nil ? 0 : region.tags.count))
      #expect(zone.freePages == layout.managedPages - reserved, "\(design)")
      #expect(zone.protection == [0, 0])
      let movable = snapshot.zones[1]
      #expect(movable.name == "Movable" && movable.managedPages == 0)
      #expect([movable.min, movable.low, movable.high] == [32, 32, 32])
      #expect(snapshot.totalReservePages == marks.high)
      // The device of ramdisk-swap has a header, too, and twice as many slots as there is tag storage.
      let ownSlots = design == .ramdiskSwap ? 2 * region.tags.count - 1 : 0
      #expect(snapshot.swapTotalPages == (256 << 20) / pageSize.bytes - 1 + ownSlots, "\(design)")
      #expect(snapshot.swapFreePages == snapshot.swapTotalPages)
    }
  }

  @Test func withheldTagStorageIsNoMemoryOfTheKernel() throws {
    var configuration = MachineConfiguration()
    configuration.design = .staticCarveout
    let carveOut = try MachineLayout(configuration)
    #expect(carveOut.presentPages == 15_872 && carveOut.withheldPages == 512)
    // 64 bytes for each of 15,872 frames are 248 pages; frame 248 is the zero page.
    #expect(carveOut.descriptorPages == 248 && carveOut.zeroFrame == PageFrameNumber(248))
    #expect(carveOut.ordinaryFrames == 249..<15_872 && carveOut.cmaFrames.isEmpty)
    configuration.design = .rfc3
    let dynamic = try MachineLayout(configuration)
    #expect(dynamic.presentPages == 16_384 && dynamic.withheldPages == 0)
    #expect(dynamic.ordinaryFrames == 257..<15_872 && dynamic.cmaFrames == 15_872..<16_384)
    configuration.design = .none
    let outside = try MachineLayout(configuration)
    #expect(outside.ordinaryFrames == 257..<16_384 && outside.region == .empty)
  }

  @Test func machinesWithoutSwapShowNone() throws {
    var configuration = MachineConfiguration()
    configuration.swap.device = .none
    let machine = try Machine(configuration)
    let snapshot = machine.snapshot
    #expect(snapshot.swapTotalPages == 0 && snapshot.swapFreePages == 0)
  }

  @Test func impossibleMachinesAreRefused() {
    func error(_ change: (inout MachineConfiguration) -> Void) -> MachineError? {
      var configuration = MachineConfiguration()
      change(&configuration)
      do throws(MachineError) {
        _ = try MachineLayout(configuration)
        return nil
      } catch {
        return error
      }
    }
    #expect(error { $0.ramBytes = 100 } != nil)
    #expect(error { $0.addressBits = 52 } == .addressBits(52, supported: [39, 48]))
    #expect(error { $0.addressBits = 39 } == nil)
    #expect(
      error { $0.zone.minimumFree = .kibibytes(64 << 10) }
        == .watermarks(highPages: 24_576, ordinaryPages: 15_615)
    )
    #expect(error { $0.swap.bytes = 4096 } != nil)
    #expect(error { $0.groupLimitBytes = 1 } == .groupLimit(bytes: 1, smallestBytes: 196_608))
  }

  /// The snapshot has the blocks as they are and as they were when most were reserved.
  @Test func snapshotShowsTagBlocksNowAndAtTheirPeak() throws {
    var configuration = MachineConfiguration()
    configuration.design = .rfc3
    var machine = try Machine(configuration)
    let pages = (0..<80).map { UInt64(0x10000 + $0) }
    let process = machine.addProcess(pages: pages, group: machine.addGroup())
    let before = try #require(machine.snapshot.tagBlocks)
    let whole = MappingRequest(
      address: pages[0] << 12,
      length: 80 << 12,
      protection: [.read, .write, .mte],
      flags: [.anonymous, .fixed]
    )
    _ = machine.perform(.map(whole, result: nil), of: process)
    for page in 0..<80 {
      let touch = EventRecord.touch(PageIdentifier(page), reads: 0, writes: 1, clock: 0)
      _ = machine.perform(touch, of: process, stamp: 1)
    }
    let full = try #require(machine.snapshot.tagBlocks)
    #expect(full.pagesOfBlock == 32)
    // The zero page has tag storage, too.
    #expect(full.now.enumerated().reduce(0) { $0 + $1.offset * $1.element } == 81)
    // The third block was taken with the first page that it serves, and no fourth one since.
    #expect(full.now.reduce(0, +) == 3 && full.atPeak.reduce(0, +) == 3)
    #expect(full.atPeak[1] == 1 && full.now[1] == 0)
    let length = UInt64(80) << 12
    _ = machine.perform(.unmap(address: pages[0] << 12, length: length, result: nil), of: process)
    let empty = try #require(machine.snapshot.tagBlocks)
    #expect(empty.now == before.now)
    #expect(empty.atPeak == full.atPeak)
  }
}
