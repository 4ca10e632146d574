// SPDX-License-Identifier: Apache-2.0

/// Says where a stored report is not what the layout asks for.
public struct ReportError: Error, Equatable, Sendable {
  /// The line of the fault, from 1.
  public let line: Int
  /// The byte of the fault, from 0 at the start of the file.
  public let byteOffset: Int
  /// What the layout asks for at this place.
  public let expected: String
  /// What stands there instead.
  public let found: String

  /// Creates an error.
  public init(line: Int, byteOffset: Int, expected: String, found: String) {
    self.line = line
    self.byteOffset = byteOffset
    self.expected = expected
    self.found = found
  }
}

extension ReportError: CustomStringConvertible {
  /// One line, to which a caller puts the path in front: `12:+345: expected X, found Y`.
  public var description: String { "\(line):+\(byteOffset): expected \(expected), found \(found)" }
}
