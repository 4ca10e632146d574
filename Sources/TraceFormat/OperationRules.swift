// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What every operation of a trace must satisfy: a reader refuses others, a writer must not be given
/// any.
extension MemoryOperation {
  /// The first rule that the operation breaks, `nil` for a valid one.
  ///
  /// Addresses have no top byte. Lengths of system calls are free, because a program may ask for
  /// anything and be refused; those of kernel copies were performed, and must lie in user space.
  func problem(pageSize: PageSize) -> Malformed? {
    switch self {
    case .map(let request, _): return request.problem ?? request.fileProblem(pageSize: pageSize)
    case .mapReference(let request, _, _, _), .mapTagged(let request, _, _):
      return request.flags.contains(.anonymous)
        ? request.problem : Malformed("an anonymous mapping", request.flags.rawValue)
    case .createReference(let request, _): return Self.problem(address: request.address)
    case .unmap(let address, _, _), .brk(let address, _), .advise(let address, _, _, _),
      .unpin(let address, _), .memorySlot(_, let address, _):
      return Self.problem(address: address)
    case .pin(let address, _, let flags, _):
      if !flags.isSubset(of: .known) { return Malformed("flags of a pin up to 3", flags.rawValue) }
      return Self.problem(address: address)
    case .tagInstruction(let instruction): return instruction.problem
    case .protect(let address, _, let protection, _):
      return Self.problem(address: address) ?? protection.problem
    case .remap(let address, _, _, let flags, let newAddress, _):
      if flags.rawValue > 7 { return Malformed("flags of mremap up to 7", flags.rawValue) }
      return Self.problem(address: address) ?? Self.problem(address: newAddress)
    case .kernelCopy(let address, let length, _):
      if let problem = Self.problem(address: address) { return problem }
      guard length >= 1, length <= 1 << 56 - address else {
        return Malformed("a kernel copy of 1 to \(1 << 56 - address) bytes", length)
      }
      return nil
    case .mark(let text):
      let limit = ContainerLayout.largestStringBytes
      return text.utf8.count < limit
        ? nil : Malformed("a mark below \(limit) bytes", text.utf8.count)
    case .tagSnapshot(let page, let tags):
      guard page < 1 << UInt64(56 - pageSize.shift) else {
        return Malformed("a virtual page number below 2^\(56 - pageSize.shift)", page)
      }
      return tags.count == pageSize.tagBytes
        ? nil : Malformed("a snapshot of \(pageSize.tagBytes) bytes", tags.count)
    case .expect(.outcome(let outcome)):
      return Outcome(outcome.description) == outcome
        ? nil : Malformed("a known outcome", outcome.rawValue)
    case .expectTags(let address, let tags), .pokeTags(let address, let tags):
      return Self.problem(address: address, count: tags.count, pageSize: pageSize)
        ?? tags.first { $0 > 15 }.map { Malformed("a tag up to 15", $0) }
    case .guest(let access):
      guard case .storeTags(let tags) = access.kind else {
        return Self.problem(address: access.address)
      }
      return Self.problem(address: access.address, count: tags.count, pageSize: pageSize)
        ?? tags.first { $0 > 15 }.map { Malformed("a tag up to 15", $0) }
    case .peekTags(let address, let count):
      return Self.problem(address: address, count: count, pageSize: pageSize)
    case .close, .thread, .process, .fork, .exec, .exit, .coreDump, .hibernate, .tagControl,
      .tagCheckOverride,
      .swapOff,
      .swapOn,
      .expect(.value),
      .expect(.signal):
      return nil
    }
  }

  private static func problem(address: UInt64) -> Malformed? {
    address < 1 << 56 ? nil : Malformed("an address below 2^56", address)
  }

  private static func problem(
    address: UInt64,
    count: Int,
    pageSize: PageSize
  ) -> Malformed? {
    let granuleBytes = UInt64(MemoryTag.granuleBytes)
    guard address < 1 << 56, address.isMultiple(of: granuleBytes) else {
      return Malformed("the address of a granule", address)
    }
    let first = Int((address & UInt64(pageSize.bytes - 1)) / granuleBytes)
    guard count >= 1, count <= pageSize.granules - first else {
      return Malformed("1 to \(pageSize.granules - first) tags", count)
    }
    return nil
  }
}

extension MappingRequest {
  /// The first rule that the request breaks, `nil` for a valid one.
  var problem: Malformed? {
    if address >= 1 << 56 { return Malformed("an address below 2^56", address) }
    if flags.rawValue > 0x3ff { return Malformed("mapping flags up to 1023", flags.rawValue) }
    return protection.problem
  }

  /// The first rule that the file of the request breaks, `nil` for a valid one and for none.
  ///
  /// Offsets in files end below 2^63, as in the kernel.
  func fileProblem(pageSize: PageSize) -> Malformed? {
    guard let file else { return nil }
    if flags.contains(.anonymous) { return Malformed("a mapping of a file", flags.rawValue) }
    guard file.offset < 1 << 62, file.offset & UInt64(pageSize.bytes - 1) == 0 else {
      return Malformed("an offset below 2^62 of whole pages of \(pageSize.name)", file.offset)
    }
    return nil
  }
}

extension TagInstruction {
  /// The first rule that the instruction breaks, `nil` for a valid one.
  var problem: Malformed? {
    if let wide = [pointer, result ?? 0].first(where: { $0 >= 1 << 60 }) {
      return Malformed("a pointer below 2^60", wide)
    }
    if result != nil, opcode != .irg { return Malformed("a result of IRG only", opcode.rawValue) }
    switch opcode {
    case .gmi: return nil
    case .irg: return operand <= 0xffff ? nil : Malformed("a mask of 16 tags", operand)
    case .addg, .subg:
      let isValid = operand & ~0xf03f0 == 0
      return isValid ? nil : Malformed("a multiple of 16 up to 1008 and up to 15 tags", operand)
    case .stg, .st2g, .stzg, .stz2g, .stgm, .stzgm:
      return operand <= 15 ? nil : Malformed("a tag up to 15", operand)
    case .ldg, .stgp, .dcgva, .dcgzva, .ldgm:
      return operand == 0 ? nil : Malformed("no operand", operand)
    }
  }
}

extension Protection {
  /// A complaint about bits that have no meaning.
  var problem: Malformed? {
    rawValue <= 0x3f ? nil : Malformed("protection bits up to 63", rawValue)
  }
}

extension Malformed {
  /// A complaint about a number.
  fileprivate init(_ expected: String, _ found: some BinaryInteger) {
    self.init(expected: expected, found: "\(found)")
  }
}
