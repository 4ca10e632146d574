// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory

extension Machine {
  /// Adds a memory group.
  ///
  /// - Returns: its number.
  public mutating func addGroup() -> Int {
    groups.grow(
      to: groups.count + 1,
      repeating: MemoryGroup(limitPages: configuration.groupLimitBytes.map { $0 / pageSize.bytes })
    )
    return groups.count - 1
  }

  /// Adds a process without any mapping.
  ///
  /// `pages` holds the virtual page number of every page identifier of the process's trace.
  ///
  /// - Returns: its number.
  public mutating func addProcess(pages: [UInt64], group: Int) -> Int {
    precondition((0..<groups.count).contains(group), "memory group \(group) does not exist")
    let index = PageIndex(pages: pages)
    processes.append(
      Process(
        pageIndex: index,
        pageTable: makeTable(for: index),
        vmas: VMASet(pageSize: pageSize),
        group: group,
        processor: processes.count % configuration.processors
      )
    )
    return processes.count - 1
  }

  /// An empty page table with room for the pages of a trace.
  func makeTable(for index: PageIndex) -> PageTable {
    PageTable(
      layout: TableLayout(pageSize: pageSize, addressBits: configuration.addressBits),
      capacity: index.count
    )
  }

  /// Whether a process has neither exited nor been killed.
  public func isAlive(_ process: Int) -> Bool { processes[process].isAlive }

  /// Performs a touch, an exact access or a tag store.
  ///
  /// `stamp` stands for what a write leaves in the page; the shadow oracle finds it again after any
  /// number of swaps, copies and moves.
  ///
  /// - Precondition: `record` is not an operation, and its page identifier is one of the process's.
  /// - Returns: the steps that were taken.
  public mutating func perform(
    _ record: EventRecord,
    of process: Int,
    stamp: UInt64
  ) -> Outcome {
    guard processes[process].isAlive else { return .processGone }
    if process != currentProcess { switchProcessor(to: process) }
    steps = .hit
    guard
      replacement.isBaseline
        ? accessNotingUse(record.page, isWrite: record.isWrite, of: process)
        : access(record.page, isWrite: record.isWrite, of: process)
    else { return steps }
    switch record.kind {
    case .touch:
      if record.count != 0 { write(stamp, to: record.page, of: process) }
    case .access:
      checkTags(of: record, process: process)
      if record.isWrite { write(stamp, to: record.page, of: process) }
    case .tagRun:
      storeTags(
        record.page,
        first: Int(record.detail),
        count: Int(record.count),
        tag: MemoryTag(truncating: record.argument),
        of: process
      )
    case .operation:
      preconditionFailure("an operation is performed by perform(_:of:)")
    }
    return steps
  }

  /// Goes on with the CPU of another process.
  mutating func switchProcessor(to process: Int) {
    currentProcess = process
    processor = processes[process].processor
  }

  /// Leaves a stamp in the frame of a page.
  private mutating func write(_ stamp: UInt64, to page: PageIdentifier, of process: Int) {
    guard configuration.isObserved else { return }
    let table = processes[process].table
    guard table.state(page) == .frame else { return }
    contents[Int(table.target(page))] = stamp
  }

  /// Compares the pointer's tag with those of the granules that an exact access touches.
  private mutating func checkTags(of record: EventRecord, process: Int) {
    guard record.argument & EventRecord.accessHasTag != 0 else { return }
    let table = processes[process].table
    // The zero page is tagged like any other, with tags 0 for ever.
    let state = table.state(record.page)
    guard table.flags(record.page).contains(.tagged), state == .frame || state == .zeroPage else {
      return
    }
    let pointerTag = MemoryTag(truncating: record.argument & 15)
    let first = Int(record.detail) / MemoryTag.granuleBytes
    let last = (Int(record.detail) + Int(record.count) - 1) / MemoryTag.granuleBytes
    for granule in first...last
    where frameTags.tag(Int(table.target(record.page)), granule: granule) != pointerTag {
      counters.add(.tagMismatches)
      steps.insert(.tagMismatch)
      return
    }
  }

  /// Performs an operation of a process.
  ///
  /// Switching between processes and threads, expectations, marks and snapshots concern the driver
  /// and do nothing here; a fork is ``fork(_:)``.
  ///
  /// - Returns: the steps that were taken, or the error number of a refused call.
  public mutating func perform(_ operation: MemoryOperation, of process: Int) -> Outcome {
    guard processes[process].isAlive else { return .processGone }
    if process != currentProcess { switchProcessor(to: process) }
    steps = .hit
    finishWrites()
    let outcome = call(operation, of: process)
    guard operation.changesMappings, outcome.errorNumber == nil else { return outcome }
    chargeKernelObjects(of: process)
    return outcome.union(steps)
  }

  private mutating func call(_ operation: MemoryOperation, of process: Int) -> Outcome {
    switch operation {
    case .map(let request, let result):
      if let result, result < 0 { return steps }
      return map(request, of: process)
    case .unmap(let address, let length, let result):
      if let result, result < 0 { return steps }
      return unmap(address: address, length: length, of: process)
    case .protect(let address, let length, let protection, let result):
      if let result, result < 0 { return steps }
      return protect(address: address, length: length, protection: protection, of: process)
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      if let result, result < 0 { return steps }
      return remap(
        address: address,
        oldLength: oldLength,
        newLength: newLength,
        flags: flags,
        newAddress: newAddress,
        of: process
      )
    case .brk(let address, let result):
      return moveBreak(to: address, recorded: result, of: process)
    case .advise(let address, let length, let advice, let result):
      if let result, result < 0 { return steps }
      return advise(address: address, length: length, advice: advice, of: process)
    case .exec:
      dropAddressSpace(of: process)
    case .exit:
      dropAddressSpace(of: process)
      processes[process].isAlive = false
    case .thread(let number):
      processes[process].thread = number
    case .kernelCopy, .process, .fork, .mark, .tagSnapshot, .expect, .expectTags:
      break
    }
    return steps
  }

  /// The pages that a kernel copy touches, as identifiers of the process.
  ///
  /// The driver performs one touch for each, so that the oracle sees them like any other.
  public func pagesCopied(address: UInt64, length: UInt64, of process: Int) -> [PageIdentifier] {
    guard length > 0 else { return [] }
    let first = VirtualPageNumber(address: address, pageSize: pageSize)
    let last = VirtualPageNumber(address: address + (length - 1), pageSize: pageSize)
    let index = processes[process].pageIndex
    return (first.rawValue...last.rawValue).map {
      index.identifierAdding(VirtualPageNumber(rawValue: $0))
    }
  }
}

extension MemoryOperation {
  /// Whether the operation may change the number of VMAs.
  fileprivate var changesMappings: Bool {
    switch self {
    case .map, .unmap, .protect, .remap, .brk, .advise, .exec: true
    case .exit, .thread, .kernelCopy, .process, .fork, .mark, .tagSnapshot, .expect, .expectTags:
      false
    }
  }
}
