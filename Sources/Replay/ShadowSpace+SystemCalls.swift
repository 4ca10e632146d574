// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// What system calls do to an address space, written down a second time: nothing here is shared with
// the machine's own VMAs.

extension ShadowSpace {
  /// Follows an operation; `error` is the number with which the machine refused it.
  ///
  /// Some refused calls have changed what lies before the reason for the refusal.
  mutating func apply(_ operation: MemoryOperation, error: ErrorNumber?) {
    switch operation {
    case .map(let request, let result):
      if let result, result < 0 { return }
      map(request, at: result, error: error)
    case .mapReference(_, _, _, let result), .mapTagged(_, _, let result),
      .createReference(_, let result), .close(_, let result):
      if error == nil, result ?? 0 >= 0 { applyToReferences(operation) }
    case .unmap(let address, let length, let result):
      if let result, result < 0 { return }
      if error == nil { cut(pageRange(address, length)) }
    case .protect(let address, let length, let protection, let result):
      if let result, result < 0 { return }
      guard isAligned(address), !address.addingReportingOverflow(length).overflow else { return }
      let isTagged = protection.contains(.mte)
      let isWritable = protection.contains(.write)
      change(
        protectedPart(of: pageRange(address, length)) {
          $0.isFile && isTagged || $0.isNeverWritable && isWritable
        }
      ) {
        $0.isWritable = protection.contains(.write)
        if isTagged { $0.isTagged = true }
      }
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      if let result, result < 0 { return }
      remap(
        Remapping(
          old: pageRange(address, oldLength),
          newPages: pageCount(newLength),
          flags: flags,
          // Where the recorded kernel put it, or where it was asked to put it.
          wanted: pageNumber(
            flags.contains(.fixed) ? newAddress : result.map { UInt64($0) } ?? newAddress
          ),
          isAligned: isAligned(address) && isAligned(newAddress)
        ),
        error: error
      )
    case .brk(let address, let result):
      if error == nil { moveBreak(address, recorded: result) }
    case .advise(let address, let length, let advice, let result):
      if let result, result < 0 { return }
      guard isAligned(address) else { return }
      advise(pageRange(address, length), advice, error: error)
    case .pokeTags(let address, let tags):
      guard error == nil else { return }
      let first = Int(address & UInt64(pageSize.bytes - 1)) / 16
      for (offset, tag) in tags.enumerated() {
        storeTags(to: pageNumber(address), first: first + offset, count: 1, tag: tag)
      }
    case .exec, .exit:
      if error == nil { forgetEverything() }
    default:
      break
    }
  }

  private mutating func map(_ request: MappingRequest, at result: Int64?, error: ErrorNumber?) {
    // The kernel finds out that a file takes no tags when what lay there is gone.
    let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
    let isTaggedFile =
      request.protection.contains(.mte) && !request.flags.contains(.anonymous)
      && pageCount(request.length) > 0 && (!isFixed || isAligned(request.address))
    if error == nil {
      place(request, at: result) { ShadowArea($0, for: request) }
    } else if error == .einval, isTaggedFile, let range = place(of: request, at: result) {
      cut(range)
    }
  }

  /// Maps what `make` makes of the pages that a request gets.
  mutating func place(
    _ request: MappingRequest,
    at result: Int64?,
    _ make: (Range<UInt64>) -> ShadowArea
  ) {
    if let range = place(of: request, at: result) { replace(range, with: make(range)) }
  }

  /// The pages that a request gets.
  private func place(of request: MappingRequest, at result: Int64?) -> Range<UInt64>? {
    let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
    let wanted = pageNumber(
      isFixed ? request.address : result.map { UInt64($0) } ?? request.address
    )
    let pages = pageCount(request.length)
    guard let start = isFixed || wanted != 0 ? wanted : highestGap(pages) else { return nil }
    return start..<(start + pages)
  }

  private mutating func advise(_ range: Range<UInt64>, _ advice: Advice, error: ErrorNumber?) {
    // The limit on mappings, which only the machine knows, forbade something: nothing is dropped by
    // advice that can meet it.
    guard error != .eagain else { return }
    for area in areas where area.end > range.lowerBound && area.start < range.upperBound {
      let part = max(area.start, range.lowerBound)..<min(area.end, range.upperBound)
      // Whoever refuses ends the call; what lies below has been treated.
      if advice == .free, !area.canBeGivenUp { return }
      if advice == .wipeOnFork, !area.isPrivateAnonymous { return }
      switch advice {
      case .dontNeed: dropPages(part)
      case .free: giveUp(part)
      case .dontFork: change(part) { $0.isLeftOut = true }
      case .doFork: change(part) { $0.isLeftOut = false }
      case .wipeOnFork: change(part) { $0.isWiped = true }
      case .keepOnFork: change(part) { $0.isWiped = false }
      // A collapse moves pages and fills gaps with zeros, neither of which a program can see.
      case .collapse: return
      default: return
      }
    }
  }

