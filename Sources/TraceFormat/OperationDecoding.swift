// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// Reading what OperationCoding.swift writes.

extension ByteCursor {
  /// Reads one operation.
  ///
  /// - Throws: where the code is unknown or a field is out of range.
  mutating func operation(
    _ bytes: Span<UInt8>,
    pageSize: PageSize
  ) throws(Malformed) -> MemoryOperation {
    let operation = try uncheckedOperation(bytes, pageSize: pageSize)
    if let problem = operation.problem(pageSize: pageSize) { throw problem }
    return operation
  }

  private mutating func uncheckedOperation(
    _ bytes: Span<UInt8>,
    pageSize: PageSize
  ) throws(Malformed) -> MemoryOperation {
    let first = try byte(bytes)
    guard let code = OperationCode(rawValue: first & ~OperationCode.hasResult) else {
      throw Malformed(expected: "an operation code up to 38", found: "\(first)")
    }
    let hasResult = first & OperationCode.hasResult != 0
    switch code {
    case .map, .mapFile, .unmap, .protect, .remap, .brk, .advise:
      return try systemCall(code, hasResult: hasResult, bytes)
    case .tagControl, .tagInstruction, .pin:
      return try tagging(code, hasResult: hasResult, bytes)
    case .mapReference, .mapTagged, .createReference, .close:
      return try reference(code, hasResult: hasResult, bytes)
    default:
      guard !hasResult else {
        throw Malformed(expected: "an operation code without result", found: "\(first)")
      }
      return try event(code, bytes, pageSize: pageSize)
    }
  }

