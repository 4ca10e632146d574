// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Prints a trace as text that builds to the same events again.
///
/// Expectations appear at the end of the line they belong to, so the printer holds one line back;
/// `finish()` returns it.
public struct TracePrinter {
  private let pages: [UInt64]
  private let pageSize: PageSize
  private var clock: UInt64 = 0
  private var held: Held?

  /// A line that is not printed yet.
  private struct Held {
    var text: String
    /// Whether an expectation may follow on the same line.
    var takesExpectation: Bool
  }

  /// Creates a printer for the events of a trace with this page size and page dictionary.
  public init(pageSize: PageSize, pages: [UInt64]) {
    self.pageSize = pageSize
    self.pages = pages
  }

  /// The lines of a header.
  public static func lines(_ header: TraceHeader) -> [String] {
    var lines = ["page-size \(header.pageSize.name)"]
    for (word, text) in [
      ("recorder", header.recorder), ("command", header.commandLine), ("note", header.note),
    ] where !text.isEmpty {
      lines.append("\(word) \(TextWords.escaped(text))")
    }
    if header.filterWindowAccesses != 0 || header.filterEntries != 0 {
      lines.append("filter \(header.filterWindowAccesses) \(header.filterEntries)")
    }
    return lines + header.initialMappings.map { "mapped \(Self.text($0))" }
  }

  /// Prints one record.
  ///
  /// - Returns: the line before it, once that is complete.
  /// - Precondition: `record` comes from `batch`, and its trace has this printer's dictionary.
  public mutating func print(_ record: EventRecord, in batch: EventBatch) -> String? {
    let advance: UInt64
    var takesExpectation = true
    switch record.kind {
    case .touch: advance = UInt64(record.detail) + UInt64(record.count)
    case .access: advance = 1
    case .tagRun: advance = 0
    case .operation:
      advance = 0
      let operation = batch.operations[Int(record.page)]
      if case .expect(.outcome(let outcome)) = operation, let line = held,
        line.takesExpectation, record.clock == clock
      {
        held = nil
        return "\(line.text) => \(outcome)"
      }
      takesExpectation = Self.takesExpectation(operation)
    }
    let text = words(for: record, in: batch)
    let line = record.clock == clock + advance ? text : "@\(record.clock) \(text)"
    clock = record.clock
    defer { held = Held(text: line, takesExpectation: takesExpectation) }
    return held?.text
  }

  /// One record by itself, without its clock and without an expectation.
  ///
  /// - Precondition: `record` comes from `batch`, and its trace has this printer's dictionary.
  public func words(for record: EventRecord, in batch: EventBatch) -> String {
    switch record.kind {
    case .touch: return touch(record)
    case .access:
      let word = record.isWrite ? "store" : "load"
      let address = Self.hexadecimal(base(record) + UInt64(record.detail))
      let isTagKnown = record.argument & EventRecord.accessHasTag != 0
      let tag = isTagKnown ? " tag \(record.argument & 15)" : ""
      return "\(word) \(address) \(record.count)\(tag)"
    case .tagRun:
      let granule = UInt64(MemoryTag.granuleBytes)
      let address = Self.hexadecimal(base(record) + UInt64(record.detail) * granule)
      return "tag \(address) \(UInt64(record.count) * granule) \(record.argument)"
    case .operation: return text(batch.operations[Int(record.page)])
    }
  }

  /// The last line, if there is one.
  public mutating func finish() -> String? {
    defer { held = nil }
    return held?.text
  }

  /// Marks take the rest of their line, and the others have an arrow already or are expectations.
  private static func takesExpectation(_ operation: MemoryOperation) -> Bool {
    switch operation {
    case .mark, .tagSnapshot, .expect, .expectTags: false
    default: true
    }
  }

  private func base(_ record: EventRecord) -> UInt64 {
    pages[Int(record.page)] << UInt64(pageSize.shift)
  }

  private func touch(_ record: EventRecord) -> String {
    let address = Self.hexadecimal(base(record))
    switch (record.detail, record.count) {
    case (1, 0): return "read \(address)"
    case (0, 1): return "write \(address)"
    case (let reads, 0): return "read \(address) x\(reads)"
    case (0, let writes): return "write \(address) x\(writes)"
    case (let reads, let writes): return "touch \(address) reads \(reads) writes \(writes)"
    }
  }

