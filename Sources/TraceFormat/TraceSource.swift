// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The bytes of a container: a file, or memory.
enum TraceSource: ~Copyable {
  case file(InputFile)
  case memory([UInt8])

  /// The number of bytes.
  var byteCount: UInt64 {
    switch self {
    case .file(let file): file.byteCount
    case .memory(let bytes): UInt64(bytes.count)
    }
  }

  /// Reads exactly `count` bytes at `offset`, replacing the contents of `buffer`.
  ///
  /// - Precondition: the range lies within the bytes that there were at opening.
  /// - Throws: where a file has become shorter, or cannot be read.
  borrowing func read(
    _ count: Int,
    at offset: UInt64,
    into buffer: inout [UInt8],
    name: String
  ) throws(TraceError) {
    switch self {
    case .file(let file): try file.read(count, at: offset, into: &buffer, path: name)
    case .memory(let bytes):
      buffer.removeAll(keepingCapacity: true)
      buffer.append(contentsOf: bytes[Int(offset)..<Int(offset) + count])
    }
  }
}

/// What opening a container finds out; everything in it has been checked.
struct OpenedContainer {
  var header = TraceHeader()
  var pages: [UInt64] = []
  var totals = TraceTotals()
  var digest = ""
  var byteCount: UInt64 = 0
  var entries: [BlockEntry] = []
  /// Where the blocks end and the page dictionary starts.
  var blocksEnd: UInt64 = 0

  private let name: String
  private var buffer: [UInt8] = []

  init(_ source: borrowing TraceSource, name: String) throws(TraceError) {
    self.name = name
    byteCount = source.byteCount
    let bodyBytes = try readHeaderPrefix(source)
    let trailer = try readTrailer(source)
    try checkDigest(source)
    try readHeader(source, bodyBytes)
    try readSections(source, trailer, headerEnd: ContainerLayout.headerPrefixBytes + bodyBytes)
  }

  private mutating func read(
    _ source: borrowing TraceSource,
    _ range: Range<UInt64>
  ) throws(TraceError) {
    try source.read(
      Int(range.upperBound - range.lowerBound),
      at: range.lowerBound,
      into: &buffer,
      name: name
    )
  }

  /// Checks magic and version.
  ///
  /// - Returns: the number of bytes of the header's body.
  private mutating func readHeaderPrefix(_ source: borrowing TraceSource) throws(TraceError) -> Int
  {
    let prefix = UInt64(ContainerLayout.headerPrefixBytes)
    let smallest = prefix + UInt64(ContainerLayout.totalsBytes + ContainerLayout.trailerBytes)
    guard byteCount >= smallest else {
      throw .bad(
        name,
        .byte(byteCount),
        expected: "a container of at least \(smallest) bytes",
        found: "the end of the file"
      )
    }
    try read(source, 0..<prefix)
    guard buffer.starts(with: ContainerLayout.magic) else {
      throw .bad(
        name,
        .byte(0),
        expected: "the magic of a trace container",
        found: hexadecimal(Array(buffer.prefix(8)))
      )
    }
    let version = number(UInt32.self, at: 8)
    guard version == ContainerLayout.version else {
      throw .bad(
        name,
        .byte(8),
        expected: "container version \(ContainerLayout.version)",
        found: "version \(version)"
      )
    }
    let bodyBytes = number(UInt32.self, at: 12)
    guard bodyBytes <= ContainerLayout.largestHeaderBytes,
      UInt64(bodyBytes) <= byteCount - smallest
    else {
      throw .bad(
        name,
        .byte(12),
        expected: "a header of at most \(ContainerLayout.largestHeaderBytes) bytes in the file",
        found: "\(bodyBytes)"
      )
    }
    return Int(bodyBytes)
  }

  private struct Trailer {
    var start: UInt64
    var dictionary: UInt64
    var index: UInt64
    var totals: UInt64
    var blocks: UInt64
    var pages: UInt64
    var records: UInt64
  }

  private mutating func readTrailer(_ source: borrowing TraceSource) throws(TraceError) -> Trailer {
    let start = byteCount - UInt64(ContainerLayout.trailerBytes)
    try read(source, start..<byteCount)
    guard buffer.suffix(8).elementsEqual(ContainerLayout.endMagic) else {
      throw .bad(
        name,
        .byte(byteCount - 8),
        expected: "the end mark of a complete container",
        found: hexadecimal(Array(buffer.suffix(8)))
      )
    }
    digest = hexadecimal(Array(buffer[48..<64]))
    return Trailer(
      start: start,
      dictionary: number(UInt64.self, at: 0),
      index: number(UInt64.self, at: 8),
      totals: number(UInt64.self, at: 16),
      blocks: number(UInt64.self, at: 24),
      pages: number(UInt64.self, at: 32),
      records: number(UInt64.self, at: 40)
    )
  }

