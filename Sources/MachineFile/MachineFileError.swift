// SPDX-License-Identifier: Apache-2.0

/// A place in a machine file.
public struct MachineFilePosition: Hashable, Sendable {
  /// The line, from 1.
  public let line: Int
  /// The column in characters, from 1.
  public let column: Int

  /// Creates a position.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// What is wrong with a machine file, and where.
public struct MachineFileError: Error, Equatable, CustomStringConvertible {
  /// The name of the file or preset.
  public let file: String
  /// Where it is.
  public let position: MachineFilePosition
  /// What is wrong: `expected X, found Y`.
  public let message: String

  /// Creates an error.
  public init(file: String, position: MachineFilePosition, message: String) {
    self.file = file
    self.position = position
    self.message = message
  }

  /// One line: `file:line:column: expected X, found Y`.
  public var description: String {
    "\(file):\(position.line):\(position.column): \(message)"
  }
}

/// Why a single setting cannot be made.
public enum MachineSettingError: Error, Equatable, CustomStringConvertible {
  /// There is no such key.
  case unknownKey(String)
  /// The key cannot have this value.
  case value(String, key: String, expected: String)

  /// One line: what was expected, what was found, and for an unknown key the nearest one.
  public var description: String {
    switch self {
    case .unknownKey(let name):
      let nearest = MachineKey.nearest(to: name).map { "; the nearest is \($0.name)" } ?? ""
      return "expected a machine key, found \(quoted(name))\(nearest)"
    case .value(let value, _, let expected):
      return "expected \(expected), found \(quoted(value))"
    }
  }
}

/// A text from outside as it can stand in a message: on one line, not too long, and visible when empty.
func quoted(_ text: String) -> String {
  guard !text.isEmpty else { return "nothing" }
  let safe = String(text.unicodeScalars.prefix(60).map { $0.value < 32 ? "?" : Character($0) })
  return text.unicodeScalars.count > 60 ? safe + "..." : safe
}
