// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagCompression
import TagStorage
import Testing

/// What the kernel of a machine shows after a run adds up, and agrees with the report.
@Suite struct MachineSnapshotTests {
  private func run(
    _ text: String,
    _ change: (inout MachineConfiguration) -> Void
  ) throws -> (report: DesignReport, snapshot: MachineSnapshot) {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-snapshot-\(UUID().uuidString).trace")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    var configuration = MachineConfiguration()
    change(&configuration)
    let plan = ReplayPlan(
      tracePaths: [file.path],
      copies: 2,
      machine: configuration,
      isVerified: true
    )
    var session = try ReplaySession.open(plan)
    let report = try session.run()
    return (report, session.machineSnapshot)
  }

  @Test(arguments: TagStorageDesign.allCases, [SwapConfiguration.Device.zram, .ssd, .disk])
  func everyManagedPageIsSomewhere(
    _ design: TagStorageDesign,
    _ device: SwapConfiguration.Device
  ) throws {
    let (report, snapshot) = try run(swappingProgram(pages: 300)) {
      $0.design = design
      $0.swap.device = device
      $0.groupLimitBytes = 100 * 4096
      // Every saved page then takes an object; three runs would fit the handle.
      $0.codec = .raw
      // Pages that wait in a batch are on no list, and the kernel's counters do not know them.
      $0.lruBatchPages = 1
    }
    func last(_ category: MemoryCategory) -> Int { Int(report[category].last) / 4096 }
    let zone = snapshot.zones[0]
    let listed = zone.perCPULists.reduce(0) { $0 + $1.count }
    #expect(zone.freePages + listed == last(.free))
    // Isolation empties the lists, and some designs isolate for every tag block; others have no lists.
    #expect(
      listed > 0 || report.counters[.reserveSlow] > 0 || design.policy.frameChoice != .allocator
    )
    #expect(zone.freeCMAPages <= last(.freeCma) && zone.freeCMAPages + listed >= last(.freeCma))
    #expect(snapshot.anonymousPages == last(.anonymous) && snapshot.anonymousPages > 0)
    #expect(snapshot.pageTablePages == last(.pageTables) && snapshot.pageTablePages > 0)
    let slabs = snapshot.reclaimableSlabPages + snapshot.unreclaimableSlabPages
    #expect(snapshot.reclaimableSlabPages > 0 && snapshot.unreclaimableSlabPages > 0)
    // The page allocator never had what a store gives to tags.
    let held = design.policy.store == nil ? last(.tagStorageHeld) : 0
    let used =
      snapshot.anonymousPages + last(.swapCache) + snapshot.pageTablePages + slabs + held
      + last(.tagPages)
    #expect(zone.freePages + listed + used == zone.managedPages, "\(design) \(device)")
    let lists =
      snapshot.inactiveAnonymousPages + snapshot.activeAnonymousPages + snapshot.inactiveFilePages
    #expect(lists == snapshot.anonymousPages + last(.swapCache))
    #expect(snapshot.swapTotalPages - snapshot.swapFreePages == last(.swapUsed))
    #expect(snapshot.swapCachedPages >= last(.swapCache))
    #expect(snapshot.hasLimitedGroups)
    #expect(snapshot.counters[.pswpout] == report.counters[.pswpout])
  }

  /// Tags that nobody saved take no slabs, and machines without groups have no limited ones.
  @Test func roomyMachinesShowNoSwap() throws {
    let (_, snapshot) = try run(swappingProgram(pages: 10)) { $0.design = .none }
    #expect(snapshot.swapFreePages == snapshot.swapTotalPages)
    #expect(snapshot.unreclaimableSlabPages == 0 && snapshot.reclaimableSlabPages == 0)
    #expect(!snapshot.hasLimitedGroups && !snapshot.hasKswapdGivenUp)
  }

  @Test func addressesMustFitTheMachine() throws {
    let text = "map 0x8000000000 4K rw anon fixed\nwrite 0x8000000000\n"
    do throws(any Error) {
      _ = try run(text) { $0.addressBits = 39 }
      Issue.record("an address of 40 bits on a machine of 39")
    } catch let error as ReplayError {
      let message = error.description
      #expect(
        message.hasSuffix(":header: expected pages below 2^39, found 0x8000000000"),
        "\(message)"
      )
    }
    _ = try run(text) { $0.addressBits = 48 }
  }

  /// Wider addresses need one more level of tables.
  @Test func tablesFollowTheAddressWidth() throws {
    func tables(_ bits: Int) throws -> Int {
      try run("map 0x100000 4K rw anon fixed\nwrite 0x100000\n") {
        $0.addressBits = bits
      }.snapshot.pageTablePages
    }
    // Two processes; leaf and middle tables, the top one is not counted.
    #expect(try tables(39) == 2 * 2 && tables(48) == 2 * 3)
  }
}
