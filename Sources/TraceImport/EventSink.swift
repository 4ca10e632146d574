// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// Hands imported events to a trace writer: keeps the clock, the threads and the mappings, and holds
/// back what the recorder writes too early.
struct EventSink: ~Copyable {
  /// The thread that events belong to.
  private(set) var thread: UInt32 = 0

  private let output: String?
  private let description: ImportDescription
  private let level: Int
  private var initialMappings: [MappingRequest] = []
  private var writer: TraceWriter?
  private var clock: UInt64 = 0
  private var mapped = MappedRanges(pageSize: .kib4)
  /// Pages known to be mapped; forgotten whenever mappings change.
  private var lastMappedPage: UInt64 = .max
  private var liveThreads = 1
  private var children: UInt32 = 0
  private var exitStatus: Int32?
  private var hasPendingExec = false

  init(output: String?, description: ImportDescription, level: Int) {
    self.output = output
    self.description = description
    self.level = level
  }

  /// Whether the last record was an exec, which succeeded if nothing follows.
  var endsInExec: Bool { hasPendingExec }

  /// Adds the accesses that the current thread has made since its last record.
  ///
  /// The sum over all threads is the clock of the process.
  @inline(__always)
  mutating func advance(
    _ accesses: UInt64,
    _ stream: borrowing RecordingStream
  ) throws(TraceError) {
    guard accesses <= EventRecord.largestClock - clock else {
      throw stream.error(expected: "a clock below 2^48", found: "\(accesses) more than \(clock)")
    }
    clock += accesses
  }

  /// Adds a mapping that existed when recording began.
  mutating func initialMapping(_ request: MappingRequest) throws(TraceError) {
    guard writer == nil else {
      // A late one can only be an event.
      var fixed = request
      fixed.flags.insert(.fixed)
      try operation(.map(fixed, result: Int64(request.address)))
      return
    }
    initialMappings.append(request)
    mapped.insert(request)
  }

  mutating func switchThread(
    to number: UInt32,
    _ stream: borrowing RecordingStream
  ) throws(TraceError) {
    guard number != thread else { return }
    thread = number
    try operation(.thread(number))
  }

  mutating func touch(
    _ address: UInt64,
    isWrite: Bool,
    _ stream: borrowing RecordingStream,
    _ report: inout ImportReport
  ) throws(TraceError) {
    try prepare()
    try inferMapping(address, isTagged: false, &report)
    try writer?.touch(
      address,
      reads: isWrite ? 0 : 1,
      writes: isWrite ? 1 : 0,
      clock: clock
    )
  }

  mutating func access(
    _ address: UInt64,
    size: UInt64,
    isWrite: Bool,
    _ stream: borrowing RecordingStream,
    _ report: inout ImportReport
  ) throws(TraceError) {
    try prepare()
    try inferMapping(address, isTagged: false, &report)
    try inferMapping(address + size - 1, isTagged: false, &report)
    try writer?.access(
      address: address,
      size: size,
      isWrite: isWrite,
      pointerTag: nil,
      clock: clock
    )
  }

  mutating func tagRun(
    granule: UInt64,
    _ granules: UInt64,
    _ tag: MemoryTag,
    _ stream: borrowing RecordingStream,
    _ report: inout ImportReport
  ) throws(TraceError) {
    try prepare()
    let address = granule * UInt64(MemoryTag.granuleBytes)
    let end = address + granules * UInt64(MemoryTag.granuleBytes)
    var next = address
    while next < end {
      try inferMapping(next, isTagged: true, &report)
      next = (next | 4095) + 1
    }
    try writer?.tagRun(address: address, granules: granules, tag: tag, clock: clock)
  }

  mutating func kernelCopy(
    _ address: UInt64,
    _ length: UInt64,
    intoUser: Bool,
    _ stream: borrowing RecordingStream,
    _ report: inout ImportReport
  ) throws(TraceError) {
    try prepare()
    var next = address
    while next < address + length {
      try inferMapping(next, isTagged: false, &report)
      next = (next | 4095) + 1
    }
    try operation(.kernelCopy(address: address, length: length, intoUser: intoUser))
  }

