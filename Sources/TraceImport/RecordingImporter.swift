// SPDX-License-Identifier: Apache-2.0

import MemoryModel
public import TraceFormat

/// Turns recordings in the format `MTETRC0` into trace containers.
///
/// One pass over the recording; the memory needed is that of the page dictionary and one block.
/// TraceImport.md says what becomes of each record.
public struct RecordingImporter: ~Copyable {
  private enum Kind {
    static let end: UInt8 = 0
    static let page: UInt8 = 1
    static let full: UInt8 = 2
    static let tag: UInt8 = 3
    static let systemCall: UInt8 = 4
    static let mapping: UInt8 = 5
    static let thread: UInt8 = 6
    static let kernelCopy: UInt8 = 7
    static let fork: UInt8 = 8
    static let truth: UInt8 = 10
  }

  private static let pageSize = PageSize.kib4
  /// The largest tag run, 1 GiB: a program stores tags one or two granules at a time, so a longer
  /// run is damage, and would be split into millions of records.
  private static let largestRunGranules: UInt64 = 1 << 26
  /// The most that one `read` or `write` of Linux transfers.
  private static let largestCopyBytes: UInt64 = 0x7fff_f000

  private var stream: RecordingStream
  private var events: EventSink
  private var report = ImportReport()
  private var lastPage: Int64 = 0
  private var lastTagEnd: Int64 = 0
  private var lastFullAddress: [UInt32: UInt64] = [:]
  private var isChild = false

  /// Imports a recording into a container file.
  ///
  /// `level` is the compression level, 1 to 22.
  ///
  /// - Throws: where the recording is missing, unreadable, damaged or of another version, or where
  ///   the container cannot be written; no file is left then.
  /// - Complexity: O(*n*), where *n* is the length of the recording.
  public static func importRecording(
    path: String,
    output: String,
    description: ImportDescription,
    level: Int
  ) throws(TraceError) -> ImportReport {
    var importer = try RecordingImporter(path: path, output: output, description, level)
    try importer.run()
    return try importer.finish()
  }

  /// Imports a recording into a container in memory, which the report's `written` holds.
  ///
  /// - Throws: where the recording is missing, unreadable, damaged or of another version.
  public static func importRecording(
    path: String,
    description: ImportDescription = ImportDescription(),
    level: Int = 3
  ) throws(TraceError) -> ImportReport {
    var importer = try RecordingImporter(path: path, output: nil, description, level)
    try importer.run()
    return try importer.finish()
  }

  private init(
    path: String,
    output: String?,
    _ description: ImportDescription,
    _ level: Int
  ) throws(TraceError) {
    stream = try RecordingStream(path: path)
    events = EventSink(output: output, description: description, level: level)
  }

  private mutating func run() throws(TraceError) {
    try readMagic()
    while true {
      guard let first = try stream.beginRecord() else {
        // A successful exec replaces the recorder along with the program, so nothing follows it.
        if events.endsInExec { break }
        throw stream.error(expected: "a record", found: "the end of the file")
      }
      if first & 15 == Kind.end { break }
      try take(kind: first & 15, argument: first >> 4)
    }
    let end = stream.offset
    if try stream.byteIfAny() != nil {
      throw stream.error(at: end, expected: "the end of the file", found: "more bytes")
    }
  }

  private consuming func finish() throws(TraceError) -> ImportReport {
    try events.finish(&report)
    return report
  }

  private mutating func readMagic() throws(TraceError) {
    var magic: [UInt8] = []
    while magic.count < 8, let byte = try stream.byteIfAny() { magic.append(byte) }
    if magic == Array("MTETRC0\n".utf8) { return }
    let text = String(decoding: magic.prefix(6), as: UTF8.self)
    if text == "MTETRC", magic.count == 8 {
      let version = String(decoding: magic.prefix(7), as: UTF8.self)
      throw stream.error(at: 0, expected: "a recording of version MTETRC0", found: version)
    }
    throw stream.error(
      at: 0,
      expected: "a recording, which starts with MTETRC0",
      found: "a file that does not"
    )
  }

  private mutating func take(kind: UInt8, argument: UInt8) throws(TraceError) {
    switch kind {
    case Kind.page: try takePage(isWrite: argument & 1 != 0)
    case Kind.full: try takeAccess(argument)
    case Kind.tag: try takeTag(MemoryTag(truncating: argument))
    case Kind.systemCall: try takeSystemCall()
    case Kind.mapping: try takeMapping(isFile: argument & 1 != 0)
    case Kind.thread:
      report.threadRecords += 1
      let number = try stream.unsigned(atMost: UInt64(UInt32.max), "a thread")
      try events.switchThread(to: UInt32(number), stream)
    case Kind.kernelCopy: try takeKernelCopy(intoUser: argument & 1 != 0)
    case Kind.fork:
      guard stream.recordNumber == 0 else {
        throw stream.error(expected: "a FORK record at the start only", found: "one here")
      }
      _ = try stream.unsigned()
      _ = try stream.unsigned()
      isChild = true
    case Kind.truth: try takeSnapshot()
    default:
      throw stream.error(expected: "a record kind of 0 to 8 or 10", found: "\(kind)")
    }
  }

