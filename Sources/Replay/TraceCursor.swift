// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// One instance of a trace on its way through a machine.
///
/// A final class because several cursors are kept in an array while the machine, which no array can
/// hold, is passed along; a cursor is used by one replay only.
final class TraceCursor {
  /// The trace.
  let reader: TraceReader
  /// The name in messages: the trace's, with the instance's number where there are several.
  let name: String
  /// The machine's numbers of the trace's processes.
  var processes: [UInt32: Int]
  /// The machine's number of the process that the next event belongs to.
  var current: Int
  /// The clock of the last event performed.
  var clock: UInt64 = 0

  private(set) var batch = EventBatch()
  private(set) var position = 0
  private(set) var isAtEnd = false

  init(reader: TraceReader, name: String, process: Int) throws(TraceError) {
    self.reader = reader
    self.name = name
    processes = [0: process]
    current = process
    try loadBatch()
  }

  /// The next event.
  ///
  /// - Precondition: the trace is not at its end.
  var record: EventRecord { batch.records[position] }

  /// The operation that a record of kind `operation` refers to.
  func operation(of record: EventRecord) -> MemoryOperation {
    batch.operations[Int(record.page)]
  }

  /// The clock of the next event.
  var nextClock: UInt64 { record.clock }

  /// Where the next event stands, for messages.
  var place: String {
    let number = batch.firstRecordNumber + UInt64(position)
    return "\(name):record \(number):+\(batch.fileOffset)"
  }

  /// Goes on to the event at `position` of the batch, which may be its end.
  func advance(to position: Int) throws(TraceError) {
    if position > self.position { clock = batch.records[position - 1].clock }
    self.position = position
    if position == batch.records.count { try loadBatch() }
  }

  private func loadBatch() throws(TraceError) {
    repeat {
      position = 0
      guard try reader.next(into: &batch) else {
        isAtEnd = true
        return
      }
    } while batch.records.isEmpty
  }
}
