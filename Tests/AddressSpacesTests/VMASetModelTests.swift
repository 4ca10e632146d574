// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import AddressSpaces

/// What the slow model knows of one page.
private struct PageRecord: Equatable {
  var protection: Protection
  var flags: VMAFlags
  var file: UInt32
  var offset: UInt64
  var anonymous: UInt32 = 0
  var isInherited = false
  /// Pages of one VMA have the same number here.
  var area: Int

  /// Whether the kernel fills the pages itself.
  var isFilled: Bool {
    if flags.contains(.reference) { return !flags.contains(.fileOperations) }
    return !flags.contains(.file) && !flags.contains(.shared)
  }
}

/// An address space as an array of pages; a VMA is a run of pages with one `area` number.
private struct PageModel {
  static let firstPage: UInt64 = 1 << 18
  var pages = [PageRecord?](repeating: nil, count: 40)
  var nextArea = 0
  var nextAnonymous: UInt32 = 1
  var nextFile = FileBacking.firstOwnIdentity

  mutating func newArea() -> Int {
    nextArea += 1
    return nextArea
  }

  /// The run of pages around `page`.
  func run(_ page: Int) -> Range<Int> {
    guard let area = pages[page]?.area else { return page..<page }
    var (low, high) = (page, page + 1)
    while low > 0, pages[low - 1]?.area == area { low -= 1 }
    while high < pages.count, pages[high]?.area == area { high += 1 }
    return low..<high
  }

  mutating func split(_ page: Int) {
    guard page > 0, page < pages.count, let area = pages[page]?.area,
      pages[page - 1]?.area == area
    else { return }
    let fresh = newArea()
    for index in page..<run(page).upperBound { pages[index]?.area = fresh }
  }

  /// Whether the runs that meet before `page` differ in nothing but their reverse maps.
  func continues(_ page: Int) -> Bool {
    guard page > 0, page < pages.count, let low = pages[page - 1], let high = pages[page] else {
      return false
    }
    return low.area != high.area && low.protection == high.protection && low.file == high.file
      && low.flags.subtracting(.labels) == high.flags.subtracting(.labels)
      && low.offset + 1 == high.offset
  }

  /// Whether the run of `page` takes in memory with this reverse map.
  func takes(_ page: Int, _ reverseMap: UInt32) -> Bool {
    guard let record = pages[page] else { return false }
    if record.anonymous == 0 { return reverseMap == 0 }
    return record.anonymous == reverseMap || reverseMap == 0 && !record.isInherited
  }

  /// Makes one run of the two that meet before `page`.
  mutating func join(_ page: Int) {
    guard let low = pages[page - 1], let high = pages[page] else { return }
    let source = low.anonymous == 0 ? high : low
    for index in run(page - 1).lowerBound..<run(page).upperBound {
      pages[index]?.area = low.area
      pages[index]?.anonymous = source.anonymous
      pages[index]?.isInherited = source.isInherited
      pages[index]?.flags = low.flags.union(high.flags.intersection(.labels))
    }
  }

  /// What `mmap` does with a new run: it goes to the neighbour above, and what comes of that to the one
  /// below.
  mutating func mergeNew(_ range: Range<Int>) {
    if continues(range.upperBound), takes(range.upperBound, 0) { join(range.upperBound) }
    guard continues(range.lowerBound), let whole = pages[range.lowerBound] else { return }
    if takes(range.lowerBound - 1, whole.anonymous) { join(range.lowerBound) }
  }

  /// What happens to a run that was changed or moved: neighbours with different reverse maps cannot
  /// both have it, and then the one below gets it.
  mutating func mergeChanged(_ range: Range<Int>) {
    guard let reverseMap = pages[range.lowerBound]?.anonymous else { return }
    let below = continues(range.lowerBound) && takes(range.lowerBound - 1, reverseMap)
    var above = continues(range.upperBound) && takes(range.upperBound, reverseMap)
    if below, above, let low = pages[range.lowerBound - 1]?.anonymous,
      let high = pages[range.upperBound]?.anonymous, low != 0, high != 0, low != high
    {
      above = false
    }
    if above { join(range.upperBound) }
    if below { join(range.lowerBound) }
  }

  mutating func unmap(_ range: Range<Int>) {
    split(range.lowerBound)
    split(range.upperBound)
    for page in range { pages[page] = nil }
  }

