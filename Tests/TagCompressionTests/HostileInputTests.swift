// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import TagCompression

@Suite struct HostileInputTests {
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
