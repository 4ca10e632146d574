// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Reads the lines of events and hands them to a writer.
struct EventParser: ~Copyable {
  private var writer: TraceWriter
  private let pageSize: PageSize
  private var clock: UInt64 = 0
  private var pinnedClock: UInt64?

  init(writer: consuming TraceWriter, pageSize: PageSize) {
    self.writer = writer
    self.pageSize = pageSize
  }

  /// Ends the trace.
  consuming func finish() throws(TraceError) -> WrittenTrace {
    try writer.finish()
  }

  /// Reads a line.
  mutating func take(_ whole: TextLine) throws(TraceError) {
    var line = whole
    var word = try line.word("an event")
    pinnedClock = nil
    if word.text.first == "@" {
      let value = try line.number(word.text.dropFirst(), "a clock after @", at: word.byteOffset)
      guard value >= clock, value <= EventRecord.largestClock else {
        throw line.error(
          expected: "a clock from \(clock) to 2^48 - 1",
          found: "\(value)",
          at: word.byteOffset
        )
      }
      pinnedClock = value
      word = try line.word("an event")
    }
    var isKnown = try access(word, &line)
    if !isKnown { isKnown = try systemCall(word, &line) }
    if !isKnown, let operation = try line.tagging(word) {
      try append(operation, line)
      isKnown = true
    }
    if !isKnown { isKnown = try event(word, &line) }
    guard isKnown else {
      throw line.error(
        expected: "the name of an event",
        found: String(word.text),
        at: word.byteOffset
      )
    }
    try expectation(&line)
    try line.checkEnd()
  }

  /// The clock after `count` more accesses, unless the line sets another one.
  private mutating func advance(
    _ count: UInt64,
    _ line: borrowing TextLine
  ) throws(TraceError) -> UInt64 {
    let next = pinnedClock ?? clock + count
    guard next <= EventRecord.largestClock else {
      throw line.error(
        expected: "a clock below 2^48",
        found: "\(next)",
        at: line.byteOffset
      )
    }
    clock = next
    return next
  }

  private mutating func append(
    _ operation: MemoryOperation,
    _ line: borrowing TextLine
  ) throws(TraceError) {
    try writer.operation(operation, clock: try advance(0, line))
  }

  /// `=> OUTCOME`.
  private mutating func expectation(_ line: inout TextLine) throws(TraceError) {
    guard line.take("=>") else { return }
    let outcome = try line.outcome()
    try writer.operation(.expect(.outcome(outcome)), clock: clock)
  }

  // MARK: Touches, accesses and tag stores.

  private mutating func access(
    _ word: TextLine.Word,
    _ line: inout TextLine
  ) throws(TraceError) -> Bool {
    switch word.text {
    case "read", "write":
      let address = try line.address()
      let count = try line.repetitions() ?? 1
      let clock = try advance(count, line)
      let isWrite = word.text == "write"
      try writer.touch(
        address,
        reads: isWrite ? 0 : count,
        writes: isWrite ? count : 0,
        clock: clock
      )
    case "touch":
      let address = try line.address()
      let place = line.endOffset
      let reads = line.take("reads") ? try line.count16("reads") : 0
      let writes = line.take("writes") ? try line.count16("writes") : 0
      guard reads + writes > 0 else {
        throw line.error(expected: "reads N, writes N or both", found: "no access", at: place)
      }
      let clock = try advance(reads + writes, line)
      try writer.touch(address, reads: reads, writes: writes, clock: clock)
    case "load", "store":
      let (address, size) = try line.range()
      guard size > 0 else {
        throw line.error(expected: "a size of at least 1", found: "0", at: word.byteOffset)
      }
      // A size is one access for the clock however many pages it covers.
      let tag = line.take("tag") ? try line.tag() : nil
      let clock = try advance(1, line)
      try writer.access(
        address: address,
        size: size,
        isWrite: word.text == "store",
        pointerTag: tag,
        clock: clock
      )
    case "tag":
      let (address, length) = try line.range()
      let granule = UInt64(MemoryTag.granuleBytes)
      guard address.isMultiple(of: granule), length.isMultiple(of: granule), length > 0 else {
        throw line.error(
          expected: "an address and a length that are multiples of 16",
          found: "0x\(String(address, radix: 16)) and \(length)",
          at: word.byteOffset
        )
      }
      let tag = try line.tag()
      let clock = try advance(0, line)
      try writer.tagRun(address: address, granules: length / granule, tag: tag, clock: clock)
    default: return false
    }
    return true
  }

  // MARK: System calls.

  private mutating func systemCall(
    _ word: TextLine.Word,
    _ line: inout TextLine
  ) throws(TraceError) -> Bool {
    let operation: MemoryOperation
    switch word.text {
    case "map": operation = try line.map()
    case "refpage_create": operation = try line.createReference()
    case "close":
      let descriptor = try line.number32("a descriptor")
      operation = .close(descriptor: descriptor, result: try line.result())
    case "unmap":
      let address = try line.address()
      let length = try line.number("a length")
      operation = .unmap(address: address, length: length, result: try line.result())
    case "protect":
      let address = try line.address()
      let length = try line.number("a length")
      let protection = try line.protection()
      operation = .protect(
        address: address,
        length: length,
        protection: protection,
        result: try line.result()
      )
    case "remap": operation = try remap(&line)
    case "brk":
      let address = try line.address()
      operation = .brk(address: address, result: try line.result())
    case "advise":
      let address = try line.address()
      let length = try line.number("a length")
      let name = try line.word("an advice")
      guard let advice = TextWords.advice.first(where: { $0.word == name.text })?.advice else {
        throw line.error(expected: "an advice", found: String(name.text), at: name.byteOffset)
      }
      operation = .advise(
        address: address,
        length: length,
        advice: advice,
        result: try line.result()
      )
    default: return false
    }
    try append(operation, line)
    return true
  }

