// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// One process as the shadow oracle sees it: what is mapped, and what its pages hold.
struct ShadowSpace {
  /// A mapped range of pages.
  fileprivate struct Area {
    var start: UInt64
    var end: UInt64
    var isTagged: Bool
    /// Whether the area belongs to a file.
    var isFile: Bool
    /// Whether processes share the area's pages.
    var isShared: Bool
    /// Whether others may change the pages unseen: a shared file, or shared memory since a fork.
    var isUnknown: Bool
    /// Whether a fork child sees it empty, or not at all.
    var forkRule: ForkRule
  }

  fileprivate enum ForkRule { case copy, wipe, leaveOut }

  /// What one page holds.
  private struct Page {
    /// What it may hold, never empty.
    ///
    /// A page given up with MADV_FREE and then written holds either what it held before or, where it
    /// had been dropped by then, nothing but the write; the first is the one where nothing was dropped.
    var contents = [PageContents()]
    /// MADV_FREE was called and the page was not written since.
    var mayBeGone = false

    mutating func write(_ stamp: UInt64) {
      for index in contents.indices { contents[index].stamp = stamp }
    }

    mutating func giveUp() {
      mayBeGone = true
      if !contents.contains(PageContents()) { contents.append(PageContents()) }
    }
  }

  private let pageSize: PageSize
  private var areas: [Area] = []
  private var pages: [UInt64: Page] = [:]
  private var heapEnd: UInt64?

  init(pageSize: PageSize) {
    self.pageSize = pageSize
  }

  /// The pages that were written or tagged, in ascending order.
  var pageNumbers: [UInt64] { pages.keys.sorted() }

  func expectation(of number: UInt64) -> PageExpectation {
    let range = areas.first { $0.start <= number && number < $0.end }
    let page = pages[number] ?? Page()
    return PageExpectation(
      contents: page.contents.map {
        let tags = $0.tags.isEmpty ? [UInt8](repeating: 0, count: pageSize.tagBytes) : $0.tags
        return PageContents(stamp: $0.stamp, tags: tags)
      },
      isTagged: range?.isTagged ?? false,
      isUnknown: range?.isUnknown ?? false,
      mayBeGone: page.mayBeGone
    )
  }

  mutating func write(_ stamp: UInt64, to number: UInt64) {
    guard let range = areas.first(where: { $0.start <= number && number < $0.end }),
      !range.isUnknown
    else { return }
    pages[number, default: Page()].write(stamp)
    pages[number]?.mayBeGone = false
  }

  /// Notes which of the possible contents a page was seen to hold.
  mutating func settle(_ number: UInt64, on contents: PageContents) {
    guard let page = pages[number], page.contents.count > 1, !page.mayBeGone else { return }
    pages[number]?.contents = [contents]
  }

