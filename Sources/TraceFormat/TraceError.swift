// SPDX-License-Identifier: Apache-2.0

/// Why a trace could not be read or written, and where.
public struct TraceError: Error, Equatable, Sendable {
  /// What kind of failure it is; it decides the exit code of a command.
  public enum Kind: Equatable, Sendable {
    /// The file does not exist or cannot be read.
    case unreadableInput
    /// The file's contents are not a valid trace.
    case badData
    /// The trace could not be written.
    case unwritableOutput
  }

  /// Where in the file the failure was seen.
  public enum Location: Equatable, Sendable {
    /// The file as a whole.
    case wholeFile
    /// A byte outside every record; bytes count from 0.
    case byte(UInt64)
    /// A record; records count from 0. In a container, `byteOffset` is where the record's block
    /// starts, because compressed records have no bytes of their own; elsewhere it is where the
    /// record starts.
    case record(UInt64, byteOffset: UInt64)
    /// A line of a text trace; lines count from 1, bytes of the file from 0.
    case line(Int, byteOffset: Int)
  }

  /// The kind of failure.
  public let kind: Kind
  /// The file as the user named it.
  public let path: String
  /// Where the failure was seen.
  public let location: Location
  /// What a valid trace would hold there.
  public let expected: String
  /// What was there.
  public let found: String

  /// Creates an error.
  public init(kind: Kind, path: String, location: Location, expected: String, found: String) {
    self.kind = kind
    self.path = path
    self.location = location
    self.expected = expected
    self.found = found
  }

  /// Creates an error about a file's contents.
  static func bad(
    _ path: String,
    _ location: Location,
    expected: String,
    found: String
  ) -> TraceError {
    TraceError(kind: .badData, path: path, location: location, expected: expected, found: found)
  }

  /// Creates an error about bytes that do not decode.
  static func bad(_ path: String, _ location: Location, _ malformed: Malformed) -> TraceError {
    bad(path, location, expected: malformed.expected, found: malformed.found)
  }
}

extension TraceError: CustomStringConvertible {
  /// One line: `path:line:+byteOffset: expected X, found Y`, with `record N` for `line` in
  /// containers.
  public var description: String {
    let place =
      switch location {
      case .wholeFile: ""
      case .byte(let offset): ":+\(offset)"
      case .record(let number, let offset): ":record \(number):+\(offset)"
      case .line(let line, let offset): ":\(line):+\(offset)"
      }
    return "\(path)\(place): expected \(expected), found \(found)"
  }
}

/// Bytes that do not decode, before the caller has added the place.
struct Malformed: Error, Equatable {
  /// What was expected.
  var expected: String
  /// What was found.
  var found: String

  init(expected: String, found: String) {
    self.expected = expected
    self.found = found
  }
}
