// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import PhysicalMemory

/// Which frame lies where, and which zone it is in.
@Suite struct MemoryMapTests {
  private let gibibyte = 1 << 30

  private func map(_ ranges: [MemoryRange], _ pageSize: PageSize = .kib4) throws -> MemoryMap {
    try MemoryMap(ranges, pageSize: pageSize, largestBlockPages: 1 << pageSize.maxOrder)
  }

  private func refusal(_ ranges: [MemoryRange]) -> MemoryMapError? {
    do throws(MemoryMapError) {
      _ = try MemoryMap(ranges, pageSize: .kib4, largestBlockPages: 1024)
      return nil
    } catch {
      return error
    }
  }

  /// The zones as `NAME first-last` in hexadecimal PFNs.
  private func zones(
    _ ranges: [MemoryRange],
    bits: Int = 32,
    movable: Int = 0,
    one: Bool = false
  ) throws -> [String] {
    let map = try map(ranges)
    var rules = ZoneRules()
    rules.selection = one ? .one : .kernel
    rules.deviceAddressBits = bits
    rules.movableBytes = movable
    let zones = try ZoneExtent.zones(
      of: map,
      presentFrames: map.frameCount,
      rules: rules,
      pageSize: .kib4,
      largestBlockPages: 1024
    )
    var next = 0
    return zones.map { zone in
      guard !zone.frames.isEmpty else { return "\(zone.kind.name) -" }
      #expect(zone.frames.lowerBound == next, "\(zone.kind)")
      next = zone.frames.upperBound
      let last = zone.firstPFN + zone.spannedPages - 1
      return "\(zone.kind.name) \(String(zone.firstPFN, radix: 16))-\(String(last, radix: 16))"
    }
  }

  @Test(arguments: PageSize.allCases)
  func framesAreDenseAndAlignedAsTheirNumbers(_ pageSize: PageSize) throws {
    let fvp = try map(
      [
        MemoryRange(start: 0x8_8000_0000, size: 2 << 30),
        MemoryRange(start: 0x8000_0000, size: 2 << 30),
      ],
      pageSize
    )
    let pages = (2 << 30) / pageSize.bytes
    #expect(fvp.frameCount == 2 * pages && fvp.pieces.count == 2)
    #expect(fvp.number(of: 0) == 0x8000_0000 / pageSize.bytes)
    #expect(fvp.number(of: pages - 1) == 0x1_0000_0000 / pageSize.bytes - 1)
    #expect(fvp.number(of: pages) == 0x8_8000_0000 / pageSize.bytes)
    let mask = 1 << pageSize.maxOrder - 1
    for frame in stride(from: 0, to: 2 * pages, by: 4099) {
      #expect(fvp.number(of: frame) & mask == frame & mask)
      #expect(fvp.frames(below: fvp.number(of: frame)) == frame)
    }
    #expect(fvp.isContiguous(0..<pages) && !fvp.isContiguous(pages - 1..<pages + 1))
    #expect(fvp.frames(below: 0) == 0 && fvp.frames(below: .max) == 2 * pages)
  }

  @Test func rangesThatTouchAreOnePiece() throws {
    let touching = try map([
      MemoryRange(start: gibibyte, size: gibibyte), MemoryRange(start: 0, size: gibibyte),
    ])
    #expect(touching == MemoryMap(frameCount: 1 << 19))
    // Only the last range may end inside a block.
    #expect(try map([MemoryRange(start: 0, size: 4096)]).frameCount == 1)
  }

  @Test func rangesThatCannotBeAreRefused() {
    let low = MemoryRange(start: 0, size: 8 << 20)
    let odd = MemoryRange(start: 1 << 20, size: 8 << 20)
    #expect(refusal([odd]) == .unaligned(odd, unitBytes: 4 << 20))
    let short = MemoryRange(start: 0, size: 6 << 20)
    let high = MemoryRange(start: 1 << 30, size: 4096)
    #expect(refusal([high, short]) == .unaligned(short, unitBytes: 4 << 20))
    #expect(refusal([short]) == nil && refusal([low, high]) == nil)
    let inside = MemoryRange(start: 4 << 20, size: 8 << 20)
    #expect(refusal([inside, low]) == .overlap(low, inside))
    #expect(refusal([low, low]) == .overlap(low, low))
    for size in [0, 4095, 4097] {
      let range = MemoryRange(start: 0, size: size)
      #expect(refusal([range]) == .notWholePages(range, pageBytes: 4096))
    }
    let top = MemoryRange(start: 1 << 48 - 4 << 20, size: 4 << 20)
    #expect(refusal([top]) == nil)
    let beyond = MemoryRange(start: 1 << 48, size: 4 << 20)
    #expect(refusal([beyond]) == .beyondAddresses(beyond, addressBits: 48))
    #expect(beyond.description == "0x1000000000000-0x10000003fffff")
  }

