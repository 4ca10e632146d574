// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// The tags of every page of a trace, followed through its events without a machine.
///
/// A page has tags once a tagged mapping of it was touched; they are 0 until something else is
/// stored. Unmapping, mapping anew, and MADV_DONTNEED drop them, moving a mapping moves them, and a
/// fork copies them. Pages that the trace names nowhere in a tag store or a touch have no place here,
/// not even when a mapping is moved onto them.
struct TagsShadow {
  /// One process: what is mapped, and the pages in ascending order of their numbers.
  private struct Space {
    var ranges: MappedRanges
    /// Whether the page has been touched since it was mapped.
    var isPresent: [Bool]
    /// `tagBytes` for each page.
    var tags: [UInt8]
  }

  private let pageSize: PageSize
  /// The virtual page numbers that the trace names, ascending.
  private let numbers: [UInt64]
  /// For each page identifier, its index in `numbers`.
  private let ranks: [Int]
  private let empty: Space
  private var spaces: [UInt32: Space] = [:]
  private var space: Space
  private var process: UInt32 = 0

  /// Snapshots of the recorder's own tags that were compared.
  private(set) var snapshots: UInt64 = 0
  /// Snapshots that differ from what the tag stores add up to.
  private(set) var differentSnapshots: UInt64 = 0

  init(_ reader: TraceReader) {
    pageSize = reader.header.pageSize
    let order = reader.pages.indices.sorted { reader.pages[$0] < reader.pages[$1] }
    numbers = order.map { reader.pages[$0] }
    var ranks = [Int](repeating: 0, count: order.count)
    for (rank, identifier) in order.enumerated() { ranks[identifier] = rank }
    self.ranks = ranks
    empty = Space(
      ranges: MappedRanges(pageSize: pageSize),
      isPresent: Array(repeating: false, count: numbers.count),
      tags: Array(repeating: 0, count: numbers.count * pageSize.tagBytes)
    )
    space = empty
    for mapping in reader.header.initialMappings { space.ranges.insert(mapping) }
  }

  /// Follows one event.
  mutating func take(_ record: EventRecord, in batch: EventBatch) {
    switch record.kind {
    case .touch, .access:
      space.isPresent[ranks[Int(record.page)]] = true
    case .tagRun:
      storeTags(record)
    case .operation:
      take(batch.operations[Int(record.page)])
    }
  }

  /// Calls `body` with each page of a tagged mapping that has been touched, by process and address.
  func forEachTaggedPage(_ body: (Span<UInt8>) -> Void) {
    var all = spaces
    all[process] = space
    for number in all.keys.sorted() {
      guard let space = all[number] else { continue }
      for mapping in space.ranges.mappings where mapping.protection.contains(.mte) {
        for rank in pages(mapping.start, mapping.end) where space.isPresent[rank] {
          let first = rank * pageSize.tagBytes
          body(space.tags.span.extracting(first..<first + pageSize.tagBytes))
        }
      }
    }
  }

  private mutating func storeTags(_ record: EventRecord) {
    storeTags(
      rank: ranks[Int(record.page)],
      first: Int(record.detail),
      count: Int(record.count),
      tag: record.argument
    )
  }

  /// The tags that an instruction stores, on the pages that have a place here.
  private mutating func storeTags(_ instruction: TagInstruction) {
    guard let stored = instruction.stored else { return }
    let granuleBytes = UInt64(MemoryTag.granuleBytes)
    guard stored.address.isMultiple(of: granuleBytes) else { return }
    for address in stride(from: stored.address, to: stored.address + stored.bytes, by: 16) {
      let rank = index(of: address >> shift)
      guard rank < numbers.count, numbers[rank] == address >> shift else { continue }
      let granule = Int((address & UInt64(pageSize.bytes - 1)) / granuleBytes)
      storeTags(rank: rank, first: granule, count: 1, tag: stored.tag.rawValue)
    }
  }

  private mutating func storeTags(rank: Int, first: Int, count: Int, tag: UInt8) {
    space.isPresent[rank] = true
    let address = numbers[rank] << UInt64(pageSize.shift)
    guard space.ranges.lookup(address)?.protection.contains(.mte) == true else { return }
    let start = rank * pageSize.granules + first
    let end = min(start + count, (rank + 1) * pageSize.granules)
    for granule in start..<end {
      let byte = space.tags[granule / 2]
      space.tags[granule / 2] = granule & 1 == 0 ? byte & 0xf0 | tag : byte & 0x0f | tag << 4
    }
  }

