// SPDX-License-Identifier: Apache-2.0

import MachineFile
public import MachineModel
public import MemoryModel
import TagCompression
public import TagStorage
public import TraceFormat

/// What a text trace says in comments about the machine that it is for and what must come of it.
///
/// A line `# options:` has options of `mtesim replay` and `--set KEY=VALUE`, each with its value; they
/// win over whatever else describes the machine. `--design` says for which design the trace holds;
/// repeated or left out, it holds for several or all, apart from the steps that tell where a page and
/// its tags came to lie, which designs differ in. `# counters: NAME=VALUE ...` says what must have been counted at the end, and
/// `# differences: N` how often the shadow oracle must have found something else than it expected, if
/// that is not never.
public struct TraceDirectives: Sendable {
  /// The designs that the trace is for, `nil` for all.
  public private(set) var designs: [TagStorageDesign]?
  /// Settings of the machine, by key.
  public private(set) var settings: [(key: String, value: String)] = []
  /// Behaviour to break.
  public private(set) var injections: [Injection] = []
  /// Counters and their values at the end.
  public private(set) var counters: [(counter: Counter, value: UInt64)] = []
  /// Differences that the oracle must find.
  public private(set) var differences: UInt64 = 0

  private static let optionsMark = "# options:"
  private static let countersMark = "# counters:"
  private static let differencesMark = "# differences:"

  /// The directives of nobody.
  public init() {}

  /// Reads the directives of a trace; a container has none.
  ///
  /// - Throws: where the file is unreadable, or a directive is wrong.
  public static func read(path: String) throws(TraceError) -> TraceDirectives {
    guard !(try TraceReader.isContainer(path: path)) else { return TraceDirectives() }
    let text = String(decoding: try TraceReader.readWhole(path: path), as: UTF8.self)
    return try TraceDirectives(text: text, path)
  }

  /// Reads the directives in the text of a trace that errors call `name`.
  ///
  /// - Throws: at the first directive that is wrong.
  public init(text: String, _ name: String) throws(TraceError) {
    var offset = 0
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let place = TraceError.Location.line(index + 1, byteOffset: offset)
      offset += line.utf8.count + 1
      guard line.hasPrefix("# ") else { continue }
      do throws(MalformedDirective) {
        try take(line)
      } catch {
        throw TraceError(
          kind: .badData,
          path: name,
          location: place,
          expected: error.expected,
          found: error.found
        )
      }
    }
  }

  /// Steps that expectations leave out of account.
  public var ignoredSteps: Outcome {
    designs?.count != 1
      ? [
        .tagsReserved, .faultOnAccess, .retried, .replaced, .migrated, .dropped, .restored,
      ] : .hit
  }

  /// The value that the trace gives a key, `nil` if it does not.
  public func value(of key: String) -> String? { settings.last { $0.key == key }?.value }

  /// Makes the settings.
  public func apply(to configuration: inout MachineConfiguration) {
    for setting in settings {
      let isSet = MachineKey.named(setting.key)?.set(setting.value, in: &configuration) ?? false
      precondition(isSet, "\(setting.key)=\(setting.value) was checked when it was read")
    }
    for injection in injections { configuration.inject(injection) }
  }

  /// The line that a trace begins with, so that it runs on a machine like this one.
  public static func optionsLine(_ configuration: MachineConfiguration) -> String {
    var words = [
      optionsMark, "--design", configuration.design.rawValue, "--codec",
      configuration.codec.rawValue,
    ]
    for key in MachineKey.all where key.name != "saved-tags.codec" {
      let value = key.value(in: configuration)
      guard value != key.defaultValue else { continue }
      // Words end at spaces, which the texts of lists have.
      let word = value.filter { $0 != " " }
      words += key.option.map { ["--\($0)", word] } ?? ["--set", "\(key.name)=\(word)"]
    }
    for injection in configuration.injections { words += ["--inject", injection.name] }
    return words.joined(separator: " ")
  }

  private mutating func take(_ line: Substring) throws(MalformedDirective) {
    if line.hasPrefix(Self.optionsMark) {
      var words = line.dropFirst(Self.optionsMark.count).split(separator: " ")[...]
      var swap: [String] = []
      while let option = words.popFirst() {
        guard let value = words.popFirst() else {
          throw MalformedDirective(expected: "a value for \(option)", found: "the end of the line")
        }
        // It may be repeated, for one device each.
        if option == "--swap" {
          swap.append(String(value))
        } else {
          try takeOption(String(option), String(value))
        }
      }
      for setting in MachineKey.settings(ofSwap: swap) {
        try takeSetting(setting.key, setting.value)
      }
    } else if line.hasPrefix(Self.countersMark) {
      for word in line.dropFirst(Self.countersMark.count).split(separator: " ") {
        let parts = word.split(separator: "=")
        guard parts.count == 2, let value = UInt64(parts[1]),
          let counter = Counter(name: String(parts[0]))
        else { throw MalformedDirective(expected: "COUNTER=VALUE", found: String(word)) }
        counters.append((counter, value))
      }
    } else if line.hasPrefix(Self.differencesMark) {
      let word = line.dropFirst(Self.differencesMark.count).filter { $0 != " " }
      guard let number = UInt64(word) else {
        throw MalformedDirective(expected: "a number of differences", found: String(word))
      }
      differences = number
    }
  }

  private mutating func takeOption(
    _ option: String,
    _ value: String
  ) throws(MalformedDirective) {
    switch option {
    case "--design":
      guard let design = TagStorageDesign(rawValue: value) else {
        throw MalformedDirective(expected: "a design", found: value)
      }
      designs = (designs ?? []) + [design]
    case "--inject":
      guard let injection = Injection(name: value) else {
        throw MalformedDirective(expected: "a fault to inject", found: value)
      }
      injections.append(injection)
    case "--set":
      let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw MalformedDirective(expected: "KEY=VALUE after --set", found: value)
      }
      try takeSetting(parts[0], parts[1])
    default:
      guard let key = MachineKey.all.first(where: { "--\($0.option ?? "")" == option }) else {
        throw MalformedDirective(
          expected: "an option of a machine, --design, --inject or --set",
          found: option
        )
      }
      try takeSetting(key.name, value)
    }
  }

  private mutating func takeSetting(
    _ key: String,
    _ value: String
  ) throws(MalformedDirective) {
    var probe = MachineDescription()
    do throws(MachineSettingError) {
      try probe.set(key, to: value)
    } catch {
      throw MalformedDirective(expected: "a setting of the machine", found: "\(error) for \(key)")
    }
    settings.append((key, value))
  }
}

/// A directive that cannot be read, before its place is added.
private struct MalformedDirective: Error {
  let expected: String
  let found: String
}
