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

/// Reads the values of a report as they come, without keeping the text's own structure.
struct ReportReader {
  var parser: JSONParser

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
      case 6: design.stalls = try reader.stalls()
      case 7: design.verification = try reader.verification()
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
}