  mutating func map(
    _ range: Range<Int>,
    _ protection: Protection,
    _ request: MappingFlags,
    _ backing: FileBacking?
  ) {
    unmap(range)
    var record = PageRecord(
      protection: protection.subtracting([.mte, .semaphore]),
      flags: [],
      file: 0,
      offset: 0,
      area: newArea()
    )
    record.flags.insert(request.contains(.anonymous) ? .mteAllowed : .file)
    if protection.contains(.mte) { record.flags.insert(.mte) }
    if request.contains(.shared) { record.flags.insert(.shared) }
    if request.contains(.noReserve) { record.flags.insert(.noReserve) }
    if protection.contains(.write), !request.contains(.shared), !request.contains(.noReserve) {
      record.flags.insert(.accounted)
    }
    let isFile = !request.contains(.anonymous) || request.contains(.shared)
    var offset = isFile ? 0 : Self.firstPage + UInt64(range.lowerBound)
    if let backing {
      record.file = backing.identity
      offset = Self.firstPage + UInt64(range.lowerBound)
      if backing.kind != .referenceTag {
        record.flags.insert(.file)
        offset = backing.pageOffset
      }
      if backing.kind != .file {
        record.flags.insert(.reference)
        if record.flags.remove(.shared) != nil { record.flags.insert(.neverWritable) }
      }
      if backing.kind == .referenceOperations { record.flags.insert(.fileOperations) }
    } else if isFile {
      record.file = nextFile
      nextFile += 1
    }
    for page in range {
      record.offset = offset + UInt64(page - range.lowerBound)
      pages[page] = record
    }
    mergeNew(range)
  }

  /// Changes the properties of a part of one run.
  mutating func change(_ range: Range<Int>, _ protection: Protection, _ flags: VMAFlags) {
    split(range.lowerBound)
    split(range.upperBound)
    for page in range {
      pages[page]?.protection = protection
      pages[page]?.flags = flags
    }
    mergeChanged(range)
  }

  mutating func protect(_ range: Range<Int>, _ protection: Protection) -> ErrorNumber? {
    var page = range.lowerBound
    while page < range.upperBound {
      guard let record = pages[page] else { return .enomem }
      let part = page..<min(run(page).upperBound, range.upperBound)
      var flags = record.flags
      if protection.contains(.write), flags.contains(.neverWritable) { return .eacces }
      if protection.contains(.mte) {
        guard flags.contains(.mteAllowed) else { return .einval }
        flags.insert(.mte)
      }
      if protection.contains(.write) {
        if !record.protection.contains(.write), !flags.contains(.shared),
          !flags.contains(.noReserve)
        {
          flags.insert(.accounted)
        }
      } else if record.isFilled, record.anonymous == 0 {
        flags.remove(.accounted)
      }
      let kept = protection.subtracting([.mte, .semaphore])
      if kept != record.protection || flags != record.flags { change(part, kept, flags) }
      page = part.upperBound
    }
    return nil
  }

  mutating func advise(_ range: Range<Int>, _ flag: VMAFlags, isSet: Bool) -> ErrorNumber? {
    var page = range.lowerBound
    var result: ErrorNumber?
    while page < range.upperBound {
      guard let record = pages[page] else {
        result = .enomem
        page += 1
        continue
      }
      let part = page..<min(run(page).upperBound, range.upperBound)
      if flag == .wipeOnFork, isSet, record.flags.contains(.file) || record.flags.contains(.shared)
      {
        return .einval
      }
      let flags = isSet ? record.flags.union(flag) : record.flags.subtracting(flag)
      if flags != record.flags { change(part, record.protection, flags) }
      page = part.upperBound
    }
    return result
  }

  mutating func write(_ page: Int) {
    guard let record = pages[page], record.anonymous == 0, !record.flags.contains(.shared) else {
      return
    }
    let mine = run(page)
    var given: UInt32?
    for (low, high) in [
      (mine.upperBound - 1, mine.upperBound), (mine.lowerBound - 1, mine.lowerBound),
    ]
    where given == nil && low >= 0 && high < pages.count {
      guard let below = pages[low], let above = pages[high] else { continue }
      let lender = low == mine.upperBound - 1 ? above : below
      guard lender.anonymous != 0, !lender.isInherited, below.offset + 1 == above.offset,
        below.file == above.file,
        below.protection.contains(.branchTarget) == above.protection.contains(.branchTarget),
        below.flags.subtracting(.labels) == above.flags.subtracting(.labels)
      else { continue }
      given = lender.anonymous
    }
    if given == nil {
      given = nextAnonymous
      nextAnonymous += 1
    }
    for index in mine { pages[index]?.anonymous = given ?? 0 }
  }

  mutating func fork() {
    var seen = -1
    var fresh: UInt32 = 0
    for page in pages.indices {
      guard let record = pages[page] else { continue }
      if record.flags.contains(.dontFork) {
        pages[page] = nil
        continue
      }
      if record.flags.contains(.wipeOnFork) {
        pages[page]?.anonymous = 0
        pages[page]?.isInherited = false
      } else if record.anonymous != 0 {
        if record.area != seen {
          fresh = nextAnonymous
          nextAnonymous += 1
        }
        seen = record.area
        pages[page]?.anonymous = fresh
        pages[page]?.isInherited = true
      }
    }
  }

