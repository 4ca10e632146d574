// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel

// The instructions of MTE as a program at EL0 sees them.
// Source: Arm Architecture Reference Manual, chapters C6 and D10; specification of the kernel around
// us, section 4.6.

extension Machine {
  /// Performs a tag instruction of a process; `stamp` stands for the data that it stores.
  ///
  /// What an instruction puts into a register is left in ``lastValue``: a pointer (IRG, ADDG, SUBG), a
  /// mask (GMI) or a tag (LDG). Their own accesses are not checked for tags. An instruction that
  /// crosses a page works on one page after the other, and a fault on the second leaves the first
  /// done.
  ///
  /// - Returns: the steps that were taken.
  public mutating func perform(
    _ instruction: TagInstruction,
    of process: Int,
    stamp: UInt64
  ) -> Outcome {
    guard processes[process].isAlive else { return .processGone }
    steps = .hit
    lastValue = nil
    switch instruction.opcode {
    case .irg:
      lastValue = randomPointer(instruction, of: process)
    case .addg, .subg:
      lastValue = movedPointer(instruction, of: process)
    case .gmi:
      let tag = TagInstruction.tag(of: instruction.pointer)
      lastValue = instruction.operand | 1 << UInt64(tag.rawValue)
    case .ldg:
      lastValue = loadTag(at: VirtualPageNumber.untagged(instruction.pointer), of: process)
    case .stg, .st2g, .stzg, .stz2g, .stgp, .dcgva, .dcgzva:
      store(instruction, of: process, stamp: stamp)
    case .ldgm, .stgm, .stzgm:
      // EL0 has no access to these.
      raise(Signal(code: .illIllOpc, address: 0), .undefined, of: process)
    }
    return steps
  }

  /// An exception of the current instruction, which is an entry to the kernel.
  private mutating func raise(_ signal: Signal, _ step: Outcome, of process: Int) {
    enterKernel(from: process)
    steps.insert(step)
    lastSignal = signal
  }

  /// IRG: the recorded tag where there is one, since hardware may choose at random; Linux lets it.
  private mutating func randomPointer(
    _ instruction: TagInstruction,
    of process: Int
  ) -> UInt64 {
    if let recorded = instruction.result {
      processes[process].tagThreads.current.generator.tag = TagInstruction.tag(of: recorded)
      return recorded
    }
    let mask =
      processes[process].tagThreads.current.excludedTags
      | UInt16(truncatingIfNeeded: instruction.operand)
    let tag = processes[process].tagThreads.current.generator.next(excluding: mask)
    return VirtualPageNumber.untagged(instruction.pointer) | UInt64(tag.rawValue) << 56
  }

  /// ADDG and SUBG: both go on to later tags, whatever they do to the address.
  private func movedPointer(_ instruction: TagInstruction, of process: Int) -> UInt64 {
    let tag = TagGenerator.tag(
      from: TagInstruction.tag(of: instruction.pointer),
      advancedBy: UInt8(instruction.operand >> 16 & 15),
      excluding: processes[process].tagThreads.current.excludedTags
    )
    let offset = instruction.operand & 0x3f0
    let address = VirtualPageNumber.untagged(instruction.pointer)
    let moved = instruction.opcode == .addg ? address &+ offset : address &- offset
    return VirtualPageNumber.untagged(moved) | UInt64(tag.rawValue) << 56
  }

  /// LDG: the tag of the granule around an address, 0 in memory that is not tagged.
  private mutating func loadTag(at address: UInt64, of process: Int) -> UInt64? {
    let number = VirtualPageNumber(address: address, pageSize: pageSize)
    let page = processes[process].pageIndex.identifierAdding(number)
    guard reach(page, at: address, isWrite: false, of: process) else { return nil }
    let table = processes[process].table
    let state = table.state(page)
    guard table.flags(page).contains(.tagged), state == .frame || state == .zeroPage else {
      return 0
    }
    let granule = Int(address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
    return UInt64(frameTags.tag(Int(table.target(page)), granule: granule).rawValue)
  }

  /// The tag stores, with the data that some of them store.
  private mutating func store(_ instruction: TagInstruction, of process: Int, stamp: UInt64) {
    guard let stored = instruction.stored else { return }
    let granuleBytes = UInt64(MemoryTag.granuleBytes)
    guard stored.address.isMultiple(of: granuleBytes) else {
      // Alignment goes before translation.
      raise(Signal(code: .busAdrAln, address: instruction.pointer), .misaligned, of: process)
      return
    }
    var address = stored.address
    var left = stored.bytes
    while left > 0 {
      let offset = address & UInt64(pageSize.bytes - 1)
      let bytes = min(left, UInt64(pageSize.bytes) - offset)
      let number = VirtualPageNumber(address: address, pageSize: pageSize)
      let page = processes[process].pageIndex.identifierAdding(number)
      guard reach(page, at: address, isWrite: true, of: process) else { return }
      storeTags(
        page,
        first: Int(offset / granuleBytes),
        count: Int(bytes / granuleBytes),
        tag: stored.tag,
        of: process
      )
      if instruction.storesData { write(stamp, to: page, of: process) }
      address += bytes
      left -= bytes
    }
  }
}
