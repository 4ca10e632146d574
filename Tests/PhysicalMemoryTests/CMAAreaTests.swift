// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import PhysicalMemory

/// Creating CMA areas, and the record of what is taken from them.
@Suite struct CMAAreaTests {
  /// What creating an area fails with, `nil` if it works.
  private func failure(
    base: Int,
    count: Int,
    orderPerBit: Int = 0,
    registered: Int = 0,
    pageSize: PageSize = .kib4
  ) -> CMAError? {
    // Four pageblocks, of which the last is not reserved.
    let pages = pageSize.pagesPerPageblock
    let zone = Zone(frameCount: 4 * pages, pageSize: pageSize)
    zone.release(3 * pages..<4 * pages)
    do throws(CMAError) {
      _ = try CMAArea(
        base: PageFrameNumber(base),
        count: count,
        orderPerBit: orderPerBit,
        registered: registered,
        frames: zone.frames
      )
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: PageSize.allCases)
  func theFirstReasonThatAppliesIsGiven(_ size: PageSize) {
    let pages = size.pagesPerPageblock
    let order = size.pageblockOrder
    #expect(failure(base: 0, count: pages, pageSize: size) == nil)
    #expect(failure(base: pages, count: 2 * pages, orderPerBit: order, pageSize: size) == nil)
    #expect(failure(base: 0, count: pages, registered: 7, pageSize: size) == nil)
    // Each case also breaks every later rule that it can.
    #expect(
      failure(base: 1, count: 0, orderPerBit: order + 1, registered: 8, pageSize: size)
        == .tableFull(limit: 8)
    )
    #expect(failure(base: 1, count: 0, orderPerBit: order + 1, pageSize: size) == .empty)
    #expect(
      failure(base: 1, count: 3 * pages, orderPerBit: order + 1, pageSize: size)
        == .notReserved(1..<3 * pages + 1)
    )
    #expect(
      failure(base: 3 * pages, count: 2 * pages, pageSize: size)
        == .notReserved(3 * pages..<5 * pages)
    )
    #expect(
      failure(base: 1, count: pages, orderPerBit: order + 1, pageSize: size)
        == .bitExceedsPageblock(orderPerBit: order + 1, pageblockOrder: order)
    )
    #expect(
      failure(base: 0, count: pages, orderPerBit: -1, pageSize: size)
        == .bitExceedsPageblock(orderPerBit: -1, pageblockOrder: order)
    )
    #expect(
      failure(base: pages / 2, count: pages, pageSize: size)
        == .unaligned(pages / 2..<pages / 2 + pages, pageblockPages: pages)
    )
    #expect(
      failure(base: 0, count: pages + 1, pageSize: size)
        == .unaligned(0..<pages + 1, pageblockPages: pages)
    )
  }

  @Test func errorsHaveTheNumbersOfTheKernel() {
    #expect(CMAError.tableFull(limit: 8).errorNumber == .enospc)
    #expect(CMAError.empty.errorNumber == .einval)
    #expect(CMAError.notReserved(0..<1).errorNumber == .einval)
    #expect(CMAError.bitExceedsPageblock(orderPerBit: 10, pageblockOrder: 9).errorNumber == .einval)
    #expect(CMAError.unaligned(0..<1, pageblockPages: 512).errorNumber == .einval)
    #expect(
      CMAError.unaligned(0..<1, pageblockPages: 512).description
        == "expected whole pageblocks of 512 frames, found frames 0..<1"
    )
  }

  private func area(base: Int = 512, count: Int = 512, orderPerBit: Int) throws -> CMAArea {
    let frames = FrameTable(count: base + count, pageSize: .kib4)
    return try CMAArea(
      base: PageFrameNumber(base),
      count: count,
      orderPerBit: orderPerBit,
      registered: 2,
      frames: frames
    )
  }

  @Test func takingAndGivingBackCoversWholeUnits() throws {
    var area = try area(orderPerBit: 2)
    let name = area.name
    #expect(name == "cma2")
    area.markAllocated(520..<525)
    var clear = [area.isClear(512..<520), area.isClear(519..<521), area.isClear(527..<528)]
    #expect(clear == [true, false, false])
    clear = [area.isClear(528..<1024), area.isClear(600..<600)]
    #expect(clear == [true, true])
    var taken = area.takenUnits
    #expect(taken == 2)
    area.clear(520..<528)
    taken = area.takenUnits
    let all = area.isClear(512..<1024)
    #expect(taken == 0 && all)
  }

  @Test func refusalsNameTheirReason() throws {
    var area = try area(orderPerBit: 1)
    area.markAllocated(600..<602)
    var found: [ErrorNumber?] = []
    for range in [
      512..<1024, 600..<602, 512..<514, 510..<514, 1022..<1026, 601..<603, 512..<513, 514..<514,
      602..<604,
    ] {
      found.append(area.refusal(of: range))
    }
    #expect(
      found == [.eexist, .eexist, nil, .einval, .einval, .einval, .einval, .einval, nil]
    )
  }

  @Test func retriesSlideByTheAlignment() throws {
    var area = try area(orderPerBit: 0)
    var next = [
      area.retryUnit(after: 7, alignOrder: 0), area.retryUnit(after: 8, alignOrder: 3),
    ]
    #expect(next == [8, 16])
    area.markAllocated(513..<515)
    let runs = [
      area.lookupRun(pages: 1, alignOrder: 0, startUnit: 0),
      area.lookupRun(pages: 2, alignOrder: 0, startUnit: 0),
      area.lookupRun(pages: 2, alignOrder: 3, startUnit: 0),
      area.lookupRun(pages: 509, alignOrder: 0, startUnit: 0),
      area.lookupRun(pages: 510, alignOrder: 0, startUnit: 0),
      area.lookupRun(pages: 1, alignOrder: 0, startUnit: 511),
      area.lookupRun(pages: 1, alignOrder: 0, startUnit: 512),
      area.lookupRun(pages: 0, alignOrder: 0, startUnit: 0),
    ]
    #expect(runs == [0..<1, 3..<5, 8..<10, 3..<512, nil, 511..<512, nil, nil])
    let coarse = try self.area(orderPerBit: 2)
    next = [
      coarse.retryUnit(after: 1, alignOrder: 2), coarse.retryUnit(after: 1, alignOrder: 4),
    ]
    #expect(next == [2, 5])
    let run = coarse.lookupRun(pages: 5, alignOrder: 0, startUnit: 3)
    #expect(run == 3..<5)
    let frames = coarse.frames(ofUnits: 3..<5)
    #expect(frames == 524..<532)
  }

  @Test func alignmentRefersToAbsoluteFrames() throws {
    // The base is aligned to order 9 only, so an alignment of order 10 starts in the middle.
    let area = try area(base: 512, count: 1536, orderPerBit: 0)
    let run = area.lookupRun(pages: 1, alignOrder: 10, startUnit: 0)
    #expect(run == 512..<513)
  }
}