  private mutating func systemCall(
    _ code: OperationCode,
    hasResult: Bool,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> MemoryOperation {
    let address = try varint(bytes)
    if code == .brk { return .brk(address: address, result: try result(hasResult, bytes)) }
    let length = try varint(bytes)
    switch code {
    case .map, .mapFile:
      var request = try mapping(bytes, address: address, length: length)
      if code == .mapFile {
        let number = try number32(bytes)
        request.file = MappedFile(number: number, offset: try varint(bytes))
      }
      return .map(request, result: try result(hasResult, bytes))
    case .unmap:
      return .unmap(address: address, length: length, result: try result(hasResult, bytes))
    case .protect:
      let protection = Protection(rawValue: try byte(bytes))
      return .protect(
        address: address,
        length: length,
        protection: protection,
        result: try result(hasResult, bytes)
      )
    case .advise:
      let number = try byte(bytes)
      guard let advice = Advice(rawValue: number) else {
        throw Malformed(expected: "an advice of madvise", found: "\(number)")
      }
      return .advise(
        address: address,
        length: length,
        advice: advice,
        result: try result(hasResult, bytes)
      )
    default:
      let newLength = try varint(bytes)
      let flags = RemapFlags(rawValue: try byte(bytes))
      let newAddress = try varint(bytes)
      return .remap(
        address: address,
        oldLength: length,
        newLength: newLength,
        flags: flags,
        newAddress: newAddress,
        result: try result(hasResult, bytes)
      )
    }
  }

  private mutating func tagging(
    _ code: OperationCode,
    hasResult: Bool,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> MemoryOperation {
    switch code {
    case .tagControl:
      let control = TagControl(rawValue: try varint(bytes))
      return .tagControl(control, result: try result(hasResult, bytes))
    case .tagInstruction:
      let limit = UInt64(TagInstruction.Opcode.allCases.count - 1)
      let number = try varint(bytes, atMost: limit, "a tag instruction")
      let pointer = try varint(bytes)
      let operand = try varint(bytes)
      return .tagInstruction(
        TagInstruction(
          TagInstruction.Opcode.allCases[Int(number)],
          pointer: pointer,
          operand: operand,
          result: try result(hasResult, bytes).map { UInt64(bitPattern: $0) }
        )
      )
    default:
      let address = try varint(bytes)
      let length = try varint(bytes)
      let flags = PinFlags(rawValue: try byte(bytes))
      return .pin(
        address: address,
        length: length,
        flags: flags,
        result: try result(hasResult, bytes)
      )
    }
  }

  private mutating func reference(
    _ code: OperationCode,
    hasResult: Bool,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> MemoryOperation {
    if code == .close {
      let descriptor = try number32(bytes)
      return .close(descriptor: descriptor, result: try result(hasResult, bytes))
    }
    let address = try varint(bytes)
    let length = try varint(bytes)
    guard code != .createReference else {
      let flags = try varint(bytes)
      let content = try varint(bytes, atMost: 256, "the content of a reference page")
      return .createReference(
        ReferenceRequest(
          address: address,
          size: length,
          flags: flags,
          content: ReferenceContent(code: content)
        ),
        result: try result(hasResult, bytes)
      )
    }
    let request = try mapping(bytes, address: address, length: length)
    guard code == .mapReference else {
      let tag = MemoryTag(truncating: UInt8(try varint(bytes, atMost: 15, "a tag")))
      return .mapTagged(request, tag: tag, result: try result(hasResult, bytes))
    }
    let descriptor = try number32(bytes)
    let offset = try varint(bytes)
    return .mapReference(
      request,
      descriptor: descriptor,
      offset: offset,
      result: try result(hasResult, bytes)
    )
  }

  private mutating func event(
    _ code: OperationCode,
    _ bytes: Span<UInt8>,
    pageSize: PageSize
  ) throws(Malformed) -> MemoryOperation {
    switch code {
    case .kernelRead, .kernelWrite:
      let address = try varint(bytes)
      return .kernelCopy(
        address: address,
        length: try varint(bytes),
        intoUser: code == .kernelWrite
      )
    case .thread: return .thread(try number32(bytes))
    case .process: return .process(try number32(bytes))
    case .fork: return .fork(child: try number32(bytes))
    case .swapOff: return .swapOff(device: try number32(bytes))
    case .swapOn: return .swapOn(device: try number32(bytes))
    case .exec: return .exec
    case .coreDump: return .coreDump
    case .hibernate: return .hibernate
    case .memorySlot:
      let number = try number32(bytes)
      let address = try varint(bytes)
      return .memorySlot(number: number, address: address, length: try varint(bytes))
    case .guestRead: return .guest(GuestAccess(.read, at: try varint(bytes)))
    case .guestWrite: return .guest(GuestAccess(.write, at: try varint(bytes)))
    case .exit:
      let status = try zigzag(bytes)
      guard let status = Int32(exactly: status) else {
        throw Malformed(expected: "an exit status of 32 bits", found: "\(status)")
      }
      return .exit(status: status)
    case .mark: return .mark(try string(bytes, limit: ContainerLayout.largestStringBytes))
    case .tagSnapshot:
      let page = try varint(bytes)
      return .tagSnapshot(page: page, tags: try raw(pageSize.tagBytes, bytes))
    case .expectOutcome: return .expect(.outcome(Outcome(rawValue: try varint(bytes))))
    case .expectValue: return .expect(.value(try varint(bytes)))
    case .expectSignal:
      let limit = UInt64(SignalCode.allCases.count - 1)
      let code = SignalCode.allCases[Int(try varint(bytes, atMost: limit, "a signal's code"))]
      return .expect(.signal(Signal(code: code, address: try varint(bytes))))
    case .tagCheckOverride:
      return .tagCheckOverride(isSet: try varint(bytes, atMost: 1, "0 or 1 for PSTATE.TCO") == 1)
    case .unpin:
      let address = try varint(bytes)
      return .unpin(address: address, length: try varint(bytes))
    default:
      let address = try varint(bytes)
      let limit = UInt64(pageSize.granules)
      let count = Int(try varint(bytes, atMost: limit, "a count of tags in a page"))
      switch code {
      case .peekTags: return .peekTags(address: address, count: count)
      case .pokeTags: return .pokeTags(address: address, tags: try raw(count, bytes))
      case .guestTags:
        return .guest(GuestAccess(.storeTags(try raw(count, bytes)), at: address))
      default: return .expectTags(address: address, tags: try raw(count, bytes))
      }
    }
  }

  /// Reads protection and flags of a mapping.
  mutating func mapping(
    _ bytes: Span<UInt8>,
    address: UInt64,
    length: UInt64
  ) throws(Malformed) -> MappingRequest {
    let protection = Protection(rawValue: try byte(bytes))
    let flags = try varint(bytes, atMost: UInt64(UInt16.max), "flags of a mapping")
    return MappingRequest(
      address: address,
      length: length,
      protection: protection,
      flags: MappingFlags(rawValue: UInt16(flags))
    )
  }

  private mutating func number32(_ bytes: Span<UInt8>) throws(Malformed) -> UInt32 {
    UInt32(try varint(bytes, atMost: UInt64(UInt32.max), "a number"))
  }

  private mutating func result(
    _ isPresent: Bool,
    _ bytes: Span<UInt8>
  ) throws(Malformed) -> Int64? {
    isPresent ? try zigzag(bytes) : nil
  }
}

extension ReferenceContent {
  /// Reads what `code` gives, which is at most 256.
  fileprivate init(code: UInt64) {
    self = code == 0 ? .unknown : .uniform(UInt8(code - 1))
  }
}
