// SPDX-License-Identifier: Apache-2.0

/// Which tag pages one address space needs, where tags lie in virtual memory.
///
/// The tags of 32 consecutive virtual pages, the first of which has a number that is a multiple of 32, lie
/// in one tag page. It exists for as long as one of them has tags: those of a resident page, or of a page
/// that is swapped out and has left its tags here.
public struct VirtualTagPages: Equatable, Sendable {
  /// Virtual pages that a tag page covers, at any page size.
  public static let coveredPages: UInt64 = 32

  private struct Group: Equatable {
    /// A bit for each resident page with tags.
    var resident: UInt32 = 0
    /// A bit for each swapped page whose tags have stayed.
    var kept: UInt32 = 0
  }

  /// Groups by number; never iterated where order could reach a result.
  private var groups: [UInt64: Group] = [:]
  /// Resident pages with tags.
  public private(set) var residentPages = 0
  /// Swapped pages whose tags have stayed.
  public private(set) var keptPages = 0

  /// Creates an address space without tags.
  public init() {}

  /// The tag pages that are needed.
  public var count: Int { groups.count }

  /// Whether a page is resident and has tags.
  public func isResident(_ page: UInt64) -> Bool {
    (groups[Self.group(of: page)]?.resident ?? 0) & Self.bit(of: page) != 0
  }

  /// Whether a page is swapped out and has left its tags.
  public func isKept(_ page: UInt64) -> Bool {
    (groups[Self.group(of: page)]?.kept ?? 0) & Self.bit(of: page) != 0
  }

  /// Notes that a resident page has tags.
  ///
  /// - Precondition: that was not known.
  public mutating func add(_ page: UInt64) {
    precondition(!isResident(page), "virtual page \(page) gets tags twice")
    groups[Self.group(of: page), default: Group()].resident |= Self.bit(of: page)
    residentPages += 1
  }

  /// Notes that a page has no tags any more, or is not resident.
  ///
  /// - Precondition: ``isResident(_:)``.
  public mutating func remove(_ page: UInt64) {
    precondition(isResident(page), "virtual page \(page) loses tags that it has not")
    change(page) { $0.resident &= ~Self.bit(of: page) }
    residentPages -= 1
  }

  /// Notes that a page is swapped out and leaves its tags.
  ///
  /// - Precondition: it has not.
  public mutating func keep(_ page: UInt64) {
    precondition(!isKept(page), "virtual page \(page) leaves its tags twice")
    groups[Self.group(of: page), default: Group()].kept |= Self.bit(of: page)
    keptPages += 1
  }

  /// Notes that a page is swapped out no more, whether or not it has left tags.
  ///
  /// - Returns: whether it had.
  @discardableResult
  public mutating func endKept(_ page: UInt64) -> Bool {
    guard isKept(page) else { return false }
    change(page) { $0.kept &= ~Self.bit(of: page) }
    keptPages -= 1
    return true
  }

  private mutating func change(_ page: UInt64, _ body: (inout Group) -> Void) {
    let number = Self.group(of: page)
    guard var group = groups[number] else { return }
    body(&group)
    groups[number] = group == Group() ? nil : group
  }

  private static func group(of page: UInt64) -> UInt64 { page / coveredPages }
  private static func bit(of page: UInt64) -> UInt32 { 1 << UInt32(page % coveredPages) }
}
