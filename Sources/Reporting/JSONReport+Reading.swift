// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension JSONReport {
  /// Reads a report that ``text(_:)`` wrote.
  ///
  /// Members may stand in any order and space may be anything, so that a report which another tool
  /// has sorted or reformatted is still one. Nothing may be missing, unknown or there twice: a
  /// number that is silently taken for 0 is worse than a refused file.
  ///
  /// - Throws: ``ReportError`` at the first place that does not fit the layout.
  /// - Complexity: O(*n*), where *n* is the number of bytes.
  public static func report(from bytes: [UInt8]) throws(ReportError) -> RunReport {
    let reader = ReportReader(parser: JSONParser(bytes))
    return try reader.report(try JSONParser.parse(bytes))
  }
}

/// Turns the nodes of a JSON text into a report.
private struct ReportReader {
  /// Only asked for the errors, since it knows the lines.
  let parser: JSONParser

  func report(_ node: JSONNode) throws(ReportError) -> RunReport {
    // First of all the version: with another one, any other complaint would mislead.
    if case .object(let members) = node.value,
      let schema = members.first(where: { $0.name == "schema" })?.node
    {
      guard case .string(RunReport.schema) = schema.value else {
        throw parser.error("\"\(RunReport.schema)\"", schema.kind, at: schema.offset)
      }
    }
    let members = try members(
      node,
      "a report",
      ["schema", "program_version", "traces", "machine", "designs"]
    )
    return RunReport(
      programVersion: try string(members[1]),
      traces: try list(members[2]) { (node) throws(ReportError) in try trace(node) },
      machine: try machine(members[3]),
      designs: try list(members[4]) { (node) throws(ReportError) in try design(node) }
    )
  }

  private func trace(_ node: JSONNode) throws(ReportError) -> TraceSummary {
    let members = try members(
      node,
      "a trace",
      ["name", "digest", "command_line", "copies", "events", "accesses", "pages"]
    )
    return TraceSummary(
      name: try string(members[0]),
      digest: try string(members[1]),
      commandLine: try string(members[2]),
      copies: Int(try number(members[3])),
      events: try number(members[4]),
      accesses: try number(members[5]),
      pages: try number(members[6])
    )
  }

  private func machine(_ node: JSONNode) throws(ReportError) -> MachineSummary {
    let members = try members(
      node,
      "the machine",
      [
        "ram_bytes", "page_bytes", "tag_storage_bytes", "block_pages", "swap_device", "swap_bytes",
        "page_cluster", "limit_bytes", "settings", "digest",
      ]
    )
    return MachineSummary(
      ramBytes: try number(members[0]),
      pageBytes: try number(members[1]),
      tagStorageBytes: try number(members[2]),
      blockPages: try number(members[3]),
      swapDevice: try string(members[4]),
      swapBytes: try number(members[5]),
      pageCluster: Int(try number(members[6])),
      limitBytes: try number(members[7]),
      settings: try list(members[8]) { (node) throws(ReportError) in try setting(node) },
      digest: try string(members[9])
    )
  }

  private func setting(_ node: JSONNode) throws(ReportError) -> MachineSetting {
    let members = try members(node, "a setting", ["name", "value", "default"])
    return MachineSetting(
      name: try string(members[0]),
      value: try string(members[1]),
      defaultValue: try string(members[2])
    )
  }

  private func design(_ node: JSONNode) throws(ReportError) -> DesignReport {
    let members = try members(
      node,
      "a design",
      [
        "design", "codec", "counters", "memory", "tag_overhead", "saved_tags", "stalls",
        "verification", "contents_digest",
      ]
    )
    var counters = CounterSet()
    let counts = try self.members(members[2], "the counters", Counter.allCases.map(\.name))
    for (counter, node) in zip(Counter.allCases, counts) { counters[counter] = try number(node) }
    let categories = MemoryCategory.allCases.map(\.name)
    var memory: [MemoryUse] = []
    for node in try self.members(members[3], "the memory", categories) {
      memory.append(try use(node))
    }
    return DesignReport(
      design: try string(members[0]),
      codec: try string(members[1]),
      counters: counters,
      memory: memory,
      tagOverhead: try use(members[4]),
      savedTags: try list(members[5]) { (node) throws(ReportError) in try savedTags(node) },
      stalls: try stalls(members[6]),
      verification: try verification(members[7]),
      contentsDigest: try string(members[8])
    )
  }

  private func stalls(_ node: JSONNode) throws(ReportError) -> StallReport {
    let members = try members(
      node,
      "the waits",
      StallSubject.allCases.map(\.rawValue) + ["tagged_allocation_classes"]
    )
    var stalls = StallReport()
    stalls.faults = try histogram(members[0])
    stalls.allocations = try histogram(members[1])
    let classes = try self.members(
      members[2],
      "the classes of allocations",
      AllocationClass.allCases.map(\.rawValue)
    )
    stalls.classes = []
    for node in classes {
      let fields = try self.members(
        node,
        "a class of allocations",
        AllocationClassField.allCases.map(\.rawValue)
      )
      stalls.classes.append(
        AllocationClassTotals(
          count: try number(fields[0]),
          migratedPages: try number(fields[1]),
          total: try number(fields[2]),
          maximum: try number(fields[3])
        )
      )
    }
    return stalls
  }

