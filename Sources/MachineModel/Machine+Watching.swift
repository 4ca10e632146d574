// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
public import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// The state of one page, frame or tag block in words, for histories and for whoever compares them.

extension Machine {
  /// Begins to note what happens to an object.
  ///
  /// - Precondition: a frame or tag block is one of the machine's.
  public mutating func startWatching(_ subject: HistorySubject) {
    switch subject {
    case .page: break
    case .frame(let number): precondition(hasFrame(number), "no frame \(number) to watch")
    case .block(let block):
      precondition((0..<tagBlockCount).contains(block), "no tag block \(block) to watch")
    }
    watch.isOn = true
    watch.subject = subject
  }

  /// Says whether the next event is an access to the watched page, and forgets what was noted so far.
  public mutating func prepareWatch(isEventsPage: Bool) {
    watch.isEventsPage = isEventsPage
    watch.steps.removeAll(keepingCapacity: true)
  }

  /// What was noted since ``prepareWatch(isEventsPage:)``.
  public var watchedSteps: [HistoryStep] { watch.steps }

  /// Whether a page frame number is that of memory.
  public func hasFrame(_ number: Int) -> Bool {
    let frame = frames.map.frames(below: number)
    return frame < frames.count && frames.map.number(of: frame) == number
  }

  /// The page frame numbers of memory, as ranges from first to last.
  public var frameNumbers: String {
    frames.map.pieces.map { "\($0.numbers.lowerBound)-\($0.numbers.upperBound - 1)" }
      .joined(separator: ", ")
  }

  /// The state of an object now, in the order of `HistoryField`.
  ///
  /// - Complexity: O(1) for pages and frames, O(*f*) for a block that covers *f* frames.
  public func state(of subject: HistorySubject) -> [HistoryValue] {
    switch subject {
    case .page(let address, let process): pageState(address, of: process)
    case .frame(let number): frameState(PageFrameNumber(frames.map.frames(below: number)))
    case .block(let block): blockState(block)
    }
  }

  // MARK: - Pages

  private func pageState(_ address: UInt64, of process: Int) -> [HistoryValue] {
    guard process < processes.count, processes[process].isAlive else { return [] }
    var values: [HistoryValue] = []
    let number = VirtualPageNumber(address: address, pageSize: pageSize)
    if let vma = processes[process].vmas.find(number) {
      values.append(HistoryValue(.mapping, protection(of: vma)))
    }
    guard let page = identifier(of: address, process: process) else { return values }
    let table = processes[process].table
    let target = table.target(page)
    switch table.state(page) {
    case .none: break
    case .zeroPage:
      let isZero = target == zeroFrame.rawValue
      values.append(HistoryValue(.entry, isZero ? "zero page" : "reference page"))
    case .filePage:
      values +=
        hasFilePages
        ? mapped(PageFrameNumber(rawValue: target), "page of a file in frame")
        : [HistoryValue(.entry, "page of a file")]
    case .frame:
      values += mapped(PageFrameNumber(rawValue: target), "frame")
    case .faultOnAccess:
      values += mapped(PageFrameNumber(rawValue: target), "fault on access to frame")
    case .swap, .swapExclusive:
      values.append(HistoryValue(.entry, "slot \(slotName(target))"))
      values += swapped(target)
    }
    return values
  }

  private func mapped(_ frame: PageFrameNumber, _ words: String) -> [HistoryValue] {
    let slot = frames[frame].swapSlot
    let isCached = frames[frame].flags.contains(.inSwapCache)
    return [
      HistoryValue(.entry, "\(words) \(number(of: frame))"),
      HistoryValue(.mappings, "\(mapCount(frame))"),
    ] + (isCached ? [HistoryValue(.swapCache, "slot \(slotName(slot))")] : [])
      + tagValues(of: frame)
      + (isCached && tagStore.contains(swapEntry(slot)) ? [HistoryValue(.savedTags, "saved")] : [])
      + pinValues(of: frame)
  }

