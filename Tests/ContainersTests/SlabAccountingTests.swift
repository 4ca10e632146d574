// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Containers

@Suite struct SlabAccountingTests {
  /// Rows of the specification's table: object, page, processors, order, objects, partial slabs.
  @Test func geometryOfTheSpecification() {
    let rows: [(object: Int, pageKiB: Int, processors: Int, order: Int, objects: Int, kept: Int)] =
      [
        (16, 4, 1, 0, 256, 1), (16, 16, 16, 0, 1024, 1), (16, 64, 4, 0, 4096, 1),
        (32, 4, 8, 0, 128, 2), (32, 16, 8, 0, 512, 1), (32, 64, 8, 0, 2048, 1),
        (64, 4, 16, 0, 64, 4), (64, 16, 2, 0, 256, 1), (64, 64, 2, 0, 1024, 1),
        (128, 4, 16, 0, 32, 8), (128, 16, 16, 0, 128, 2), (128, 64, 8, 0, 512, 1),
        (256, 4, 4, 0, 16, 7), (256, 4, 8, 1, 32, 4), (256, 16, 8, 0, 64, 2),
        (256, 64, 8, 0, 256, 1),
        (512, 4, 1, 0, 8, 13), (512, 4, 2, 1, 16, 7), (512, 4, 4, 1, 16, 7),
        (512, 4, 8, 2, 32, 4), (512, 4, 16, 2, 32, 4), (512, 16, 8, 0, 32, 4),
        (512, 64, 8, 0, 128, 1),
        (2048, 4, 1, 2, 8, 6), (2048, 4, 4, 3, 16, 3), (2048, 16, 1, 0, 8, 6),
        (2048, 16, 4, 1, 16, 3), (2048, 16, 8, 2, 32, 2), (2048, 64, 8, 0, 32, 2),
        (584, 4, 1, 1, 14, 8), (584, 4, 2, 1, 14, 8), (584, 4, 4, 2, 28, 4),
        (584, 4, 8, 2, 28, 4), (584, 16, 8, 0, 28, 4), (584, 64, 8, 0, 112, 1),
      ]
    for row in rows {
      let geometry = SlabGeometry(
        objectBytes: row.object,
        pageBytes: row.pageKiB * 1024,
        processors: row.processors
      )
      #expect(geometry.order == row.order, "\(row)")
      #expect(geometry.objectsPerSlab == row.objects, "\(row)")
      #expect(geometry.processorPartialSlabs == row.kept, "\(row)")
    }
  }

  @Test func aThousandSmallObjectsNeedFourSlabsAndKeepThem() {
    let geometry = SlabGeometry(objectBytes: 16, pageBytes: 4096, processors: 8)
    var slabs = SlabAccounting(geometry: geometry)
    for expected in 0..<1000 { #expect(slabs.allocate() == expected) }
    #expect(slabs.slabCount == 4)
    #expect(slabs.slackBytes == 4 * 4096 - 16000)
    for slab in 0..<4 { slabs.free(slab * 256 + 17) }
    #expect(slabs.slabCount == 4)
    slabs.checkInvariants()
  }

  @Test func anEmptyMachineKeepsOnlyAFewEmptySlabs() {
    let geometry = SlabGeometry(objectBytes: 128, pageBytes: 4096, processors: 8)
    var slabs = SlabAccounting(geometry: geometry)
    for _ in 0..<100 * 32 { _ = slabs.allocate() }
    #expect(slabs.slabCount == 100)
    for object in 0..<100 * 32 { slabs.free(object) }
    #expect(slabs.liveObjects == 0)
    #expect(slabs.peakSlabCount == 100)
    // The current one, at most 8 on the processor's list, and 5 on the shared list.
    #expect(slabs.slabCount <= 1 + 8 + 5)
    #expect(slabs.slabCount >= 1 + 5)
    slabs.checkInvariants()
  }

  @Test func freeRoomIsUsedBeforeNewSlabs() {
    let geometry = SlabGeometry(objectBytes: 512, pageBytes: 4096, processors: 1)
    var slabs = SlabAccounting(geometry: geometry)
    for _ in 0..<50 * 8 { _ = slabs.allocate() }
    for slab in 0..<50 { slabs.free(slab * 8 + slab % 8) }
    for _ in 0..<50 { _ = slabs.allocate() }
    #expect(slabs.slabCount == 50)
    #expect(!slabs.hasRoom)
    slabs.checkInvariants()
  }

  @Test(arguments: [(16, 1), (128, 8), (512, 8), (584, 2), (584, 8), (2048, 4)])
  func randomStepsKeepTheBooks(objectBytes: Int, processors: Int) {
    var random = SplitMix64(seed: UInt64(objectBytes + processors))
    let geometry = SlabGeometry(
      objectBytes: objectBytes,
      pageBytes: 4096,
      processors: processors
    )
    var slabs = SlabAccounting(geometry: geometry)
    var live: [Int] = []
    var seen: Set<Int> = []
    for step in 0..<6000 {
      let grows = step / 1000 % 2 == 0
      if live.isEmpty || Int.random(in: 0..<10, using: &random) < (grows ? 7 : 3) {
        let hadRoom = slabs.hasRoom
        let before = slabs.slabCount
        let object = slabs.allocate()
        #expect(slabs.slabCount == before + (hadRoom ? 0 : 1), "step \(step)")
        #expect(seen.insert(object).inserted, "step \(step): object \(object) given out twice")
        live.append(object)
      } else {
        let object = live.remove(at: Int.random(in: live.indices, using: &random))
        slabs.free(object)
        seen.remove(object)
      }
      #expect(slabs.liveObjects == live.count, "step \(step)")
      let perSlab = geometry.objectsPerSlab
      #expect(slabs.slabCount >= Set(live.map { $0 / perSlab }).count, "step \(step)")
      if step % 100 == 0 { slabs.checkInvariants() }
    }
    slabs.checkInvariants()
  }
}
