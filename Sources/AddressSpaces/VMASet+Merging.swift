// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension VirtualMemoryArea {
  /// Whether `next` can be joined to the end of this VMA.
  ///
  /// Everything but the labels must be equal, the page offsets must continue, and the reverse maps
  /// must agree: equal, or one of the two does not exist yet and the other was not inherited.
  ///
  /// Source: Linux v6.8 `can_vma_merge_before` and `is_mergeable_anon_vma`.
  func canMerge(before next: VirtualMemoryArea) -> Bool {
    guard end == next.start, protection == next.protection else { return false }
    guard flags.subtracting(.labels) == next.flags.subtracting(.labels) else { return false }
    guard fileIdentity == next.fileIdentity else { return false }
    guard pageOffset + UInt64(pageCount) == next.pageOffset else { return false }
    if anonVMA == next.anonVMA { return true }
    if anonVMA == 0 { return !next.forkInherited }
    return next.anonVMA == 0 && !forkInherited
  }

  /// Joins `next` to the end.
  ///
  /// - Precondition: `canMerge(before: next)`.
  mutating func merge(_ next: VirtualMemoryArea) {
    end = next.end
    flags.formUnion(next.flags.intersection(.labels))
    if anonVMA == 0 {
      anonVMA = next.anonVMA
      forkInherited = next.forkInherited
    }
    if readAhead == 0 { readAhead = next.readAhead }
  }
}

extension VMASet {
  /// Joins the VMA at `index` with its neighbours where that is possible: first with the one below,
  /// and the result with the one above.
  mutating func coalesce(at index: Int) {
    var index = index
    if index > 0, areas[index - 1].canMerge(before: areas[index]) {
      areas[index - 1].merge(areas[index])
      areas.remove(at: index)
      index -= 1
    }
    if index + 1 < areas.count, areas[index].canMerge(before: areas[index + 1]) {
      areas[index].merge(areas[index + 1])
      areas.remove(at: index + 1)
    }
  }

  /// Adds a VMA where nothing is mapped, and merges it.
  mutating func insert(_ area: VirtualMemoryArea) {
    let index = firstIndex(endingAfter: area.start)
    precondition(
      index == areas.count || areas[index].start >= area.end,
      "VMA \(area.pages) overlaps another one"
    )
    areas.insert(area, at: index)
    coalesce(at: index)
  }

  /// Takes the mapping away from `range`, whatever is mapped there.
  ///
  /// - Returns: the ranges that were mapped; ranges that touch are joined.
  @discardableResult
  mutating func remove(_ range: Range<VirtualPageNumber>) -> [Range<VirtualPageNumber>] {
    // An empty range would still cut the VMA around it in two.
    guard !range.isEmpty else { return [] }
    let first = firstIndex(endingAfter: range.lowerBound)
    var last = first
    var removed: [Range<VirtualPageNumber>] = []
    var rest: [VirtualMemoryArea] = []
    while last < areas.count, areas[last].start < range.upperBound {
      let area = areas[last]
      removed.appendJoining(area.pages.clamped(to: range))
      if area.start < range.lowerBound {
        rest.append(area.clipped(to: area.start..<range.lowerBound))
      }
      if area.end > range.upperBound {
        rest.append(area.clipped(to: range.upperBound..<area.end))
      }
      last += 1
    }
    areas.replaceSubrange(first..<last, with: rest)
    return removed
  }

  /// Cuts the VMA at `index` in two at `page`.
  ///
  /// - Returns: whether the limit on VMAs allows it.
  mutating func split(at index: Int, page: VirtualPageNumber) -> Bool {
    guard areas.count < limit else { return false }
    let area = areas[index]
    areas[index] = area.clipped(to: page..<area.end)
    areas.insert(area.clipped(to: area.start..<page), at: index)
    return true
  }

  /// Gives one part of the VMA at `index` other properties, splitting and merging as needed.
  ///
  /// A part that merges with a neighbour only moves a boundary and never needs one VMA more, so the
  /// limit does not count then. When the second of two splits fails, the first one stays, as in the
  /// kernel.
  ///
  /// - Precondition: `part` lies in the VMA.
  /// - Returns: ENOMEM when a split would pass the limit.
  ///
  /// Source: Linux v6.8 `vma_modify`.
  mutating func modify(
    _ index: Int,
    part: Range<VirtualPageNumber>,
    protection: Protection,
    flags: VMAFlags
  ) -> ErrorNumber? {
    let area = areas[index]
    var changed = area.clipped(to: part)
    changed.protection = protection
    changed.flags = flags
    let joinsBelow =
      part.lowerBound == area.start && index > 0 && areas[index - 1].canMerge(before: changed)
    let joinsAbove =
      part.upperBound == area.end && index + 1 < areas.count
      && changed.canMerge(before: areas[index + 1])

    guard joinsBelow || joinsAbove else {
      var index = index
      if part.lowerBound > area.start {
        guard split(at: index, page: part.lowerBound) else { return .enomem }
        index += 1
      }
      if part.upperBound < area.end {
        guard split(at: index, page: part.upperBound) else { return .enomem }
      }
      areas[index].protection = protection
      areas[index].flags = flags
      return nil
    }
    var pieces: [VirtualMemoryArea] = []
    if part.lowerBound > area.start {
      pieces.append(area.clipped(to: area.start..<part.lowerBound))
    }
    pieces.append(changed)
    let place = index + pieces.count - 1
    if part.upperBound < area.end {
      pieces.append(area.clipped(to: part.upperBound..<area.end))
    }
    areas.replaceSubrange(index...index, with: pieces)
    coalesce(at: place)
    return nil
  }
}
