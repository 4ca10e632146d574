// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The VMAs of one process, and the system calls that change them.
///
/// The VMAs lie in one array, sorted by address; a look-up is a binary search. A process has tens to
/// thousands of them, so that moving the tail of an array at an insertion costs less than the
/// allocations of a tree. Every operation checks its arguments completely before it changes anything,
/// except where the kernel itself leaves a call half done (`mprotect` and `madvise` over a hole).
///
/// Nothing here knows of page contents: each operation says which ranges lost their pages, and the
/// caller drops them. Addresses are bytes, lengths are bytes, ranges are half-open in pages.
///
/// Source: Linux v6.8 `mm/mmap.c`, `mm/mprotect.c`, `mm/mremap.c`, `mm/madvise.c`, as described in
/// "VMA operations" of the memory-management notes.
public struct VMASet: Equatable, Sendable {
  /// The size of a page.
  public let pageSize: PageSize
  /// Bits of a user address; addresses from 2^`addressBits` on cannot be mapped.
  public let addressBits: Int
  /// `vm.max_map_count`: how many VMAs a process may have, give or take one, as the kernel counts.
  public let limit: Int
  /// The largest stack in bytes; a fault below it is not taken as stack growth.
  public var stackLimitBytes: UInt64 = 8 << 20

  /// The VMAs by address.
  public internal(set) var areas: [VirtualMemoryArea] = []
  /// Where the heap starts, in bytes; `nil` until it is known.
  public internal(set) var heapStart: UInt64?
  /// The current program break, in bytes; meaningful once `heapStart` is known.
  public internal(set) var programBreak: UInt64 = 0

  var nextAnonVMA: UInt32 = 1
  var nextFileIdentity = FileBacking.firstOwnIdentity

  /// Pages that must stay free below a VMA that grows down.
  ///
  /// Source: Linux v6.8 `stack_guard_gap`.
  static let stackGuardPages = 256

  /// Creates the set of a process that maps nothing.
  ///
  /// - Precondition: `addressBits` is in 32...52, and `limit` is at least 1.
  public init(pageSize: PageSize, addressBits: Int = 48, limit: Int = 65530) {
    precondition(addressBits >= 32 && addressBits <= 52, "\(addressBits) address bits")
    precondition(limit >= 1, "a limit of \(limit) VMAs")
    self.pageSize = pageSize
    self.addressBits = addressBits
    self.limit = limit
  }

  /// The number of VMAs: `map_count`.
  public var count: Int { areas.count }

  /// The number of mapped pages: `total_vm`.
  ///
  /// - Complexity: O(*n*), where *n* is the number of VMAs.
  public var mappedPages: Int { areas.reduce(0) { $0 + $1.pageCount } }

  /// The VMA that holds `page`.
  ///
  /// - Returns: `nil` where nothing is mapped.
  /// - Complexity: O(log *n*), where *n* is the number of VMAs.
  @inlinable public func find(_ page: VirtualPageNumber) -> VirtualMemoryArea? {
    index(of: page).map { areas[$0] }
  }

  /// The index in ``areas`` of the VMA that holds `page`, for callers that need little of it.
  ///
  /// - Returns: `nil` where nothing is mapped.
  /// - Complexity: O(log *n*), where *n* is the number of VMAs.
  @inlinable @inline(__always) public func index(of page: VirtualPageNumber) -> Int? {
    let index = firstIndex(endingAfter: page)
    guard index < areas.count, areas[index].start <= page else { return nil }
    return index
  }

  /// The parts of VMAs that lie in `range`, by address.
  ///
  /// - Complexity: O(log *n* + *k*), where *n* is the number of VMAs and *k* that of the parts.
  public func ranges(in range: Range<VirtualPageNumber>) -> [VirtualMemoryArea] {
    var parts: [VirtualMemoryArea] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < areas.count, areas[index].start < range.upperBound {
      parts.append(areas[index].clipped(to: range))
      index += 1
    }
    return parts
  }

  /// The mapped pages of `range`, by address; ranges that touch are joined.
  ///
  /// - Complexity: O(log *n* + *k*), where *n* is the number of VMAs and *k* of those in `range`.
  public func mappedRanges(in range: Range<VirtualPageNumber>) -> [Range<VirtualPageNumber>] {
    var found: [Range<VirtualPageNumber>] = []
    for part in ranges(in: range) { found.appendJoining(part.pages) }
    return found
  }

  /// The largest range around `range` that no VMA outside `range` reaches into.
  ///
  /// A page table that maps only addresses within it can be freed when `range` is unmapped. What is
  /// mapped inside `range` does not count, so that it can be asked for before and after unmapping.
  /// The upper bound is the end of the address space where nothing is mapped above.
  ///
  /// Source: Linux v6.8 `free_pgtables`, arguments `floor` and `ceiling`.
  public func tableBounds(
    around range: Range<VirtualPageNumber>
  ) -> Range<VirtualPageNumber> {
    var floor = VirtualPageNumber(rawValue: 0)
    var ceiling = max(taskEnd, range.upperBound)
    let below = firstIndex(endingAfter: range.lowerBound)
    if below < areas.count, areas[below].start < range.lowerBound {
      floor = range.lowerBound
    } else if below > 0 {
      floor = areas[below - 1].end
    }
    let above = firstIndex(endingAfter: range.upperBound)
    if above < areas.count { ceiling = max(areas[above].start, range.upperBound) }
    return floor..<ceiling
  }

  /// Stores the read-ahead state of the VMA that holds `page`; does nothing where there is none.
  public mutating func setReadAhead(_ state: UInt64, at page: VirtualPageNumber) {
    let index = firstIndex(endingAfter: page)
    guard index < areas.count, areas[index].start <= page else { return }
    areas[index].readAhead = state
  }

  // MARK: Addresses

  /// The page after the last one that can be mapped.
  var taskEnd: VirtualPageNumber {
    VirtualPageNumber(rawValue: 1 << UInt64(addressBits - pageSize.shift))
  }

  /// Bytes of the address space that can be mapped.
  var taskBytes: UInt64 { 1 << UInt64(addressBits) }

  /// Whether `address` is the first byte of a page.
  func isAligned(_ address: UInt64) -> Bool { address & UInt64(pageSize.bytes - 1) == 0 }

  /// `length` in whole pages, rounded up.
  ///
  /// - Returns: `nil` where rounding passes 2^64, which the kernel sees as 0.
  func pageCount(of length: UInt64) -> UInt64? {
    let (padded, overflow) = length.addingReportingOverflow(UInt64(pageSize.bytes - 1))
    return overflow ? nil : padded >> UInt64(pageSize.shift)
  }

  /// The page range of an aligned address and a page count that were checked against ``taskBytes``.
  func range(_ address: UInt64, pages: UInt64) -> Range<VirtualPageNumber> {
    let start = VirtualPageNumber(rawValue: address >> UInt64(pageSize.shift))
    return start..<VirtualPageNumber(rawValue: start.rawValue + pages)
  }

  /// The index of the first VMA that ends above `page`, `areas.count` if there is none.
  @inlinable func firstIndex(endingAfter page: VirtualPageNumber) -> Int {
    var low = 0
    var high = areas.count
    while low < high {
      let middle = (low + high) / 2
      if areas[middle].end <= page { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
