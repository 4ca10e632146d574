// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory

/// What the kernel keeps of one reference page.
struct ReferencePage {
  /// How the kernel classifies the content.
  enum Kind {
    /// Bytes of the program's, repeated; from 16 bytes on with their tags.
    case userSet
    /// One byte, repeated.
    case bytePattern
    /// Zeros with one tag.
    case taggedZero
  }

  /// Where the content lies.
  enum Home {
    /// In an unmovable frame, which reads map.
    case frame(PageFrameNumber)
    /// In an object of the kernel's; there is no page.
    case object
    /// In a page of the page cache, which is movable and goes to swap.
    case cached(PageIdentifier)
  }

  let kind: Kind
  /// Bytes of the content before it is repeated.
  let contentBytes: Int
  /// The stamp of the data; 0 for zeros.
  let stamp: UInt64
  /// The tags of a page with the content, two in a byte.
  let tags: [UInt8]
  let home: Home
  /// The tag that the kernel keeps the page for, `nil` for a descriptor's.
  var tag: MemoryTag?
  /// Descriptors of all processes that refer to it.
  var descriptors = 0
}

/// The reference pages of a machine, by identity from 1 on; no identity is used twice.
struct ReferencePageTable {
  private var pages: [ReferencePage?] = []
  /// Reference pages that exist.
  private(set) var count = 0
  /// Those of them that no descriptor refers to, so that they live for their mappings only, ascending.
  private(set) var idle: [UInt32] = []

  /// The reference page of an identity.
  ///
  /// - Precondition: it exists.
  subscript(identity: UInt32) -> ReferencePage {
    guard let page = pages[Int(identity) - 1] else {
      preconditionFailure("reference page \(identity) was given up")
    }
    return page
  }

  /// Adds a reference page that no descriptor refers to yet.
  ///
  /// - Returns: its identity.
  mutating func add(_ page: ReferencePage) -> UInt32 {
    pages.append(page)
    count += 1
    let identity = UInt32(pages.count)
    if page.tag == nil { idle.append(identity) }
    return identity
  }

  /// Counts one descriptor more.
  mutating func retain(_ identity: UInt32) {
    pages[Int(identity) - 1]?.descriptors += 1
    idle.removeAll { $0 == identity }
  }

  /// Counts one descriptor less.
  mutating func release(_ identity: UInt32) {
    let left = self[identity].descriptors - 1
    precondition(left >= 0, "reference page \(identity) has \(left) descriptors")
    pages[Int(identity) - 1]?.descriptors = left
    guard left == 0, self[identity].tag == nil else { return }
    let place = idle.firstIndex { $0 > identity } ?? idle.count
    idle.insert(identity, at: place)
  }

  /// Gives an identity up.
  mutating func remove(_ identity: UInt32) {
    pages[Int(identity) - 1] = nil
    count -= 1
    idle.removeAll { $0 == identity }
  }

  /// Calls `body` with each reference page, by identity.
  func forEach<Failure: Error>(
    _ body: (UInt32, ReferencePage) throws(Failure) -> Void
  ) throws(Failure) {
    for (index, page) in pages.enumerated() {
      if let page { try body(UInt32(index + 1), page) }
    }
  }
}

/// The descriptors of one process that refer to reference pages; others are outside the model.
struct DescriptorTable {
  private(set) var entries: [(number: UInt32, identity: UInt32)] = []

  /// The first number after standard input, output and error.
  static let firstNumber: UInt32 = 3

  /// The reference page of a descriptor, `nil` where it is not open.
  func identity(of number: UInt32) -> UInt32? {
    entries.first { $0.number == number }?.identity
  }

  /// The lowest number that is free.
  var lowestFree: UInt32 {
    var number = Self.firstNumber
    for entry in entries where entry.number == number { number += 1 }
    return number
  }

  /// Opens a descriptor.
  ///
  /// - Precondition: its number is free.
  mutating func open(_ number: UInt32, identity: UInt32) {
    let place = entries.firstIndex { $0.number > number } ?? entries.count
    entries.insert((number, identity), at: place)
  }

  /// Closes a descriptor.
  ///
  /// - Returns: its reference page, `nil` where it was not open.
  mutating func close(_ number: UInt32) -> UInt32? {
    guard let place = entries.firstIndex(where: { $0.number == number }) else { return nil }
    return entries.remove(at: place).identity
  }
}
