// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// The sections of a container other than blocks. They are not compressed, so that what they make a
// reader allocate is bounded by the length of the file.

extension TraceHeader {
  /// Magic, version, length, checksum and body.
  func encoded() -> [UInt8] {
    var body: [UInt8] = [UInt8(pageSize.shift), UInt8(MemoryTag.granuleBytes), 0]
    for text in [recorder, commandLine, note] {
      precondition(
        text.utf8.count <= ContainerLayout.largestStringBytes,
        "a header's string of \(text.utf8.count) bytes"
      )
      body.append(string: text)
    }
    body.append(varint: filterWindowAccesses)
    body.append(varint: filterEntries)
    body.append(varint: UInt64(initialMappings.count))
    for mapping in initialMappings {
      precondition(mapping.problem == nil, "initial mapping \(mapping)")
      body.append(varint: mapping.address)
      body.append(varint: mapping.length)
      body.append(mapping.protection.rawValue)
      body.append(varint: UInt64(mapping.flags.rawValue))
    }
    precondition(body.count <= ContainerLayout.largestHeaderBytes, "a header beyond 2 MiB")
    var bytes = ContainerLayout.magic
    bytes.append(littleEndian: ContainerLayout.version)
    bytes.append(littleEndian: UInt32(body.count))
    bytes.append(littleEndian: XXH3.hash64(body))
    return bytes + body
  }

  /// Reads a body.
  init(body: [UInt8]) throws(Malformed) {
    let bytes = body.span
    var cursor = ByteCursor(0..<body.count)
    let shift = try cursor.byte(bytes)
    guard let pageSize = PageSize.allCases.first(where: { $0.shift == shift }) else {
      throw Malformed(expected: "a page shift of 12, 14 or 16", found: "\(shift)")
    }
    let granule = try cursor.byte(bytes)
    guard granule == MemoryTag.granuleBytes else {
      throw Malformed(expected: "granules of 16 bytes", found: "\(granule)")
    }
    let unit = try cursor.byte(bytes)
    guard unit == 0 else {
      throw Malformed(expected: "clock unit 0, data accesses", found: "\(unit)")
    }
    let limit = ContainerLayout.largestStringBytes
    let recorder = try cursor.string(bytes, limit: limit)
    let commandLine = try cursor.string(bytes, limit: limit)
    let note = try cursor.string(bytes, limit: limit)
    let window = try cursor.varint(bytes)
    let entries = try cursor.varint(bytes)
    let count = try cursor.varint(bytes)
    var mappings: [MappingRequest] = []
    for _ in 0..<count {
      let address = try cursor.varint(bytes)
      let length = try cursor.varint(bytes)
      let mapping = try cursor.mapping(bytes, address: address, length: length)
      if let problem = mapping.problem { throw problem }
      mappings.append(mapping)
    }
    guard cursor.isAtEnd else {
      throw Malformed(expected: "the end of the header", found: "more bytes")
    }
    self.init(
      pageSize: pageSize,
      recorder: recorder,
      commandLine: commandLine,
      note: note,
      filterWindowAccesses: window,
      filterEntries: entries,
      initialMappings: mappings
    )
  }
}

extension TraceTotals {
  /// The eight numbers in the order of the properties.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for value in [
      touches, exactAccesses, tagRuns, operations, accesses, taggedGranules, pages, tagSnapshots,
    ] {
      bytes.append(littleEndian: value)
    }
    return bytes
  }

  init(bytes: [UInt8]) throws(Malformed) {
    self.init()
    var cursor = ByteCursor(0..<bytes.count)
    touches = try cursor.littleEndian(UInt64.self, bytes.span)
    exactAccesses = try cursor.littleEndian(UInt64.self, bytes.span)
    tagRuns = try cursor.littleEndian(UInt64.self, bytes.span)
    operations = try cursor.littleEndian(UInt64.self, bytes.span)
    accesses = try cursor.littleEndian(UInt64.self, bytes.span)
    taggedGranules = try cursor.littleEndian(UInt64.self, bytes.span)
    pages = try cursor.littleEndian(UInt64.self, bytes.span)
    tagSnapshots = try cursor.littleEndian(UInt64.self, bytes.span)
  }
}