  private func remap(_ line: inout TextLine) throws(TraceError) -> MemoryOperation {
    let address = try line.address()
    let oldLength = try line.number("an old length")
    let newLength = try line.number("a new length")
    var flags: RemapFlags = []
    var newAddress: UInt64 = 0
    while let next = line.peek {
      if let known = TextWords.remapFlags.first(where: { $0.word == next }) {
        flags.insert(known.flag)
        _ = line.take(known.word)
      } else if line.take("fixed") {
        flags.insert(.fixed)
        newAddress = try line.address("a new address")
      } else if line.take("to") {
        newAddress = try line.address("a new address")
      } else {
        break
      }
    }
    return .remap(
      address: address,
      oldLength: oldLength,
      newLength: newLength,
      flags: flags,
      newAddress: newAddress,
      result: try line.result()
    )
  }

  // MARK: Other events.

  private mutating func event(
    _ word: TextLine.Word,
    _ line: inout TextLine
  ) throws(TraceError) -> Bool {
    let operation: MemoryOperation
    switch word.text {
    case "copyin", "copyout":
      let (address, length) = try line.range()
      guard length > 0 else {
        throw line.error(expected: "a length of at least 1", found: "0", at: word.byteOffset)
      }
      let intoUser = word.text == "copyout"
      operation = .kernelCopy(address: address, length: length, intoUser: intoUser)
    case "thread": operation = .thread(try line.number32("a thread"))
    case "process": operation = .process(try line.number32("a process"))
    case "fork": operation = .fork(child: try line.number32("a process"))
    case "swapoff": operation = .swapOff(device: try line.number32("a swap device"))
    case "swapon": operation = .swapOn(device: try line.number32("a swap device"))
    case "exec": operation = .exec
    case "coredump": operation = .coreDump
    case "hibernate": operation = .hibernate
    case "peektags":
      let granules = try granules(&line)
      operation = .peekTags(
        address: granules.address,
        count: try line.granules(atMost: granules.room)
      )
    case "poketags", "guesttags":
      let granules = try granules(&line)
      let tags = try line.runs(atMost: granules.room, beforeOutcome: true)
      operation =
        word.text == "poketags"
        ? .pokeTags(address: granules.address, tags: tags)
        : .guest(GuestAccess(.storeTags(tags), at: granules.address))
    case "guestread": operation = .guest(GuestAccess(.read, at: try line.address()))
    case "guestwrite": operation = .guest(GuestAccess(.write, at: try line.address()))
    case "memslot":
      let number = try line.number32("a memory slot")
      let (address, length) = try line.range()
      operation = .memorySlot(number: number, address: address, length: length)
    case "exit": operation = .exit(status: try line.status())
    case "mark":
      let text = TextWords.unescaped(line.literalRest())
      guard text.utf8.count < ContainerLayout.largestStringBytes else {
        throw line.error(
          expected: "less than 64 KiB of text",
          found: "\(text.utf8.count) bytes",
          at: word.byteOffset
        )
      }
      operation = .mark(text)
    case "expect": operation = .expect(.outcome(try line.outcome()))
    case "value": operation = .expect(.value(try line.number("a value")))
    case "signal": operation = .expect(.signal(try line.signal()))
    case "tags", "snapshot": operation = try tags(&line, isSnapshot: word.text == "snapshot")
    default: return false
    }
    try append(operation, line)
    return true
  }

  private func tags(
    _ line: inout TextLine,
    isSnapshot: Bool
  ) throws(TraceError) -> MemoryOperation {
    let alignment = isSnapshot ? pageSize.bytes : MemoryTag.granuleBytes
    let (address, room) = try granules(&line, alignedTo: alignment)
    guard line.take("=>") else {
      throw line.error(
        expected: "=> and runs of tags",
        found: line.peek.map { String($0) } ?? "the end of the line",
        at: line.endOffset
      )
    }
    let tags = try line.runs(atMost: room)
    guard !isSnapshot else {
      guard tags.count == room else {
        throw line.error(
          expected: "tags of \(room) granules",
          found: "\(tags.count)",
          at: line.endOffset
        )
      }
      let page = address >> UInt64(pageSize.shift)
      return .tagSnapshot(page: page, tags: TextWords.packed(tags))
    }
    return .expectTags(address: address, tags: tags)
  }

  /// The address of a granule, and how many there are from it to the end of its page.
  private func granules(
    _ line: inout TextLine,
    alignedTo alignment: Int = MemoryTag.granuleBytes
  ) throws(TraceError) -> (address: UInt64, room: Int) {
    let place = try line.word("an address")
    let address = try line.number(place.text, "an address", at: place.byteOffset)
    guard address < 1 << 56, address.isMultiple(of: UInt64(alignment)) else {
      throw line.error(
        expected: "an address that is a multiple of \(alignment)",
        found: String(place.text),
        at: place.byteOffset
      )
    }
    let first = Int(address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
    return (address, pageSize.granules - first)
  }
}
