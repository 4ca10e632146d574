// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TraceFormat

@Suite struct DamageTests {
  @Test func truncationIsFoundAtEveryByte() throws {
    let bytes = try everything()
    #expect(readingError(bytes) == nil)
    for length in 0..<bytes.count {
      let error = readingError(Array(bytes[..<length]))
      #expect(error?.kind == .badData, "cut to \(length) bytes")
    }
    #expect(readingError(bytes + [0])?.kind == .badData)
  }

  @Test func everyFlippedBitIsFound() throws {
    let bytes = try everything()
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << UInt8(bit)
        #expect(readingError(damaged)?.kind == .badData, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func aBlockIsCheckedEvenIfTheDigestIsRight() throws {
    let bytes = try everything()
    let start = try headerBytes(bytes)
    let end = try number(bytes, at: bytes.count - ContainerLayout.trailerBytes)
    for index in start..<end {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(readingError(reseal(damaged))?.kind == .badData, "byte \(index)")
    }
  }

  @Test func damageUnderValidChecksumsNeverStopsTheProgram() throws {
    let bytes = try everything()
    let start = try headerBytes(bytes)
    var random = SplitMix64(seed: 2026)
    var refused = 0
    for step in 0..<500 {
      var damaged = bytes
      for _ in 0...random.below(3) {
        let index = Int(random.below(UInt64(bytes.count)))
        damaged[index] = UInt8(truncatingIfNeeded: random.next() >> random.below(60))
      }
      damaged = resealBlock(damaged, at: start)
      if let error = readingError(reseal(damaged)) {
        refused += 1
        #expect(error.kind == .badData, "seed 2026, step \(step)")
      }
    }
    #expect(refused > 300)
  }