  /// Extends the run that ends before `range`, which is not mapped.
  mutating func grow(_ range: Range<Int>) {
    for page in range {
      pages[page] = pages[page - 1]
      pages[page]?.offset += 1
    }
    guard let last = pages[range.upperBound - 1] else { return }
    if continues(range.upperBound), takes(range.upperBound, last.anonymous) {
      join(range.upperBound)
    }
  }

  /// Moves part of one run to an equally long range that does not overlap it; with `keepsSource` the
  /// source stays mapped, and loses its reverse map if it is a whole VMA.
  mutating func move(_ source: Range<Int>, to destination: Range<Int>, keepsSource: Bool) {
    unmap(destination)
    let area = newArea()
    for (from, to) in zip(source, destination) {
      pages[to] = pages[from]
      pages[to]?.area = area
      if pages[to]?.isFilled ?? false, pages[to]?.anonymous == 0 {
        pages[to]?.offset = Self.firstPage + UInt64(to)
      }
    }
    mergeChanged(destination)
    guard keepsSource else {
      unmap(source)
      return
    }
    guard run(source.lowerBound) == source else { return }
    for page in source {
      pages[page]?.anonymous = 0
      pages[page]?.isInherited = false
    }
  }

  var areas: [VirtualMemoryArea] {
    var areas: [VirtualMemoryArea] = []
    var page = 0
    while page < pages.count {
      guard let record = pages[page] else {
        page += 1
        continue
      }
      let run = run(page)
      areas.append(
        VirtualMemoryArea(
          start: VirtualPageNumber(rawValue: Self.firstPage + UInt64(run.lowerBound)),
          end: VirtualPageNumber(rawValue: Self.firstPage + UInt64(run.upperBound)),
          protection: record.protection,
          flags: record.flags,
          fileIdentity: record.file,
          pageOffset: record.offset,
          anonVMA: record.anonymous,
          forkInherited: record.isInherited,
          readAhead: 0
        )
      )
      page = run.upperBound
    }
    return areas
  }
}

