// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension JSONReport {
  /// Reads a report that ``text(_:)`` wrote.
  ///
  /// Members may stand in any order and space may be anything, so that a report which another tool
  /// has sorted or reformatted is still one. Nothing may be missing, unknown or there twice: a
  /// number that is silently taken for 0 is worse than a refused file.
  ///
  /// - Throws: ``ReportError`` at the first place that is no JSON, else at the version where that is
  ///   another one, else at the first place that does not fit the layout.
  /// - Complexity: O(*n*), where *n* is the number of bytes; nothing is kept but the report.
  public static func report(from bytes: [UInt8]) throws(ReportError) -> RunReport {
    do throws(ReportError) {
      var reader = ReportReader(bytes)
      return try reader.wholeReport()
    } catch {
      // Only now the text is taken apart as a whole: what is no JSON, and a report of another version,
      // are to be called that whatever else is unexpected before.
      try checkVersion(try JSONParser.parse(bytes), bytes)
      throw error
    }
  }

  private static func checkVersion(_ node: JSONNode, _ bytes: [UInt8]) throws(ReportError) {
    guard case .object(let members) = node.value,
      let schema = members.first(where: { $0.name == "schema" })?.node
    else { return }
    guard case .string(RunReport.schema) = schema.value else {
      throw JSONParser(bytes).error("\"\(RunReport.schema)\"", schema.kind, at: schema.offset)
    }
  }
}

/// The members that an object has, in the order in which reports are written.
private struct ObjectLayout {
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
      "design", "codec", "counters", "memory", "tag_overhead", "saved_tags", "verification",
      "contents_digest",
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
}

/// Reads the values of a report as they come, without keeping the text's own structure.
private struct ReportReader {
  private var parser: JSONParser

  init(_ bytes: [UInt8]) { parser = JSONParser(bytes) }

  mutating func wholeReport() throws(ReportError) -> RunReport {
    parser.skipSpace()
    var report = RunReport(
      programVersion: "",
      traces: [],
      machine: Self.noMachine,
      designs: []
    )
    try object(.report) { (reader, member) throws(ReportError) in
      switch member {
      case 0:
        let offset = reader.parser.position
        let schema = try reader.string()
        guard schema == RunReport.schema else {
          throw reader.parser.error("\"\(RunReport.schema)\"", quoted(schema), at: offset)
        }
      case 1: report.programVersion = try reader.string()
      case 2:
        try reader.array { (reader) throws(ReportError) in report.traces.append(try reader.trace())
        }
      case 3: report.machine = try reader.machine()
      default:
        try reader.array { (reader) throws(ReportError) in
          report.designs.append(try reader.design())
        }
      }
    }
    parser.skipSpace()
    if parser.position < parser.bytes.count {
      throw parser.error("the end of the file", parser.foundHere)
    }
    return report
  }

  private mutating func trace() throws(ReportError) -> TraceSummary {
    var trace = TraceSummary(
      name: "",
      digest: "",
      commandLine: "",
      copies: 0,
      events: 0,
      accesses: 0,
      pages: 0
    )
    try object(.trace) { (reader, member) throws(ReportError) in
      switch member {
      case 0: trace.name = try reader.string()
      case 1: trace.digest = try reader.string()
      case 2: trace.commandLine = try reader.string()
      case 3: trace.copies = Int(try reader.number())
      case 4: trace.events = try reader.number()
      case 5: trace.accesses = try reader.number()
      default: trace.pages = try reader.number()
      }
    }
    return trace
  }

  private static let noMachine = MachineSummary(
    ramBytes: 0,
    pageBytes: 0,
    tagStorageBytes: 0,
    blockPages: 0,
    swapDevice: "",
    swapBytes: 0,
    pageCluster: 0,
    limitBytes: 0,
    settings: [],
    digest: ""
  )

