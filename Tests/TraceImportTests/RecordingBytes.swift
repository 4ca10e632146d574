// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing
import TraceFormat

@testable import TraceImport

/// A recording made by hand.
struct RecordingBytes {
  var bytes: [UInt8] = Array("MTETRC0\n".utf8)

  mutating func unsigned(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func signed(_ value: Int64) {
    unsigned(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func end() { bytes.append(0) }

  mutating func page(_ delta: Int64, isWrite: Bool = false, skipped: UInt64 = 0) {
    bytes.append(isWrite ? 0x11 : 0x01)
    unsigned(skipped)
    signed(delta)
  }

  mutating func full(_ delta: Int64, sizeShift: UInt8, isWrite: Bool) {
    bytes.append(2 | sizeShift << 4 | (isWrite ? 0x80 : 0))
    signed(delta)
  }

  mutating func tag(_ tag: UInt8, _ delta: Int64, _ granules: UInt64, skipped: UInt64 = 0) {
    bytes.append(3 | tag << 4)
    unsigned(skipped)
    signed(delta)
    unsigned(granules)
  }

  mutating func call(
    _ number: UInt64,
    _ arguments: [UInt64],
    result: Int64,
    skipped: UInt64 = 0
  ) {
    bytes.append(4)
    unsigned(skipped)
    unsigned(number)
    for index in 0..<6 { unsigned(index < arguments.count ? arguments[index] : 0) }
    signed(result)
  }

  mutating func mapping(_ page: UInt64, _ pages: UInt64, _ bits: UInt64, isFile: Bool = false) {
    bytes.append(isFile ? 0x15 : 0x05)
    unsigned(page)
    unsigned(pages)
    unsigned(bits)
  }

  mutating func thread(_ number: UInt64) {
    bytes.append(6)
    unsigned(number)
  }

  mutating func copy(_ address: UInt64, _ length: UInt64, intoUser: Bool, skipped: UInt64 = 0) {
    bytes.append(intoUser ? 0x17 : 0x07)
    unsigned(skipped)
    unsigned(address)
    unsigned(length)
  }

  mutating func fork() {
    bytes.append(8)
    unsigned(100)
    unsigned(0)
  }

  mutating func truth(_ page: UInt64, _ byte: UInt8) {
    bytes.append(10)
    unsigned(page)
    bytes.append(contentsOf: repeatElement(byte, count: 128))
  }
}

/// Imports bytes by way of a file, and removes it.
func importing(_ bytes: [UInt8]) throws -> (report: ImportReport, text: [String]) {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try Data(bytes).write(to: url)
  defer { try? FileManager.default.removeItem(at: url) }
  let report: ImportReport
  do throws(TraceError) {
    report = try RecordingImporter.importRecording(path: url.path)
  } catch {
    throw TraceError(
      kind: error.kind,
      path: "r",
      location: error.location,
      expected: error.expected,
      found: error.found
    )
  }
  let reader = try TraceReader(bytes: report.written?.bytes ?? [], name: "t")
  var lines = TracePrinter.lines(reader.header).filter { $0.hasPrefix("mapped") }
  var printer = TracePrinter(pageSize: .kib4, pages: reader.pages)
  var batch = EventBatch()
  while try reader.next(into: &batch) {
    for record in batch.records {
      if let line = printer.print(record, in: batch) { lines.append(line) }
    }
  }
  if let line = printer.finish() { lines.append(line) }
  _ = try TraceScan(reader)
  return (report, lines)
}

/// The message of the error that importing these bytes throws, or `none`.
func importError(_ bytes: [UInt8]) -> String {
  do {
    _ = try importing(bytes)
    return "none"
  } catch {
    return "\(error)"
  }
}
