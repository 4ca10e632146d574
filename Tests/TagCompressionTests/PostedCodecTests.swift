// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

@Suite struct PostedCodecTests {
  private let v5 = TagCodec.mtecompV5
  private let v11 = TagCodec.mtecompV11

  private func v5Page(_ runs: [(tag: UInt8, size: Int)]) -> [UInt8] {
    page(runs, order: .highNibbleFirst)
  }

  @Test func v5HandlesOfTheSpecification() throws {
    #expect(v5.inlineHandle(v5Page([(0, 256)]), .kib4) == 0)
    #expect(v5.inlineHandle(v5Page([(5, 256)]), .kib4) == 0x50)
    #expect(v5.inlineHandle(v5Page([(3, 128), (9, 128)]), .kib4) == 0x930)
    #expect(v5.inlineHandle(v5Page([(3, 127), (9, 129)]), .kib4) == 0x7_f000_0931)
    let page = v5Page([(3, 127), (9, 129)])
    #expect(try v5.restored(v5.stored(page, .kib4), .kib4) == page)
  }

  @Test(arguments: PageSize.allCases)
  func v11KeepsHalvesAndUniformPages(pageSize: PageSize) throws {
    let half = pageSize.granules / 2
    for runs in [
      [(3, half), (9, half)], [(15, half), (0, half)], [(0, 2 * half)], [(7, 2 * half)],
    ] {
      let page = v5Page(runs.map { (UInt8($0.0), $0.1) })
      let stored = v11.stored(page, pageSize)
      #expect(stored.encoded.sizeClass == .inline)
      #expect(try v11.restored(stored, pageSize) == page)
    }
    #expect(v11.inlineHandle(v5Page([(7, 2 * half)]), pageSize) == 0x771)
    #expect(v11.inlineHandle(v5Page([(3, half), (9, half)]), pageSize) == 0x931)
  }

  @Test func v11RefusesWhatItCannotHaveMade() {
    func error(_ handle: UInt64) -> TagDecodingError? {
      let stored = Stored(encoded: .inline(TagHandle(truncating: handle)), payload: [])
      do {
        _ = try v11.restored(stored, .kib4)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(0x6b0b_0b01_0080_402f) == .largestOutOfRange(largest: 7, runs: 6))
    #expect(error(0x10) == .notInline(TagHandle(truncating: 0x10)))
    let full: UInt64 = 127 | 127 << 7 | 2 << 14
    #expect(error(full << 28 | 1) == .sizesTooLarge(granules: 256, pageGranules: 256))
    #expect(error(1 << 35 | 1) == .reservedBits(1 << 7), "a third run beside two halves")
  }

  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func addressesSurviveTheHandle(codec: TagCodec, pageSize: PageSize) {
    for sizeClass in codec.sizeClasses(pageSize: pageSize) where !sizeClass.isInline {
      let address: UInt64 = 0xffff_1234_5678_9a00
      let handle = codec.handle(address: address, sizeClass: sizeClass)
      #expect(
        codec.place(of: handle, pageSize: pageSize)
          == .object(address: address, sizeClass: sizeClass)
      )
      #expect(handle.looksLikeAddress)
    }
  }
}

@Suite struct XNURunLengthTests {
  private let codec = TagCodec.xnuRunLength

  @Test func streamsAreAsDocumented() {
    // 600 = 512 + 64 + 16 + 8, then 3, then a literal of two tags, 3 again and the rest.
    let runs: [(tag: UInt8, size: Int)] = [
      (1, 600), (2, 3), (3, 1), (4, 1), (5, 3), (6, 416),
    ]
    let expected: [UInt8] = [
      0xf1, 0xc1, 0xa1, 0x91, 0x42, 0x03, 0x04, 0x45, 0xe6, 0xd6, 0xb6,
    ]
    let stored = codec.stored(page(runs), .kib16)
    #expect(stored.encoded.sizeClass.bytes == 64)
    #expect(Array(stored.payload.prefix(11)) == expected)
    #expect(stored.payload.dropFirst(11).allSatisfy { $0 == 0 })
    #expect(codec.inlineHandle(page([(9, 1024)]), .kib16) == 9)
  }

  @Test func brokenStreamsSayWhere() {
    func error(_ bytes: [UInt8]) -> TagDecodingError? {
      let padded = bytes + Array(repeating: 0, count: 64 - bytes.count)
      let stored = Stored(encoded: .object(TagSizeClass(bytes: 64)), payload: padded)
      do {
        _ = try codec.restored(stored, .kib16)
        return nil
      } catch {
        return error
      }
    }
    func bad(_ granules: Int, at offset: Int) -> TagDecodingError {
      .badLength(granules: granules, pageGranules: 1024, byteOffset: offset)
    }
    #expect(error([0xf1, 0xf1]) == nil)
    #expect(error([0xf1, 0xe1, 0xf1]) == bad(512 + 256 + 512, at: 2), "beyond the page")
    #expect(error([0xf1]) == bad(512 + 63, at: 64), "too short")
    let cut = Array(repeating: UInt8(0x41), count: 63) + [0x31]
    #expect(error(cut) == bad(63 * 3 + 7, at: 63), "a literal beyond the slot")
  }

  @Test func noiseIsGivenUpAboveTheLimit() throws {
    // Pairs of alternating tags cost four bytes for seven tags: 1,024 tags do not fit 448 bytes.
    let noise = page((0..<1024).map { (tag: UInt8($0 % 2), size: 1) })
    #expect(codec.stored(noise, .kib16).encoded.sizeClass.bytes == 512)
    // 776 granules of noise take 444 bytes in 111 literals less one tag, the rest one byte.
    let runs = (0..<770).map { (tag: UInt8($0 % 2), size: 1) } + [(tag: 7, size: 254)]
    let stored = codec.stored(page(runs), .kib16)
    #expect(stored.encoded.sizeClass.bytes == 512 - 64)
    #expect(try codec.restored(stored, .kib16) == page(runs))
  }
}
