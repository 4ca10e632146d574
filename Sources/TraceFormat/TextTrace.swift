// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The text form of traces: one event a line.
///
/// TextTraces.md lists the lines.
public enum TextTrace {
  /// Builds a container from text.
  ///
  /// `text` is the whole file, `name` its name in errors.
  ///
  /// - Returns: what the writer wrote; its bytes are the container.
  /// - Throws: at the first line that is not valid.
  public static func container(
    text: [UInt8],
    name: String,
    level: Int = 3
  ) throws(TraceError) -> WrittenTrace {
    try build(text: text, name: name) { header throws(TraceError) in
      try TraceWriter(header: header, level: level)
    }
  }

  /// Builds a container file from text.
  ///
  /// - Returns: what the writer wrote.
  /// - Throws: at the first line that is not valid, or where the file cannot be written; no file is
  ///   left then.
  public static func writeContainer(
    text: [UInt8],
    name: String,
    output: String,
    level: Int
  ) throws(TraceError) -> WrittenTrace {
    try build(text: text, name: name) { header throws(TraceError) in
      try TraceWriter(path: output, header: header, level: level)
    }
  }

  private static func build(
    text: [UInt8],
    name: String,
    makeWriter: (TraceHeader) throws(TraceError) -> TraceWriter
  ) throws(TraceError) -> WrittenTrace {
    let lines = try lines(text, name)
    var parser = HeaderParser()
    var first = lines.count
    for (index, line) in lines.enumerated() where !(try parser.take(line)) {
      first = index
      break
    }
    var events = EventParser(
      writer: try makeWriter(parser.header),
      pageSize: parser.header.pageSize
    )
    for line in lines[first...] { try events.take(line) }
    return try events.finish()
  }

  /// Cuts text into lines that are not empty.
  private static func lines(_ text: [UInt8], _ name: String) throws(TraceError) -> [TextLine] {
    var lines: [TextLine] = []
    var start = 0
    var number = 1
    while start < text.count {
      let end = text[start...].firstIndex(of: 0x0a) ?? text.count
      guard let string = String(validating: text[start..<end], as: UTF8.self) else {
        throw .bad(
          name,
          .line(number, byteOffset: start),
          expected: "text in UTF-8, or the magic of a trace container",
          found: "other bytes"
        )
      }
      let line = TextLine(path: name, number: number, byteOffset: start, text: string[...])
      if !line.words.isEmpty { lines.append(line) }
      start = end + 1
      number += 1
    }
    return lines
  }
}

/// Reads the lines before the first event.
private struct HeaderParser {
  var header = TraceHeader()

  /// Reads a line.
  ///
  /// - Returns: whether the line belongs to the header.
  mutating func take(_ whole: TextLine) throws(TraceError) -> Bool {
    var line = whole
    let word = try line.word("a line")
    switch word.text {
    case "page-size":
      let bytes = try line.number("a page size")
      guard let size = PageSize.allCases.first(where: { UInt64($0.bytes) == bytes }) else {
        throw line.error(
          expected: "a page size of 4K, 16K or 64K",
          found: "\(bytes)",
          at: line.words[1].byteOffset
        )
      }
      header.pageSize = size
    case "recorder": header.recorder = try literal(&line)
    case "command": header.commandLine = try literal(&line)
    case "note": header.note = try literal(&line)
    case "filter":
      header.filterWindowAccesses = try line.number("a window in accesses")
      header.filterEntries = try line.number("a number of entries")
    case "mapped":
      header.initialMappings.append(try line.mapping())
    default: return false
    }
    try line.checkEnd()
    return true
  }

  private func literal(_ line: inout TextLine) throws(TraceError) -> String {
    let text = TextWords.unescaped(line.literalRest())
    guard text.utf8.count < ContainerLayout.largestStringBytes else {
      throw line.error(
        expected: "less than 64 KiB of text",
        found: "\(text.utf8.count) bytes",
        at: line.byteOffset
      )
    }
    return text
  }
}
