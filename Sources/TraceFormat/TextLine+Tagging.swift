// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Reading the events of tags and pins from a line.
extension TextLine {
  /// An event of this file, `nil` where `word` is the name of none.
  mutating func tagging(_ word: Word) throws(TraceError) -> MemoryOperation? {
    switch word.text {
    case "prctl": return .tagControl(try control(), result: try result())
    case "tco":
      let place = try self.word("0 or 1")
      guard place.text == "0" || place.text == "1" else {
        throw error(expected: "0 or 1", found: String(place.text), at: place.byteOffset)
      }
      return .tagCheckOverride(isSet: place.text == "1")
    case "pin":
      let address = try address()
      let length = try number("a length")
      var flags: PinFlags = []
      while let next = peek, let known = TextWords.pinFlags.first(where: { $0.word == next }) {
        flags.insert(known.flag)
        _ = take(known.word)
      }
      return .pin(address: address, length: length, flags: flags, result: try result())
    case "unpin":
      let address = try address()
      return .unpin(address: address, length: try number("a length"))
    default:
      let name = word.text
      guard let opcode = TagInstruction.Opcode.allCases.first(where: { $0.name == name }) else {
        return nil
      }
      return .tagInstruction(try instruction(opcode, word))
    }
  }

  /// `[enable] [sync] [async] [include TAGS] [bits BITS]`.
  private mutating func control() throws(TraceError) -> TagControl {
    var control: TagControl = []
    while let next = peek {
      if let known = TextWords.controlWords.first(where: { $0.word == next }) {
        control.insert(known.bit)
        _ = take(known.word)
      } else if take("include") {
        let word = try word("a mask of 16 tags")
        let tags = try number(word.text, "a mask of 16 tags", at: word.byteOffset)
        guard let tags = UInt16(exactly: tags) else {
          throw error(
            expected: "a mask of 16 tags",
            found: String(word.text),
            at: word.byteOffset
          )
        }
        control.formUnion(.include(tags))
      } else if take("bits") {
        control.formUnion(TagControl(rawValue: try number("bits of the argument")))
      } else {
        break
      }
    }
    return control
  }

  private mutating func instruction(
    _ opcode: TagInstruction.Opcode,
    _ word: Word
  ) throws(TraceError) -> TagInstruction {
    var instruction = TagInstruction(opcode, pointer: try number("a pointer"))
    switch opcode {
    case .irg:
      if take("exclude") { instruction.operand = try number("a mask of 16 tags") }
      instruction.result = try result().map { UInt64(bitPattern: $0) }
    case .addg, .subg:
      let offset = try number("a number of bytes")
      let tags = try number("a number of tags")
      guard offset <= 1008, tags <= 15 else {
        throw error(
          expected: "up to 1008 bytes and up to 15 tags",
          found: "\(offset) and \(tags)",
          at: word.byteOffset
        )
      }
      instruction.operand = offset | tags << 16
    case .gmi: instruction.operand = try number("a mask")
    case .stg, .st2g, .stzg, .stz2g, .stgm, .stzgm: instruction.operand = UInt64(try tag().rawValue)
    case .ldg, .stgp, .dcgva, .dcgzva, .ldgm: break
    }
    if let problem = instruction.problem {
      throw error(expected: problem.expected, found: problem.found, at: word.byteOffset)
    }
    return instruction
  }

  /// `SEGV_MAPERR ADDR`: a signal's code and address.
  mutating func signal() throws(TraceError) -> Signal {
    let word = try word("the code of a signal")
    guard let code = SignalCode(rawValue: String(word.text)) else {
      throw error(
        expected: "the code of a signal",
        found: String(word.text),
        at: word.byteOffset
      )
    }
    return Signal(code: code, address: try number("an address"))
  }
}