  /// The kernel's rule for the end of DMA, by where memory begins and what devices reach.
  @Test func zonesEndWhereTheKernelEndsThem() throws {
    let fvp = [
      MemoryRange(start: 0x8000_0000, size: 2 << 30),
      MemoryRange(start: 0x8_8000_0000, size: 2 << 30),
    ]
    #expect(
      try zones(fvp)
        == ["DMA 80000-fffff", "DMA32 -", "Normal 880000-8fffff", "Movable -"]
    )
    #expect(try zones(fvp, one: true) == ["Normal 80000-8fffff", "Movable -"])
    // Devices that reach 1 GiB leave DMA32 what is below 4 GiB.
    let low = [MemoryRange(start: 0, size: 8 << 30)]
    #expect(
      try zones(low, bits: 30)
        == ["DMA 0-3ffff", "DMA32 40000-fffff", "Normal 100000-1fffff", "Movable -"]
    )
    // Where memory begins above what devices reach, DMA ends at 4 GiB, and above that at its end.
    #expect(try zones(fvp, bits: 30) == (try zones(fvp)))
    #expect(
      try zones([fvp[1]], bits: 30)
        == ["DMA 880000-8fffff", "DMA32 -", "Normal -", "Movable -"]
    )
    // The end of memory is no border, so it may lie anywhere.
    #expect(
      try zones([MemoryRange(start: 0, size: 5 << 12)])
        == ["DMA 0-4", "DMA32 -", "Normal -", "Movable -"]
    )
  }

  @Test func movableIsCutOffTheHighestZone() throws {
    let ranges = [
      MemoryRange(start: 3 << 30, size: 1 << 30), MemoryRange(start: 4 << 30, size: 1 << 30),
    ]
    #expect(
      try zones(ranges, movable: 256 << 20)
        == ["DMA c0000-fffff", "DMA32 -", "Normal 100000-12ffff", "Movable 130000-13ffff"]
    )
    // Rounded up to largest blocks of 4 MiB, as the kernel rounds the request.
    #expect(try zones(ranges, movable: 4096)[3] == "Movable 13fc00-13ffff")
    #expect(try zones(ranges, movable: 5 << 20)[3] == "Movable 13f800-13ffff")
    // At most the highest zone.
    #expect(
      try zones(ranges, movable: 1536 << 20)
        == ["DMA c0000-fffff", "DMA32 -", "Normal -", "Movable 100000-13ffff"]
    )
    #expect(
      try zones(ranges, movable: 1536 << 20, one: true)
        == ["Normal c0000-dffff", "Movable e0000-13ffff"]
    )
  }

  @Test func zonesThatCannotBeAreRefused() throws {
    let ranges = [MemoryRange(start: 0, size: 64 << 20)]
    #expect(throws: ZoneLayoutError.self) { try zones(ranges, movable: 4095) }
    #expect(throws: ZoneLayoutError.self) { try zones(ranges, movable: 64 << 20) }
    #expect(throws: ZoneLayoutError.self) { try zones(ranges, movable: 61 << 20) }
    #expect(try zones(ranges, movable: 60 << 20)[3] == "Movable 400-3fff")
    // A last block that is cut short cannot be Movable alone.
    let cut = [MemoryRange(start: 0, size: 66 << 20)]
    #expect(try zones(cut, movable: 4 << 20)[3] == "Movable 4000-41ff")
    let map = try MemoryMap(ranges, pageSize: .kib4, largestBlockPages: 1 << 13)
    var rules = ZoneRules()
    rules.selection = .kernel
    rules.deviceAddressBits = 24
    #expect(throws: ZoneLayoutError.border(.dma, address: 16 << 20, unitBytes: 32 << 20)) {
      try ZoneExtent.zones(
        of: map,
        presentFrames: map.frameCount,
        rules: rules,
        pageSize: .kib4,
        largestBlockPages: 1 << 13
      )
    }
  }

  /// By hand: 3 GiB are 786,432 pages and 4 GiB 1,048,576; DMA and DMA32 keep 1/256 of what lies above
  /// them up to the zone aimed at, Normal 1/32.
  @Test func reservesOfCommonMachines() {
    func reserves(_ gibibytes: [Int]) -> [[Int]] {
      ZoneSize.lowMemoryReserves(
        of: zip(ZoneKind.allCases, gibibytes).map { ZoneSize($0, managedPages: $1 << 18) }
      )
    }
    #expect(
      reserves([1, 0, 3, 0]) == [[0, 0, 3072, 3072], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    )
    #expect(
      reserves([4, 0, 4, 0]) == [[0, 0, 4096, 4096], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    )
    #expect(
      reserves([1, 3, 2, 2])
        == [[0, 3072, 5120, 7168], [0, 0, 2048, 4096], [0, 0, 0, 16_384], [0, 0, 0, 0]]
    )
  }
}
