// SPDX-License-Identifier: Apache-2.0

/// One instruction that makes, moves, loads or stores tags.
///
/// Pointers carry their tag in bits 59 to 56.
///
/// Source: Arm Architecture Reference Manual, chapter C6, and D10 for what memory is affected.
public struct TagInstruction: Equatable, Sendable {
  /// An instruction's name, in the order of its code in containers.
  public enum Opcode: UInt8, CaseIterable, Sendable {
    /// IRG: a pointer with a new tag.
    case irg
    /// ADDG: a pointer moved up, with another tag.
    case addg
    /// SUBG: a pointer moved down, with another tag.
    case subg
    /// GMI: a mask with the pointer's tag added.
    case gmi
    /// LDG: the tag of a granule.
    case ldg
    /// STG: stores the tag of one granule.
    case stg
    /// ST2G: stores the tags of two granules.
    case st2g
    /// STZG: stores the tag of one granule, and zeros.
    case stzg
    /// STZ2G: stores the tags of two granules, and zeros.
    case stz2g
    /// STGP: stores the pointer's tag to one granule, and two registers.
    case stgp
    /// DC GVA: stores the pointer's tag to a block.
    case dcgva
    /// DC GZVA: stores the pointer's tag to a block, and zeros.
    case dcgzva
    /// LDGM: loads many tags; for the kernel only.
    case ldgm
    /// STGM: stores many tags; for the kernel only.
    case stgm
    /// STZGM: stores many tags, and zeros; for the kernel only.
    case stzgm

    /// The name in text traces: the assembler's, in lower case and without blanks.
    public var name: String { String(describing: self) }
  }

  /// What is done.
  public var opcode: Opcode
  /// The address operand with its tag, below 2^60.
  public var pointer: UInt64
  /// What else the instruction is given.
  ///
  /// | instruction | operand |
  /// |---|---|
  /// | IRG | tags that it must not choose, bit *t* for tag *t* |
  /// | ADDG, SUBG | bits 9-0 bytes, a multiple of 16; bits 19-16 tags to go on by |
  /// | GMI | the mask |
  /// | STG, ST2G, STZG, STZ2G, STGM, STZGM | the tag, 0 to 15 |
  /// | the others | 0 |
  public var operand: UInt64
  /// For IRG the pointer that the recorded program got; `nil` where nobody recorded it.
  public var result: UInt64?

  /// Creates an instruction.
  public init(_ opcode: Opcode, pointer: UInt64, operand: UInt64 = 0, result: UInt64? = nil) {
    self.opcode = opcode
    self.pointer = pointer
    self.operand = operand
    self.result = result
  }

  /// The tag in a pointer.
  public static func tag(of pointer: UInt64) -> MemoryTag {
    MemoryTag(truncating: UInt8(truncatingIfNeeded: pointer >> 56) & 15)
  }

  /// Bytes of the block that DC GVA and DC GZVA work on: 4 << DCZID_EL0.BS, as most processors have.
  public static let blockBytes: UInt64 = 64

  /// What a tag store concerns: the first byte, the bytes, and the tag; `nil` for other instructions,
  /// and for those that only the kernel may use.
  public var stored: (address: UInt64, bytes: UInt64, tag: MemoryTag)? {
    let address = VirtualPageNumber.untagged(pointer)
    let granule = UInt64(MemoryTag.granuleBytes)
    let given = MemoryTag(truncating: UInt8(truncatingIfNeeded: operand) & 15)
    switch opcode {
    case .stg, .stzg: return (address, granule, given)
    case .st2g, .stz2g: return (address, 2 * granule, given)
    case .stgp: return (address, granule, Self.tag(of: pointer))
    case .dcgva, .dcgzva:
      return (address & ~(Self.blockBytes - 1), Self.blockBytes, Self.tag(of: pointer))
    case .irg, .addg, .subg, .gmi, .ldg, .ldgm, .stgm, .stzgm: return nil
    }
  }

  /// Whether data are stored, too, whatever the memory is.
  public var storesData: Bool {
    switch opcode {
    case .stzg, .stz2g, .stgp, .dcgzva: true
    default: false
    }
  }
}