  mutating func storeTags(to number: UInt64, first: Int, count: Int, tag: UInt8) {
    guard let range = areas.first(where: { $0.start <= number && number < $0.end }),
      !range.isUnknown
    else { return }
    pages[number, default: Page()].mayBeGone = false
    guard range.isTagged else { return }
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

  mutating func forgetEverything() {
    areas = []
    pages = [:]
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
    for range in areas where range.forkRule != .copy {
      child.dropPages(range.start..<range.end)
      if range.forkRule == .leaveOut { child.cut(range.start..<range.end) }
    }
    return child
  }

  /// Follows an operation; `error` is the number with which the machine refused it.
  ///
  /// A refused mprotect or madvise has changed what lies before the reason for the refusal.
  mutating func apply(_ operation: MemoryOperation, error: ErrorNumber?) {
    switch operation {
    case .protect, .advise: break
    default: if error != nil { return }
    }
    switch operation {
    case .map(let request, let result):
      if let result, result < 0 { return }
      let range = pageRange(request.address, request.length)
      replace(
        range,
        with: Area(
          start: range.lowerBound,
          end: range.upperBound,
          isTagged: request.protection.contains(.mte),
          isFile: !request.flags.contains(.anonymous),
          isShared: request.flags.contains(.shared),
          isUnknown: request.flags.contains(.shared) && !request.flags.contains(.anonymous),
          forkRule: .copy
        )
      )
    case .unmap(let address, let length, let result):
      if let result, result < 0 { return }
      cut(pageRange(address, length))
    case .protect(let address, let length, let protection, let result):
      if let result, result < 0 { return }
      guard protection.contains(.mte), isAligned(address) else { return }
      change(taggablePart(of: pageRange(address, length))) { $0.isTagged = true }
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      if let result, result < 0 { return }
      // Without a new address the mapping stays where it is.
      let start = flags.contains(.fixed) || newAddress != 0 ? newAddress : address
      remap(
        pageRange(address, oldLength),
        newPages: pageCount(newLength),
        to: VirtualPageNumber.untagged(start) >> UInt64(pageSize.shift),
        keepsOld: flags.contains(.dontUnmap)
      )
    case .brk(let address, let result):
      moveBreak(address, recorded: result)
    case .advise(let address, let length, let advice, let result):
      if let result, result < 0 { return }
      guard isAligned(address) else { return }
      advise(pageRange(address, length), advice, isWhole: error != .einval)
    case .exec, .exit:
      forgetEverything()
    case .kernelCopy, .thread, .process, .fork, .mark, .tagSnapshot, .expect, .expectTags:
      break
    }
  }

  private mutating func advise(_ range: Range<UInt64>, _ advice: Advice, isWhole: Bool) {
    // Whatever was given up before a refusal may be gone.
    if advice == .free { forEachPage(in: range) { $0.giveUp() } }
    guard isWhole else { return }
    switch advice {
    case .dontNeed: dropPages(range)
    case .dontFork: change(range) { $0.forkRule = .leaveOut }
    case .doFork, .keepOnFork: change(range) { $0.forkRule = .copy }
    case .wipeOnFork: change(range) { $0.forkRule = .wipe }
    default: break
    }
  }

  private mutating func moveBreak(_ address: UInt64, recorded: Int64?) {
    let end = recorded.map { UInt64(bitPattern: $0) } ?? address
    defer { heapEnd = end }
    guard let old = heapEnd, end != 0 else { return }
    let oldEnd = pageCount(old)
    let newEnd = pageCount(end)
    if newEnd > oldEnd {
      replace(
        oldEnd..<newEnd,
        with: Area(
          start: oldEnd,
          end: newEnd,
          isTagged: false,
          isFile: false,
          isShared: false,
          isUnknown: false,
          forkRule: .copy
        )
      )
    } else {
      cut(newEnd..<oldEnd)
    }
  }

  private mutating func remap(
    _ old: Range<UInt64>,
    newPages: UInt64,
    to start: UInt64,
    keepsOld: Bool
  ) {
    guard let range = areas.first(where: { $0.start <= old.lowerBound && old.lowerBound < $0.end })
    else { return }
    var moved: [(UInt64, Page)] = []
    for offset in 0..<min(newPages, UInt64(old.count)) {
      if let page = pages[old.lowerBound + offset] { moved.append((start + offset, page)) }
    }
    if keepsOld { dropPages(old) } else { cut(old) }
    var target = range
    target.start = start
    target.end = start + newPages
    replace(start..<(start + newPages), with: target)
    for (number, page) in moved { pages[number] = page }
  }

  private mutating func replace(_ range: Range<UInt64>, with new: Area) {
    cut(range)
    guard !range.isEmpty else { return }
    let position = areas.firstIndex { $0.start >= range.upperBound } ?? areas.count
    areas.insert(new, at: position)
  }

  private mutating func cut(_ range: Range<UInt64>) {
    dropPages(range)
    change(range) { $0.end = $0.start }
    areas.removeAll { $0.start >= $0.end }
  }

  /// Changes the parts of areas that lie within `range`, splitting where they reach beyond it.
  private mutating func change(_ range: Range<UInt64>, _ body: (inout Area) -> Void) {
    var changed: [Area] = []
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

  private mutating func dropPages(_ range: Range<UInt64>) {
    if range.count <= pages.count {
      for number in range { pages[number] = nil }
    } else {
      for number in pages.keys.filter({ range.contains($0) }) { pages[number] = nil }
    }
  }

  private mutating func forEachPage(
    in range: Range<UInt64>,
    _ body: (inout Page) -> Void
  ) {
    for number in range where pages[number] != nil { body(&pages[number, default: Page()]) }
  }

  /// What mprotect makes tagged: up to the first hole, and to the first file.
  private func taggablePart(of range: Range<UInt64>) -> Range<UInt64> {
    var end = range.lowerBound
    for area in areas where area.end > end {
      guard end < range.upperBound, area.start <= end, !area.isFile else { break }
      end = area.end
    }
    return range.lowerBound..<min(end, range.upperBound)
  }

  private func isAligned(_ address: UInt64) -> Bool {
    VirtualPageNumber.untagged(address) & UInt64(pageSize.bytes - 1) == 0
  }

  private func pageCount(_ bytes: UInt64) -> UInt64 {
    (bytes + UInt64(pageSize.bytes - 1)) >> UInt64(pageSize.shift)
  }

  private func pageRange(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    let start = VirtualPageNumber.untagged(address) >> UInt64(pageSize.shift)
    return start..<(start + pageCount(length))
  }
}

extension ShadowSpace.Area {
  fileprivate func part(_ start: UInt64, _ end: UInt64) -> Self {
    var part = self
    part.start = start
    part.end = end
    return part
  }
}
