// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What a trace says is mapped in one process, for checks of traces and for importers.
///
/// This is the recorded kernel's view: a call that failed changes nothing, a mapping lies where its
/// result says. Without a result a mapping goes where its address says, and without that, too, to the
/// highest gap. It is no model of the kernel's VMAs, which the machine has.
public struct MappedRanges: Sendable {
  /// A range of pages with equal properties.
  public struct Mapping: Equatable, Sendable {
    /// The first byte, a multiple of the page size.
    public var start: UInt64
    /// The first byte after it, a multiple of the page size.
    public var end: UInt64
    /// What may be done there.
    public var protection: Protection
    /// What kind of mapping it is.
    public var flags: MappingFlags
  }

  /// The mappings in ascending order; none overlap.
  public private(set) var mappings: [Mapping] = []
  private let pageBytes: UInt64
  /// Where the heap starts and ends, once that is known.
  private var heap: (start: UInt64, end: UInt64)?
  private var lastFound = 0

  /// Creates an empty address space.
  public init(pageSize: PageSize) {
    pageBytes = UInt64(pageSize.bytes)
  }

  /// Finds the mapping that holds `address`, `nil` if there is none.
  ///
  /// - Complexity: O(log *n*), where *n* is the number of mappings; O(1) for the mapping found last.
  public mutating func lookup(_ address: UInt64) -> Mapping? {
    if lastFound < mappings.count {
      let last = mappings[lastFound]
      if address >= last.start && address < last.end { return last }
    }
    let index = firstIndex(endingAfter: address)
    guard index < mappings.count, mappings[index].start <= address else { return nil }
    lastFound = index
    return mappings[index]
  }

  /// Adds a mapping, in place of what was there.
  public mutating func insert(_ request: MappingRequest) {
    let start = roundedDown(request.address)
    insert(
      Mapping(
        start: start,
        end: roundedUp(request.address, request.length),
        protection: request.protection,
        flags: request.flags
      )
    )
    if request.flags.contains(.heap) { heap = (start, roundedUp(request.address, request.length)) }
  }

  /// Follows one operation of the trace.
  ///
  /// - Returns: whether anything may have changed.
  public mutating func apply(_ operation: MemoryOperation) -> Bool {
    switch operation {
    case .map(var request, let result), .mapReference(var request, _, _, let result),
      .mapTagged(var request, _, let result):
      guard result ?? 0 >= 0 else { return false }
      let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
      if let result {
        request.address = UInt64(result)
      } else if request.address == 0, !isFixed {
        guard let gap = highestGap(request.length) else { return false }
        request.address = gap
      }
      insert(request)
    case .unmap(let address, let length, let result):
      guard result ?? 0 >= 0 else { return false }
      remove(roundedDown(address), roundedUp(address, length))
    case .protect(let address, let length, let protection, let result):
      guard result ?? 0 >= 0 else { return false }
      protect(roundedDown(address), roundedUp(address, length), protection)
    case .remap(let address, let oldLength, let newLength, let flags, let newAddress, let result):
      guard result ?? 0 >= 0 else { return false }
      guard
        let target = result.map({ UInt64($0) })
          ?? (newAddress != 0 ? newAddress : place(address, oldLength, newLength))
      else { return false }
      remap(
        from: address,
        oldLength: oldLength,
        to: target,
        newLength: newLength,
        keepsSource: flags.contains(.dontUnmap)
      )
    case .brk(let address, let result):
      guard result ?? 0 >= 0 else { return false }
      moveHeapEnd(to: result.map { UInt64($0) } ?? address)
    case .exec:
      mappings.removeAll()
      heap = nil
    default: return false
    }
    return true
  }

  /// Where a mapping of a new length goes: it stays where it has room, and else takes a gap.
  private func place(_ address: UInt64, _ oldLength: UInt64, _ newLength: UInt64) -> UInt64? {
    let oldEnd = roundedUp(address, oldLength)
    let newEnd = roundedUp(address, newLength)
    let index = firstIndex(endingAfter: oldEnd)
    let isFree = index == mappings.count || mappings[index].start >= newEnd
    return newEnd <= oldEnd || isFree ? address : highestGap(newLength)
  }

