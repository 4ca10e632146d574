// SPDX-License-Identifier: Apache-2.0

public import Yams

/// Reads YAML so that everything in it has a place, and everything wrong with it a message.
public struct YAMLDocument: Sendable {
  /// The name of the file in messages.
  public let file: String

  /// Creates a document of the file that messages call `file`.
  public init(file: String) { self.file = file }

  /// Parses a text.
  ///
  /// - Returns: the root, `nil` where there is nothing but comments.
  /// - Throws: ``MachineFileError`` where the text is no YAML.
  public func parse(_ text: String) throws(MachineFileError) -> Node? {
    do {
      return try Parser(yaml: text, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw syntaxError(error, in: text)
    } catch {
      throw failure(MachineFilePosition(line: 1, column: 1), "expected YAML, found \(error)")
    }
  }

  /// The keys and values of a mapping, in their order.
  ///
  /// - Throws: ``MachineFileError`` that names what was `expected`, where `node` is something else.
  public func mapping(_ node: Node, _ expected: String) throws(MachineFileError) -> Node.Mapping {
    if case .mapping(let mapping) = node { return mapping }
    let found = node.scalar.map { quoted($0.string) } ?? "a list"
    throw failure(position(of: node), "expected \(expected), found \(found)")
  }

  /// The name that a key is.
  ///
  /// - Throws: ``MachineFileError`` where it is a list or a mapping.
  public func text(of key: Node) throws(MachineFileError) -> String {
    guard case .scalar(let scalar) = key else {
      throw failure(position(of: key), "expected the name of a key, found a list or mapping")
    }
    return scalar.string
  }

  /// Where a node begins.
  public func position(of node: Node) -> MachineFilePosition {
    // An alias has the place of its anchor, which is where its value can be changed.
    MachineFilePosition(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
  }

  /// The error of a key that was given before.
  func repeated(
    _ name: String,
    _ position: MachineFilePosition,
    firstLine: Int
  ) -> MachineFileError {
    failure(
      position,
      "expected each key once, found \(quoted(name)) again after line \(firstLine)"
    )
  }

  /// The error of a node that is not what it should be.
  public func failure(at node: Node, expected: String, found: String) -> MachineFileError {
    failure(position(of: node), "expected \(expected), found \(quoted(found))")
  }

  func failure(_ position: MachineFilePosition, _ message: String) -> MachineFileError {
    MachineFileError(file: file, position: position, message: message)
  }

  /// The elements of a list.
  ///
  /// - Throws: ``MachineFileError`` that names what was `expected`, where `node` is something else.
  public func list(_ node: Node, _ expected: String) throws(MachineFileError) -> [Node] {
    if case .sequence(let sequence) = node { return Array(sequence) }
    let found = node.scalar.map { quoted($0.string) } ?? "a mapping"
    throw failure(position(of: node), "expected \(expected), found \(found)")
  }

  /// The text of a value.
  ///
  /// - Throws: ``MachineFileError`` that names what was `expected`, where `node` is something else.
  public func scalar(_ node: Node, _ expected: String) throws(MachineFileError) -> String {
    if case .scalar(let scalar) = node { return scalar.string }
    let found = node.mapping == nil ? "a list" : "a mapping"
    throw failure(position(of: node), "expected \(expected), found \(found)")
  }
}

// What the YAML parser itself refuses.
extension YAMLDocument {
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
