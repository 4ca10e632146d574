// SPDX-License-Identifier: Apache-2.0

/// Writes the runs of a 4K tag page, up to eight at a time, with stores wider than most runs.
///
/// Each run is 64 bytes of its tag from the byte on where it starts; the next run overwrites what is
/// too much. A run of more than 64 bytes can only be the longest, so everything has that one's tag
/// before the first run is written. No branch depends on where a run ends:
///
///     longest run is of tag 2        22 22 22 22 22 22 ...
///     run of tag 5 from granule 0    55 55 55 55 55 55 ...
///     run of tag 2 from granule 3    55 25 22 22 22 22 ...   (the odd granule shares a byte)
///
/// What is written goes to a buffer with room for the last run's excess. Runs that are missing among
/// eight start behind the page.
struct WideRunWriter {
  /// Granules of the pages it can write.
  static let granules = 256

  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  private let order: GranuleOrder
  // Any number that fits a byte may be where a run starts, and 64 bytes follow it.
  private var buffer: InlineArray<320, UInt8>
  private var lastTag: UInt64 = 0

  /// Starts a page whose longest run is of `tag`, 0 to 15.
  @inline(__always)
  init(longest tag: UInt64, order: GranuleOrder) {
    self.order = order
    buffer = InlineArray(repeating: UInt8(truncatingIfNeeded: tag &* 0x11))
  }

  /// Writes the next `runs` runs.
  ///
  /// Bits 4*i*+3 to 4*i* of `tags` are the tag of run *i*, and bits 8*i*+7 to 8*i* of `starts` its
  /// first granule. Further runs, up to `limit`, are written behind the page; a `limit` that the
  /// compiler knows saves a loop.
  ///
  /// - Precondition: the runs come in order, and `runs <= limit <= 8`.
  @inline(__always)
  mutating func append(_ tags: UInt64, at starts: UInt64, runs: Int, limit: Int) {
    let fours = (tags & 0xffff | tags &<< 16) & 0x0000_ffff_0000_ffff
    let pairs = (fours | fours &<< 8) & 0x00ff_00ff_00ff_00ff
    let tags = (pairs | pairs &<< 4) & 0x0f0f_0f0f_0f0f_0f0f

    let missing = UInt64.max << UInt64(truncatingIfNeeded: runs &* 8)
    let bytes = starts &>> 1 & (Self.lowBits &* 0x7f) | missing & (Self.lowBits &* 0x80)
    // The granule that the byte has before an odd start still belongs to the run before.
    let odd = (starts & Self.lowBits) &* 15
    let even = tags ^ (tags ^ (tags &<< 8 | lastTag)) & odd
    let shared = order == .hardware ? tags &<< 4 | even : even &<< 4 | tags
    let patterns = tags &<< 4 | tags
    lastTag = tags &>> 56

    var output = buffer.mutableSpan
    for run in 0..<limit {
      let bit = UInt64(truncatingIfNeeded: run &* 8)
      let byte = Int(truncatingIfNeeded: bytes &>> bit & 255)
      let pattern = (patterns &>> bit & 255) &* Self.lowBits
      TagWords.storeEight(SIMD8(repeating: pattern), into: &output, at: byte)
      output[byte] = UInt8(truncatingIfNeeded: shared &>> bit)
    }
  }

  /// Copies the page to `output`, which has 128 bytes.
  @inline(__always)
  func finish(_ output: inout MutableSpan<UInt8>) {
    TagWords.copyShort(buffer.span, into: &output)
  }
}
