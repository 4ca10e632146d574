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
      repeating: MemoryGroup(
        limitPages: configuration.groupLimitBytes.map { $0 / pageSize.bytes },
        replacement: replacement,
        filePages: configuration.filePages
      )
    )
    if replacement == .multiGenerational {
      generations.grow(to: groups.count, repeating: GenerationLists())
      walkFilters.append(WalkFilters())
    }
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
        processor: processes.count % configuration.processors,
        tagThreads: TagThreads(mode: configuration.tagChecks)
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

  /// Processes so far, those that the machine made for itself included.
  public var processCount: Int { processes.count }

  /// Notes how many pages a process has mapped, before it gets fewer or others run.
  ///
  /// Source: Linux v6.8 `update_hiwater_rss`.
  @inline(__always)
  public mutating func noteResidentPages(of process: Int) {
    let pages = UInt64(processes[process].table.residentPages + processes[process].filePages)
    if pages > counters[.hiwaterRss], process != pageCache { counters[.hiwaterRss] = pages }
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
    if record.kind == .tagRun {
      storeTags(record, of: process)
      return steps
    }
    steps = .hit
    guard reach(record.page, at: nil, isWrite: record.isWrite, of: process) else { return steps }
    switch record.kind {
    case .touch:
      if record.count != 0 { write(stamp, to: record.page, of: process) }
    case .access:
      guard checkTags(of: record, process: process) else { return steps }
      if record.isWrite { write(stamp, to: record.page, of: process) }
    case .tagRun, .operation:
      preconditionFailure("a \(record.kind) is performed by another function")
    }
    return steps
  }

  /// Performs a tag store.
  ///
  /// - Returns: whether it could be performed; ``steps`` has what it took.
  @discardableResult
  mutating func storeTags(_ record: EventRecord, of process: Int) -> Bool {
    steps = .hit
    guard reach(record.page, at: nil, isWrite: true, of: process) else { return false }
    storeTags(
      record.page,
      first: Int(record.detail),
      count: Int(record.count),
      tag: MemoryTag(truncating: record.argument),
      of: process
    )
    return true
  }

  /// Makes a page present for an access, with what its fault leads to: the delivery of a tag check
  /// fault that was latched before, or a signal, whose address is `address` or that of the page.
  ///
  /// - Returns: whether the access can be performed; where not, ``steps`` says why.
  mutating func reach(
    _ page: PageIdentifier,
    at address: UInt64?,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    let faults = counters[.pgfault]
    let isReached =
      replacement.isBaseline
      ? accessNotingUse(page, isWrite: isWrite, of: process)
      : access(page, isWrite: isWrite, of: process)
    // A signal enters the kernel without a run of the fault handler.
    guard !isReached || counters[.pgfault] != faults else { return true }
    if counters[.pgfault] != faults { endStallOfFault() }
    enterKernel(from: process)
    if !isReached {
      let base = processes[process].pageIndex.page(of: page).address(pageSize: pageSize)
      noteSignal(at: address ?? base)
    }
    return isReached
  }

  /// Goes on with the CPU of another process.
  mutating func switchProcessor(to process: Int) {
    noteResidentPages(of: currentProcess)
    currentProcess = process
    processor = processes[process].processor
    processes[process].hasRunSinceWalk = true
  }

  /// Leaves a stamp in the frame of a page.
  mutating func write(_ stamp: UInt64, to page: PageIdentifier, of process: Int) {
    guard configuration.isObserved else { return }
    let table = processes[process].table
    let state = table.state(page)
    guard state == .frame || state == .filePage && hasFilePages else { return }
    contents[Int(table.target(page))] = stamp
  }

  /// Performs an operation of a process.
  ///
  /// Switching between processes, expectations, marks and snapshots concern the driver and do nothing
  /// here; a fork is ``fork(_:)``, and tag instructions and guests have functions of their own. What a call
  /// returned beside success is left in ``lastValue``.
  ///
  /// - Returns: the steps that were taken, with the error number of a refused call.
  public mutating func perform(_ operation: MemoryOperation, of process: Int) -> Outcome {
    guard processes[process].isAlive else { return .processGone }
    if process != currentProcess { switchProcessor(to: process) }
    steps = .hit
    lastValue = nil
    finishWrites()
    // The kernel delivers before it performs the call, which it then restarts.
    let entry = operation.entersKernel ? enterKernel(from: process) : .hit
    if operation.isMappingCall { counters.add(.mappingCalls) }
    let outcome = call(operation, of: process).union(entry)
    releaseIdleReferences()
    settleTagPages()
    guard operation.changesMappings, outcome.errorNumber == nil else { return outcome }
    chargeKernelObjects(of: process)
    return outcome.union(steps)
  }

  private mutating func call(_ operation: MemoryOperation, of process: Int) -> Outcome {
    switch operation {
    case .map(var request, let result):
      if let result, result < 0 { return steps }
      request.place(at: result)
      return map(request, backing: backing(of: request, of: process), of: process)
    case .mapReference, .mapTagged, .createReference, .close:
      return callForReferences(operation, of: process)
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
        newAddress: flags.contains(.fixed) ? newAddress : result.map { UInt64($0) } ?? newAddress,
        of: process
      )
    case .brk(let address, let result):
      return moveBreak(to: address, recorded: result, of: process)
    case .advise(let address, let length, let advice, let result):
      if let result, result < 0 { return steps }
      return advise(address: address, length: length, advice: advice, of: process)
    case .tagControl(let control, let result):
      if let result, result < 0 { return steps }
      return controlTags(control, of: process)
    case .tagCheckOverride(let isSet):
      processes[process].tagThreads.current.isOverridden = isSet
    case .pin(let address, let length, let flags, let result):
      if let result, result < 0 { return steps }
      return pin(address: address, length: length, flags: flags, of: process)
    case .unpin(let address, let length):
      return unpin(address: address, length: length, of: process)
    case .peekTags(let address, let count):
      return peekTags(at: address, count: count, of: process)
    case .pokeTags(let address, let tags):
      return pokeTags(tags, at: address, of: process)
    case .coreDump:
      return dumpCore(of: process)
    case .hibernate:
      return hibernate()
    case .memorySlot(let number, let address, let length):
      return setMemorySlot(number, address: address, length: length, of: process)
    case .swapOff(let number):
      return swapOff(number)
    case .swapOn(let number):
      return swapOn(number)
    case .exec:
      dropAddressSpace(of: process)
      processes[process].wasWalked = false
      processes[process].tagThreads = TagThreads(mode: configuration.tagChecks)
    case .exit:
      dropAddressSpace(of: process)
      processes[process].isAlive = false
    case .thread(let number):
      if number != processes[process].tagThreads.current.number { enterKernel(from: process) }
      processes[process].tagThreads.switchThread(to: number)
    case .kernelCopy, .process, .fork, .mark, .tagSnapshot, .expect, .expectTags,
      .tagInstruction, .guest:
      break
    }
    return steps
  }

  /// The calls that reference pages add.
  private mutating func callForReferences(
    _ operation: MemoryOperation,
    of process: Int
  ) -> Outcome {
    switch operation {
    case .mapReference(var request, let descriptor, let offset, let result):
      if let result, result < 0 { return steps }
      request.place(at: result)
      return mapReference(request, descriptor: descriptor, offset: offset, of: process)
    case .mapTagged(var request, let tag, let result):
      if let result, result < 0 { return steps }
      request.place(at: result)
      return mapTagged(request, tag: tag, of: process)
    case .createReference(let request, let result):
      if let result, result < 0 { return steps }
      return createReference(request, recorded: result, of: process)
    case .close(let descriptor, let result):
      if let result, result < 0 { return steps }
      return close(descriptor, of: process)
    default:
      preconditionFailure("\(operation) has nothing to do with reference pages")
    }
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
  /// Whether the operation is a system call about mappings or descriptors.
  fileprivate var isMappingCall: Bool {
    switch self {
    case .createReference, .close: true
    case .exec: false
    default: changesMappings
    }
  }

  /// Whether the operation may change the number of VMAs.
  fileprivate var changesMappings: Bool {
    switch self {
    case .map, .mapReference, .mapTagged, .unmap, .protect, .remap, .brk, .advise, .exec: true
    case .createReference, .close, .exit, .thread, .kernelCopy, .process, .fork, .mark,
      .tagSnapshot, .expect, .expectTags, .tagControl, .tagCheckOverride, .tagInstruction, .pin,
      .unpin, .swapOff, .swapOn, .peekTags, .pokeTags, .coreDump, .memorySlot,
      .guest, .hibernate:
      false
    }
  }
}

extension MappingRequest {
  /// Moves the request to where the recorded kernel's answer, if there is one, says the mapping lies.
  fileprivate mutating func place(at result: Int64?) {
    guard let result, flags.isDisjoint(with: [.fixed, .fixedNoReplace]) else { return }
    address = UInt64(result)
  }
}