  private func text(_ operation: MemoryOperation) -> String {
    switch operation {
    case .map(let request, let result): return "map \(Self.text(request))\(Self.text(result))"
    case .mapReference(let request, let descriptor, let offset, let result):
      let place = offset == 0 ? "" : " offset \(Self.hexadecimal(offset))"
      return "map \(Self.text(request)) refpage \(descriptor)\(place)\(Self.text(result))"
    case .mapTagged(let request, let tag, let result):
      return "map \(Self.text(request)) taghint \(tag.rawValue)\(Self.text(result))"
    case .createReference(let request, let result):
      return "refpage_create \(Self.text(request))\(Self.text(result))"
    case .close(let descriptor, let result): return "close \(descriptor)\(Self.text(result))"
    case .unmap(let address, let length, let result):
      return "unmap \(Self.text(address, length))\(Self.text(result))"
    case .protect(let address, let length, let protection, let result):
      return "protect \(Self.text(address, length)) \(Self.text(protection))\(Self.text(result))"
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      var line = "remap \(Self.text(address, oldLength)) \(Self.hexadecimal(newLength))"
      for known in TextWords.remapFlags where flags.contains(known.flag) {
        line += " \(known.word)"
      }
      if flags.contains(.fixed) {
        line += " fixed \(Self.hexadecimal(newAddress))"
      } else if newAddress != 0 {
        line += " to \(Self.hexadecimal(newAddress))"
      }
      return line + Self.text(result)
    case .brk(let address, let result):
      return "brk \(Self.hexadecimal(address))\(Self.text(result))"
    case .advise(let address, let length, let advice, let result):
      let word = TextWords.advice.first { $0.advice == advice }?.word ?? "normal"
      return "advise \(Self.text(address, length)) \(word)\(Self.text(result))"
    case .tagControl(let control, let result):
      return "prctl\(Self.text(control))\(Self.text(result))"
    case .tagCheckOverride(let isSet): return "tco \(isSet ? 1 : 0)"
    case .tagInstruction(let instruction): return Self.text(instruction)
    case .pin(let address, let length, let flags, let result):
      var line = "pin \(Self.text(address, length))"
      for known in TextWords.pinFlags where flags.contains(known.flag) { line += " \(known.word)" }
      return line + Self.text(result)
    case .unpin(let address, let length): return "unpin \(Self.text(address, length))"
    case .kernelCopy(let address, let length, let intoUser):
      return "\(intoUser ? "copyout" : "copyin") \(Self.text(address, length))"
    case .thread(let number): return "thread \(number)"
    case .process(let number): return "process \(number)"
    case .fork(let child): return "fork \(child)"
    case .peekTags(let address, let count):
      return "peektags \(Self.hexadecimal(address)) \(count)"
    case .pokeTags(let address, let tags):
      return "poketags \(Self.hexadecimal(address)) \(TextWords.runs(tags))"
    case .coreDump: return "coredump"
    case .hibernate: return "hibernate"
    case .memorySlot(let number, let address, let length):
      return "memslot \(number) \(Self.text(address, length))"
    case .guest(let access):
      let address = Self.hexadecimal(access.address)
      switch access.kind {
      case .read: return "guestread \(address)"
      case .write: return "guestwrite \(address)"
      case .storeTags(let tags): return "guesttags \(address) \(TextWords.runs(tags))"
      }
    case .swapOff(let device): return "swapoff \(device)"
    case .swapOn(let device): return "swapon \(device)"
    case .exec: return "exec"
    case .exit(let status): return "exit \(status)"
    case .mark(let text): return "mark \(TextWords.escaped(text))"
    case .tagSnapshot(let page, let tags):
      let address = Self.hexadecimal(page << UInt64(pageSize.shift))
      return "snapshot \(address) => \(TextWords.runs(TextWords.unpacked(tags)))"
    case .expect(.outcome(let outcome)): return "expect \(outcome)"
    case .expect(.value(let value)): return "value \(Self.hexadecimal(value))"
    case .expect(.signal(let signal)):
      return "signal \(signal.code.rawValue) \(Self.hexadecimal(signal.address))"
    case .expectTags(let address, let tags):
      return "tags \(Self.hexadecimal(address)) => \(TextWords.runs(tags))"
    }
  }

  private static func text(_ request: MappingRequest) -> String {
    var line = "\(text(request.address, request.length)) \(text(request.protection))"
    line += request.flags.contains(.anonymous) ? " anon" : " file"
    if let file = request.file {
      line += " \(file.number)"
      if file.offset != 0 { line += " offset \(hexadecimal(file.offset))" }
    }
    for known in TextWords.mappingFlags where request.flags.contains(known.flag) {
      line += " \(known.word)"
    }
    return line
  }

  private static func text(_ request: ReferenceRequest) -> String {
    var line = text(request.address, request.size)
    if request.flags != 0 { line += " flags \(hexadecimal(request.flags))" }
    if case .uniform(let byte) = request.content { line += " bytes \(hexadecimal(UInt64(byte)))" }
    return line
  }

  private static func text(_ control: TagControl) -> String {
    var line = ""
    for known in TextWords.controlWords where control.contains(known.bit) {
      line += " \(known.word)"
    }
    if control.includedTags != 0 { line += " include \(hexadecimal(UInt64(control.includedTags)))" }
    let rest = control.subtracting(.known)
    return rest.isEmpty ? line : "\(line) bits \(hexadecimal(rest.rawValue))"
  }

  private static func text(_ instruction: TagInstruction) -> String {
    let line = "\(instruction.opcode.name) \(hexadecimal(instruction.pointer))"
    let operand = instruction.operand
    switch instruction.opcode {
    case .irg:
      let mask = operand == 0 ? "" : " exclude \(hexadecimal(operand))"
      return "\(line)\(mask)\(text(instruction.result.map { Int64(bitPattern: $0) }))"
    case .addg, .subg: return "\(line) \(operand & 0x3ff) \(operand >> 16)"
    case .gmi: return "\(line) \(hexadecimal(operand))"
    case .stg, .st2g, .stzg, .stz2g, .stgm, .stzgm: return "\(line) \(operand)"
    case .ldg, .stgp, .dcgva, .dcgzva, .ldgm: return line
    }
  }

  private static func text(_ protection: Protection) -> String {
    var text = TextWords.letters(protection)
    for known in TextWords.protectionWords where protection.contains(known.bit) {
      text += " \(known.word)"
    }
    return text
  }

  private static func text(_ address: UInt64, _ length: UInt64) -> String {
    "\(hexadecimal(address)) \(hexadecimal(length))"
  }

  private static func text(_ result: Int64?) -> String {
    guard let result else { return "" }
    return result > 4096 ? " = \(hexadecimal(UInt64(result)))" : " = \(result)"
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    "0x\(String(value, radix: 16))"
  }
}
