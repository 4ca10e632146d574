// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// What exact accesses and tag instructions must find and leave.

extension ShadowSpace {
  /// Whether an exact access has a pointer whose tag differs from that of its granules.
  ///
  /// - Returns: `nil` where the tags cannot be known: others may have changed the page, or it may have
  ///   been dropped.
  func hasWrongTag(_ record: EventRecord, page number: UInt64) -> Bool? {
    // What a guest does with its pages is nothing to the monitor's own accesses.
    guard area(of: number)?.isTagged ?? false else { return false }
    let expected = expectation(of: number)
    guard let contents = expected.onlyContents else { return nil }
    let first = Int(record.detail) / 16
    let last = (Int(record.detail) + Int(record.count) - 1) / 16
    return (first...last).contains { tag(contents.tags, $0) != record.argument & 15 }
  }

  /// What is wrong with the tag that LDG loaded, `nil` where nothing is.
  func complaint(aboutLoaded value: UInt64?, by instruction: TagInstruction) -> String? {
    guard let value else { return nil }
    let (page, granule) = place(of: VirtualPageNumber.untagged(instruction.pointer))
    let expectation = expectation(of: page)
    let wanted: UInt8
    if area(of: page)?.isTagged ?? false {
      guard let contents = expectation.onlyContents else { return nil }
      wanted = tag(contents.tags, granule)
    } else {
      wanted = 0
    }
    return UInt64(wanted) == value
      ? nil : "LDG of 0x\(hexadecimal(instruction.pointer)) expected \(wanted), found \(value)"
  }

  /// Follows a tag store, granule by granule.
  ///
  /// - Returns: what is wrong with the outcome, `nil` where nothing is.
  mutating func store(
    _ instruction: TagInstruction,
    stamp: UInt64,
    outcome: Outcome
  ) -> String? {
    let address = VirtualPageNumber.untagged(instruction.pointer)
    let pointerTag = UInt8(instruction.pointer >> 56 & 15)
    let given = UInt8(instruction.operand & 15)
    let granules: Range<UInt64>
    var stored = given
    switch instruction.opcode {
    case .stg, .stzg: granules = address / 16..<address / 16 + 1
    case .st2g, .stz2g: granules = address / 16..<address / 16 + 2
    case .stgp:
      granules = address / 16..<address / 16 + 1
      stored = pointerTag
    case .dcgva, .dcgzva:
      granules = address / 64 * 4..<address / 64 * 4 + 4
      stored = pointerTag
    case .ldgm, .stgm, .stzgm:
      return outcome.contains(.undefined)
        ? nil : "expected \(instruction.opcode.name) to be refused"
    case .irg, .addg, .subg, .gmi, .ldg:
      return nil
    }
    let isBlock = instruction.opcode == .dcgva || instruction.opcode == .dcgzva
    if address % 16 != 0, !isBlock {
      return outcome.contains(.misaligned) ? nil : "expected an alignment fault"
    }
    for granule in granules {
      let (page, index) = place(of: granule * 16)
      // Where an access fails, what follows is not done; pages before it are.
      guard let area = area(of: page), area.isWritable else { break }
      if !outcome.isDisjoint(with: [.outOfMemory, .livelock]) { break }
      storeTags(to: page, first: index, count: 1, tag: stored)
      if instruction.storesData { write(stamp, to: page) }
    }
    return nil
  }

  private func place(of address: UInt64) -> (page: UInt64, granule: Int) {
    let offset = address & UInt64(pageSize.bytes - 1)
    return (address >> UInt64(pageSize.shift), Int(offset / 16))
  }
}

extension PageExpectation {
  /// What the page holds where that is certain.
  var onlyContents: PageContents? {
    isUnknown || mayBeGone || contents.count != 1 ? nil : contents.first
  }
}

extension MemoryOperation {
  /// Whether a program enters the kernel for it whatever happens.
  var isSystemCall: Bool {
    switch self {
    case .map, .mapReference, .mapTagged, .createReference, .close, .unmap, .protect, .remap, .brk,
      .advise, .exec, .exit, .tagControl, .pin, .unpin, .swapOff, .swapOn:
      true
    default:
      false
    }
  }
}
