// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The codes of the operation column.
///
/// An entry is a code byte, its fields, and a result where bit 7 of the code is set.
/// TraceContainer.md lists the fields.
enum OperationCode: UInt8 {
  case map, unmap, protect, remap, brk, advise, kernelRead, kernelWrite, thread, process, fork
  case exec, exit, mark, tagSnapshot, expectOutcome, expectTags
  // The first readers of version 1 end here, and refuse what follows by its code.
  case tagControl, tagCheckOverride, tagInstruction, pin, unpin, expectValue, expectSignal
  // And the next ones here.
  case swapOff, swapOn
  case mapReference, mapTagged, createReference, close
  // And the next ones here.
  case mapFile

  /// Bit of the code byte: a result follows the fields.
  static let hasResult: UInt8 = 0x80
}

extension [UInt8] {
  /// Appends one operation.
  mutating func append(_ operation: MemoryOperation) {
    switch operation {
    case .map(let request, let result):
      append(request.file == nil ? .map : .mapFile, result, [request.address, request.length])
      append(request.protection.rawValue)
      append(varint: UInt64(request.flags.rawValue))
      if let file = request.file {
        append(varint: UInt64(file.number))
        append(varint: file.offset)
      }
      append(result: result)
    case .mapReference(let request, let descriptor, let offset, let result):
      append(.mapReference, result, [request.address, request.length])
      append(request.protection.rawValue)
      append(varint: UInt64(request.flags.rawValue))
      append(varint: UInt64(descriptor))
      append(varint: offset)
      append(result: result)
    case .mapTagged(let request, let tag, let result):
      append(.mapTagged, result, [request.address, request.length])
      append(request.protection.rawValue)
      append(varint: UInt64(request.flags.rawValue))
      append(varint: UInt64(tag.rawValue))
      append(result: result)
    case .createReference(let request, let result):
      append(.createReference, result, [request.address, request.size, request.flags])
      append(varint: request.content.code)
      append(result: result)
    case .close(let descriptor, let result):
      append(.close, result, [UInt64(descriptor)])
      append(result: result)
    case .unmap(let address, let length, let result):
      append(.unmap, result, [address, length])
      append(result: result)
    case .protect(let address, let length, let protection, let result):
      append(.protect, result, [address, length])
      append(protection.rawValue)
      append(result: result)
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      append(.remap, result, [address, oldLength, newLength])
      append(flags.rawValue)
      append(varint: newAddress)
      append(result: result)
    case .brk(let address, let result):
      append(.brk, result, [address])
      append(result: result)
    case .advise(let address, let length, let advice, let result):
      append(.advise, result, [address, length])
      append(advice.rawValue)
      append(result: result)
    case .tagControl(let control, let result):
      append(.tagControl, result, [control.rawValue])
      append(result: result)
    case .tagCheckOverride(let isSet): append(.tagCheckOverride, nil, [isSet ? 1 : 0])
    case .tagInstruction(let instruction):
      let result = instruction.result.map { Int64(bitPattern: $0) }
      append(
        .tagInstruction,
        result,
        [UInt64(instruction.opcode.rawValue), instruction.pointer, instruction.operand]
      )
      append(result: result)
    case .pin(let address, let length, let flags, let result):
      append(.pin, result, [address, length])
      append(flags.rawValue)
      append(result: result)
    case .unpin(let address, let length): append(.unpin, nil, [address, length])
    case .swapOff(let device): append(.swapOff, nil, [UInt64(device)])
    case .swapOn(let device): append(.swapOn, nil, [UInt64(device)])
    case .kernelCopy(let address, let length, let intoUser):
      append(intoUser ? .kernelWrite : .kernelRead, nil, [address, length])
    case .thread(let number): append(.thread, nil, [UInt64(number)])
    case .process(let number): append(.process, nil, [UInt64(number)])
    case .fork(let child): append(.fork, nil, [UInt64(child)])
    case .exec: append(.exec, nil, [])
    case .exit(let status):
      append(.exit, nil, [])
      append(zigzag: Int64(status))
    case .mark(let text):
      append(.mark, nil, [])
      append(string: text)
    case .tagSnapshot(let page, let tags):
      append(.tagSnapshot, nil, [page])
      append(contentsOf: tags)
    case .expect(.outcome(let outcome)): append(.expectOutcome, nil, [outcome.rawValue])
    case .expect(.value(let value)): append(.expectValue, nil, [value])
    case .expect(.signal(let signal)):
      append(.expectSignal, nil, [UInt64(signal.code.number), signal.address])
    case .expectTags(let address, let tags):
      append(.expectTags, nil, [address, UInt64(tags.count)])
      append(contentsOf: tags)
    }
  }

  private mutating func append(_ code: OperationCode, _ result: Int64?, _ fields: [UInt64]) {
    append(result == nil ? code.rawValue : code.rawValue | OperationCode.hasResult)
    for field in fields { append(varint: field) }
  }

  private mutating func append(result: Int64?) {
    if let result { append(zigzag: result) }
  }
}

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
      throw Malformed(expected: "an operation code up to 30", found: "\(first)")
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
      let count = try varint(bytes, atMost: limit, "a count of tags in a page")
      return .expectTags(address: address, tags: try raw(Int(count), bytes))
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
  /// The number in containers: 0 where nothing is known, else 1 more than the byte.
  fileprivate var code: UInt64 {
    switch self {
    case .unknown: 0
    case .uniform(let byte): UInt64(byte) + 1
    }
  }

  /// Reads what `code` gives, which is at most 256.
  fileprivate init(code: UInt64) {
    self = code == 0 ? .unknown : .uniform(UInt8(code - 1))
  }
}

extension SignalCode {
  /// The number in containers: the position among all codes.
  fileprivate var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
