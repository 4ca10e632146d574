// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import TraceFormat

/// The microbenchmark that the reference-pages patch was measured with, as a trace.
///
/// Each round maps memory that is to hold a pattern, touches one byte of each page of its beginning, and
/// unmaps it.
///
/// Source: the reference-pages patch, v5, commit message.
public struct ReferencePageBenchmark: Equatable, Sendable {
  /// How the memory gets its pattern.
  public enum Method: String, CaseIterable, Sendable {
    /// The program writes all of it.
    case memset
    /// It is mapped from a reference page.
    case referencePages = "reference-pages"
    /// It is mapped with a tag hint, which only zeros with a tag can come of.
    case tagHint = "tag-hint"
  }

  /// How a page is touched.
  public enum Access: String, CaseIterable, Sendable {
    /// By a store.
    case write
    /// By a load.
    case read
  }

  /// Bytes from the beginning of the mapping that are touched.
  public var touchBytes: UInt64 = 4096
  /// Bytes of a mapping.
  public var mapBytes: UInt64 = 4_096_000
  /// How often.
  public var rounds = 1000
  /// How the memory gets its pattern.
  public var method: Method = .memset
  /// How a page is touched.
  public var access: Access = .write
  /// The tag of zeros in place of the byte 0xaa, `nil` for the byte.
  public var tag: MemoryTag?
  /// Bytes that the program holds besides from the beginning on.
  public var programBytes: UInt64 = 0
  /// The page size.
  public var pageSize: PageSize = .kib4

  /// Creates the benchmark that touches one page of each mapping and initialises by `memset`.
  public init() {}

  private static let program: UInt64 = 0x1000_0000
  private static let content: UInt64 = 0x2000_0000
  private static let mapping: UInt64 = 0x10_0000_0000
  private static let descriptor: UInt32 = 3

  /// Writes the trace to a file.
  ///
  /// - Precondition: `method` is not ``Method/tagHint`` without a tag, and `touchBytes` is at most
  ///   `mapBytes`.
  /// - Throws: where the file cannot be written; nothing is left of it then.
  public func write(to path: String, level: Int) throws(TraceError) -> WrittenTrace {
    precondition(method != .tagHint || tag != nil, "a tag hint without a tag")
    precondition(touchBytes <= mapBytes, "\(touchBytes) bytes of a mapping of \(mapBytes)")
    var header = TraceHeader()
    header.pageSize = pageSize
    header.recorder = "mtesim trace generate"
    header.commandLine =
      "refpage --touch-size \(touchBytes) --map-size \(mapBytes) --rounds \(rounds)"
      + " --method \(method.rawValue) --access \(access.rawValue)"
    let writer = try TraceWriter(path: path, header: header, level: level)
    return try write(writer)
  }

  private func write(_ writer: consuming TraceWriter) throws(TraceError) -> WrittenTrace {
    var clock: UInt64 = 0
    try prepare(&writer, &clock)
    for _ in 0..<rounds {
      try writer.operation(mapOperation, clock: clock)
      if method == .memset { try fill(&writer, &clock) }
      for page in 0..<pages(touchBytes) {
        clock += 1
        let isWrite = access == .write
        try writer.touch(
          Self.mapping + page * UInt64(pageSize.bytes),
          reads: isWrite ? 0 : 1,
          writes: isWrite ? 1 : 0,
          clock: clock
        )
      }
      try writer.operation(
        .unmap(address: Self.mapping, length: mapBytes, result: 0),
        clock: clock
      )
    }
    try writer.operation(.exit(status: 0), clock: clock)
    return try writer.finish()
  }

  /// The program's own memory, and the reference page where there is one.
  private func prepare(_ writer: inout TraceWriter, _ clock: inout UInt64) throws(TraceError) {
    if programBytes > 0 {
      try writer.operation(map(at: Self.program, bytes: programBytes), clock: clock)
      for page in 0..<pages(programBytes) {
        clock += 1
        let address = Self.program + page * UInt64(pageSize.bytes)
        try writer.touch(address, reads: 0, writes: 1, clock: clock)
      }
    }
    guard method == .referencePages else { return }
    let size = UInt64(pageSize.bytes)
    try writer.operation(map(at: Self.content, bytes: size), clock: clock)
    clock += 1
    try writer.touch(Self.content, reads: 0, writes: 1, clock: clock)
    if let tag { try writer.tagRun(address: Self.content, granules: 1, tag: tag, clock: clock) }
    let request =
      tag == nil
      ? ReferenceRequest(address: Self.content, size: 1, content: .uniform(0xaa))
      : ReferenceRequest(address: Self.content, size: 16, content: .uniform(0))
    try writer.operation(
      .createReference(request, result: Int64(Self.descriptor)),
      clock: clock
    )
    try writer.operation(.unmap(address: Self.content, length: size, result: 0), clock: clock)
  }

  /// `memset`, with tags where the pattern is one.
  private func fill(_ writer: inout TraceWriter, _ clock: inout UInt64) throws(TraceError) {
    let accesses = UInt64(pageSize.bytes / HeapModel.bytesPerAccess)
    for page in 0..<pages(mapBytes) {
      let address = Self.mapping + page * UInt64(pageSize.bytes)
      clock += accesses
      try writer.touch(address, reads: 0, writes: accesses, clock: clock)
      guard let tag else { continue }
      let granules = UInt64(pageSize.granules)
      try writer.tagRun(address: address, granules: granules, tag: tag, clock: clock)
    }
  }

  private var mapOperation: MemoryOperation {
    let request = request(at: Self.mapping, bytes: mapBytes)
    let result = Int64(Self.mapping)
    switch method {
    case .memset: return .map(request, result: result)
    case .referencePages:
      return .mapReference(request, descriptor: Self.descriptor, offset: 0, result: result)
    case .tagHint: return .mapTagged(request, tag: tag ?? .zero, result: result)
    }
  }

  private func map(at address: UInt64, bytes: UInt64) -> MemoryOperation {
    .map(request(at: address, bytes: bytes), result: Int64(address))
  }

  private func request(at address: UInt64, bytes: UInt64) -> MappingRequest {
    MappingRequest(
      address: address,
      length: bytes,
      protection: tag == nil ? [.read, .write] : [.read, .write, .mte],
      flags: [.anonymous]
    )
  }

  private func pages(_ bytes: UInt64) -> UInt64 {
    (bytes + UInt64(pageSize.bytes) - 1) / UInt64(pageSize.bytes)
  }
}
