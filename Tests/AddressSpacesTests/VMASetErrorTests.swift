// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import Testing

/// Every refusal of the table "VMA operations", and that a refused call changes nothing.
@Suite struct VMASetErrorTests {
  private func error<Success>(_ result: Result<Success, ErrorNumber>) -> ErrorNumber? {
    if case .failure(let error) = result { return error }
    return nil
  }

  @Test func mapRefusals() {
    var drawing = Drawing()
    drawing.map(0..<4)
    let before = drawing.set
    #expect(error(drawing.map(0..<0)) == .einval)
    func map(_ address: UInt64, _ length: UInt64, _ flags: MappingFlags) -> ErrorNumber? {
      error(
        drawing.set.map(
          MappingRequest(address: address, length: length, protection: .read, flags: flags)
        )
      )
    }
    #expect(map(0x10000, .max, [.anonymous]) == .enomem)
    #expect(map(0x10000, 1 << 50, [.anonymous]) == .enomem)
    #expect(map(0x10001, 4096, [.anonymous, .fixed]) == .einval)
    #expect(map(1 << 48, 4096, [.anonymous, .fixed]) == .enomem)
    #expect(map(1 << 48 - 4096, 8192, [.anonymous, .fixed]) == .enomem)
    #expect(map(0x0b00_0000_0001_0000, 4096, [.anonymous, .fixed]) == .enomem)
    #expect(map(drawing.address(3), 8192, [.anonymous, .fixedNoReplace]) == .eexist)
    #expect(error(drawing.map(4..<5, [.read, .mte], [.fixed])) == .einval)
    #expect(drawing.set == before)
    // The last page of the address space can be had, and so can bits that are no protection.
    #expect(map(1 << 48 - 4096, 4096, [.anonymous, .fixed]) == nil)
    #expect(map(drawing.address(4), 4096, [.anonymous, .fixedNoReplace]) == nil)
    #expect(error(drawing.map(8..<9, Protection(rawValue: 0xc1))) == nil)
    #expect(drawing.set.find(drawing.number(8))?.protection == .read)
  }

