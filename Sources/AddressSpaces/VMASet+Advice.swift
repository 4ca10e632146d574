// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VMASet {
  /// Applies `madvise` to the VMAs, and says which pages the caller must treat.
  ///
  /// Advice that changes flags (fork, read-ahead and huge-page advice) is performed here, with splits
  /// and merges; for all other advice nothing changes here. Parts below and above a hole are
  /// processed, except that populating stops at the first hole. A pointer tag in `address` is
  /// ignored.
  ///
  /// - Returns: `ranges`, the mapped parts that the advice reached; ranges that touch are joined; and
  ///   `error`, `nil` for success, or
  ///   EINVAL for an address that is not aligned, a length that passes the address space, or a VMA
  ///   that the advice is not for: `dontNeed`, `free`, `cold` and `pageOut` on locked memory, `free` on
  ///   memory that is not private or has a file's operations, `wipeOnFork` on a file or shared
  ///   memory, populating
  ///   without permission, `collapse` on memory that can have no huge pages or has no page yet; EAGAIN where the limit on VMAs forbids a split; ENOMEM where part of the
  ///   range is not mapped.
  ///
  /// Source: Linux v6.8 `do_madvise` and `madvise_vma_behavior`, which turns ENOMEM into EAGAIN.
  @discardableResult
  public mutating func advise(
    address: UInt64,
    length: UInt64,
    advice: Advice
  ) -> (error: ErrorNumber?, ranges: [Range<VirtualPageNumber>]) {
    let address = VirtualPageNumber.untagged(address)
    guard isAligned(address), let pages = pageCount(of: length) else { return (.einval, []) }
    guard !address.addingReportingOverflow(pages << UInt64(pageSize.shift)).overflow else {
      return (.einval, [])
    }
    let whole = range(address, pages: pages)
    var reached: [Range<VirtualPageNumber>] = []
    var holeError: ErrorNumber?
    var position = whole.lowerBound
    while position < whole.upperBound {
      let index = firstIndex(endingAfter: position)
      if index == areas.count || areas[index].start > position {
        holeError = .enomem
        let isPopulating = advice == .populateRead || advice == .populateWrite
        guard !isPopulating, index < areas.count, areas[index].start < whole.upperBound else {
          break
        }
        position = areas[index].start
      }
      let part = position..<min(whole.upperBound, areas[index].end)
      if let error = apply(advice, to: index, part: part) { return (error, reached) }
      reached.appendJoining(part)
      position = part.upperBound
    }
    return (holeError, reached)
  }

  /// Checks advice against one VMA, and changes its flags where the advice says so.
  private mutating func apply(
    _ advice: Advice,
    to index: Int,
    part: Range<VirtualPageNumber>
  ) -> ErrorNumber? {
    let area = areas[index]
    var flags = area.flags
    switch advice {
    case .dontNeed, .cold, .pageOut:
      return flags.contains(.locked) ? .einval : nil
    case .free:
      return area.isFilledByKernel && !flags.contains(.locked) ? nil : .einval
    case .willNeed:
      return nil
    case .populateRead:
      return area.protection.contains(.read) ? nil : .einval
    case .populateWrite:
      return area.protection.contains(.write) ? nil : .einval
    case .collapse:
      return area.canHaveHugePages && area.anonVMA != 0 ? nil : .einval
    case .normal: flags.subtract([.randomRead, .sequentialRead])
    case .random:
      flags.remove(.sequentialRead)
      flags.insert(.randomRead)
    case .sequential:
      flags.remove(.randomRead)
      flags.insert(.sequentialRead)
    case .dontFork: flags.insert(.dontFork)
    case .doFork: flags.remove(.dontFork)
    case .wipeOnFork:
      guard area.isPrivateAnonymous else { return .einval }
      flags.insert(.wipeOnFork)
    case .keepOnFork: flags.remove(.wipeOnFork)
    case .hugePage:
      flags.remove(.noHugePage)
      flags.insert(.hugePage)
    case .noHugePage:
      flags.remove(.hugePage)
      flags.insert(.noHugePage)
    }
    guard flags != area.flags else { return nil }
    let error = modify(index, part: part, protection: area.protection, flags: flags)
    return error == nil ? nil : .eagain
  }

  /// Sets and clears flags of all VMAs in a range that is mapped as a whole, with splits and merges.
  ///
  /// This is what `mlock` and its kind do to VMAs.
  ///
  /// - Precondition: flags that must stay are not cleared: ``VMAFlags/mte`` is in `removing` only
  ///   together with nothing mapped in `range`.
  /// - Returns: ENOMEM where part of the range is not mapped, or the limit forbids a split.
  @discardableResult
  public mutating func setFlags(
    in range: Range<VirtualPageNumber>,
    adding: VMAFlags,
    removing: VMAFlags = []
  ) -> ErrorNumber? {
    precondition(!removing.contains(.mte), "VM_MTE cannot be cleared")
    var position = range.lowerBound
    while position < range.upperBound {
      let index = firstIndex(endingAfter: position)
      guard index < areas.count, areas[index].start <= position else { return .enomem }
      let area = areas[index]
      let part = position..<min(range.upperBound, area.end)
      let flags = area.flags.subtracting(removing).union(adding)
      if flags != area.flags,
        let error = modify(index, part: part, protection: area.protection, flags: flags)
      {
        return error
      }
      position = part.upperBound
    }
    return nil
  }
}
