// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineFile
import MachineModel
import MemoryModel
import Swap
import TagCompression
import TagStorage

/// A text trace of `Traces/cases`: what it needs, and what it promises.
///
/// Its first line is a comment `# options:` with the options of `mtesim replay` that it needs. A case
/// that names a design holds for that one; the others hold for all designs, apart from the steps that
/// tell where a page and its tags came to lie, which designs differ in. Comments `# counters: NAME=VALUE ...`
/// say what must have been counted at the end, and `# differences: N` how often the shadow oracle must
/// have found something else than it expected, if that is not never.
struct CaseTrace: CustomStringConvertible, Sendable {
  let name: String
  let text: String
  var designs = TagStorageDesign.allCases
  var ignoredSteps: Outcome = [
    .tagsReserved, .faultOnAccess, .retried, .replaced, .migrated,
  ]
  var counters: [(name: String, value: UInt64)] = []
  var differences: UInt64 = 0
  private var options: [(name: String, value: String)] = []

  var description: String { name }

  /// All cases, by name.
  static func all() throws -> [CaseTrace] {
    let folder = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Traces/cases")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try names.filter { $0.hasSuffix(".trace") }.sorted().map {
      try CaseTrace(
        name: $0,
        text: String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
      )
    }
  }

  private init(name: String, text: String) throws {
    self.name = name
    self.text = text
    let lines = text.split(separator: "\n")
    guard let first = lines.first, first.hasPrefix("# options:") else {
      throw CaseError(message: "\(name): expected a first line that starts with '# options:'")
    }
    var words = first.dropFirst("# options:".count).split(separator: " ")[...]
    while let option = words.popFirst() {
      guard let value = words.popFirst() else {
        throw CaseError(message: "\(name): expected a value for \(option)")
      }
      options.append((String(option), String(value)))
    }
    for line in lines where line.hasPrefix("# counters:") {
      for word in line.dropFirst("# counters:".count).split(separator: " ") {
        let parts = word.split(separator: "=")
        guard parts.count == 2, let value = UInt64(parts[1]), Counter(name: String(parts[0])) != nil
        else { throw CaseError(message: "\(name): expected COUNTER=VALUE, found \(word)") }
        counters.append((String(parts[0]), value))
      }
    }
    if let line = lines.first(where: { $0.hasPrefix("# differences: ") }) {
      guard let number = UInt64(line.dropFirst("# differences: ".count)) else {
        throw CaseError(message: "\(name): expected a number, found \(line)")
      }
      differences = number
    }
    if let named = options.first(where: { $0.name == "--design" }) {
      designs = TagStorageDesign.allCases.filter { $0.rawValue == named.value }
      ignoredSteps = .hit
    }
    var probe = MachineConfiguration()
    try configure(&probe)
  }

  /// Applies the options.
  func configure(_ configuration: inout MachineConfiguration) throws {
    for (name, value) in options {
      let number = Self.bytes(value)
      switch (name, number) {
      case ("--design", _): break
      case ("--limit", let bytes?): configuration.groupLimitBytes = bytes
      case ("--ram", let bytes?): configuration.ramBytes = bytes
      case ("--swap-size", let bytes?): configuration.swap.bytes = bytes
      case ("--block-size", let bytes?): configuration.blockBytes = bytes
      case ("--page-cluster", let pages?): configuration.swap.pageCluster = pages
      case ("--swappiness", let share?): configuration.swappiness = share
      case ("--page-size", _):
        guard let size = PageSize.allCases.first(where: { $0.name == value }) else { fallthrough }
        configuration.pageSize = size
      case ("--tag-checks", _):
        guard let mode = TagCheckMode(rawValue: value) else { fallthrough }
        configuration.tagChecks = mode
      case ("--preferred-tag-checks", _):
        guard let mode = TagCheckMode(rawValue: value) else { fallthrough }
        configuration.preferredTagChecks = mode
      case ("--swap", _):
        guard let device = SwapConfiguration.Device(rawValue: value) else { fallthrough }
        configuration.swap.device = device
      case ("--codec", _):
        guard let codec = TagCodec(rawValue: value) else { fallthrough }
        configuration.codec = codec
      case ("--set", _):
        let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let key = MachineKey.named(parts[0]),
          key.set(parts[1], in: &configuration)
        else { fallthrough }
      case ("--inject", _):
        if let defect = TagStorageDefect(name: value) {
          configuration.defects.insert(TagStorageDefects([defect]))
          continue
        }
        guard let fault = InjectedFault(rawValue: value) else { fallthrough }
        configuration.injectedFaults.insert(fault)
      default: throw CaseError(message: "\(self.name): unknown option \(name) \(value)")
      }
    }
  }

  /// The steps that some line expects.
  var expectedSteps: Outcome {
    var steps: Outcome = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let arrow = line.range(of: "=> ") else { continue }
      let outcome = line[arrow.upperBound...].prefix { $0 != " " && $0 != "#" }
      if let found = Outcome(outcome), found.errorNumber == nil { steps.formUnion(found) }
    }
    return steps
  }

  /// A number with K, M or G for powers of 1,024.
  private static func bytes(_ text: String) -> Int? {
    let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    guard let last = text.last, let shift = shifts[last] else { return Int(text) }
    return Int(text.dropLast()).map { $0 << shift }
  }
}

/// Why a case cannot be read.
struct CaseError: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}