  @Test func theLimitOnAreasAllowsOneMore() {
    // "map count > limit": a process may reach the limit plus one.
    var drawing = Drawing(limit: 3)
    for page in [0, 2, 4, 6] { #expect(error(drawing.map(page..<page + 1)) == nil) }
    #expect(error(drawing.map(8..<9)) == .enomem)
    #expect(drawing.text == "a.b.c.d.........")
  }

  @Test func unmapRefusals() {
    var drawing = Drawing(limit: 2)
    drawing.map(0..<3)
    drawing.map(4..<7)
    let before = drawing.set
    #expect(error(drawing.set.unmap(address: drawing.address(0) + 1, length: 4096)) == .einval)
    #expect(error(drawing.set.unmap(address: drawing.address(0), length: 0)) == .einval)
    #expect(error(drawing.set.unmap(address: 1 << 48, length: 4096)) == .einval)
    #expect(error(drawing.set.unmap(address: 4096, length: 1 << 48)) == .einval)
    #expect(error(drawing.set.unmap(address: 4096, length: .max)) == .einval)
    #expect(error(drawing.unmap(1..<2)) == .enomem)
    #expect(drawing.set == before)
    // Cutting an end needs no VMA more, and unmapping nothing succeeds.
    #expect(drawing.unmap(2..<5) == .success([drawing.range(2..<3), drawing.range(4..<5)]))
    #expect(drawing.text == "aa...bb.........")
    #expect(drawing.unmap(10..<12) == .success([]))
    // A length is rounded up, and the address's tag is ignored.
    let tagged = drawing.address(6) | 0x0f00_0000_0000_0000
    #expect(drawing.set.unmap(address: tagged, length: 1) == .success([drawing.range(6..<7)]))
  }

  @Test func protectRefusals() {
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(3..<5)
    drawing.map(6..<8, .read, [.fixed])
    func protect(_ address: UInt64, _ length: UInt64, _ bits: Protection) -> ErrorNumber? {
      drawing.set.protect(address: address, length: length, protection: bits).error
    }
    #expect(protect(drawing.address(0) + 16, 4096, .read) == .einval)
    #expect(protect(drawing.address(0), 0, Protection(rawValue: 0x80)) == nil)
    #expect(protect(drawing.address(0), 4096, Protection(rawValue: 0x40)) == .einval)
    #expect(protect(drawing.address(0), .max, .read) == .enomem)
    #expect(protect(drawing.address(2), 4096, .read) == .enomem)
    #expect(drawing.text == "aa.bb.cc........")
    // A hole: what lies below it is changed.
    #expect(protect(drawing.address(1), drawing.bytes(3), .read) == .enomem)
    #expect(drawing.text == "ab.cc.dd........")
    // A file takes no tags.
    #expect(protect(drawing.address(6), 4096, [.read, .mte]) == .einval)
    drawing.set.setFlags(in: drawing.range(6..<8), adding: .neverWritable)
    #expect(protect(drawing.address(6), 4096, [.read, .write]) == .eacces)
    #expect(protect(drawing.address(6), 4096, [.read, .execute]) == nil)
  }

  @Test func protectStopsAtTheLimitOnAreas() {
    var drawing = Drawing(limit: 2)
    drawing.map(0..<6)
    // The first of two splits fits, and stays.
    #expect(drawing.protect(2..<4, .read) == .enomem)
    #expect(drawing.text == "aabbbb..........")
    #expect(drawing.set.find(drawing.number(2))?.protection == [.read, .write])
    // A boundary that only moves needs no room.
    #expect(drawing.protect(0..<2, .read) == nil)
    #expect(drawing.protect(2..<3, .read) == nil)
    #expect(drawing.text == "aaabbb..........")
    #expect(drawing.protect(5..<6, []) == .enomem)
  }

  @Test func remapRefusals() {
    var drawing = Drawing(limit: 9)
    drawing.map(0..<4)
    drawing.map(5..<6)
    let before = drawing.set
    #expect(error(drawing.remap(0..<4, to: 4, at: 8, .fixed)) == .einval)
    #expect(error(drawing.remap(0..<4, to: 4, at: 8, .dontUnmap)) == .einval)
    #expect(error(drawing.remap(0..<4, to: 3, at: 8, [.dontUnmap, .mayMove])) == .einval)
    #expect(error(drawing.remap(0..<4, to: 4, RemapFlags(rawValue: 8))) == .einval)
    #expect(error(drawing.remap(0..<4, to: 0)) == .einval)
    #expect(error(drawing.remap(4..<5, to: 2)) == .efault)
    #expect(error(drawing.remap(2..<6, to: 8, [.mayMove])) == .efault)
    #expect(error(drawing.remap(0..<0, to: 2, [.mayMove])) == .einval)
    #expect(error(drawing.remap(0..<4, to: 8)) == .enomem)
    #expect(error(drawing.remap(0..<2, to: 8)) == .enomem)
    #expect(error(drawing.remap(0..<4, to: 4, at: 3, [.fixed, .mayMove])) == .einval)
    #expect(error(drawing.remap(2..<6, to: 4, at: 10, [.fixed, .mayMove])) == .efault)
    func remap(_ address: UInt64, _ new: UInt64, _ to: UInt64) -> ErrorNumber? {
      error(
        drawing.set.remap(
          address: address,
          oldLength: drawing.bytes(4),
          newLength: new,
          flags: [.mayMove, .fixed],
          newAddress: to
        ).mapError(\.number)
      )
    }
    #expect(remap(drawing.address(0) + 1, 4096, drawing.address(8)) == .einval)
    #expect(remap(drawing.address(0), 4096, drawing.address(8) + 1) == .einval)
    #expect(remap(drawing.address(0), 4096, 1 << 48) == .einval)
    #expect(remap(drawing.address(0), .max, drawing.address(8)) == .einval)
    #expect(drawing.set == before)

    // A source that leaves its VMA is found out when the destination, and the tail, are gone.
    drawing.map(12..<14)
    #expect(error(drawing.remap(2..<6, to: 3, at: 12, [.fixed, .mayMove])) == .efault)
    #expect(drawing.text == "aaaa............")
    drawing.map(5..<6)
    #expect(error(drawing.remap(0..<0, to: 1, at: 5, [.fixed, .mayMove])) == .einval)
    #expect(drawing.set.find(drawing.number(5)) == nil)
    drawing.map(5..<6)

    for page in [7, 9] { drawing.map(page..<page + 1) }
    // Four VMAs; moving wants room for three more below the limit, and for two beside them if fixed.
    #expect(error(drawing.remap(0..<4, to: 4, at: 11, [.fixed, .mayMove])) == .enomem)
    #expect(error(drawing.remap(0..<4, to: 8, at: 11, [.mayMove])) == nil)
  }

  @Test func adviceRefusals() {
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(3..<5, .read, [.fixed])
    func advise(_ address: UInt64, _ length: UInt64, _ advice: Advice) -> ErrorNumber? {
      drawing.set.advise(address: address, length: length, advice: advice).error
    }
    #expect(advise(drawing.address(0) + 1, 4096, .dontNeed) == .einval)
    #expect(advise(drawing.address(0), .max, .dontNeed) == .einval)
    #expect(advise(drawing.address(2), 0, .dontNeed) == nil)
    #expect(advise(drawing.address(2), 4096, .dontNeed) == .enomem)
    #expect(advise(drawing.address(3), 4096, .free) == .einval)
    #expect(advise(drawing.address(3), 4096, .wipeOnFork) == .einval)
    #expect(advise(drawing.address(3), 4096, .populateWrite) == .einval)
    #expect(advise(drawing.address(3), 4096, .populateRead) == nil)
    drawing.protect(3..<5, [])
    #expect(advise(drawing.address(3), 4096, .populateRead) == .einval)
    // Parts on both sides of a hole are reached, but populating stops at it.
    let dropped = drawing.set.advise(
      address: drawing.address(1),
      length: drawing.bytes(8),
      advice: .dontNeed
    )
    #expect(dropped.error == .enomem)
    #expect(dropped.ranges == [drawing.range(1..<2), drawing.range(3..<5)])
    let populated = drawing.set.advise(
      address: drawing.address(1),
      length: drawing.bytes(8),
      advice: .populateWrite
    )
    #expect(populated.error == .enomem)
    #expect(populated.ranges == [drawing.range(1..<2)])
    drawing.set.setFlags(in: drawing.range(0..<2), adding: .locked)
    for advice in [Advice.dontNeed, .free, .cold, .pageOut] {
      #expect(advise(drawing.address(0), 4096, advice) == .einval)
    }
  }

  @Test func adviceThatNeedsOneAreaTooManyMayBeTriedAgain() {
    var drawing = Drawing(limit: 2)
    drawing.map(0..<6)
    #expect(drawing.advise(2..<4, .dontFork) == .eagain)
    #expect(drawing.text == "aabbbb..........")
    #expect(drawing.advise(0..<2, .dontFork) == nil)
  }

  @Test func aTaggedFileIsRefusedWhenItsPlaceIsEmpty() {
    var drawing = Drawing()
    drawing.map(0..<4)
    #expect(error(drawing.map(1..<2, [.read, .mte], [.fixed])) == .einval)
    #expect(drawing.text == "a.bb............")
  }

  @Test func setFlagsNeedsTheWholeRangeMapped() {
    var drawing = Drawing()
    drawing.map(0..<2)
    #expect(drawing.set.setFlags(in: drawing.range(1..<3), adding: .locked) == .enomem)
    #expect(drawing.text == "ab..............")
  }
}