  private mutating func take(_ operation: MemoryOperation) {
    switch operation {
    case .process(let number):
      spaces[process] = space
      process = number
      space = spaces[number] ?? empty
      return
    case .fork(let child):
      spaces[child] = space
      return
    case .exit, .exec:
      space = empty
      return
    case .kernelCopy(let address, let length, _), .pin(let address, let length, _, _):
      for rank in pages(address, end(address, length)) { space.isPresent[rank] = true }
      return
    case .tagSnapshot(let page, let tags):
      compare(tags, page: page)
      return
    case .tagInstruction(let instruction):
      storeTags(instruction)
      return
    case .advise(let address, let length, .dontNeed, let result) where result ?? 0 >= 0:
      drop(address, end(address, length))
      return
    default:
      break
    }
    let moved = movedPages(operation)
    // Pages that a mapping takes over are dropped first; all that is mapped no more, afterwards.
    if case .map(let request, let result) = operation, result ?? 0 >= 0 {
      let start = result.map { UInt64($0) } ?? request.address
      drop(start, end(start, request.length))
    }
    guard space.ranges.apply(operation) else { return }
    dropUnmapped()
    for page in moved {
      space.isPresent[page.rank] = true
      let first = page.rank * pageSize.tagBytes
      space.tags.replaceSubrange(first..<first + page.tags.count, with: page.tags)
    }
  }

  /// The pages that a remapping takes along, at their new places; the old ones are dropped.
  private mutating func movedPages(_ operation: MemoryOperation) -> [(rank: Int, tags: [UInt8])] {
    guard
      case .remap(let address, let oldLength, let newLength, _, let asked, let result) = operation,
      result ?? 0 >= 0
    else { return [] }
    let target = result.map { UInt64($0) } ?? (asked != 0 ? asked : address)
    var moved: [(rank: Int, tags: [UInt8])] = []
    let oldEnd = end(address, oldLength)
    for rank in pages(address, min(oldEnd, end(address, newLength))) where space.isPresent[rank] {
      let number = numbers[rank] - (address >> shift) + (target >> shift)
      let place = index(of: number)
      guard place < numbers.count, numbers[place] == number else { continue }
      let first = rank * pageSize.tagBytes
      moved.append((place, Array(space.tags[first..<first + pageSize.tagBytes])))
    }
    drop(address, oldEnd)
    drop(target, end(target, newLength))
    return moved
  }

  private mutating func compare(_ tags: [UInt8], page: UInt64) {
    snapshots += 1
    let rank = index(of: page)
    guard rank < numbers.count, numbers[rank] == page else {
      if tags.contains(where: { $0 != 0 }) { differentSnapshots += 1 }
      return
    }
    let first = rank * pageSize.tagBytes
    if !space.tags[first..<first + pageSize.tagBytes].elementsEqual(tags) {
      differentSnapshots += 1
    }
  }

  private mutating func dropUnmapped() {
    var start: UInt64 = 0
    for mapping in space.ranges.mappings {
      drop(start, mapping.start)
      start = mapping.end
    }
    drop(start, .max)
  }

  /// Forgets the pages of a range of bytes.
  private mutating func drop(_ start: UInt64, _ end: UInt64) {
    for rank in pages(start, end) where space.isPresent[rank] {
      space.isPresent[rank] = false
      let first = rank * pageSize.tagBytes
      for byte in first..<first + pageSize.tagBytes { space.tags[byte] = 0 }
    }
  }

  private var shift: UInt64 { UInt64(pageSize.shift) }

  /// The indices of the pages that a range of bytes touches.
  private func pages(_ start: UInt64, _ end: UInt64) -> Range<Int> {
    guard start < end else { return 0..<0 }
    return index(of: start >> shift)..<index(of: (end - 1) >> shift + 1)
  }

  private func end(_ address: UInt64, _ length: UInt64) -> UInt64 {
    let (end, overflow) = address.addingReportingOverflow(length)
    return overflow ? .max : end
  }

  /// The index of the first page from `number` on.
  private func index(of number: UInt64) -> Int {
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
