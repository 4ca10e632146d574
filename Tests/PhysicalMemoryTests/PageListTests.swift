// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import PhysicalMemory

@Suite struct PageListTests {
  /// 8 movable pageblocks, and 4 of CMA after them.
  private func makeZone() -> Zone {
    let zone = Zone(frameCount: 12 * 512)
    zone.release(0..<8 * 512)
    zone.release(8 * 512..<12 * 512, as: .cma)
    return zone
  }

  private func take(_ zone: Zone, _ type: MigrateType = .movable, cma: Bool = true) -> Int? {
    zone.buddy.allocatePage(type, mayUseCMA: cma && type == .movable, frames: &zone.frames)?.index
  }

  private func giveBack(_ frame: Int, _ zone: Zone) {
    zone.buddy.freePage(PageFrameNumber(frame), frames: &zone.frames)
  }

  @Test func theLastPageFreedIsTheFirstHandedOut() throws {
    let zone = makeZone()
    let first = try #require(take(zone))
    let second = try #require(take(zone))
    giveBack(first, zone)
    giveBack(second, zone)
    #expect(take(zone) == second)
    #expect(take(zone) == first)
    zone.buddy.checkInvariants(frames: zone.frames)
  }

  @Test func listedPagesDoNotCountAsFree() throws {
    let zone = makeZone()
    let frame = try #require(take(zone))
    let listed = zone.buddy.listedPages
    #expect(zone.buddy.freePages + listed == 12 * 512 - 1)
    giveBack(frame, zone)
    #expect(zone.buddy.listedPages == listed + 1)
    zone.buddy.drainPageLists(frames: &zone.frames)
    #expect(zone.buddy.listedPages == 0)
    #expect(zone.buddy.freePages == 12 * 512)
    zone.buddy.checkInvariants(frames: zone.frames)
  }

  @Test func requestsWithoutCMALeaveTheMovableListAlone() throws {
    let zone = makeZone()
    let frame = try #require(take(zone))
    giveBack(frame, zone)
    let listed = zone.buddy.listedPages
    let other = try #require(take(zone, cma: false))
    #expect(zone.buddy.migrateType(of: PageFrameNumber(other)) != .cma)
    #expect(zone.buddy.listedPages == listed)
  }

  @Test func isolationEmptiesTheLists() throws {
    let zone = makeZone()
    let frames = (0..<40).compactMap { _ in take(zone) }
    for frame in frames { giveBack(frame, zone) }
    #expect(zone.buddy.listedPages > 0)
    #expect(zone.isolate(9 * 512..<10 * 512))
    #expect(zone.buddy.listedPages == 0)
    #expect(zone.claim(9 * 512..<10 * 512))
    zone.buddy.checkInvariants(frames: zone.frames)
  }

  /// Random requests and frees against the plainest model: a set of pages that are held.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func randomStepsLoseNoPage(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let zone = makeZone()
    var held: [Int] = []
    for step in 0..<6000 {
      let place: Comment = "seed \(seed), step \(step)"
      // Long runs of one kind, so that refills grow and pages are passed on.
      let mostlyTakes = step / 700 % 2 == 0
      if held.isEmpty || random.below(10) < (mostlyTakes ? 8 : 2) {
        let types: [MigrateType] = [.unmovable, .movable, .reclaimable]
        let type = types[random.below(3)]
        guard let frame = take(zone, type, cma: random.below(2) == 0) else {
          zone.buddy.drainPageLists(frames: &zone.frames)
          continue
        }
        try #require(zone.use(frame) == .inHand, place)
        held.append(frame)
      } else {
        giveBack(held.remove(at: random.below(held.count)), zone)
      }
      zone.buddy.setReclaimActive(step / 1000 % 3 == 2)
      _ = zone.buddy.admitsPage(mark: zone.buddy.watermarks.low, mayUseCMA: true)
      let free = zone.buddy.freePages + zone.buddy.listedPages
      try #require(free + held.count == 12 * 512, place)
      if step % 200 == 0 { zone.buddy.checkInvariants(frames: zone.frames) }
    }
    #expect(Set(held).count == held.count)
    zone.buddy.checkInvariants(frames: zone.frames)
  }
}
