// SPDX-License-Identifier: Apache-2.0

public import MachineFile
import MachineModel
import MemoryModel
public import Replay
import TagCompression
import TagStorage
import Yams

/// What a project wants verified, as a file.
///
/// A suite is a YAML mapping. Its list `verify` holds one mapping for each product of traces, designs,
/// codecs, page sizes and limits; keys beside `verify` are defaults for all of them. The module's page
/// lists the keys.
public struct SuiteFile {
  /// One element of the list.
  public struct Entry {
    /// What to verify, with the paths as the file has them and the machine without `machineName`.
    public var matrix: CaseMatrix
    /// The machine file or preset that the settings are added to, `nil` if there is none.
    public var machineName: String?
    /// The settings that the file makes, over those of the machine file.
    var machineSettings: Node?
    /// Where the entry begins.
    public var position: MachineFilePosition
  }

  /// The entries, in the order of the file.
  public private(set) var entries: [Entry] = []
  private let document: YAMLDocument

  private static let listKey = "verify"

  /// Reads a suite; `name` stands for the file in messages.
  ///
  /// - Throws: ``MachineFile/MachineFileError`` with line and column for the first thing that is wrong.
  public init(yaml text: String, name: String) throws(MachineFileError) {
    document = YAMLDocument(file: name)
    guard let root = try document.parse(text) else {
      throw MachineFileError(
        file: name,
        position: MachineFilePosition(line: 1, column: 1),
        message: "expected a suite with the key verify, found nothing"
      )
    }
    var defaults = Entry(
      matrix: CaseMatrix(tracePaths: []),
      position: document.position(of: root)
    )
    var list: Node?
    for (key, value) in try document.mapping(root, "a suite with the key verify") {
      if try document.text(of: key) == Self.listKey {
        list = value
      } else {
        try take(key, value, into: &defaults)
      }
    }
    guard let list else {
      throw document.failure(at: root, expected: "a suite with the key verify", found: "others")
    }
    for node in try document.list(list, "a list of what to verify") {
      var entry = defaults
      entry.position = document.position(of: node)
      for (key, value) in try document.mapping(node, "keys such as traces") {
        try take(key, value, into: &entry)
      }
      guard !entry.matrix.tracePaths.isEmpty else {
        throw document.failure(at: node, expected: "the key traces", found: "none")
      }
      entries.append(entry)
    }
  }

  /// The machine of an entry, from that of its machine file or preset.
  ///
  /// - Throws: ``MachineFile/MachineFileError`` for a setting that is wrong.
  public func machine(
    of entry: Entry,
    on base: MachineDescription
  ) throws(MachineFileError) -> MachineDescription {
    var machine = base
    if let settings = entry.machineSettings { try machine.set(from: settings, in: document) }
    return machine
  }

  private static let keys = [
    "traces", "together", "copies", "machine", "set", "designs", "codecs", "page-sizes", "limits",
    "inject", "invariants", "require-restores", "twice", "expected-failure", "name",
  ]

  private func take(
    _ key: Node,
    _ value: Node,
    into entry: inout Entry
  ) throws(MachineFileError) {
    let name = try document.text(of: key)
    switch name {
    case "traces": entry.matrix.tracePaths = try texts(value, "a list of traces")
    case "together": entry.matrix.isTogether = try flag(value)
    case "copies": entry.matrix.copies = try number(value, in: 1...1000)
    case "machine": entry.machineName = try document.scalar(value, "a machine file or preset")
    case "set":
      // Read here for its mistakes, and again on top of the machine file.
      var probe = MachineDescription()
      try probe.set(from: value, in: document)
      entry.machineSettings = value
    case "designs": entry.matrix.designs = try list(value, "a design") { .init(rawValue: $0) }
    case "codecs": entry.matrix.codecs = try list(value, "a codec") { .init(rawValue: $0) }
    case "page-sizes":
      entry.matrix.pageSizes = try list(value, "4K, 16K or 64K") { text in
        PageSize.allCases.first { $0.name == text.uppercased() }
      }
    case "limits":
      entry.matrix.limits = try list(value, "a size such as 8M") { text in
        byteCount(text).flatMap { $0 > 0 ? $0 : nil }
      }
    case "inject":
      entry.matrix.injections = try list(value, "a fault to inject", Injection.init(name:))
    case "invariants":
      let text = try document.scalar(value, InvariantSchedule.forms)
      guard let schedule = InvariantSchedule(text) else {
        throw document.failure(at: value, expected: InvariantSchedule.forms, found: text)
      }
      entry.matrix.invariants = schedule
    case "require-restores":
      entry.matrix.requiredRestores = UInt64(try number(value, in: 0...Int.max))
    case "twice": entry.matrix.runsTwice = try flag(value)
    case "expected-failure":
      entry.matrix.expectedFailure = try document.scalar(value, "a reason")
    case "name": entry.matrix.label = try document.scalar(value, "a name")
    default:
      throw document.failure(
        at: key,
        expected: "one of \(Self.keys.joined(separator: ", "))",
        found: name
      )
    }
  }

  private func texts(_ node: Node, _ expected: String) throws(MachineFileError) -> [String] {
    var texts: [String] = []
    for element in try document.list(node, expected) {
      texts.append(try document.scalar(element, "a text"))
    }
    return texts
  }

  private func list<Value>(
    _ node: Node,
    _ expected: String,
    _ read: (String) -> Value?
  ) throws(MachineFileError) -> [Value] {
    var values: [Value] = []
    for element in try document.list(node, "a list, each element \(expected)") {
      let text = try document.scalar(element, expected)
      guard let value = read(text) else {
        throw document.failure(at: element, expected: expected, found: text)
      }
      values.append(value)
    }
    return values
  }

  private func flag(_ node: Node) throws(MachineFileError) -> Bool {
    let text = try document.scalar(node, "true or false")
    switch text {
    case "true": return true
    case "false": return false
    default: throw document.failure(at: node, expected: "true or false", found: text)
    }
  }

  private func number(_ node: Node, in range: ClosedRange<Int>) throws(MachineFileError) -> Int {
    let expected =
      range.upperBound == .max
      ? "a number from \(range.lowerBound) on"
      : "a number from \(range.lowerBound) to \(range.upperBound)"
    let text = try document.scalar(node, expected)
    guard let number = Int(text), range.contains(number) else {
      throw document.failure(at: node, expected: expected, found: text)
    }
    return number
  }
}

extension InvariantSchedule {
  /// How schedules are written, to follow "expected".
  public static let forms = "never, end, marks, or a number of events"

  /// Reads a schedule as suites and options write it.
  ///
  /// - Returns: `nil` where the text is none of ``forms``.
  public init?(_ text: String) {
    switch text {
    case "never": self = .never
    case "end": self = .end
    case "marks": self = .marks
    default:
      guard let events = UInt64(text), events > 0 else { return nil }
      self = .every(events)
    }
  }
}