  /// The highest gap below 128 MiB for the stack; 256 pages stay free below what grows down.
  private func highestGap(_ length: UInt64) -> UInt64? {
    let bytes = roundedUp(0, length)
    var ceiling: UInt64 = 1 << 48 - 128 << 20
    for mapping in mappings.reversed() {
      if mapping.end <= ceiling, ceiling - mapping.end >= bytes { break }
      let growsDown = !mapping.flags.isDisjoint(with: [.growsDown, .stack])
      let guardBytes = growsDown ? 256 * pageBytes : 0
      ceiling = min(ceiling, mapping.start - min(mapping.start, guardBytes))
    }
    return ceiling >= bytes && ceiling - bytes >= 65536 ? ceiling - bytes : nil
  }

  private mutating func remap(
    from address: UInt64,
    oldLength: UInt64,
    to target: UInt64,
    newLength: UInt64,
    keepsSource: Bool
  ) {
    guard var mapping = lookup(address) else { return }
    // An old length of 0 duplicates a shared mapping and leaves the source alone.
    if !keepsSource { remove(roundedDown(address), roundedUp(address, oldLength)) }
    mapping.start = target
    mapping.end = roundedUp(target, newLength)
    insert(mapping)
  }

  private mutating func moveHeapEnd(to end: UInt64) {
    guard let old = heap else {
      // The first call asks where the heap is; nothing is mapped yet.
      if end != 0 { heap = (end, end) }
      return
    }
    guard end >= old.start else { return }
    let oldTop = roundedUp(old.end, 0)
    let newTop = roundedUp(end, 0)
    if newTop > oldTop {
      insert(
        Mapping(
          start: oldTop,
          end: newTop,
          protection: [.read, .write],
          flags: [.anonymous, .heap]
        )
      )
    } else {
      remove(newTop, oldTop)
    }
    heap = (old.start, end)
  }

  private mutating func protect(_ start: UInt64, _ end: UInt64, _ protection: Protection) {
    for part in mappings where part.start < end && part.end > start {
      var changed = part
      changed.start = max(part.start, start)
      changed.end = min(part.end, end)
      // The kernel never takes PROT_MTE away from a mapping.
      changed.protection = protection.union(part.protection.intersection(.mte))
      insert(changed)
    }
  }

  private mutating func insert(_ mapping: Mapping) {
    guard mapping.start < mapping.end else { return }
    remove(mapping.start, mapping.end)
    let index = firstIndex(endingAfter: mapping.start)
    if index > 0, mappings[index - 1].end == mapping.start,
      mappings[index - 1].protection == mapping.protection,
      mappings[index - 1].flags == mapping.flags
    {
      mappings[index - 1].end = mapping.end
    } else {
      mappings.insert(mapping, at: index)
    }
  }

  private mutating func remove(_ start: UInt64, _ end: UInt64) {
    guard start < end else { return }
    let first = firstIndex(endingAfter: start)
    var last = first
    var kept: [Mapping] = []
    while last < mappings.count, mappings[last].start < end {
      var left = mappings[last]
      if left.start < start {
        left.end = start
        kept.append(left)
      }
      var right = mappings[last]
      if right.end > end {
        right.start = end
        kept.append(right)
      }
      last += 1
    }
    mappings.replaceSubrange(first..<last, with: kept)
  }

  /// The index of the first mapping that ends after `address`.
  private func firstIndex(endingAfter address: UInt64) -> Int {
    var low = 0
    var high = mappings.count
    while low < high {
      let middle = (low + high) / 2
      if mappings[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func roundedDown(_ address: UInt64) -> UInt64 { address / pageBytes * pageBytes }

  /// The end of a range, rounded up to a whole page; the largest such address where it overflows.
  private func roundedUp(_ address: UInt64, _ length: UInt64) -> UInt64 {
    let (end, overflow) = address.addingReportingOverflow(length)
    let last = UInt64.max - (pageBytes - 1)
    return overflow || end > last ? last : (end + (pageBytes - 1)) / pageBytes * pageBytes
  }
}
