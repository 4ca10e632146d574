// SPDX-License-Identifier: Apache-2.0

/// Something that a replay found to be wrong, with the place and the event at which it was seen.
public struct ReplayFinding: Equatable, Sendable, CustomStringConvertible {
  /// What kind of promise was broken; a trace that is made shorter has to break the same one.
  public enum Kind: Hashable, Sendable, CustomStringConvertible {
    /// A page did not hold what the shadow oracle expects, after the named cause.
    case difference(after: String)
    /// A tag check or tag instruction had another result than the oracle's.
    case tagCheck
    /// A recorded snapshot of a page's tags.
    case snapshot
    /// An expected outcome, value, signal or tag of a text trace.
    case expectation
    /// An invariant or identity of the machine, by its name.
    case invariant(String)

    /// The kind in words.
    public var description: String {
      switch self {
      case .difference(let cause): "difference after \(cause)"
      case .tagCheck: "tag check"
      case .snapshot: "snapshot"
      case .expectation: "expectation"
      case .invariant(let name): "invariant \(name)"
      }
    }
  }

  /// What was broken.
  public let kind: Kind
  /// The number of the event in the whole run, from 1; 0 before the first.
  public let event: UInt64
  /// Where the event stands: trace, record and byte offset.
  public let place: String
  /// The process by the machine's number, `nil` where none is concerned.
  public let process: Int?
  /// The address of the page, `nil` where none is concerned.
  public let page: UInt64?
  /// The granule within the page, `nil` where it is not about one.
  public let granule: Int?
  /// What was expected.
  public let expected: String
  /// What was found.
  public let found: String
  /// Everything on one line.
  public let description: String

  init(
    _ kind: Kind,
    event: UInt64,
    place: String,
    process: Int? = nil,
    page: UInt64? = nil,
    granule: Int? = nil,
    expected: String,
    found: String,
    description: String
  ) {
    self.kind = kind
    self.event = event
    self.place = place
    self.process = process
    self.page = page
    self.granule = granule
    self.expected = expected
    self.found = found
    self.description = description
  }
}
