// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What `mremap` did to the VMAs, and what the caller must do to the pages.
///
/// In this order: drop the pages of ``dropped``, then move the entries of ``moved`` to the start of
/// ``mapping``, page by page.
public struct RemapPlan: Equatable, Sendable {
  /// Where the mapping is now.
  public var mapping: Range<VirtualPageNumber>
  /// Ranges whose pages are lost: what was mapped at the destination, and the cut tail; ascending
  /// within each of the two.
  public var dropped: [Range<VirtualPageNumber>] = []
  /// Pages whose entries move, present and swapped ones; `nil` where the mapping stays in place.
  public var moved: Range<VirtualPageNumber>?
  /// Pages of ``mapping`` that are new and have no entries; `nil` if there are none.
  public var grown: Range<VirtualPageNumber>?
  /// Whether ``moved`` stays mapped, without pages: `MREMAP_DONTUNMAP`.
  public var keepsSource = false
}

/// Why `mremap` was refused, and what it had done by then.
public struct RemapRefusal: Error, Equatable, Sendable {
  /// What the call returns.
  public var number: ErrorNumber
  /// Ranges that the call had unmapped, whose pages are lost: the destination of `fixed`, and the cut
  /// tail.
  public var dropped: [Range<VirtualPageNumber>] = []
}

extension VMASet {
  /// Moves, shrinks or grows a mapping: `mremap`.
  ///
  /// Without `fixed`, a `newAddress` other than 0 is where the recorded kernel put the mapping, and is
  /// followed whatever is mapped there; with 0 the mapping grows in place where there is room, and
  /// else moves to the highest gap. A pointer tag in `address` is ignored.
  ///
  /// - Returns: what moved where, or
  ///   EINVAL for unknown flags, `fixed` or `dontUnmap` without `mayMove`, `dontUnmap` with a change
  ///   of size, a new length of 0, an address that is not aligned, a destination that overlaps the
  ///   source or leaves the address space, or an old length of 0 on a private mapping;
  ///   EFAULT where the source is not mapped or leaves its VMA;
  ///   ENOMEM where there is no room or there are too many VMAs. With `fixed`, the destination and a
  ///   tail to be cut are gone when the source turns out to leave its VMA; all other errors change
  ///   nothing.
  ///
  /// Source: Linux v6.8 `mremap`.
  public mutating func remap(
    address: UInt64,
    oldLength: UInt64,
    newLength: UInt64,
    flags: RemapFlags,
    newAddress: UInt64
  ) -> Result<RemapPlan, RemapRefusal> {
    let address = VirtualPageNumber.untagged(address)
    guard flags.isSubset(of: [.mayMove, .fixed, .dontUnmap]) else {
      return .failure(RemapRefusal(number: .einval))
    }
    if !flags.isDisjoint(with: [.fixed, .dontUnmap]), !flags.contains(.mayMove) {
      return .failure(RemapRefusal(number: .einval))
    }
    if flags.contains(.dontUnmap), oldLength != newLength {
      return .failure(RemapRefusal(number: .einval))
    }
    guard isAligned(address), let new = pageCount(of: newLength), new > 0 else {
      return .failure(RemapRefusal(number: .einval))
    }
    // Rounding up past 2^64 gives 0 in the kernel.
    let old = pageCount(of: oldLength) ?? 0
    guard let area = find(page(address)) else { return .failure(RemapRefusal(number: .efault)) }
    let call = Remapping(area: area, start: page(address), old: old, new: new, flags: flags)
    if !flags.isDisjoint(with: [.fixed, .dontUnmap]) { return remapTo(newAddress, call) }
    if new == old { return .success(RemapPlan(mapping: range(address, pages: new))) }
    if new < old {
      let tail = address + new << UInt64(pageSize.shift)
      return unmap(address: tail, length: (old - new) << UInt64(pageSize.shift)).map {
        RemapPlan(mapping: range(address, pages: new), dropped: $0)
      }.mapError { RemapRefusal(number: $0) }
    }
    return grow(call, to: newAddress == 0 ? nil : newAddress)
  }

  /// The arguments of one call after rounding.
  private struct Remapping {
    var area: VirtualMemoryArea
    var start: VirtualPageNumber
    var old: UInt64
    var new: UInt64
    var flags: RemapFlags

    /// The pages from `start` to the end of the VMA.
    var available: UInt64 { area.end.rawValue - start.rawValue }

    /// The refusals that growing and moving share.
    func resizeError(oldPages: UInt64) -> ErrorNumber? {
      // What only lacks VM_SHARED because its file cannot be written may be duplicated, too.
      if oldPages == 0, area.flags.isDisjoint(with: [.shared, .neverWritable]) { return .einval }
      return oldPages > available ? .efault : nil
    }
  }

  /// The page of an address that is known to be aligned.
  private func page(_ address: UInt64) -> VirtualPageNumber {
    VirtualPageNumber(rawValue: address >> UInt64(pageSize.shift))
  }

