// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What `brk` did.
public struct BreakChange: Equatable, Sendable {
  /// The program break after the call, in bytes: what the call returns.
  ///
  /// A refused call returns the old break.
  public var programBreak: UInt64
  /// Ranges that were mapped and now are not.
  public var dropped: [Range<VirtualPageNumber>] = []
  /// Pages that are new; `nil` if there are none.
  public var grown: Range<VirtualPageNumber>?
}

extension VMASet {
  /// Says where the heap starts, in bytes, for a process whose heap is empty; it ends there, too.
  public mutating func setHeapStart(_ address: UInt64) {
    heapStart = address
    programBreak = address
  }

  /// Moves the end of the heap to `address`, in bytes: `brk`.
  ///
  /// An address below the heap's start, 0 for one, only asks. A heap that nobody described starts at
  /// the first address other than 0 that is asked for. New heap is readable, writable and allows
  /// `PROT_MTE`.
  ///
  /// Source: Linux v6.8 `brk` and `do_brk_flags`.
  public mutating func brk(to address: UInt64) -> BreakChange {
    guard let start = heapStart else {
      if address != 0, address < taskBytes { setHeapStart(address) }
      return BreakChange(programBreak: programBreak)
    }
    var change = BreakChange(programBreak: programBreak)
    guard address >= start, address <= taskBytes, let newCount = pageCount(of: address),
      let oldCount = pageCount(of: programBreak)
    else { return change }
    let newEnd = VirtualPageNumber(rawValue: newCount)
    let oldEnd = VirtualPageNumber(rawValue: oldCount)
    if newEnd < oldEnd {
      // The VMA that holds the last heap page; another one may have taken its place.
      let last = firstIndex(endingAfter: newEnd)
      guard last < areas.count, areas[last].start < oldEnd else { return change }
      let first = max(newEnd, areas[last].start)
      if areas.count >= limit, areas[last].start < first, areas[last].end > oldEnd { return change }
      change.dropped = remove(first..<oldEnd)
    } else if newEnd > oldEnd {
      let added = oldEnd..<newEnd
      guard growHeap(by: added, start: start) else { return change }
      change.grown = added
    }
    programBreak = address
    change.programBreak = address
    return change
  }

  /// Maps new heap, where nothing is in the way.
  private mutating func growHeap(by added: Range<VirtualPageNumber>, start: UInt64) -> Bool {
    guard areas.count <= limit else { return false }
    // One page beyond must stay free, and the guard of a stack above it.
    let above = firstIndex(endingAfter: added.lowerBound)
    if above < areas.count {
      let guardPages = areas[above].flags.contains(.growsDown) ? Self.stackGuardPages : 0
      guard added.upperBound.advanced(by: 1 + guardPages) <= areas[above].start else {
        return false
      }
    }
    let area = VirtualMemoryArea(
      start: added.lowerBound,
      end: added.upperBound,
      protection: [.read, .write],
      flags: [.mteAllowed, .accounted, .heap],
      fileIdentity: 0,
      pageOffset: added.lowerBound.rawValue,
      anonVMA: 0,
      forkInherited: false,
      readAhead: 0
    )
    insert(area)
    return true
  }

  /// Extends a VMA that grows down to `page`, for a fault on an unmapped page.
  ///
  /// - Returns: the new pages; `nil` where `page` is mapped, or the next VMA above does not grow down,
  ///   or the stack would pass its limit or come within 256 pages of the mapping below.
  ///
  /// Source: Linux v6.8 `expand_downwards`.
  public mutating func expandStack(to page: VirtualPageNumber) -> Range<VirtualPageNumber>? {
    let index = firstIndex(endingAfter: page)
    guard index < areas.count, areas[index].start > page else { return nil }
    guard areas[index].flags.contains(.growsDown) else { return nil }
    let bytes = UInt64((page..<areas[index].end).pageCount) << UInt64(pageSize.shift)
    guard bytes <= stackLimitBytes else { return nil }
    if index > 0 {
      let below = areas[index - 1]
      let isAccessible = !below.protection.isDisjoint(with: [.read, .write, .execute])
      if isAccessible, !below.flags.contains(.growsDown),
        (below.end..<page).pageCount < Self.stackGuardPages
      {
        return nil
      }
    }
    let added = page..<areas[index].start
    guard areas[index].pageOffset >= UInt64(added.pageCount) else { return nil }
    areas[index].pageOffset -= UInt64(added.pageCount)
    areas[index].start = page
    return added
  }
}