  private mutating func machine() throws(ReportError) -> MachineSummary {
    var machine = Self.noMachine
    try object(.machine) { (reader, member) throws(ReportError) in
      switch member {
      case 0: machine.ramBytes = try reader.number()
      case 1: machine.pageBytes = try reader.number()
      case 2: machine.tagStorageBytes = try reader.number()
      case 3: machine.blockPages = try reader.number()
      case 4: machine.swapDevice = try reader.string()
      case 5: machine.swapBytes = try reader.number()
      case 6: machine.pageCluster = Int(try reader.number())
      case 7: machine.limitBytes = try reader.number()
      case 8:
        try reader.array { (reader) throws(ReportError) in
          machine.settings.append(try reader.setting())
        }
      default: machine.digest = try reader.string()
      }
    }
    return machine
  }

  private mutating func setting() throws(ReportError) -> MachineSetting {
    var parts = ["", "", ""]
    try object(.setting) { (reader, member) throws(ReportError) in
      parts[member] = try reader.string()
    }
    return MachineSetting(name: parts[0], value: parts[1], defaultValue: parts[2])
  }

  private mutating func design() throws(ReportError) -> DesignReport {
    var design = DesignReport(
      design: "",
      codec: "",
      counters: CounterSet(),
      memory: MemoryCategory.allCases.map { _ in MemoryUse() },
      tagOverhead: MemoryUse(),
      savedTags: [],
      verification: VerificationReport(),
      contentsDigest: ""
    )
    try object(.design) { (reader, member) throws(ReportError) in
      switch member {
      case 0: design.design = try reader.string()
      case 1: design.codec = try reader.string()
      case 2:
        try reader.object(.counters) { (reader, member) throws(ReportError) in
          design.counters[Counter.allCases[member]] = try reader.number()
        }
      case 3:
        try reader.object(.memory) { (reader, member) throws(ReportError) in
          design.memory[member] = try reader.use()
        }
      case 4: design.tagOverhead = try reader.use()
      case 5:
        try reader.array { (reader) throws(ReportError) in
          design.savedTags.append(try reader.savedTags())
        }
      case 6: design.verification = try reader.verification()
      default: design.contentsDigest = try reader.string()
      }
    }
    return design
  }

  private mutating func use() throws(ReportError) -> MemoryUse {
    var use = MemoryUse()
    try object(.use) { (reader, member) throws(ReportError) in
      switch member {
      case 0: use.mean = try reader.number()
      case 1: use.peak = try reader.number()
      default: use.last = try reader.number()
      }
    }
    return use
  }

  private mutating func savedTags() throws(ReportError) -> SavedTagClass {
    var (bytes, allocations, frees, peak) = (0, UInt64(0), UInt64(0), UInt64(0))
    var offset = 0
    try object(.savedTags) { (reader, member) throws(ReportError) in
      switch member {
      case 0: bytes = Int(try reader.number())
      case 1: allocations = try reader.number()
      case 2:
        offset = reader.parser.position
        frees = try reader.number()
      default: peak = try reader.number()
      }
    }
    // `SavedTagClass.live` is a difference and must not become negative.
    guard frees <= allocations else {
      throw parser.error("at most \(allocations) frees", "\(frees)", at: offset)
    }
    return SavedTagClass(bytes: bytes, allocations: allocations, frees: frees, peak: peak)
  }

  private mutating func verification() throws(ReportError) -> VerificationReport {
    var verification = VerificationReport()
    try object(.verification) { (reader, member) throws(ReportError) in
      guard member < VerificationField.allCases.count else {
        return try reader.array { (reader) throws(ReportError) in
          verification.messages.append(try reader.string())
        }
      }
      verification[VerificationField.allCases[member]] = try reader.number()
    }
    return verification
  }

  // MARK: - Values

  /// Reads an object that has exactly the members of a layout, and calls `body` where the value of each
  /// begins, with its place in the layout.
  private mutating func object(
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
  private mutating func member(
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

  private mutating func goToValue() throws(ReportError) {
    parser.skipSpace()
    guard parser.take(":") else { throw parser.error("':'", parser.foundHere) }
    parser.skipSpace()
  }

  private mutating func array(
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

  private mutating func string() throws(ReportError) -> String {
    guard parser.peek == UInt8(ascii: "\"") else {
      throw parser.error("a string", try kindHere(), at: parser.position)
    }
    return try parser.string()
  }

  private mutating func number() throws(ReportError) -> UInt64 {
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