  /// `fixed` and `dontUnmap`: always a move.
  private mutating func remapTo(
    _ newAddress: UInt64,
    _ call: Remapping
  ) -> Result<RemapPlan, RemapRefusal> {
    guard isAligned(newAddress) else { return .failure(RemapRefusal(number: .einval)) }
    guard let asked = userRange(newAddress, pages: call.new) else {
      return .failure(RemapRefusal(number: .einval))
    }
    let sourceEnd = call.start.rawValue + call.old
    if sourceEnd > asked.lowerBound.rawValue, asked.upperBound > call.start {
      return .failure(RemapRefusal(number: .einval))
    }
    guard areas.count + 2 < limit - 3 else { return .failure(RemapRefusal(number: .enomem)) }
    var dropped: [Range<VirtualPageNumber>] = []
    if call.flags.contains(.fixed) { dropped = remove(asked) }
    if call.old > call.new {
      guard sourceEnd <= taskEnd.rawValue else {
        return .failure(RemapRefusal(number: .einval, dropped: dropped))
      }
      dropped += remove(
        call.start.advanced(by: Int(call.new))..<call.start.advanced(by: Int(call.old))
      )
    }
    let kept = min(call.old, call.new)
    if let error = call.resizeError(oldPages: kept) {
      return .failure(RemapRefusal(number: error, dropped: dropped))
    }
    var destination = asked
    if !call.flags.contains(.fixed) {
      if newAddress == 0 {
        guard let gap = highestGap(pages: Int(call.new)) else {
          return .failure(RemapRefusal(number: .enomem, dropped: dropped))
        }
        destination = gap
      } else {
        // Where the recorded kernel put it.
        dropped += remove(destination)
      }
    }
    return .success(move(call, pages: kept, to: destination, dropped: dropped))
  }

  /// A larger new length without `fixed`.
  private mutating func grow(
    _ call: Remapping,
    to recorded: UInt64?
  ) -> Result<RemapPlan, RemapRefusal> {
    if let error = call.resizeError(oldPages: call.old) {
      return .failure(RemapRefusal(number: error))
    }
    let staysPut = recorded.map { page($0) == call.start } ?? true
    let start = call.start.address(pageSize: pageSize)
    if staysPut, call.old == call.available, let whole = userRange(start, pages: call.new) {
      let added = call.area.end..<whole.upperBound
      // Where the recorded kernel grew in place, what this process has there is replaced.
      if recorded != nil || mappedRanges(in: added).isEmpty {
        let dropped = remove(added)
        let index = firstIndex(endingAfter: call.start)
        areas[index].end = added.upperBound
        coalesceAbove(index)
        return .success(RemapPlan(mapping: whole, dropped: dropped, grown: added))
      }
    }
    guard call.flags.contains(.mayMove), areas.count < limit - 3 else {
      return .failure(RemapRefusal(number: .enomem))
    }
    let destination: Range<VirtualPageNumber>
    if let recorded, !staysPut {
      guard isAligned(recorded) else { return .failure(RemapRefusal(number: .einval)) }
      guard let found = userRange(recorded, pages: call.new) else {
        return .failure(RemapRefusal(number: .enomem))
      }
      guard !found.overlaps(Range(start: call.start, pageCount: Int(call.old))) else {
        return .failure(RemapRefusal(number: .einval))
      }
      destination = found
    } else {
      guard call.new <= taskEnd.rawValue, let found = highestGap(pages: Int(call.new)) else {
        return .failure(RemapRefusal(number: .enomem))
      }
      destination = found
    }
    let dropped = remove(destination)
    return .success(move(call, pages: call.old, to: destination, dropped: dropped))
  }

  /// Puts a copy of the source's VMA at `destination`, which is not mapped, and takes the source away.
  private mutating func move(
    _ call: Remapping,
    pages: UInt64,
    to destination: Range<VirtualPageNumber>,
    dropped: [Range<VirtualPageNumber>]
  ) -> RemapPlan {
    let source = Range(start: call.start, pageCount: Int(pages))
    var copy = call.area
    copy.pageOffset += call.start.rawValue - copy.start.rawValue
    copy.start = destination.lowerBound
    copy.end = destination.upperBound
    copy.flags.subtract(.labels)
    // Memory that was never written to gets the offset of its new place, to merge there.
    if copy.isFilledByKernel, copy.anonVMA == 0 {
      copy.pageOffset = destination.lowerBound.rawValue
    }
    insertMoved(copy)

    var plan = RemapPlan(mapping: destination, dropped: dropped)
    if !source.isEmpty { plan.moved = source }
    if call.new > pages {
      plan.grown = destination.lowerBound.advanced(by: Int(pages))..<destination.upperBound
    }
    guard call.flags.contains(.dontUnmap) else {
      remove(source)
      return plan
    }
    plan.keepsSource = true
    let index = firstIndex(endingAfter: call.start)
    areas[index].flags.remove(.locked)
    // No page is left in it, so that its reverse map goes, unless it merged with its own copy.
    if areas[index].pages == source {
      areas[index].anonVMA = 0
      areas[index].forkInherited = false
    }
    return plan
  }
}
