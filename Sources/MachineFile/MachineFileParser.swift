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

  private let document: YAMLDocument

  /// Creates a parser for a file that messages call `file`.
  init(file: String) { self.init(document: YAMLDocument(file: file)) }

  /// Creates a parser for a part of a document.
  init(document: YAMLDocument) { self.document = document }

  /// The settings of a file in its order; no key occurs twice.
  func entries(of yaml: String) throws(MachineFileError) -> [Entry] {
    guard let root = try document.parse(yaml) else { return [] }
    return try entries(in: root)
  }

  /// The settings in a mapping, in its order; no key occurs twice.
  func entries(in root: Node) throws(MachineFileError) -> [Entry] {
    var entries: [Entry] = []
    for (keyNode, value) in try document.mapping(root, "a machine file of keys and values") {
      let name = try document.text(of: keyNode)
      let place = document.position(of: keyNode)
      if let key = MachineKey.named(name) {
        entries.append(try entry(key, place, value))
      } else if MachineKey.all.contains(where: { $0.section == name }) {
        for (innerKey, innerValue) in try document.mapping(value, "keys of the section \(name)") {
          let inner = document.position(of: innerKey)
          let full = "\(name).\(try document.text(of: innerKey))"
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
        valuePosition: document.position(of: value)
      )
    }
    guard case .scalar(let scalar) = value else {
      let found = value.mapping == nil ? "a list" : "a mapping"
      throw document.failure(
        document.position(of: value),
        "expected \(key.values), found \(found) for \(key.name)"
      )
    }
    return Entry(
      key: key,
      value: scalar.string,
      keyPosition: position,
      valuePosition: document.position(of: value)
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
      throw document.failure(
        document.position(of: node),
        "expected \(key.values), found a list or mapping for \(key.name)"
      )
    }
    guard key.set(text, in: &scratch) else {
      throw document.failure(
        document.position(of: node),
        "expected \(key.values), found \(quoted(text)) for \(key.name)"
      )
    }
    return text
  }

  /// A range that is written as a mapping, as the text that stands for it.
  private func range(_ item: Node) throws(MachineFileError) -> String {
    let expected = "a range as SIZE@START, or its start and its size"
    let fields = try document.mapping(item, expected)
    guard fields.count == 2, let start = fields["start"]?.scalar, let size = fields["size"]?.scalar
    else {
      throw document.failure(document.position(of: item), "expected \(expected), found other keys")
    }
    return "\(size.string)@\(start.string)"
  }

  /// A key may stand in its section and, with its full name, outside it, but not in both.
  private func refuseRepetitions(_ entries: [Entry]) throws(MachineFileError) {
    var seen: [String: MachineFilePosition] = [:]
    for entry in entries {
      if let first = seen[entry.key.name] {
        throw document.repeated(entry.key.name, entry.keyPosition, firstLine: first.line)
      }
      seen[entry.key.name] = entry.keyPosition
    }
  }

  private func unknown(_ name: String, _ position: MachineFilePosition) -> MachineFileError {
    document.failure(position, MachineSettingError.unknownKey(name).description)
  }
}