@Suite struct VMASetModelTests {
  @Test(arguments: PageSize.allCases, 0..<6 as Range<UInt64>)
  func randomCallsAgreeWithTheModel(pageSize: PageSize, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var set = VMASet(pageSize: pageSize)
    var model = PageModel()
    let protections: [Protection] = [
      [], .read, [.read, .write], [.read, .write], [.read, .write, .mte], [.read, .branchTarget],
    ]
    let kinds: [MappingFlags] = [
      [.anonymous], [.anonymous], [.anonymous], [.anonymous, .noReserve], [.anonymous, .shared], [],
    ]
    let backings: [FileBacking.Kind] = [
      .file, .referencePage, .referencePage, .referenceOperations, .referenceTag,
    ]
    let advices: [(Advice, VMAFlags, Bool)] = [
      (.dontFork, .dontFork, true), (.doFork, .dontFork, false),
      (.wipeOnFork, .wipeOnFork, true), (.keepOnFork, .wipeOnFork, false),
    ]
    for step in 0..<400 {
      let start = random.below(model.pages.count)
      let range = start..<min(model.pages.count, start + 1 + random.below(6))
      let address = (PageModel.firstPage + UInt64(start)) << UInt64(pageSize.shift)
      let length = UInt64(range.count) << UInt64(pageSize.shift)
      let before = mergeableStarts(set)
      var mayLeaveUnmerged = false
      switch random.below(17) {
      case 0...4:
        var kind = kinds[random.below(kinds.count)]
        var protection = protections[random.below(protections.count)]
        var backing: FileBacking?
        if random.below(2) == 0 {
          let chosen = backings[random.below(backings.count)]
          kind = chosen == .file ? [] : random.below(4) == 0 ? [.anonymous, .shared] : [.anonymous]
          if kind.contains(.shared) { protection.remove(.write) }
          // Offsets that follow the address continue each other, and others do not.
          backing = FileBacking(
            identity: 1 + UInt32(random.below(2)),
            pageOffset: UInt64(random.below(3) == 0 ? 0 : start),
            kind: chosen
          )
        }
        if !kind.contains(.anonymous) { protection.remove(.mte) }
        let request = MappingRequest(
          address: address,
          length: length - UInt64(random.below(pageSize.bytes)),
          protection: protection,
          flags: kind.union(.fixed)
        )
        _ = try set.map(request, backing: backing).get()
        model.map(range, protection, kind, backing)
      case 5...6:
        _ = try set.unmap(address: address, length: length).get()
        model.unmap(range)
      case 7...9:
        let protection = protections[random.below(protections.count)]
        let error = set.protect(address: address, length: length, protection: protection).error
        #expect(error == model.protect(range, protection), "seed \(seed), step \(step)")
      case 10:
        let (advice, flag, isSet) = advices[random.below(advices.count)]
        let error = set.advise(address: address, length: length, advice: advice).error
        #expect(error == model.advise(range, flag, isSet: isSet), "seed \(seed), step \(step)")
      case 11...13:
        set.noteAnonymousWrite(at: VirtualPageNumber(address: address, pageSize: pageSize))
        model.write(start)
        mayLeaveUnmerged = true
      case 14:
        let to = random.below(model.pages.count - range.count + 1)
        let target = to..<to + range.count
        guard model.run(start).upperBound >= range.upperBound, !target.overlaps(range) else {
          continue
        }
        let keepsSource = random.below(3) == 0
        let plan = try set.remap(
          address: address,
          oldLength: length,
          newLength: length,
          flags: keepsSource ? [.mayMove, .fixed, .dontUnmap] : [.mayMove, .fixed],
          newAddress: (PageModel.firstPage + UInt64(to)) << UInt64(pageSize.shift)
        ).get()
        #expect(plan.keepsSource == keepsSource && plan.grown == nil)
        model.move(range, to: target, keepsSource: keepsSource)
        mayLeaveUnmerged = keepsSource
      case 15:
        let run = model.run(start)
        guard !run.isEmpty, run.upperBound < model.pages.count,
          model.pages[run.upperBound] == nil
        else { continue }
        _ = try set.remap(
          address: address,
          oldLength: UInt64(run.upperBound - start) << UInt64(pageSize.shift),
          newLength: UInt64(run.upperBound - start + 1) << UInt64(pageSize.shift),
          flags: [],
          newAddress: 0
        ).get()
        model.grow(run.upperBound..<run.upperBound + 1)
      default:
        guard random.below(4) == 0 else { continue }
        set = set.forked()
        model.fork()
        mayLeaveUnmerged = true
      }
      set.checkInvariants()
      try #require(text(set.areas) == text(model.areas), "seed \(seed), step \(step)")
      #expect(
        mayLeaveUnmerged || mergeableStarts(set).isSubset(of: before),
        "V2: seed \(seed), step \(step)"
      )
    }
  }

  private func text(_ areas: [VirtualMemoryArea]) -> String {
    areas.map { area in
      let pages = "\(area.start.rawValue - PageModel.firstPage)+\(area.pageCount)"
      return "\(pages):\(area.protection.rawValue)/\(area.flags.rawValue)"
        + " \(area.fileIdentity)@\(area.pageOffset) \(area.anonVMA)\(area.forkInherited ? "i" : "")"
    }.joined(separator: ", ")
  }

  private func mergeableStarts(_ set: VMASet) -> Set<UInt64> {
    Set(set.mergeableIndices.map { set.areas[$0].end.rawValue })
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func lookUpsAgreeWithAWalk(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var drawing = Drawing()
    for _ in 0..<60 {
      let start = random.below(Drawing.pages - 1)
      let range = start..<start + 1 + random.below(Drawing.pages - start)
      if random.below(2) == 0 {
        drawing.map(range, random.below(2) == 0 ? .read : [.read, .write])
      } else {
        drawing.unmap(range)
      }
      let asked = drawing.range(random.below(8)..<8 + random.below(9))
      let mapped = (asked.lowerBound.rawValue..<asked.upperBound.rawValue).filter { page in
        drawing.set.areas.contains { $0.pages.contains(VirtualPageNumber(rawValue: page)) }
      }
      let pieces = drawing.set.ranges(in: asked)
      #expect(pieces.flatMap { $0.start.rawValue..<$0.end.rawValue } == mapped, "seed \(seed)")
      let ranges = drawing.set.mappedRanges(in: asked)
      #expect(
        ranges.flatMap { $0.lowerBound.rawValue..<$0.upperBound.rawValue } == mapped,
        "seed \(seed)"
      )
      for piece in pieces { #expect(piece.pageOffset == piece.start.rawValue) }
      guard !asked.isEmpty else { continue }
      let outside = drawing.set.areas.filter {
        !asked.contains($0.start) || $0.end > asked.upperBound
      }
      let bounds = drawing.set.tableBounds(around: asked)
      let below = outside.filter { $0.start < asked.lowerBound }.map {
        min($0.end, asked.lowerBound)
      }
      let above = outside.filter { $0.end > asked.upperBound }.map {
        max($0.start, asked.upperBound)
      }
      #expect(bounds.lowerBound.rawValue == below.max()?.rawValue ?? 0, "seed \(seed)")
      #expect(bounds.upperBound.rawValue == above.min()?.rawValue ?? 1 << 36, "seed \(seed)")
    }
  }
}