  /// Compares the whole file with its digest, in pieces of 1 MiB.
  private mutating func checkDigest(_ source: borrowing TraceSource) throws(TraceError) {
    var hash = StreamingHash()
    let end = byteCount - UInt64(ContainerLayout.undigestedBytes)
    var offset: UInt64 = 0
    while offset < end {
      let piece = min(end - offset, 1 << 20)
      try read(source, offset..<offset + piece)
      hash.update(buffer)
      offset += piece
    }
    let actual = hexadecimal(hash.digest())
    guard actual == digest else {
      throw .bad(
        name,
        .byte(end),
        expected: "contents with digest \(digest)",
        found: "digest \(actual)"
      )
    }
  }

  private mutating func readHeader(
    _ source: borrowing TraceSource,
    _ bodyBytes: Int
  ) throws(TraceError) {
    let prefix = UInt64(ContainerLayout.headerPrefixBytes)
    try read(source, 0..<prefix)
    let checksum = number(UInt64.self, at: 16)
    try read(source, prefix..<prefix + UInt64(bodyBytes))
    let actual = XXH3.hash64(buffer)
    guard checksum == actual else {
      throw .bad(
        name,
        .byte(16),
        expected: "a header with checksum \(hexadecimal(checksum))",
        found: hexadecimal(actual)
      )
    }
    do throws(Malformed) {
      header = try TraceHeader(body: buffer)
    } catch {
      throw .bad(name, .byte(prefix), error)
    }
  }

  private mutating func readSections(
    _ source: borrowing TraceSource,
    _ trailer: Trailer,
    headerEnd: Int
  ) throws(TraceError) {
    let edges = [
      UInt64(headerEnd), trailer.dictionary, trailer.index, trailer.totals, trailer.start,
    ]
    for (left, right) in zip(edges, edges.dropFirst()) where left > right {
      throw .bad(
        name,
        .byte(trailer.start),
        expected: "a section that starts at +\(left) or later",
        found: "+\(right)"
      )
    }
    blocksEnd = trailer.dictionary
    do throws(Malformed) {
      try checkSizes(trailer)
    } catch {
      throw .bad(name, .byte(trailer.start), error)
    }
    try read(source, trailer.dictionary..<trailer.index)
    do throws(Malformed) {
      pages = try decodedDictionary(buffer, count: trailer.pages, pageSize: header.pageSize)
    } catch {
      throw .bad(name, .byte(trailer.dictionary), error)
    }
    try read(source, trailer.index..<trailer.totals)
    do throws(Malformed) {
      entries = try decodedIndex(
        buffer,
        blocks: UInt64(headerEnd)..<blocksEnd,
        records: trailer.records
      )
    } catch {
      throw .bad(name, .byte(trailer.index), error)
    }
    try read(source, trailer.totals..<trailer.start)
    do throws(Malformed) {
      totals = try TraceTotals(bytes: buffer)
      guard totals.recordSum == trailer.records, totals.pages == trailer.pages else {
        throw Malformed(
          expected: "totals of \(trailer.records) records and \(trailer.pages) pages",
          found: "others"
        )
      }
    } catch {
      throw .bad(name, .byte(trailer.totals), error)
    }
  }

  private func checkSizes(_ trailer: Trailer) throws(Malformed) {
    let index = trailer.totals - trailer.index
    let entry = UInt64(ContainerLayout.indexEntryBytes)
    guard index.isMultiple(of: entry), index / entry == trailer.blocks else {
      throw Malformed(expected: "an index of \(trailer.blocks) blocks", found: "\(index) bytes")
    }
    let totals = trailer.start - trailer.totals
    guard totals == UInt64(ContainerLayout.totalsBytes) else {
      throw Malformed(expected: "totals of 64 bytes", found: "\(totals)")
    }
  }

  private func number<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type,
    at position: Int
  ) -> Value {
    var value: Value = 0
    for index in (position..<position + Value.bitWidth / 8).reversed() {
      value = value << 8 | Value(buffer[index])
    }
    return value
  }
}