  /// A histogram of waits, whose derived numbers must be those of its buckets.
  private func histogram(_ node: JSONNode) throws(ReportError) -> StallHistogram {
    let statistics = StallStatistic.allCases
    let members = try members(
      node,
      "a histogram of waits",
      statistics.map(\.rawValue) + ["buckets"]
    )
    func stated(_ statistic: StallStatistic) throws(ReportError) -> UInt64 {
      guard let place = statistics.firstIndex(of: statistic) else { return 0 }
      return try number(members[place])
    }
    let found = StallHistogram(
      count: try stated(.count),
      total: try stated(.total),
      maximum: try stated(.max),
      buckets: try buckets(members[statistics.count])
    )
    guard let found else {
      throw parser.error("waits that go together", "others", at: node.offset)
    }
    for (statistic, node) in zip(statistics, members)
    where statistic.value(of: found) != (try number(node)) {
      throw parser.error(
        "\(statistic.value(of: found)) for \(statistic.rawValue)",
        "\(try number(node))",
        at: node.offset
      )
    }
    return found
  }

  private func buckets(_ node: JSONNode) throws(ReportError) -> [UInt64] {
    var counts: [UInt64] = []
    let pairs = try list(node) { (node) throws(ReportError) in
      let members = try members(node, "a bucket", ["least", "count"])
      return (least: try number(members[0]), count: try number(members[1]), node: node)
    }
    for pair in pairs {
      let bucket = StallHistogram.bucket(of: pair.least)
      guard bucket >= counts.count, pair.count > 0,
        StallHistogram.waits(in: bucket).lowerBound == pair.least
      else {
        throw parser.error(
          "the least wait of a bucket that follows, with a count",
          "\(pair.least)",
          at: pair.node.offset
        )
      }
      counts += [UInt64](repeating: 0, count: bucket - counts.count) + [pair.count]
    }
    return counts
  }

  private func use(_ node: JSONNode) throws(ReportError) -> MemoryUse {
    let members = try members(node, "a use of memory", ["mean", "peak", "last"])
    return MemoryUse(
      mean: try number(members[0]),
      peak: try number(members[1]),
      last: try number(members[2])
    )
  }

  private func savedTags(_ node: JSONNode) throws(ReportError) -> SavedTagClass {
    let members = try members(node, "a size class", ["bytes", "allocations", "frees", "peak"])
    let allocations = try number(members[1])
    let frees = try number(members[2])
    // `SavedTagClass.live` is a difference and must not become negative.
    guard frees <= allocations else {
      throw parser.error("at most \(allocations) frees", "\(frees)", at: members[2].offset)
    }
    return SavedTagClass(
      bytes: Int(try number(members[0])),
      allocations: allocations,
      frees: frees,
      peak: try number(members[3])
    )
  }

  private func verification(_ node: JSONNode) throws(ReportError) -> VerificationReport {
    let names = VerificationField.allCases.map(\.rawValue) + ["messages"]
    let members = try members(node, "the verification", names)
    var verification = VerificationReport()
    for (field, node) in zip(VerificationField.allCases, members) {
      verification[field] = try number(node)
    }
    verification.messages = try list(members[names.count - 1]) { (node) throws(ReportError) in
      try string(node)
    }
    return verification
  }

  // MARK: - Values

  /// The values of exactly the members `names`, in the order of `names`.
  private func members(
    _ node: JSONNode,
    _ what: String,
    _ names: [String]
  ) throws(ReportError) -> [JSONNode] {
    guard case .object(let members) = node.value else {
      throw parser.error("an object for \(what)", node.kind, at: node.offset)
    }
    for member in members where !names.contains(member.name) {
      throw parser.error("a member of \(what)", quoted(member.name), at: member.node.offset)
    }
    var nodes: [JSONNode] = []
    for name in names {
      guard let found = members.first(where: { $0.name == name }) else {
        throw parser.error("\"\(name)\" in \(what)", "an object without it", at: node.offset)
      }
      nodes.append(found.node)
    }
    return nodes
  }

  private func list<Element>(
    _ node: JSONNode,
    _ read: (JSONNode) throws(ReportError) -> Element
  ) throws(ReportError) -> [Element] {
    guard case .array(let nodes) = node.value else {
      throw parser.error("an array", node.kind, at: node.offset)
    }
    var elements: [Element] = []
    for node in nodes { elements.append(try read(node)) }
    return elements
  }

  private func string(_ node: JSONNode) throws(ReportError) -> String {
    guard case .string(let text) = node.value else {
      throw parser.error("a string", node.kind, at: node.offset)
    }
    return text
  }

  private func number(_ node: JSONNode) throws(ReportError) -> UInt64 {
    guard case .number(let number) = node.value else {
      throw parser.error("a whole number", node.kind, at: node.offset)
    }
    return number
  }
}