  private func swapped(_ slot: UInt32) -> [HistoryValue] {
    let frame = device.cachedFrame(slot).map { PageFrameNumber(rawValue: $0) }
    let cached = frame.map { [HistoryValue(.swapCache, "frame \(number(of: $0))")] } ?? []
    let saved =
      tagStore.contains(swapEntry(slot)) ? [HistoryValue(.savedTags, "saved")] : []
    return cached + (frame.map { tagValues(of: $0) } ?? []) + saved
  }

  private func protection(of vma: VirtualMemoryArea) -> String {
    let rights: [(Protection, String)] = [(.read, "r"), (.write, "w"), (.execute, "x")]
    let text = rights.map { vma.protection.contains($0.0) ? $0.1 : "-" }.joined()
    return vma.flags.contains(.mte) ? text + " mte" : text
  }

  /// A slot as device and offset.
  private func slotName(_ slot: UInt32) -> String {
    let entry = swapEntry(slot)
    return "\(entry.type):\(entry.offset)"
  }

  // MARK: - Frames

  private func frameState(_ frame: PageFrameNumber) -> [HistoryValue] {
    let record = frames[frame]
    var values = [HistoryValue(.use, useName(of: frame))]
    guard record.use.isInUse else { return values }
    guard record.use == .anonymous || record.use == .file else {
      return values + tagValues(of: frame)
    }
    let owners = mappings(of: frame).map {
      "0x\(String(address(of: $0.page, process: Int($0.process)), radix: 16))@\($0.process)"
    }
    if !owners.isEmpty {
      values.append(HistoryValue(.owners, owners.sorted().joined(separator: " ")))
    }
    if record.flags.contains(.inSwapCache) {
      values.append(HistoryValue(.swapCache, "slot \(slotName(record.swapSlot))"))
    }
    return values + tagValues(of: frame) + pinValues(of: frame)
  }

  private func useName(of frame: PageFrameNumber) -> String {
    switch frames[frame].use {
    case .free, .listed: "free"
    case .reserved: "outside the page allocator"
    case .inHand: "in hand"
    case .kernel: "kernel"
    case .anonymous: "user page"
    case .tagBlock, .storeTags: "tags of block \(region.block(holding: frame))"
    case .storeIdle: "idle in the store"
    case .stored: "copies of the store"
    case .compressed: "zram"
    case .file: "page of a file"
    }
  }

  private func tagValues(of frame: PageFrameNumber) -> [HistoryValue] {
    let flags = frames[frame].flags
    var values: [HistoryValue] = []
    if flags.contains(.tagged) {
      values.append(HistoryValue(.tags, "in the frame"))
    } else if tagsParked(for: frame) != nil {
      values.append(HistoryValue(.tags, "kept aside"))
    }
    if flags.contains(.storageReserved), let block = kernelBlock(of: frame) {
      values.append(HistoryValue(.tagBlock, "\(block)"))
    }
    return values
  }

  private func pinValues(of frame: PageFrameNumber) -> [HistoryValue] {
    isPinned(frame) ? [HistoryValue(.pins, "pinned")] : []
  }

  // MARK: - Tag blocks

  private func blockState(_ block: Int) -> [HistoryValue] {
    let own = region.frames(ofBlock: block)
    let use =
      withheldTagStorage.contains(own.lowerBound)
      ? "withheld from the page allocator"
      : blocks.isHeld(block)
        ? "held for ever" : blocks.isReserved(block) ? "reserved" : "not reserved"
    var values = [HistoryValue(.use, use)]
    let served = region.coveredFrames(ofBlock: block)
      .filter { frames[$0].flags.contains(.storageReserved) }
    if !served.isEmpty {
      values.append(HistoryValue(.serves, Self.ranges(served.map { frames.map.number(of: $0) })))
    }
    let holding = own.count { frames[$0].use.isInUse && frames[$0].use != .tagBlock }
    if holding > 0 { values.append(HistoryValue(.holds, "\(holding)")) }
    return values
  }

  /// Ascending numbers, runs of them as first-last.
  private static func ranges(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }
}
