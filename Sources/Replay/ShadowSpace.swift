// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

/// What one page holds, as the shadow oracle sees it.
struct ShadowPage {
  /// What it may hold, never empty.
  ///
  /// A page given up with MADV_FREE and then written holds either what it held before or, where it
  /// had been dropped by then, nothing but the write; the first is the one where nothing was dropped.
  var contents: [PageContents]
  /// MADV_FREE was called and the page was not written since.
  var mayBeGone = false
  /// A guest used the page, so that its tags count whatever the mapping says.
  var isGuests = false

  /// An untouched page that holds `base`.
  init(_ base: PageContents) { contents = [base] }

  mutating func write(_ stamp: UInt64) {
    for index in contents.indices { contents[index].stamp = stamp }
  }

  mutating func giveUp(to base: PageContents) {
    mayBeGone = true
    if !contents.contains(base) { contents.append(base) }
  }
}

/// One process as the shadow oracle sees it: what is mapped, and what its pages hold.
struct ShadowSpace {
  let pageSize: PageSize
  /// What the kernel makes of reference pages.
  let policy: ReferencePagePolicy
  /// What is mapped, in ascending order; neighbours are never joined.
  private(set) var areas: [ShadowArea] = []
  /// The pages that were written or tagged.
  var pages: [UInt64: ShadowPage] = [:]
  /// The open descriptors of reference pages.
  var descriptors: [UInt32: ShadowReference] = [:]
  /// Where the heap ends, once the trace has said so.
  var heapEnd: UInt64?

  init(pageSize: PageSize, policy: ReferencePagePolicy) {
    self.pageSize = pageSize
    self.policy = policy
  }

  /// The pages that were written or tagged, in ascending order.
  var pageNumbers: [UInt64] { pages.keys.sorted() }

  func expectation(of number: UInt64) -> PageExpectation {
    let range = area(of: number)
    let page = pages[number] ?? ShadowPage(range?.base ?? PageContents())
    return PageExpectation(
      contents: page.contents.map {
        let tags = $0.tags.isEmpty ? [UInt8](repeating: 0, count: pageSize.tagBytes) : $0.tags
        return PageContents(stamp: $0.stamp, tags: tags)
      },
      isTagged: range?.isTagged ?? false || page.isGuests,
      isUnknown: range?.isUnknown ?? false,
      mayBeGone: page.mayBeGone
    )
  }

  mutating func write(_ stamp: UInt64, to number: UInt64) {
    guard let range = area(of: number), !range.isUnknown else { return }
    pages[number, default: ShadowPage(range.base)].write(stamp)
    pages[number]?.mayBeGone = false
  }

  /// Notes which of the possible contents a page was seen to hold.
  mutating func settle(_ number: UInt64, on contents: PageContents) {
    guard let page = pages[number], page.contents.count > 1, !page.mayBeGone else { return }
    pages[number]?.contents = [contents]
  }

  mutating func storeTags(to number: UInt64, first: Int, count: Int, tag: UInt8) {
    guard let range = area(of: number), !range.isUnknown else { return }
    pages[number, default: ShadowPage(range.base)].mayBeGone = false
    guard range.isTagged else { return }
    setTags(of: number, first: first, count: count, tag: tag)
  }

  private mutating func setTags(of number: UInt64, first: Int, count: Int, tag: UInt8) {
    let alternatives = pages[number]?.contents ?? []
    pages[number]?.contents = alternatives.map { old in
      var new = old
      if new.tags.isEmpty { new.tags = [UInt8](repeating: 0, count: pageSize.tagBytes) }
      for granule in first..<(first + count) {
        let byte = new.tags[granule / 2]
        new.tags[granule / 2] = granule & 1 == 0 ? byte & 0xf0 | tag : byte & 0x0f | tag << 4
      }
      return new
    }
  }

  /// Follows what a guest did to memory that its monitor maps, tagged or not.
  ///
  /// What it only reads has tags from then on, too, unless nobody ever wrote to it.
  mutating func apply(_ access: GuestAccess, stamp: UInt64) {
    let number = VirtualPageNumber.untagged(access.address) >> UInt64(pageSize.shift)
    switch access.kind {
    case .read:
      pages[number]?.isGuests = true
    case .write:
      write(stamp, to: number)
      pages[number]?.isGuests = true
    case .storeTags(let tags):
      guard let range = area(of: number) else { return }
      pages[number, default: ShadowPage(range.base)].isGuests = true
      pages[number]?.mayBeGone = false
      let first = Int(access.address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
      for (granule, tag) in zip(first..., tags) {
        setTags(of: number, first: granule, count: 1, tag: tag)
      }
    }
  }

  mutating func forgetEverything() {
    areas = []
    pages = [:]
    descriptors = [:]
    heapEnd = nil
  }

  /// What a fork child starts from.
  ///
  /// Memory that both share is unknown to either from now on.
  mutating func forked() -> ShadowSpace {
    for index in areas.indices where areas[index].isShared {
      areas[index].isUnknown = true
      dropPages(areas[index].start..<areas[index].end)
    }
    var child = self
    for area in areas where area.isWiped || area.isLeftOut {
      child.dropPages(area.start..<area.end)
      if area.isLeftOut { child.cut(area.start..<area.end) }
    }
    return child
  }

  /// The area that holds a page, `nil` where nothing is mapped.
  func area(of number: UInt64) -> ShadowArea? {
    areas.first { $0.start <= number && number < $0.end }
  }

  /// Maps a range, in place of what is there.
  mutating func replace(_ range: Range<UInt64>, with new: ShadowArea) {
    cut(range)
    guard !range.isEmpty else { return }
    let position = areas.firstIndex { $0.start >= range.upperBound } ?? areas.count
    areas.insert(new, at: position)
  }

  /// Unmaps a range.
  mutating func cut(_ range: Range<UInt64>) {
    dropPages(range)
    change(range) { $0.end = $0.start }
    areas.removeAll { $0.start >= $0.end }
  }

  /// Changes the parts of areas that lie within `range`, splitting where they reach beyond it.
  mutating func change(_ range: Range<UInt64>, _ body: (inout ShadowArea) -> Void) {
    var changed: [ShadowArea] = []
    for old in areas {
      let start = max(old.start, range.lowerBound)
      let end = min(old.end, range.upperBound)
      guard start < end else {
        changed.append(old)
        continue
      }
      if old.start < start { changed.append(old.part(old.start, start)) }
      var middle = old.part(start, end)
      body(&middle)
      changed.append(middle)
      if end < old.end { changed.append(old.part(end, old.end)) }
    }
    areas = changed
  }

  /// Forgets what the pages of a range hold.
  mutating func dropPages(_ range: Range<UInt64>) {
    if range.count <= pages.count {
      for number in range { pages[number] = nil }
    } else {
      for number in pages.keys.filter({ range.contains($0) }) { pages[number] = nil }
    }
  }

  /// Notes that the pages of a range may be dropped until they are written.
  ///
  /// - Precondition: the range lies in one area.
  mutating func giveUp(_ range: Range<UInt64>) {
    let base = area(of: range.lowerBound)?.base ?? PageContents()
    for number in range { pages[number]?.giveUp(to: base) }
  }
}