  mutating func systemCall(
    _ call: SystemCall,
    _ report: inout ImportReport
  ) throws(TraceError) {
    try prepare()
    if call.result < 0 { report.failedCalls += 1 }
    if let event = call.operation {
      try operation(event)
      return
    }
    switch call.number {
    case SystemCall.Number.clone:
      guard call.result > 0 else { return }
      if call.arguments[0] & SystemCall.cloneSharesMemory != 0 {
        liveThreads += 1
      } else {
        try fork(&report)
      }
    case SystemCall.Number.execve: hasPendingExec = true
    case SystemCall.Number.exit:
      // Ends one thread, and the process with its last one.
      liveThreads -= 1
      if liveThreads <= 0 { exitStatus = Self.status(call) }
    case SystemCall.Number.exitGroup: exitStatus = Self.status(call)
    default: report.countOther(call.number)
    }
  }

  private static func status(_ call: SystemCall) -> Int32 {
    Int32(truncatingIfNeeded: call.arguments[0] & 0xff)
  }

  /// The child's events are in a recording of their own, so that here it ends at once: the parent's
  /// pages become copy-on-write and find themselves alone again at their next write.
  private mutating func fork(_ report: inout ImportReport) throws(TraceError) {
    report.forks += 1
    children += 1
    try operation(.fork(child: children))
    try operation(.process(children))
    try operation(.exit(status: 0))
    try operation(.process(0))
    if thread != 0 { try operation(.thread(thread)) }
  }

  /// Writes an operation at the current clock.
  mutating func operation(_ operation: MemoryOperation) throws(TraceError) {
    try prepare()
    if mapped.apply(operation) { lastMappedPage = .max }
    try writer?.operation(operation, clock: clock)
  }

  /// Adds a mapping of one page where the recording touches a page that nothing maps.
  ///
  /// This keeps the rule that every touch of an imported trace lies in a mapping, whatever the
  /// recorder could not see. The mapping is private and anonymous, may be read and written, and is
  /// tagged if the touch is a tag store.
  private mutating func inferMapping(
    _ address: UInt64,
    isTagged: Bool,
    _ report: inout ImportReport
  ) throws(TraceError) {
    let page = address & ~4095
    guard page != lastMappedPage else { return }
    if mapped.lookup(page) == nil {
      report.inferredPages += 1
      let request = MappingRequest(
        address: page,
        length: 4096,
        protection: isTagged ? [.read, .write, .mte] : [.read, .write],
        flags: [.anonymous, .fixed, .inferred]
      )
      try operation(.map(request, result: Int64(page)))
    }
    lastMappedPage = page
  }

  /// Creates the writer at the first event: by then the initial mappings are known.
  private mutating func prepare() throws(TraceError) {
    // Something follows the exec, so it failed, and changed nothing.
    hasPendingExec = false
    guard writer == nil else { return }
    let header = TraceHeader(
      pageSize: .kib4,
      recorder: description.recorder,
      commandLine: description.commandLine,
      note: description.note,
      filterWindowAccesses: description.filterWindowAccesses,
      filterEntries: description.filterEntries,
      initialMappings: initialMappings
    )
    if let output {
      writer = try TraceWriter(path: output, header: header, level: level)
    } else {
      writer = try TraceWriter(header: header, level: level)
    }
  }

  /// Ends the trace.
  ///
  /// The end of the process comes last: the recorder sees the call that ends it first and then reads
  /// the tags, while the address space still exists.
  consuming func finish(_ report: inout ImportReport) throws(TraceError) {
    let isExec = hasPendingExec
    try prepare()
    if isExec { try operation(.exec) }
    if let exitStatus { try operation(.exit(status: exitStatus)) }
    report.written = try writer.take()?.finish()
  }
}
