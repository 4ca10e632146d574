// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// The initial mappings and the events of a container, as text traces write them.
func printedLines(_ bytes: [UInt8]) throws(TraceError) -> [String] {
  let reader = try TraceReader(bytes: bytes, name: "printed")
  var lines = TracePrinter.lines(reader.header).filter { $0.hasPrefix("mapped") }
  var printer = TracePrinter(pageSize: reader.header.pageSize, pages: reader.pages)
  var batch = EventBatch()
  while try reader.next(into: &batch) {
    for record in batch.records {
      if let line = printer.print(record, in: batch) { lines.append(line) }
    }
  }
  if let line = printer.finish() { lines.append(line) }
  return lines
}
