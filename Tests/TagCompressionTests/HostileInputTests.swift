// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

@Suite struct HostileInputTests {
  /// Random and mutated handles and payloads end in tags or in a typed error, never in a trap.
  @Test(arguments: TagCodec.allCases, PageSize.allCases)
  func decodersNeverTrap(codec: TagCodec, pageSize: PageSize) {
    var random = SplitMix64(seed: UInt64(pageSize.rawValue))
    var refused = 0
    for _ in 0..<max(150, pageSize.share(of: modelPages)) {
      let original = codec.stored(pageSize.interestingPage(using: &random), pageSize)
      var mutated = original
      switch original.encoded {
      case .inline(let handle):
        let flipped = handle.rawValue ^ 1 << UInt64.random(in: 0..<63, using: &random)
        mutated.encoded = .inline(TagHandle(truncating: flipped))
      case .object:
        let byte = Int.random(in: mutated.payload.indices, using: &random)
        mutated.payload[byte] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      let noise = Stored(
        encoded: .inline(TagHandle(truncating: random.next())),
        payload: []
      )
      let classes = codec.sizeClasses(pageSize: pageSize)
      let bytes = classes.randomElement(using: &random)?.bytes ?? 16
      let noisePayload = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
      let noiseObject = Stored(
        encoded: .object(TagSizeClass(bytes: bytes)),
        payload: noisePayload
      )
      for hostile in [mutated, noise, noiseObject] {
        do {
          let page = try codec.restored(hostile, pageSize)
          #expect(page.count == pageSize.tagBytes)
        } catch {
          refused += 1
          #expect(!"\(error)".isEmpty)
        }
      }
    }
    if codec != .raw { #expect(refused > 50) }
  }

  @Test func anyLengthOfPayloadIsAnError() {
    for codec in TagCodec.allCases {
      for pageSize in PageSize.allCases {
        let classes = codec.sizeClasses(pageSize: pageSize).map(\.bytes)
        for bytes in [0, 1, 7, 8, 9, 15, 24, 65, 127, 3000]
        where !classes.dropFirst().contains(bytes) {
          if bytes == pageSize.tagBytes { continue }
          let stored = Stored(
            encoded: .object(TagSizeClass(bytes: 16)),
            payload: Array(repeating: 0, count: bytes)
          )
          #expect(throws: TagDecodingError.self, "\(codec.rawValue), \(bytes) bytes") {
            try codec.restored(stored, pageSize)
          }
        }
      }
    }
  }

  @Test func mtecompSaysWhatIsWrong() {
    let codec = TagCodec.mtecomp
    func error(_ handle: UInt64, _ pageSize: PageSize = .kib4) -> TagDecodingError? {
      do {
        let stored = Stored(encoded: .inline(TagHandle(truncating: handle)), payload: [])
        _ = try codec.restored(stored, pageSize)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(6 << 59) == .largestOutOfRange(largest: 6, runs: 1))
    #expect(error(1 << 59) == .largestOutOfRange(largest: 1, runs: 1))
    #expect(error(127 | 127 << 7 | 2 << 14) == .sizesTooLarge(granules: 256, pageGranules: 256))
    #expect(error(127 | 127 << 7 | 1 << 14) == nil)
    #expect(error(1 << 39) == .reservedBits(1), "a tag of a run that is missing")
    #expect(error(1 << 14) == .reservedBits(1 << 14), "a size after the end")
    #expect(error(1 << 58, .kib16) == .reservedBits(1 << 2))
  }
}
