// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension VirtualMemoryArea {
  /// Whether `next` lies at the end of this VMA and differs in nothing but the reverse map.
  ///
  /// Everything but the labels must be equal, and the page offsets must continue.
  ///
  /// Source: Linux v6.8 `is_mergeable_vma`.
  func isContinued(by next: VirtualMemoryArea) -> Bool {
    guard end == next.start, protection == next.protection else { return false }
    guard flags.subtracting(.labels) == next.flags.subtracting(.labels) else { return false }
    return fileIdentity == next.fileIdentity
      && pageOffset + UInt64(pageCount) == next.pageOffset
  }

  /// Whether memory with the reverse map `other`, 0 for none, may become part of this VMA.
  ///
  /// Equal reverse maps may. Memory that was never written to may join a VMA that was, unless that one
  /// came with a fork. The other way round it may not: the kernel asks whether the list of this VMA's
  /// reverse maps has exactly one element, and an empty list has none.
  ///
  /// Source: Linux v6.8 `is_mergeable_anon_vma`.
  func accepts(reverseMap other: UInt32) -> Bool {
    anonVMA == other || other == 0 && !forkInherited
  }

  /// Joins `next` to the end.
  ///
  /// - Precondition: `isContinued(by: next)`.
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
  /// Joins the VMA at `index`, whose properties or place are new, with its neighbours where that is
  /// possible.
  ///
  /// Both neighbours are asked whether they accept it. Where both do but have different reverse maps,
  /// only the one below gets it.
  ///
  /// Source: Linux v6.8 `vma_merge`.
  mutating func coalesce(at index: Int) {
    let reverseMap = areas[index].anonVMA
    let joinsBelow =
      index > 0 && areas[index - 1].isContinued(by: areas[index])
      && areas[index - 1].accepts(reverseMap: reverseMap)
    var joinsAbove = acceptsAbove(index)
    if joinsBelow && joinsAbove {
      let (below, above) = (areas[index - 1].anonVMA, areas[index + 1].anonVMA)
      joinsAbove = below == 0 || above == 0 || below == above
    }
    if joinsAbove { mergeNext(index) }
    if joinsBelow { mergeNext(index - 1) }
  }

  /// Joins the VMA at `index`, which has grown at its end, with the one above.
  ///
  /// Source: Linux v6.8 `vma_merge_extend`.
  mutating func coalesceAbove(_ index: Int) {
    if acceptsAbove(index) { mergeNext(index) }
  }

  /// Adds a VMA where nothing is mapped, and merges it as `mmap` and `brk` do.
  ///
  /// The neighbour above is asked first; the one below then gets both, if it accepts what the two have
  /// become.
  ///
  /// Source: Linux v6.8 `mmap_region` and `do_brk_flags`.
  mutating func insert(_ area: VirtualMemoryArea) {
    let index = place(area)
    if acceptsAbove(index) { mergeNext(index) }
    if index > 0, areas[index - 1].isContinued(by: areas[index]),
      areas[index - 1].accepts(reverseMap: areas[index].anonVMA)
    {
      mergeNext(index - 1)
    }
  }

  /// Adds a VMA that was moved to where nothing is mapped, and merges it.
  ///
  /// Source: Linux v6.8 `copy_vma`.
  mutating func insertMoved(_ area: VirtualMemoryArea) {
    coalesce(at: place(area))
  }

  /// Puts a VMA where nothing is mapped.
  ///
  /// - Returns: its index.
  private mutating func place(_ area: VirtualMemoryArea) -> Int {
    let index = firstIndex(endingAfter: area.start)
    precondition(
      index == areas.count || areas[index].start >= area.end,
      "VMA \(area.pages) overlaps another one"
    )
    areas.insert(area, at: index)
    return index
  }

  /// Whether the VMA above the one at `index` can take it in.
  private func acceptsAbove(_ index: Int) -> Bool {
    index + 1 < areas.count && areas[index].isContinued(by: areas[index + 1])
      && areas[index + 1].accepts(reverseMap: areas[index].anonVMA)
  }

  /// Makes one VMA of the one at `index` and the one above.
  private mutating func mergeNext(_ index: Int) {
    areas[index].merge(areas[index + 1])
    areas.remove(at: index + 1)
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
      part.lowerBound == area.start && index > 0
      && areas[index - 1].isContinued(by: changed)
      && areas[index - 1].accepts(reverseMap: changed.anonVMA)
    let joinsAbove =
      part.upperBound == area.end && index + 1 < areas.count
      && changed.isContinued(by: areas[index + 1])
      && areas[index + 1].accepts(reverseMap: changed.anonVMA)

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