  @Test func randomColumnsNeverStopTheProgram() throws {
    var random = SplitMix64(seed: 11)
    for step in 0..<400 {
      let columns: [[UInt8]] = (0..<10).map { column in
        let length = column == 0 ? 20 : random.below(60)
        return (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() >> random.below(60))
        }
      }
      let bytes = container(columns: columns, count: 20, pages: [5, 6, 7])
      if let error = readingError(bytes) {
        #expect(error.kind == .badData, "seed 11, step \(step)")
      }
    }
  }

  @Test func hostileBlocksAreNamedWithTheirRecord() {
    let read: UInt8 = 0x00
    let detailed: UInt8 = 0x03
    let run: UInt8 = 0x02
    func error(_ columns: [Int: [UInt8]], count: UInt32 = 1) -> String {
      let all = (0..<10).map { columns[$0] ?? [] }
      let found = readingError(container(columns: all, count: count, pages: [5]))
      return found?.description ?? "none"
    }
    let place = "t:record 0:+33: expected"
    #expect(error([0: [read], 2: [0]]) == "none")
    #expect(error([0: [read], 2: [1]]) == "\(place) a page identifier below 1, found 1")
    #expect(
      error([0: [read], 2: Array(repeating: 0xff, count: 9) + [1]])
        == "\(place) a page identifier below 1, found 18446744073709551615"
    )
    #expect(error([0: [read]]) == "\(place) more bytes, found the end of the section")
    #expect(
      error([0: [read, read], 2: [0, 1]], count: 2)
        == "t:record 1:+33: expected a page identifier below 1, found 1"
    )
    #expect(
      error([0: [read], 2: Array(repeating: 0xff, count: 9) + [2]])
        == "\(place) a number below 2^64, found a longer one"
    )
    #expect(
      error([0: [read], 2: [0, 0]])
        == "t:record 1:+33: expected the end of the block, found 1 more bytes in a column"
    )
    #expect(error([0: [detailed], 3: [3]]) == "\(place) a record kind up to 2, found 3")
    #expect(
      error([0: [detailed], 2: [0], 3: [0, 0, 0]])
        == "\(place) a touch of at least one access, found none"
    )
    #expect(
      error([0: [detailed], 2: [0], 3: [0, 0x80, 0x80, 4, 1]])
        == "\(place) reads up to 65535, found 65536"
    )
    #expect(
      error([0: [detailed], 2: [0], 3: [1, 0x20, 0, 1]])
        == "\(place) flags of an access, found 32"
    )
    #expect(
      error([0: [detailed], 2: [0], 3: [1, 0x80, 0xff, 0x1f, 2]])
        == "\(place) an access of 1 to 1 bytes, found 2"
    )
    #expect(
      error([0: [detailed], 2: [0], 3: [1, 0, 0x80, 0x20, 1]])
        == "\(place) an offset in the page up to 4095, found 4096"
    )
    #expect(error([0: [run], 4: [16], 5: [0], 8: [1]]) == "\(place) a tag up to 15, found 16")
    #expect(
      error([0: [run], 4: [1], 5: [1], 8: [1]])
        == "\(place) a tag run in 1 pages, found granule -1"
    )
    #expect(
      error(
        [0: [run, run], 4: [1, 1], 5: [255, 2], 6: [0], 7: [0xff, 1], 8: [1, 1]],
        count: 2
      )
        == "t:record 1:+33: expected a tag run in 1 pages, found granule 257"
    )
    #expect(
      error([0: [run], 4: [1], 5: [255], 6: [1], 7: [0], 8: [1]])
        == "\(place) a page identifier below 1, found 1"
    )
    #expect(
      error([0: [run], 4: [1], 5: [255], 6: [0], 7: [0x80, 2], 8: [1]])
        == "\(place) a granule up to 255, found 256"
    )
    #expect(
      error([0: [run], 4: [1], 5: [4], 8: [0xff, 1]])
        == "\(place) a tag run of 1 to 254 granules, found 255"
    )
    #expect(
      error([0: [0xfc], 1: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f], 2: [0]])
        == "\(place) a clock's advance up to 281474976710592, found 281474976710655"
    )
  }

  @Test func hostileOperationsAreRefused() {
    func error(_ bytes: [UInt8]) -> String {
      let columns: [[UInt8]] = [[3], [], [], [2], [], [], [], [], [], bytes]
      let found = readingError(container(columns: columns, count: 1, pages: []))
      return found?.description ?? "none"
    }
    let place = "t:record 0:+33: expected"
    let far: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]
    #expect(error([11]) == "none")
    #expect(error([39]) == "\(place) an operation code up to 38, found 39")
    #expect(error([31, 0, 0]) == "\(place) 1 to 256 tags, found 0")
    #expect(error([32, 16, 1, 16]) == "\(place) a tag up to 15, found 16")
    #expect(error([26, 0, 0, 0, 0, 3, 0]) == "\(place) an anonymous mapping, found 0")
    #expect(error([27, 0, 0, 0, 1, 16]) == "\(place) a tag up to 15, found 16")
    #expect(
      error([28, 0, 0, 0, 0x81, 2])
        == "\(place) the content of a reference page up to 256, found 257"
    )
    #expect(error([28] + far + [0, 0, 0]) == "\(place) an address below 2^56, found \(1 << 56)")
    #expect(error([0x92, 1, 0]) == "\(place) an operation code without result, found 146")
    #expect(error([18, 2]) == "\(place) 0 or 1 for PSTATE.TCO up to 1, found 2")
    #expect(error([19, 15, 0, 0]) == "\(place) a tag instruction up to 14, found 15")
    #expect(error([19, 5, 0, 16]) == "\(place) a tag up to 15, found 16")
    #expect(error([19, 4, 0, 1]) == "\(place) no operand, found 1")
    #expect(
      error([19, 1, 0, 8])
        == "\(place) a multiple of 16 up to 1008 and up to 15 tags, found 8"
    )
    #expect(error([19, 0, 0, 0x80, 0x80, 4]) == "\(place) a mask of 16 tags, found 65536")
    #expect(error([0x93, 4, 0, 0, 0]) == "\(place) a result of IRG only, found 4")
    #expect(
      error([19, 4] + far.dropLast() + [0x10, 0])
        == "\(place) a pointer below 2^60, found 1152921504606846976"
    )
    #expect(error([20, 0, 0, 4]) == "\(place) flags of a pin up to 3, found 4")
    #expect(error([23, 6, 0]) == "\(place) a signal's code up to 5, found 6")
    #expect(error([0x8a]) == "\(place) an operation code without result, found 138")
    #expect(error([5, 0, 0, 7]) == "\(place) an advice of madvise, found 7")
    #expect(error([0, 0, 0, 0x40, 0]) == "\(place) protection bits up to 63, found 64")
    #expect(error([0, 0, 0, 0, 0x80, 8]) == "\(place) mapping flags up to 1023, found 1024")
    #expect(error([3, 0, 0, 0, 8, 0]) == "\(place) flags of mremap up to 7, found 8")
    #expect(
      error([4] + far) == "\(place) an address below 2^56, found 72057594037927936"
    )
    #expect(
      error([6, 0, 0]) == "\(place) a kernel copy of 1 to 72057594037927936 bytes, found 0"
    )
    #expect(error([13, 1, 0xff]) == "\(place) text in UTF-8, found other bytes")
    #expect(
      error([13, 0x80, 0x80, 0x80, 0x80, 0x08])
        == "\(place) a string's length up to 65536, found 2147483648"
    )
    #expect(error([14, 1, 0]) == "\(place) more bytes, found the end of the section")
    #expect(
      error([12, 0x80, 0x80, 0x80, 0x80, 0x20])
        == "\(place) an exit status of 32 bits, found 4294967296"
    )
    #expect(error([16, 0x08, 1, 1]) == "\(place) the address of a granule, found 8")
    #expect(error([16, 0x10, 1, 16]) == "\(place) a tag up to 15, found 16")
    #expect(
      error([15, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40])
        == "\(place) a known outcome, found 281474976710656"
    )
  }

  @Test func hostileSizesAreRefusedBeforeMemoryIsTaken() throws {
    let bytes = try everything()
    let start = try headerBytes(bytes)
    func error(_ offset: Int, _ value: UInt64, bytes count: Int) -> String {
      var damaged = bytes
      for index in 0..<count {
        damaged[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      }
      return readingError(reseal(resealBlock(damaged, at: start)))?.description ?? "none"
    }
    let trailer = bytes.count - ContainerLayout.trailerBytes
    #expect(error(8, 2, bytes: 4) == "t:+8: expected container version 1, found version 2")
    #expect(
      error(12, 0xffff_ffff, bytes: 4)
        == "t:+12: expected a header of at most 2097152 bytes in the file, found 4294967295"
    )
    #expect(
      error(start + 4, 0x4_0001, bytes: 4)
        == "t:record 0:+\(start): expected 1 to 262144 records in a block, found 262145"
    )
    #expect(
      error(start + 16, 0xffff_fff0, bytes: 4)
        == "t:record 0:+\(start): expected a column of at most 4194304 bytes, found 4294967280"
    )
    #expect(
      error(start + 20, 0x7fff_fff0, bytes: 4).hasPrefix(
        "t:record 0:+\(start): expected a packed form of "
      )
    )
    #expect(
      error(trailer, 1 << 63, bytes: 8).hasPrefix(
        "t:+\(trailer): expected a section that starts at"
      )
    )
    #expect(
      error(trailer + 24, 1 << 60, bytes: 8)
        == "t:+\(trailer): expected an index of 1152921504606846976 blocks, found 24 bytes"
    )
    #expect(error(trailer + 32, 1 << 62, bytes: 8).contains("pages, found 4611686018427387904"))
    #expect(error(trailer + 40, 1 << 62, bytes: 8).contains("expected totals of"))
  }

  @Test func pagesMayOccurOnce() {
    let bytes = container(
      columns: [[0], [], [0], [], [], [], [], [], [], []],
      count: 1,
      pages: [5, 6, 5]
    )
    #expect(readingError(bytes)?.description.contains("each page once, found page 5 twice") == true)
  }

  @Test func clocksMayNotGoBackwardsBetweenBlocks() throws {
    let entries = [
      BlockEntry(offset: 33, firstRecord: 0, firstClock: 9),
      BlockEntry(offset: 200, firstRecord: 1, firstClock: 8),
    ]
    let expected = Malformed(expected: "clocks that do not go backwards", found: "8")
    #expect(throws: expected) {
      try decodedIndex(encodedIndex(entries), blocks: 33..<500, records: 2)
    }
  }
}

