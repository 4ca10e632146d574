// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A run-length byte stream after the one that Apple XNU's compressor uses for tags.
///
/// A command is a byte: its number in bits 7..4, a tag in bits 3..0. A literal of *n* tags goes on
/// for (*n* - 1) / 2 bytes with the other tags, the first of each pair in the low nibble; a repeat
/// stands for *n* granules of its tag.
///
///     command   0  1  2  3    4  5  6  7  8  9   10  11  12   13   14   15
///     kind      literal       repeat
///     n         1  3  5  7    3  4  5  6  7  8   16  32  64  128  256  512
///
/// A page of equal tags needs no stream: the handle is its tag. Streams are kept in slots of a
/// multiple of 64 bytes. A stream that would not leave a slot free in the tag page (that is above
/// 448 bytes with 16K pages) is given up, and the page is stored as it is. XNU has 16K pages only;
/// the other page sizes follow the same rule.
///
/// The set of commands is XNU's. Their numbers and the order in which an encoder prefers them are
/// this project's, so that sizes are close to XNU's but streams cannot be exchanged.
///
/// Source: description of Apple XNU's published source; none of it is used.
struct XNURunLength {
  /// Bytes of the smallest slot and of the step between slots.
  static let slotBytes = 64

  private static let order = GranuleOrder.hardware
  private static let literals = 4
  private static let shortRepeats = 10
  private static let maxLiteral = 7

  private let pageSize: PageSize

  init(_ pageSize: PageSize) { self.pageSize = pageSize }

  /// The slots of streams, in ascending order.
  var objectClasses: [TagSizeClass] {
    stride(from: Self.slotBytes, through: limitBytes, by: Self.slotBytes).map {
      TagSizeClass(bytes: $0)
    }
  }

  private var limitBytes: Int { pageSize.tagBytes - Self.slotBytes }

  /// Encodes a tag page.
  func encode(_ page: Span<UInt8>, payload: inout MutableSpan<UInt8>) -> EncodedTags {
    var stream = Stream(limitBytes: limitBytes)
    var start = 0
    var tag = RunScanner.firstTag(page, order: Self.order)
    RunScanner.forEachBoundary(page, order: Self.order) { granule, next in
      stream.append(tag, granules: granule - start, into: &payload)
      start = granule
      tag = next
    }
    if start == 0 { return .inline(TagHandle(truncating: tag)) }
    stream.append(tag, granules: pageSize.granules - start, into: &payload)
    stream.flushLiterals(into: &payload)
    guard stream.fits else { return copyWhole(page, into: &payload) }
    let slots = (stream.count + Self.slotBytes - 1) / Self.slotBytes
    for offset in stream.count..<slots * Self.slotBytes { payload[offset] = 0 }
    return .object(TagSizeClass(bytes: slots * Self.slotBytes))
  }

  /// Decodes the tag that a handle holds.
  func decode(
    _ handle: TagHandle,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    guard !handle.looksLikeAddress else { throw .notInline(handle) }
    guard handle.rawValue < 16 else { throw .reservedBits(handle.rawValue & ~15) }
    TagWords.fill(&output, with: TagWords.uniform(handle.rawValue))
  }

  /// Decodes a stream.
  func decode(
    _ payload: Span<UInt8>,
    into output: inout MutableSpan<UInt8>
  ) throws(TagDecodingError) {
    let slots = payload.count / Self.slotBytes
    guard payload.count <= limitBytes && slots > 0 && payload.count % Self.slotBytes == 0 else {
      throw .unknownSizeClass(bytes: payload.count)
    }
    // How many runs there are is not known, but a byte is at least one.
    var writer = RunWriter(runs: payload.count, order: Self.order, into: &output)
    var granules = 0
    var offset = 0
    while granules < pageSize.granules {
      guard offset < payload.count else { throw badLength(granules, offset) }
      let command = Int(payload[offset] >> 4)
      let tag = UInt64(payload[offset] & 15)
      let length = Self.length(of: command)
      let bytes = command < Self.literals ? (length + 1) / 2 : 1
      granules += length
      guard granules <= pageSize.granules && offset + bytes <= payload.count else {
        throw badLength(granules, offset)
      }
      writer.append(tag, granules: command < Self.literals ? 1 : length, into: &output)
      for pair in offset + 1..<offset + bytes {
        writer.append(UInt64(payload[pair] & 15), granules: 1, into: &output)
        writer.append(UInt64(payload[pair] >> 4), granules: 1, into: &output)
      }
      offset += bytes
    }
    writer.finish(&output)
    guard (offset - 1) / Self.slotBytes + 1 == slots else { throw badLength(granules, offset) }
  }

  private func badLength(_ granules: Int, _ offset: Int) -> TagDecodingError {
    .badLength(granules: granules, pageGranules: pageSize.granules, byteOffset: offset)
  }

  /// The granules that a command stands for.
  private static func length(of command: Int) -> Int {
    if command < literals { return 2 * command + 1 }
    return command < shortRepeats ? command - literals + 3 : 16 << (command - shortRepeats)
  }

  /// A stream while it is written.
  private struct Stream {
    let limitBytes: Int

    /// Bytes written; nothing is written beyond the limit.
    private(set) var count = 0

    /// Whether the stream has kept to its limit.
    private(set) var fits = true

    // Up to 7 tags that wait for a literal, first lowest.
    private var pending: UInt64 = 0
    private var pendingCount = 0

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(
      _ tag: UInt64,
      granules: Int,
      into output: inout MutableSpan<UInt8>
    ) {
      var left = granules
      while left >= 3 && fits {
        flushLiterals(into: &output)
        let command = Self.longestRepeat(upTo: left)
        put(UInt8(command << 4) | UInt8(tag), into: &output)
        left -= XNURunLength.length(of: command)
      }
      while left > 0 && fits {
        pending |= tag << UInt64(4 * pendingCount)
        pendingCount += 1
        left -= 1
        if pendingCount == XNURunLength.maxLiteral { flushLiterals(into: &output) }
      }
    }

    mutating func flushLiterals(into output: inout MutableSpan<UInt8>) {
      while pendingCount > 0 && fits {
        let command = (pendingCount - 1) / 2
        put(UInt8(command << 4) | UInt8(pending & 15), into: &output)
        pending >>= 4
        for _ in 0..<command {
          put(UInt8(pending & 255), into: &output)
          pending >>= 8
        }
        pendingCount -= XNURunLength.length(of: command)
      }
    }

    private mutating func put(_ byte: UInt8, into output: inout MutableSpan<UInt8>) {
      guard count < limitBytes else {
        fits = false
        return
      }
      output[count] = byte
      count += 1
    }

    private static func longestRepeat(upTo granules: Int) -> Int {
      if granules < 16 { return min(granules, 8) - 3 + XNURunLength.literals }
      let power = min(granules, 512) / 16
      return XNURunLength.shortRepeats + (Int.bitWidth - 1 - power.leadingZeroBitCount)
    }
  }
}
