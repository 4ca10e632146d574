// SPDX-License-Identifier: Apache-2.0

import MemoryModel

@testable import AddressSpaces

/// A small piece of an address space that is drawn as text: `.` for an unmapped page, and a letter for
/// each VMA, `a` for the lowest one.
struct Drawing {
  static let pages = 16
  var set: VMASet
  let base: UInt64

  init(pageSize: PageSize = .kib4, limit: Int = 65530) {
    set = VMASet(pageSize: pageSize, limit: limit)
    base = 1 << 30
  }

  var text: String {
    var text = ""
    var names: [UInt64: Character] = [:]
    for page in 0..<Self.pages {
      guard let area = set.find(number(page)) else {
        text.append(".")
        continue
      }
      let fresh = Character(UnicodeScalar(UInt8(97 + names.count)))
      names[area.start.rawValue] = names[area.start.rawValue] ?? fresh
      text.append(names[area.start.rawValue] ?? "?")
    }
    return text
  }

  func number(_ page: Int) -> VirtualPageNumber {
    VirtualPageNumber(address: base, pageSize: set.pageSize).advanced(by: page)
  }

  func range(_ pages: Range<Int>) -> Range<VirtualPageNumber> {
    number(pages.lowerBound)..<number(pages.upperBound)
  }

  func address(_ page: Int) -> UInt64 { base + UInt64(page * set.pageSize.bytes) }

  func bytes(_ pages: Int) -> UInt64 { UInt64(pages * set.pageSize.bytes) }

  @discardableResult
  mutating func map(
    _ pages: Range<Int>,
    _ protection: Protection = [.read, .write],
    _ flags: MappingFlags = [.anonymous, .fixed]
  ) -> Result<Range<VirtualPageNumber>, ErrorNumber> {
    set.map(
      MappingRequest(
        address: address(pages.lowerBound),
        length: bytes(pages.count),
        protection: protection,
        flags: flags
      )
    )
  }

  @discardableResult
  mutating func unmap(_ pages: Range<Int>) -> Result<[Range<VirtualPageNumber>], ErrorNumber> {
    set.unmap(address: address(pages.lowerBound), length: bytes(pages.count))
  }

  @discardableResult
  mutating func protect(_ pages: Range<Int>, _ protection: Protection) -> ErrorNumber? {
    set.protect(
      address: address(pages.lowerBound),
      length: bytes(pages.count),
      protection: protection
    ).error
  }

  @discardableResult
  mutating func remap(
    _ pages: Range<Int>,
    to count: Int,
    at page: Int? = nil,
    _ flags: RemapFlags = []
  ) -> Result<RemapPlan, ErrorNumber> {
    set.remap(
      address: address(pages.lowerBound),
      oldLength: bytes(pages.count),
      newLength: bytes(count),
      flags: flags,
      newAddress: page.map { address($0) } ?? 0
    ).mapError(\.number)
  }

  @discardableResult
  mutating func advise(_ pages: Range<Int>, _ advice: Advice) -> ErrorNumber? {
    set.advise(
      address: address(pages.lowerBound),
      length: bytes(pages.count),
      advice: advice
    ).error
  }

  mutating func write(_ page: Int) { set.noteAnonymousWrite(at: number(page)) }
}