/// Virtual page numbers by identifier, each as a zigzag difference to the one before.
func encodedDictionary(_ pages: [UInt64]) -> [UInt8] {
  var bytes: [UInt8] = []
  var last: UInt64 = 0
  for page in pages {
    bytes.append(zigzag: Int64(page) - Int64(last))
    last = page
  }
  return bytes
}

/// Reads a page dictionary.
///
/// - Throws: where a number is no virtual page number, occurs twice, or the count is wrong.
func decodedDictionary(
  _ bytes: [UInt8],
  count: UInt64,
  pageSize: PageSize
) throws(Malformed) -> [UInt64] {
  // Each page takes at least one byte, which bounds the memory by eight times the file.
  guard count <= UInt64(bytes.count), count <= UInt64(UInt32.max) else {
    throw Malformed(expected: "at most \(bytes.count) pages", found: "\(count)")
  }
  let limit = Int64(1) << Int64(56 - pageSize.shift)
  var pages: [UInt64] = []
  pages.reserveCapacity(Int(count))
  var cursor = ByteCursor(0..<bytes.count)
  var last: Int64 = 0
  for _ in 0..<count {
    let next = last &+ (try cursor.zigzag(bytes.span))
    guard next >= 0, next < limit else {
      throw Malformed(
        expected: "a virtual page number below 2^\(56 - pageSize.shift)",
        found: "\(next)"
      )
    }
    pages.append(UInt64(next))
    last = next
  }
  guard cursor.isAtEnd else {
    throw Malformed(expected: "the end of the page dictionary", found: "more bytes")
  }
  let sorted = pages.sorted()
  for (left, right) in zip(sorted, sorted.dropFirst()) where left == right {
    throw Malformed(expected: "each page once", found: "page \(left) twice")
  }
  return pages
}

/// Offset, first record and first clock of each block.
func encodedIndex(_ entries: [BlockEntry]) -> [UInt8] {
  var bytes: [UInt8] = []
  for entry in entries {
    bytes.append(littleEndian: entry.offset)
    bytes.append(littleEndian: entry.firstRecord)
    bytes.append(littleEndian: entry.firstClock)
  }
  return bytes
}

/// Reads an index.
///
/// - Throws: where blocks overlap, leave gaps, are empty, or their clocks go backwards.
func decodedIndex(
  _ bytes: [UInt8],
  blocks: Range<UInt64>,
  records: UInt64
) throws(Malformed) -> [BlockEntry] {
  var cursor = ByteCursor(0..<bytes.count)
  var entries: [BlockEntry] = []
  while !cursor.isAtEnd {
    let entry = BlockEntry(
      offset: try cursor.littleEndian(UInt64.self, bytes.span),
      firstRecord: try cursor.littleEndian(UInt64.self, bytes.span),
      firstClock: try cursor.littleEndian(UInt64.self, bytes.span)
    )
    let last = entries.last
    let smallest = last.map { $0.offset + UInt64(ContainerLayout.blockHeaderBytes) }
    guard last == nil ? entry.offset == blocks.lowerBound : entry.offset >= smallest ?? 0,
      entry.offset < blocks.upperBound
    else {
      throw Malformed(expected: "blocks one after the other", found: "one at +\(entry.offset)")
    }
    guard last == nil ? entry.firstRecord == 0 : entry.firstRecord > last?.firstRecord ?? 0,
      entry.firstRecord < records
    else {
      throw Malformed(expected: "growing record numbers", found: "\(entry.firstRecord)")
    }
    guard entry.firstClock >= last?.firstClock ?? 0, entry.firstClock <= EventRecord.largestClock
    else {
      throw Malformed(expected: "clocks that do not go backwards", found: "\(entry.firstClock)")
    }
    entries.append(entry)
  }
  if entries.isEmpty, !blocks.isEmpty || records != 0 {
    throw Malformed(expected: "an index of \(records) records", found: "no blocks")
  }
  return entries
}