  private mutating func moveBreak(_ address: UInt64, recorded: Int64?) {
    let end = recorded.map { UInt64(bitPattern: $0) } ?? address
    guard let old = heapEnd, end != 0 else {
      heapEnd = end
      return
    }
    heapEnd = end
    let (oldEnd, newEnd) = (pageCount(old), pageCount(end))
    if newEnd > oldEnd {
      replace(oldEnd..<newEnd, with: ShadowArea(heap: oldEnd..<newEnd))
    } else {
      cut(newEnd..<oldEnd)
    }
  }

  /// The arguments of `mremap` in pages.
  private struct Remapping {
    var old: Range<UInt64>
    var newPages: UInt64
    var flags: RemapFlags
    /// The page that the destination starts at, 0 where the kernel chooses.
    var wanted: UInt64
    var isAligned: Bool

    func destination(at start: UInt64) -> Range<UInt64> { start..<(start + newPages) }
  }

  private mutating func remap(_ call: Remapping, error: ErrorNumber?) {
    guard let source = area(of: call.old.lowerBound) else { return }
    if let error {
      abandon(call, of: source, error)
      return
    }
    guard let start = destination(of: call) else { return }
    let target = call.destination(at: start)
    if target.lowerBound == call.old.lowerBound {
      // Shrinks or grows where it is.
      if target.count < call.old.count { cut(target.upperBound..<call.old.upperBound) }
      if target.count > call.old.count {
        let added = call.old.upperBound..<target.upperBound
        replace(added, with: source.part(added.lowerBound, added.upperBound))
      }
      return
    }
    var moved: [(UInt64, ShadowPage)] = []
    for offset in 0..<min(call.newPages, UInt64(call.old.count)) {
      if let page = pages[call.old.lowerBound + offset] { moved.append((start + offset, page)) }
    }
    if call.flags.contains(.dontUnmap) { dropPages(call.old) } else { cut(call.old) }
    replace(target, with: source.part(target.lowerBound, target.upperBound))
    for (number, page) in moved { pages[number] = page }
  }

  /// Where a mapping goes: to the place asked for, or where it is if it has room there, or to a gap.
  private func destination(of call: Remapping) -> UInt64? {
    if call.flags.contains(.fixed) || call.wanted != 0 { return call.wanted }
    if !call.flags.contains(.dontUnmap) {
      let end = call.old.lowerBound + call.newPages
      let isFree =
        end <= taskEnd && !areas.contains { $0.end > call.old.upperBound && $0.start < end }
      if call.newPages <= UInt64(call.old.count) || isFree { return call.old.lowerBound }
    }
    return highestGap(call.newPages)
  }

  /// What a refused call with a fixed destination leaves behind: the destination is gone, and so is the
  /// tail of a mapping that was to become shorter.
  private mutating func abandon(_ call: Remapping, of source: ShadowArea, _ error: ErrorNumber) {
    let target = call.destination(at: call.wanted)
    let isEmptySource =
      call.old.isEmpty && !source.isShared && !source.isNeverWritable && error == .einval
    guard call.flags.contains([.fixed, .mayMove]), call.isAligned, call.newPages > 0,
      error == .efault || isEmptySource, target.upperBound <= taskEnd,
      !target.overlaps(call.old)
    else { return }
    cut(target)
    if UInt64(call.old.count) > call.newPages {
      cut((call.old.lowerBound + call.newPages)..<call.old.upperBound)
    }
  }

  /// Where the kernel puts a mapping that has no address.
  ///
  /// It is the highest gap below the space for the stack. Below an area that grows down, 256 pages stay
  /// free.
  private func highestGap(_ pages: UInt64) -> UInt64? {
    var ceiling = taskEnd - (128 << 20) >> UInt64(pageSize.shift)
    for area in areas.reversed() {
      if area.end + pages <= ceiling { break }
      ceiling = min(ceiling, area.start - min(area.start, area.growsDown ? 256 : 0))
    }
    let lowest = UInt64(65536) >> UInt64(pageSize.shift)
    return ceiling >= lowest + pages ? ceiling - pages : nil
  }

  /// What mprotect changes: up to the first hole, and to the first area that refuses.
  private func protectedPart(
    of range: Range<UInt64>,
    _ refuses: (ShadowArea) -> Bool
  ) -> Range<UInt64> {
    var end = range.lowerBound
    for area in areas where area.end > end {
      guard end < range.upperBound, area.start <= end, !refuses(area) else { break }
      end = area.end
    }
    return range.lowerBound..<min(end, range.upperBound)
  }

  private func isAligned(_ address: UInt64) -> Bool {
    VirtualPageNumber.untagged(address) & UInt64(pageSize.bytes - 1) == 0
  }

  private func pageNumber(_ address: UInt64) -> UInt64 {
    VirtualPageNumber.untagged(address) >> UInt64(pageSize.shift)
  }

  private func pageCount(_ bytes: UInt64) -> UInt64 {
    let (padded, overflow) = bytes.addingReportingOverflow(UInt64(pageSize.bytes - 1))
    return overflow ? 0 : padded >> UInt64(pageSize.shift)
  }

  private func pageRange(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    let start = pageNumber(address)
    return start..<(start + pageCount(length))
  }

  /// The page after the last one that can be mapped.
  private var taskEnd: UInt64 { 1 << UInt64(48 - pageSize.shift) }
}
