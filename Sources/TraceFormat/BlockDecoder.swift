// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Decodes one block, a batch at a time.
///
/// `load` decompresses the whole block, at most 32 MiB; `next` turns the next records of it into a
/// batch, so that a batch stays small enough for the cache while zstd sees a large block.
struct BlockDecoder {
  private var raw: [UInt8] = []
  private var columns: ColumnDecoder

  init(pageSize: PageSize, pageCount: UInt64) {
    columns = ColumnDecoder(pageSize: pageSize, pageCount: pageCount)
  }

  /// Records of the block that have not been decoded yet.
  var remaining: Int { columns.remaining }
  /// The clock of the last decoded record.
  var lastClock: UInt64 { columns.lastClock }

  /// Forgets the block.
  mutating func clear() {
    columns.remaining = 0
  }

  /// Appends the next records of the block, at most `limit`, to an empty batch.
  ///
  /// - Throws: at the first record that is not valid; the batch then holds those before it.
  /// - Complexity: O(*n*), where *n* is the number of records.
  mutating func next(
    into batch: inout EventBatch,
    atMost limit: Int = ContainerLayout.largestBatchRecords
  ) throws(Malformed) {
    // A second reference, not a copy: a span of the property itself would keep `self` borrowed.
    let bytes = raw
    try columns.next(bytes.span, into: &batch, atMost: limit)
  }

  /// Checks and decompresses a block.
  ///
  /// - Throws: where the block's header, checksum or compressed data are wrong.
  mutating func load(_ block: [UInt8], firstClock: UInt64) throws(Malformed) {
    clear()
    let size = ContainerLayout.blockHeaderBytes
    guard block.count >= size else {
      throw Malformed(expected: "a block of at least \(size) bytes", found: "\(block.count)")
    }
    var header = ByteCursor(0..<size)
    let mark = try header.littleEndian(UInt32.self, block.span)
    guard mark == ContainerLayout.blockMark else {
      throw Malformed(expected: "the mark of a block", found: "0x\(String(mark, radix: 16))")
    }
    let count = try header.littleEndian(UInt32.self, block.span)
    guard count >= 1, count <= ContainerLayout.largestBlockRecords else {
      throw Malformed(
        expected: "1 to \(ContainerLayout.largestBlockRecords) records in a block",
        found: "\(count)"
      )
    }
    let clock = try header.littleEndian(UInt64.self, block.span)
    guard clock == firstClock else {
      throw Malformed(expected: "the first clock of the index, \(firstClock)", found: "\(clock)")
    }
    let sizes = try columnSizes(&header, block)
    let checksum = try header.littleEndian(UInt64.self, block.span)
    let actual = blockChecksum(header: block[..<(size - 8)], payload: block[size...])
    guard checksum == actual else {
      throw Malformed(
        expected: "a block with checksum \(hexadecimal(checksum))",
        found: hexadecimal(actual)
      )
    }
    let ranges = try decompress(block, sizes)
    columns.start(records: Int(count), clock: clock, ranges: ranges)
  }

  private func columnSizes(
    _ header: inout ByteCursor,
    _ block: [UInt8]
  ) throws(Malformed) -> [(raw: Int, packed: Int)] {
    var sizes: [(raw: Int, packed: Int)] = []
    var sum = ContainerLayout.blockHeaderBytes
    for _ in 0..<ContainerLayout.columns {
      let raw = Int(try header.littleEndian(UInt32.self, block.span))
      let packed = Int(try header.littleEndian(UInt32.self, block.span))
      guard raw <= ContainerLayout.largestColumnBytes else {
        throw Malformed(
          expected: "a column of at most \(ContainerLayout.largestColumnBytes) bytes",
          found: "\(raw)"
        )
      }
      guard packed <= ContainerLayout.largestPacked(raw), (raw == 0) == (packed == 0) else {
        throw Malformed(expected: "a packed form of \(raw) bytes", found: "\(packed) bytes")
      }
      sizes.append((raw, packed))
      sum += packed
    }
    guard sum == block.count else {
      throw Malformed(expected: "a block of \(block.count) bytes", found: "columns for \(sum)")
    }
    return sizes
  }

  private mutating func decompress(
    _ block: [UInt8],
    _ sizes: [(raw: Int, packed: Int)]
  ) throws(Malformed) -> [Range<Int>] {
    let total = sizes.reduce(0) { $0 + $1.raw }
    if raw.count < total { raw.append(contentsOf: repeatElement(0, count: total - raw.count)) }
    var ranges: [Range<Int>] = []
    var source = ContainerLayout.blockHeaderBytes
    var target = 0
    for size in sizes {
      if size.raw > 0 {
        try Zstandard.decompress(
          block[source..<source + size.packed],
          into: &raw,
          at: target,
          count: size.raw
        )
      }
      ranges.append(target..<target + size.raw)
      source += size.packed
      target += size.raw
    }
    return ranges
  }
}

/// Sixteen hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