  private mutating func takePage(isWrite: Bool) throws(TraceError) {
    report.pageRecords += 1
    try events.advance(try stream.unsigned(), stream)
    try events.advance(1, stream)
    let page = lastPage &+ (try stream.signed())
    guard page >= 0, page < 1 << 44 else {
      throw stream.error(expected: "a page below 2^44", found: "\(page)")
    }
    lastPage = page
    let address = UInt64(page) << UInt64(Self.pageSize.shift)
    try events.touch(address, isWrite: isWrite, stream, &report)
  }

  private mutating func takeAccess(_ argument: UInt8) throws(TraceError) {
    report.accessRecords += 1
    try events.advance(1, stream)
    let last = lastFullAddress[events.thread] ?? 0
    let whole = last &+ UInt64(bitPattern: try stream.signed())
    lastFullAddress[events.thread] = whole
    let address = VirtualPageNumber.untagged(whole)
    let size = UInt64(1) << UInt64(argument & 7)
    guard size <= 1 << 56 - address else {
      throw stream.error(expected: "an access below 2^56", found: "one at \(address)")
    }
    try events.access(address, size: size, isWrite: argument & 8 != 0, stream, &report)
  }

  private mutating func takeTag(_ tag: MemoryTag) throws(TraceError) {
    report.tagRecords += 1
    try events.advance(try stream.unsigned(), stream)
    let start = lastTagEnd &+ (try stream.signed())
    let granules = try stream.unsigned(atMost: Self.largestRunGranules, "granules in a run")
    guard start >= 0, start < 1 << 52, granules > 0, Int64(granules) <= 1 << 52 - start else {
      throw stream.error(
        expected: "a tag run of at least one granule below 2^52",
        found: "\(granules) at \(start)"
      )
    }
    lastTagEnd = start + Int64(granules)
    try events.tagRun(granule: UInt64(start), granules, tag, stream, &report)
  }

  private mutating func takeMapping(isFile: Bool) throws(TraceError) {
    report.mappingRecords += 1
    let page = try stream.unsigned(atMost: 1 << 44 - 1, "a page")
    let pages = try stream.unsigned(atMost: 1 << 44 - page, "pages")
    let bits = try stream.unsigned()
    let request = MappingRequest(
      address: page << UInt64(Self.pageSize.shift),
      length: pages << UInt64(Self.pageSize.shift),
      protection: Protection(rawValue: UInt8(truncatingIfNeeded: bits & 0x3f)),
      flags: isFile ? [] : .anonymous
    )
    try events.initialMapping(request)
  }

  private mutating func takeKernelCopy(intoUser: Bool) throws(TraceError) {
    report.kernelCopyRecords += 1
    try events.advance(try stream.unsigned(), stream)
    let address = VirtualPageNumber.untagged(try stream.unsigned())
    let length = try stream.unsigned(atMost: Self.largestCopyBytes, "bytes of a kernel copy")
    guard length > 0, length <= 1 << 56 - address else {
      throw stream.error(
        expected: "a kernel copy of at least one byte below 2^56",
        found: "\(length) at \(address)"
      )
    }
    try events.kernelCopy(address, length, intoUser: intoUser, stream, &report)
  }

  private mutating func takeSnapshot() throws(TraceError) {
    report.snapshotRecords += 1
    let page = try stream.unsigned(atMost: 1 << 44 - 1, "a page")
    var tags: [UInt8] = []
    for _ in 0..<Self.pageSize.tagBytes { tags.append(try stream.byte()) }
    if isChild {
      report.snapshotsLeftOut += 1
    } else {
      try events.operation(.tagSnapshot(page: page, tags: tags))
    }
  }

  private mutating func takeSystemCall() throws(TraceError) {
    report.systemCallRecords += 1
    try events.advance(try stream.unsigned(), stream)
    let call = SystemCall(
      number: try stream.unsigned(),
      arguments: [
        try stream.unsigned(), try stream.unsigned(), try stream.unsigned(),
        try stream.unsigned(), try stream.unsigned(), try stream.unsigned(),
      ],
      result: try stream.signed()
    )
    try events.systemCall(call, &report)
  }
}