// MARK: Containers made by hand.

/// The length of magic, version and header of a valid container.
func headerBytes(_ bytes: [UInt8]) throws -> Int {
  ContainerLayout.headerPrefixBytes + Int(bytes[12]) + Int(bytes[13]) << 8
}

/// A little-endian number of 64 bits.
func number(_ bytes: [UInt8], at offset: Int) throws -> Int {
  var cursor = ByteCursor(offset..<bytes.count)
  return Int(clamping: try cursor.littleEndian(UInt64.self, bytes.span))
}

/// Makes header checksum and digest right again.
func reseal(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  let bodyBytes = Int(bytes[12]) + Int(bytes[13]) << 8
  let end = min(ContainerLayout.headerPrefixBytes + bodyBytes, bytes.count)
  var checksum: [UInt8] = []
  checksum.append(littleEndian: XXH3.hash64(bytes[ContainerLayout.headerPrefixBytes..<end]))
  bytes.replaceSubrange(16..<24, with: checksum)
  let digested = bytes.count - ContainerLayout.undigestedBytes
  var hash = StreamingHash()
  hash.update(bytes[..<digested])
  bytes.replaceSubrange(digested..<digested + 16, with: hash.digest())
  return bytes
}

/// Makes the checksum of the only block right again.
func resealBlock(_ bytes: [UInt8], at start: Int) -> [UInt8] {
  var bytes = bytes
  let header = start..<start + ContainerLayout.blockHeaderBytes - 8
  let trailer = bytes.count - ContainerLayout.trailerBytes
  let payload = header.upperBound + 8
  guard let end = try? number(bytes, at: trailer), end >= payload, end <= trailer else {
    return bytes
  }
  var checksum: [UInt8] = []
  checksum.append(
    littleEndian: blockChecksum(header: bytes[header], payload: bytes[payload..<end])
  )
  bytes.replaceSubrange(header.upperBound..<payload, with: checksum)
  return bytes
}

