// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TraceFormat

/// `mtesim trace info`: what a trace is and adds up to.
struct TraceInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Prints what traces say about themselves and what their events add up to.",
    discussion: "Example: mtesim trace info Traces/recorded/lua-glibc.mtt"
  )

  @Argument(help: "Containers or text traces.", completion: .file(extensions: ["mtt", "trace"]))
  var traces: [String]

  func run() throws {
    for (index, path) in traces.enumerated() {
      let reader = try TraceReader.open(path: path)
      let scan = try TraceScan(reader)
      if index > 0 { print() }
      for line in Self.lines(reader, scan) { print(line) }
    }
  }

  /// The lines of one trace: a name of 18 columns and a value.
  static func lines(_ reader: TraceReader, _ scan: TraceScan) -> [String] {
    let header = reader.header
    let totals = reader.totals
    var rows: [(String, String)] = [
      ("trace", reader.name),
      ("recorder", header.recorder),
      ("command", header.commandLine),
      ("note", header.note),
      ("page size", header.pageSize.name),
      ("filter", filter(header)),
      ("digest", reader.digest),
      ("bytes", "\(reader.byteCount)"),
      ("blocks", "\(reader.blockCount)"),
      ("records", "\(totals.records)"),
      ("  touches", "\(totals.touches)"),
      ("  exact accesses", "\(totals.exactAccesses)"),
      ("  tag runs", "\(totals.tagRuns)"),
      ("  operations", "\(totals.operations)"),
      ("accesses", "\(totals.accesses)"),
      ("touched for read", "\(scan.reads)"),
      ("touched for write", "\(scan.writes)"),
      ("pages", "\(totals.pages)"),
      ("processes", "\(scan.processes)"),
      ("last thread", "\(scan.lastThread)"),
      ("initial mappings", "\(header.initialMappings.count)"),
      ("inferred mappings", "\(scan.inferredMappings)"),
      ("impossible events", "\(scan.impossibleEvents)"),
      ("tag snapshots", "\(totals.tagSnapshots)"),
      ("granules tagged", "\(totals.taggedGranules)"),
    ]
    for (tag, count) in scan.granulesByTag.enumerated() where totals.taggedGranules > 0 {
      rows.append(("  with tag \(tag)", "\(count)"))
    }
    return rows.filter { !$0.1.isEmpty }.map { name, value in
      name + String(repeating: " ", count: 18 - name.count) + value
    }
  }

  private static func filter(_ header: TraceHeader) -> String {
    header.filterWindowAccesses == 0
      ? "none"
      : "\(header.filterEntries) pages, forgotten every \(header.filterWindowAccesses) accesses"
  }
}
