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
  // And the next ones here.
  case peekTags, pokeTags, coreDump
  // And the next ones here.
  case memorySlot, guestRead, guestWrite, guestTags, hibernate

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
    case .peekTags(let address, let count): append(.peekTags, nil, [address, UInt64(count)])
    case .pokeTags(let address, let tags):
      append(.pokeTags, nil, [address, UInt64(tags.count)])
      append(contentsOf: tags)
    case .coreDump: append(.coreDump, nil, [])
    case .hibernate: append(.hibernate, nil, [])
    case .memorySlot(let number, let address, let length):
      append(.memorySlot, nil, [UInt64(number), address, length])
    case .guest(let access): append(access)
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

  /// Appends what a guest does.
  private mutating func append(_ access: GuestAccess) {
    switch access.kind {
    case .read: append(.guestRead, nil, [access.address])
    case .write: append(.guestWrite, nil, [access.address])
    case .storeTags(let tags):
      append(.guestTags, nil, [access.address, UInt64(tags.count)])
      append(contentsOf: tags)
    }
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
}

extension SignalCode {
  /// The number in containers: the position among all codes.
  fileprivate var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