/// A container of one block with these columns and valid checksums.
func container(columns: [[UInt8]], count: UInt32, pages: [UInt64]) -> [UInt8] {
  var bytes = TraceHeader().encoded()
  let start = bytes.count
  var header: [UInt8] = []
  header.append(littleEndian: ContainerLayout.blockMark)
  header.append(littleEndian: count)
  header.append(littleEndian: UInt64(0))
  var payload: [UInt8] = []
  for column in columns {
    let before = payload.count
    if !column.isEmpty { Zstandard.compress(column, level: 1, into: &payload) }
    header.append(littleEndian: UInt32(column.count))
    header.append(littleEndian: UInt32(payload.count - before))
  }
  header.append(littleEndian: blockChecksum(header: header, payload: payload))
  bytes += header + payload
  var trailer: [UInt8] = []
  trailer.append(littleEndian: UInt64(bytes.count))
  bytes += encodedDictionary(pages)
  trailer.append(littleEndian: UInt64(bytes.count))
  bytes += encodedIndex([BlockEntry(offset: UInt64(start), firstRecord: 0, firstClock: 0)])
  trailer.append(littleEndian: UInt64(bytes.count))
  var totals = TraceTotals()
  totals.touches = UInt64(count)
  totals.pages = UInt64(pages.count)
  bytes += totals.encoded()
  trailer.append(littleEndian: UInt64(1))
  trailer.append(littleEndian: UInt64(pages.count))
  trailer.append(littleEndian: UInt64(count))
  bytes += trailer + Array(repeating: 0, count: 16) + ContainerLayout.endMagic
  return reseal(bytes)
}
