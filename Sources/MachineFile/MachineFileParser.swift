// SPDX-License-Identifier: Apache-2.0

import MachineModel
import Yams

/// Reads the YAML of a machine file into a list of keys with values and places.
struct MachineFileParser {
  /// One setting of a file.
  struct Entry {
    let key: MachineKey
    let value: String
    let keyPosition: MachineFilePosition
    let valuePosition: MachineFilePosition
  }

  /// The name of the file in messages.
  let file: String

  /// The settings of a file in its order; no key occurs twice.
  func entries(of yaml: String) throws(MachineFileError) -> [Entry] {
    guard let root = try parse(yaml) else { return [] }
    var entries: [Entry] = []
    for (keyNode, value) in try mapping(root, "a machine file of keys and values") {
      let name = try text(of: keyNode)
      let place = position(of: keyNode)
      if let key = MachineKey.named(name) {
        entries.append(try entry(key, place, value))
      } else if MachineKey.all.contains(where: { $0.section == name }) {
        for (innerKey, innerValue) in try mapping(value, "keys of the section \(name)") {
          let inner = position(of: innerKey)
          let full = "\(name).\(try text(of: innerKey))"
          guard let key = MachineKey.named(full) else { throw unknown(full, inner) }
          entries.append(try entry(key, inner, innerValue))
        }
      } else {
        throw unknown(name, place)
      }
    }
    try refuseRepetitions(entries)
    return entries
  }

  private func parse(_ text: String) throws(MachineFileError) -> Node? {
    do {
      return try Parser(yaml: text, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw syntaxError(error, in: text)
    } catch {
      throw failure(MachineFilePosition(line: 1, column: 1), "expected YAML, found \(error)")
    }
  }

  private func entry(
    _ key: MachineKey,
    _ position: MachineFilePosition,
    _ value: Node
  ) throws(MachineFileError) -> Entry {
    if key.isList, case .sequence(let items) = value {
      return Entry(
        key: key,
        value: try items.map { item throws(MachineFileError) in try self.item(item, of: key) }
          .joined(separator: ","),
        keyPosition: position,
        valuePosition: self.position(of: value)
      )
    }
    guard case .scalar(let scalar) = value else {
      let found = value.mapping == nil ? "a list" : "a mapping"
      throw failure(
        self.position(of: value),
        "expected \(key.values), found \(found) for \(key.name)"
      )
    }
    return Entry(
      key: key,
      value: scalar.string,
      keyPosition: position,
      valuePosition: self.position(of: value)
    )
  }

  /// One item of a list, which is refused here because only here its place is known.
  private func item(_ node: Node, of key: MachineKey) throws(MachineFileError) -> String {
    var scratch = MachineConfiguration()
    let text: String
    if case .scalar(let scalar) = node {
      text = scalar.string
    } else if key.isRangeList {
      text = try range(node)
    } else {
      throw failure(
        position(of: node),
        "expected \(key.values), found a list or mapping for \(key.name)"
      )
    }
    guard key.set(text, in: &scratch) else {
      throw failure(
        position(of: node),
        "expected \(key.values), found \(quoted(text)) for \(key.name)"
      )
    }
    return text
  }

  /// A range that is written as a mapping, as the text that stands for it.
  private func range(_ item: Node) throws(MachineFileError) -> String {
    let expected = "a range as SIZE@START, or its start and its size"
    let fields = try mapping(item, expected)
    guard fields.count == 2, let start = fields["start"]?.scalar, let size = fields["size"]?.scalar
    else {
      throw failure(position(of: item), "expected \(expected), found other keys")
    }
    return "\(size.string)@\(start.string)"
  }

  private func mapping(_ node: Node, _ expected: String) throws(MachineFileError) -> Node.Mapping {
    if case .mapping(let mapping) = node { return mapping }
    let found = node.scalar.map { quoted($0.string) } ?? "a list"
    throw failure(position(of: node), "expected \(expected), found \(found)")
  }

  private func text(of key: Node) throws(MachineFileError) -> String {
    guard case .scalar(let scalar) = key else {
      throw failure(position(of: key), "expected the name of a key, found a list or mapping")
    }
    return scalar.string
  }

  /// A key may stand in its section and, with its full name, outside it, but not in both.
  private func refuseRepetitions(_ entries: [Entry]) throws(MachineFileError) {
    var seen: [String: MachineFilePosition] = [:]
    for entry in entries {
      if let first = seen[entry.key.name] {
        throw repeated(entry.key.name, entry.keyPosition, firstLine: first.line)
      }
      seen[entry.key.name] = entry.keyPosition
    }
  }

  private func position(of node: Node) -> MachineFilePosition {
    // An alias has the place of its anchor, which is where its value can be changed.
    MachineFilePosition(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
  }

  private func unknown(_ name: String, _ position: MachineFilePosition) -> MachineFileError {
    failure(position, MachineSettingError.unknownKey(name).description)
  }

  private func repeated(
    _ name: String,
    _ position: MachineFilePosition,
    firstLine: Int
  ) -> MachineFileError {
    failure(
      position,
      "expected each key once, found \(quoted(name)) again after line \(firstLine)"
    )
  }

  private func failure(_ position: MachineFilePosition, _ message: String) -> MachineFileError {
    MachineFileError(file: file, position: position, message: message)
  }
}

// What the YAML parser itself refuses.
extension MachineFileParser {
  private func syntaxError(_ error: YamlError, in text: String) -> MachineFileError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return failure(
        MachineFilePosition(line: mark.line, column: mark.column),
        "expected YAML, found an error: \(problem)"
      )
    case .reader(let problem, let offset, _, _):
      let before = text.prefix(offset ?? 0)
      let lastLine = before.split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
      return failure(
        MachineFilePosition(
          line: before.count { $0 == "\n" } + 1,
          column: lastLine.unicodeScalars.count + 1
        ),
        "expected text, found an error: \(problem)"
      )
    case .duplicatedKeysInMapping(let names, let context):
      return repetition(
        of: names.first ?? "",
        first: MachineFilePosition(line: context.mark.line, column: context.mark.column),
        in: text
      )
    default:
      return failure(MachineFilePosition(line: 1, column: 1), "expected YAML, found an error")
    }
  }

  /// The parser tells where one occurrence of a repeated key is, not which; the second is the first line
  /// with the key after the first one, at the same depth or in the same flow mapping.
  private func repetition(
    of name: String,
    first: MachineFilePosition,
    in text: String
  ) -> MachineFileError {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var places: [MachineFilePosition] = []
    for (index, line) in lines.enumerated() {
      let trimmed = line.drop { $0 == " " }
      let column = line.unicodeScalars.count - trimmed.unicodeScalars.count + 1
      let rest = trimmed.dropFirst(name.count).drop { $0 == " " }
      if trimmed.hasPrefix(name), rest.first == ":", column == first.column {
        places.append(MachineFilePosition(line: index + 1, column: column))
      }
    }
    let known = places.firstIndex(of: first) ?? -1
    if known == 0, places.count > 1 { return repeated(name, places[1], firstLine: first.line) }
    if known > 0 { return repeated(name, first, firstLine: places[known - 1].line) }
    return repeated(name, first, firstLine: first.line)
  }
}
