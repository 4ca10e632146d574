// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel

// Tag checks: when pointers are compared with memory, and what follows.
// Source: Linux v6.8 arm64 `mte.c`, `signal.c`; specification of the kernel around us, section 4.5.

extension Machine {
  /// The kernel is entered from a process: a latched tag check fault is delivered.
  ///
  /// - Returns: ``Outcome/asyncTagFault`` where one was.
  @discardableResult
  public mutating func enterKernel(from process: Int) -> Outcome {
    guard processes[process].tagThreads.isFaultLatched else { return .hit }
    processes[process].tagThreads.isFaultLatched = false
    counters.add(.tagCheckFaultsAsync)
    steps.insert(.asyncTagFault)
    lastSignal = Signal(code: .segvMTEAErr, address: 0)
    return .asyncTagFault
  }

  /// Notes the signal of an access that nothing maps, or that its mapping forbids.
  mutating func noteSignal(at address: UInt64) {
    if steps.contains(.unmapped) {
      lastSignal = Signal(code: .segvMapErr, address: address)
    } else if steps.contains(.protected) {
      lastSignal = Signal(code: .segvAccErr, address: address)
    }
  }

  /// Compares the pointer's tag with those of the granules that an exact access touches.
  ///
  /// Translation and permission were checked before. The zero page is tagged like any other, with
  /// tags 0 for ever.
  ///
  /// - Returns: whether the access is performed.
  mutating func checkTags(of record: EventRecord, process: Int) -> Bool {
    guard record.argument & EventRecord.accessHasTag != 0 else { return true }
    let thread = processes[process].tagThreads.current
    guard thread.mode != .none, !thread.isOverridden else { return true }
    let table = processes[process].table
    let state = table.state(record.page)
    guard table.flags(record.page).contains(.tagged), state == .frame || state == .zeroPage else {
      return true
    }
    counters.add(.tagChecks)
    let pointerTag = MemoryTag(truncating: record.argument & 15)
    let frame = Int(table.target(record.page))
    let first = Int(record.detail)
    let last = first + Int(record.count) - 1
    for granule in (first / MemoryTag.granuleBytes)...(last / MemoryTag.granuleBytes)
    where frameTags.tag(frame, granule: granule) != pointerTag {
      let byte = max(first, granule * MemoryTag.granuleBytes)
      let address = processes[process].pageIndex.page(of: record.page).address(pageSize: pageSize)
      return mismatch(
        at: address + UInt64(byte) | UInt64(pointerTag.rawValue) << 56,
        isWrite: record.isWrite,
        thread.mode,
        of: process
      )
    }
    return true
  }

  /// What a wrong tag leads to in a mode other than `none`.
  ///
  /// - Returns: whether the access is performed.
  private mutating func mismatch(
    at pointer: UInt64,
    isWrite: Bool,
    _ mode: TagCheckMode,
    of process: Int
  ) -> Bool {
    counters.add(.tagMismatches)
    switch mode {
    case .sync,
      .asymm where !isWrite:
      counters.add(.tagCheckFaultsSync)
      // The exception is an entry to the kernel like any other.
      enterKernel(from: process)
      steps.insert(.tagCheckFault)
      lastSignal = Signal(code: .segvMTESErr, address: pointer)
      return false
    case .async, .asymm:
      counters.add(.tagCheckFaultsLatched)
      steps.insert(.tagCheckLatched)
      processes[process].tagThreads.isFaultLatched = true
      return true
    case .report, .none:
      counters.add(.tagMismatchesReported)
      steps.insert(.tagMismatch)
      return true
    }
  }

  /// `prctl(PR_SET_TAGGED_ADDR_CTRL)` of the current thread.
  ///
  /// Source: Linux v6.8 arm64 `set_tagged_addr_ctrl`, `set_mte_ctrl`, `mte_update_sctlr_user`.
  mutating func controlTags(_ control: TagControl, of process: Int) -> Outcome {
    guard control.isSubset(of: .known) else { return .error(.einval) }
    processes[process].tagThreads.current.mode = mode(askedFor: control)
    processes[process].tagThreads.current.excludedTags = ~control.includedTags
    return steps
  }

  /// The mode that comes of what a thread asks for and what the processor prefers.
  ///
  /// Asking for both modes asks for the asymmetric one, too, where there is one. A preference that was
  /// not asked for does not count. What is left is tried in the order of the kernel's code, which is
  /// not that of its documentation.
  private func mode(askedFor control: TagControl) -> TagCheckMode {
    var asked: [TagCheckMode] = []
    let asksForBoth = control.contains([.sync, .async])
    if asksForBoth && configuration.hasAsymmetricTagChecks { asked.append(.asymm) }
    if control.contains(.async) { asked.append(.async) }
    if control.contains(.sync) { asked.append(.sync) }
    let preferred = configuration.preferredTagChecks
    return asked.contains(preferred) ? preferred : asked.first ?? .none
  }
}

extension MemoryOperation {
  /// Whether a process enters the kernel for it.
  var entersKernel: Bool {
    switch self {
    case .map, .mapReference, .mapTagged, .createReference, .close, .unmap, .protect, .remap, .brk,
      .advise, .tagControl, .pin, .unpin, .kernelCopy, .fork, .exec, .exit, .process,
      .swapOff, .swapOn, .memorySlot, .hibernate:
      true
    case .thread, .tagCheckOverride, .tagInstruction, .mark, .tagSnapshot, .expect, .expectTags,
      .peekTags, .pokeTags, .coreDump, .guest:
      // Whoever is traced or dumped has stopped in the kernel before, and a guest runs within a call.
      false
    }
  }
}
