// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The members that an object has, in the order in which reports are written.
struct ObjectLayout {
  /// What errors call the object.
  let what: String
  let names: [String]
  /// The names as bytes, so that the usual order needs no string.
  let bytes: [[UInt8]]

  init(_ what: String, _ names: [String]) {
    self.what = what
    self.names = names
    bytes = names.map { Array($0.utf8) }
  }

  static let report = ObjectLayout(
    "a report",
    ["schema", "program_version", "traces", "machine", "designs"]
  )
  static let trace = ObjectLayout(
    "a trace",
    ["name", "digest", "command_line", "copies", "events", "accesses", "pages"]
  )
  static let machine = ObjectLayout(
    "the machine",
    [
      "ram_bytes", "page_bytes", "tag_storage_bytes", "block_pages", "swap_device", "swap_bytes",
      "page_cluster", "limit_bytes", "settings", "digest",
    ]
  )
  static let setting = ObjectLayout("a setting", ["name", "value", "default"])
  static let design = ObjectLayout(
    "a design",
    [
      "design", "codec", "counters", "memory", "tag_overhead", "saved_tags", "stalls",
      "verification", "contents_digest",
    ]
  )
  static let counters = ObjectLayout("the counters", Counter.allCases.map(\.name))
  static let memory = ObjectLayout("the memory", MemoryCategory.allCases.map(\.name))
  static let use = ObjectLayout("a use of memory", ["mean", "peak", "last"])
  static let savedTags = ObjectLayout("a size class", ["bytes", "allocations", "frees", "peak"])
  static let verification = ObjectLayout(
    "the verification",
    VerificationField.allCases.map(\.rawValue) + ["messages"]
  )

  static let stalls = ObjectLayout(
    "the waits",
    StallSubject.allCases.map(\.rawValue) + ["tagged_allocation_classes"]
  )
  static let histogram = ObjectLayout(
    "a histogram of waits",
    StallStatistic.allCases.map(\.rawValue) + ["buckets"]
  )
  static let bucket = ObjectLayout("a bucket", ["least", "count"])
  static let allocationClasses = ObjectLayout(
    "the classes of allocations",
    AllocationClass.allCases.map(\.rawValue)
  )
  static let allocationClass = ObjectLayout(
    "a class of allocations",
    AllocationClassField.allCases.map(\.rawValue)
  )
}

// Objects, arrays and values of a report, as they come.
extension ReportReader {
  /// Reads an object that has exactly the members of a layout, and calls `body` where the value of each
  /// begins, with its place in the layout.
  mutating func object(
    _ layout: ObjectLayout,
    _ body: (inout ReportReader, _ member: Int) throws(ReportError) -> Void
  ) throws(ReportError) {
    let start = parser.position
    guard parser.take("{") else {
      throw parser.error("an object for \(layout.what)", try kindHere(), at: start)
    }
    // Members before `next` have been read, and those in `later`, which only another order fills.
    var next = 0
    var later: Set<Int> = []
    parser.skipSpace()
    if !parser.take("}") {
      repeat {
        parser.skipSpace()
        let member: Int
        if next < layout.bytes.count, parser.takeName(layout.bytes[next]) {
          member = next
          try goToValue()
        } else {
          member = try self.member(of: layout, unless: { $0 < next || later.contains($0) })
        }
        if member == next { next += 1 } else { later.insert(member) }
        while !later.isEmpty, later.remove(next) != nil { next += 1 }
        try body(&self, member)
        parser.skipSpace()
      } while parser.take(",")
      guard parser.take("}") else { throw parser.error("',' or '}'", parser.foundHere) }
    }
    guard next == layout.names.count else {
      throw parser.error(
        "\"\(layout.names[next])\" in \(layout.what)",
        "an object without it",
        at: start
      )
    }
  }

  /// Goes over the name of a member and to its value.
  mutating func member(
    of layout: ObjectLayout,
    unless isRead: (Int) -> Bool
  ) throws(ReportError) -> Int {
    let start = parser.position
    guard parser.peek == UInt8(ascii: "\"") else {
      throw parser.error("a name in quotation marks", parser.foundHere)
    }
    let name = try parser.string()
    try goToValue()
    guard let member = layout.names.firstIndex(of: name) else {
      throw parser.error("a member of \(layout.what)", quoted(name))
    }
    guard !isRead(member) else {
      throw parser.error("each name once", "\(quoted(name)) again", at: start)
    }
    return member
  }

  mutating func goToValue() throws(ReportError) {
    parser.skipSpace()
    guard parser.take(":") else { throw parser.error("':'", parser.foundHere) }
    parser.skipSpace()
  }

  mutating func array(
    _ element: (inout ReportReader) throws(ReportError) -> Void
  ) throws(ReportError) {
    let start = parser.position
    guard parser.take("[") else { throw parser.error("an array", try kindHere(), at: start) }
    parser.skipSpace()
    if parser.take("]") { return }
    repeat {
      parser.skipSpace()
      try element(&self)
      parser.skipSpace()
    } while parser.take(",")
    guard parser.take("]") else { throw parser.error("',' or ']'", parser.foundHere) }
  }

  mutating func string() throws(ReportError) -> String {
    guard parser.peek == UInt8(ascii: "\"") else {
      throw parser.error("a string", try kindHere(), at: parser.position)
    }
    return try parser.string()
  }

  mutating func number() throws(ReportError) -> UInt64 {
    guard let byte = parser.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
      throw parser.error("a whole number", try kindHere(), at: parser.position)
    }
    return try parser.number()
  }

  /// What an error calls the value that stands here.
  private func kindHere() throws(ReportError) -> String {
    var ahead = parser
    return try ahead.value(depth: 0).kind
  }
}
