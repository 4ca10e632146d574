// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// All events of a trace in memory, each by itself, so that any of them can be left out.
struct TraceEvents {
  /// One event.
  enum Event: Equatable {
    /// A touch, an access or a tag store of the page at an address.
    case memory(EventRecord, page: UInt64)
    /// Anything else.
    case operation(MemoryOperation)

    /// The page that a touch, an access or a tag store concerns.
    var page: UInt64? {
      if case .memory(_, let page) = self { page } else { nil }
    }

    /// Whether it says what must be, and does nothing.
    var isCheck: Bool {
      switch self {
      case .operation(.tagSnapshot), .operation(.expect), .operation(.expectTags): true
      default: false
      }
    }
  }

  /// The header.
  var header: TraceHeader
  /// The events in their order.
  var events: [Event]

  /// Reads the first `count` events of a trace.
  init(_ reader: TraceReader, first count: UInt64) throws(TraceError) {
    header = reader.header
    header.recorder = ""
    header.commandLine = ""
    header.note = ""
    header.filterEntries = 0
    header.filterWindowAccesses = 0
    events = []
    let shift = UInt64(reader.header.pageSize.shift)
    var batch = EventBatch()
    while UInt64(events.count) < count, try reader.next(into: &batch) {
      for record in batch.records.prefix(Int(clamping: count - UInt64(events.count))) {
        if record.kind == .operation {
          events.append(.operation(batch.operations[Int(record.page)]))
        } else {
          events.append(.memory(record, page: reader.pages[Int(record.page)] << shift))
        }
      }
    }
  }

  /// The events as a container, with clocks that count the accesses that are left.
  func container() throws(TraceError) -> [UInt8] {
    var writer = try TraceWriter(header: header, level: 1)
    var clock: UInt64 = 0
    for event in events {
      switch event {
      case .operation(let operation):
        try writer.operation(operation, clock: clock)
      case .memory(let record, let page):
        clock += Self.accesses(record)
        try writer.copy(record, at: page, clock: clock)
      }
    }
    return try writer.finish().bytes
  }

  /// The events as text.
  func text() throws(TraceError) -> String {
    let reader = try TraceReader(bytes: try container(), name: "shrunk")
    var lines = TracePrinter.lines(header)
    var printer = TracePrinter(pageSize: header.pageSize, pages: reader.pages)
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for record in batch.records {
        if let line = printer.print(record, in: batch) { lines.append(line) }
      }
    }
    if let line = printer.finish() { lines.append(line) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// How far a record moves the clock.
  private static func accesses(_ record: EventRecord) -> UInt64 {
    switch record.kind {
    case .touch: UInt64(record.detail) + UInt64(record.count)
    case .access: 1
    case .tagRun, .operation: 0
    }
  }
}
