// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage
import Testing

@testable import MachineModel

/// The frames that zram takes: counted, moved and given back.
@Suite struct ZramMemoryTests {
  private static let base: UInt64 = 0x10000
  private static let pages = 3000

  /// A machine one of whose processes has written ``pages`` pages and has most of them in zram.
  private func machine(
    _ change: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> Machine {
    var configuration = MachineConfiguration()
    configuration.groupLimitBytes = 100 * 4096
    configuration.zram.memory = .on
    configuration.swap.bytes = 16 << 20
    change(&configuration)
    var machine = try Machine(configuration)
    let process = machine.addProcess(
      pages: (0..<UInt64(Self.pages)).map { Self.base + $0 },
      group: machine.addGroup()
    )
    let request = MappingRequest(
      address: Self.base << 12,
      length: UInt64(Self.pages) << 12,
      protection: [.read, .write],
      flags: .anonymous
    )
    #expect(machine.perform(.map(request, result: nil), of: process) == .hit)
    for page in 0..<UInt32(Self.pages) { touch(page, writes: true, &machine) }
    machine.checkInvariants()
    return machine
  }

  private func touch(_ page: UInt32, writes: Bool, _ machine: inout Machine) {
    let record = EventRecord.touch(page, reads: writes ? 0 : 1, writes: writes ? 1 : 0, clock: 0)
    _ = machine.perform(record, of: 0, stamp: UInt64(page) + 1)
  }

  @Test func poolAndTableTakeFrames() throws {
    var machine = try machine()
    let used = machine.bytes(of: .zramMemUsed)
    #expect(machine.bytes(of: .zramTable) == 4096 * 16)
    #expect(used > 0 && used % 4096 == 0)
    let held = machine.bytes(of: .zramOrigData)
    #expect(held >= 2800 * 4096)
    // The pool needs about half of what it holds, as the default says, and room in spans beside it.
    #expect(used * 100 / held > 40 && used * 100 / held < 70, "\(used) of \(held) bytes")
    let free = machine.bytes(of: .free)
    #expect(machine.perform(.exit(status: 0), of: 0) == .hit)
    machine.device.flushReturnCache(released: &machine.releasedSlots)
    machine.dropReleasedSlots()
    machine.checkInvariants()
    #expect(machine.bytes(of: .zramMemUsed) == 0 && machine.bytes(of: .zramOrigData) == 0)
    #expect(machine.bytes(of: .free) > free + used)
  }

  @Test func withTheMemoryOffNothingIsTaken() throws {
    let machine = try machine { $0.zram.memory = .off }
    for category in [MemoryCategory.zramMemUsed, .zramOrigData, .zramTable] {
      #expect(machine.bytes(of: category) == 0)
    }
    #expect(machine.counters[.pswpout] > 0)
  }

  /// Contiguous allocation moves the pages of a pool, and they hold what they held.
  @Test func pagesOfThePoolCanBeMoved() throws {
    var machine = try machine()
    let (held, used) = (machine.bytes(of: .zramOrigData), machine.bytes(of: .zramMemUsed))
    var moved = 0
    for frame in 0..<machine.frames.count where machine.frames[frame].use == .compressed {
      #expect(machine.migrateAway(PageFrameNumber(frame)) == .moved)
      moved += 1
    }
    #expect(moved >= Int(used) / 4096)
    #expect(machine.counters[.pgmigrateSuccess] == UInt64(moved))
    machine.checkInvariants()
    #expect(machine.bytes(of: .zramOrigData) == held && machine.bytes(of: .zramMemUsed) == used)
    for page in 0..<UInt32(Self.pages) {
      touch(page, writes: false, &machine)
      #expect(machine.view(page, of: 0).stamp == UInt64(page) + 1)
    }
    machine.checkInvariants()
  }

  @Test func theLimitIsKept() throws {
    let machine = try machine { $0.zram.limitBytes = 64 << 10 }
    #expect(machine.bytes(of: .zramMemUsed) <= 64 << 10)
    #expect(machine.counters[.swapoutRefusedZramLimit] > 0)
    // Swap-outs fail, and the group has nowhere to go.
    #expect(machine.counters[.oomKill] == 1)
  }

  @Test func entriesMayHaveAccessTimes() throws {
    let machine = try machine { $0.zram.tracksAccessTimes = true }
    #expect(machine.bytes(of: .zramTable) == 4096 * 24)
  }

  /// What a page compresses to belongs to the page: a second machine meets the same pages.
  @Test func everyDesignMeetsTheSamePages() throws {
    let first = try machine { $0.design = .staticCarveout }
    let second = try machine { $0.design = .rfc3 }
    for category in [MemoryCategory.zramComprData, .zramSame, .zramHuge] {
      #expect(first.bytes(of: category) == second.bytes(of: category))
    }
  }

  @Test func impossibleZramsAreRefused() {
    func error(_ change: (inout MachineConfiguration) -> Void) -> String {
      var configuration = MachineConfiguration()
      configuration.zram.memory = .on
      change(&configuration)
      do throws(MachineError) {
        _ = try Machine(configuration)
        return ""
      } catch {
        return error.description
      }
    }
    #expect(error { $0.swap.bytes = 64 << 30 }.hasPrefix("zram: expected tables that leave room"))
    #expect(
      error { $0.zram.compression.sameFilledPercent = 96 }
        == "zram: expected at most 100 % same-filled and incompressible pages, found 96 % and 5 %"
    )
    let devices = (0..<24).map { _ in SwapDeviceConfiguration(.ssd, bytes: 1 << 20) }
    #expect(error { $0.swap.devices = devices }.hasSuffix("expected at most 23 devices, found 24"))
    #expect(
      error { $0.swap.devices = [SwapDeviceConfiguration(.ssd, bytes: 4096)] }
        == "swap of 4096 bytes: expected 2 to 2^28 - 1 pages"
    )
  }
}
