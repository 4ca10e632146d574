// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// The two-way map between virtual pages and the dense identifiers that a trace gives them.
///
/// It is a `final class` because all processes of one trace share it, and a page that one of them adds
/// must be known to the others; it is changed only by the thread that replays the trace.
///
/// Ranges are looked up by binary search in an array sorted by page. Pages that are added later wait
/// in a second, small sorted array, which is merged into the first when it is full, so that *n*
/// additions in any order cost O(*n* log *n*) steps and some moving of memory instead of O(*n*²).
public final class PageIndex: InvariantChecks {
  /// Pages by identifier.
  ///
  /// Exempt from the check of exclusive access, as the storage of ``PageTable`` is: it is reached only
  /// here, in expressions that call nothing of this class.
  @exclusivity(unchecked) @usableFromInline var pages: FlatStorage<UInt64>
  @exclusivity(unchecked) @usableFromInline var used: Int
  private var sorted: SortedPages
  private var added = SortedPages()

  /// Additions that wait before they are merged: 48 KiB, which stays in the first-level cache.
  private static let addedLimit = 4096

  /// Creates the index of a trace's dictionary: page `pages[i]` has identifier `i`.
  ///
  /// - Precondition: no page occurs twice, there are fewer than 2^32, and each is below 2^52. The
  ///   reader of the trace has checked that.
  /// - Complexity: O(*n* log *n*), where *n* is the number of pages.
  public init(pages: [UInt64]) {
    precondition(pages.count < Int(UInt32.max), "\(pages.count) pages")
    unsafe used = pages.count
    unsafe self.pages = FlatStorage(repeating: 0, count: pages.count)
    unsafe self.pages.copy(pages.span, to: 0)
    let order = pages.indices.sorted { pages[$0] < pages[$1] }
    sorted = SortedPages(
      pages: order.map { pages[$0] },
      identifiers: order.map { PageIdentifier($0) }
    )
    BrokenInvariant.stop { () throws(BrokenInvariant) in try sorted.checkAscending() }
  }

  /// The number of identifiers: those of the trace, and those added.
  @inlinable public var count: Int { unsafe used }

  /// The page with this identifier.
  ///
  /// - Precondition: `identifier` < `count`.
  @inlinable public func page(of identifier: PageIdentifier) -> VirtualPageNumber {
    precondition(Int(identifier) < count, "page identifier \(identifier) is unknown")
    return VirtualPageNumber(rawValue: unsafe pages[Int(identifier)])
  }

  /// Asks the processor to bring the page with this identifier near.
  @inlinable @inline(__always) public func prefetch(_ identifier: PageIdentifier) {
    unsafe pages.prefetch(Int(identifier))
  }

  /// The identifier of a page, `nil` where it has none.
  ///
  /// - Complexity: O(log *n*), where *n* is the number of pages.
  public func identifier(of page: VirtualPageNumber) -> PageIdentifier? {
    sorted.identifier(of: page.rawValue) ?? added.identifier(of: page.rawValue)
  }

  /// The identifier of a page, a new one where it had none: `count` before the call.
  ///
  /// Pages that no record touches need one when they are populated or read ahead.
  public func identifierAdding(_ page: VirtualPageNumber) -> PageIdentifier {
    if let known = identifier(of: page) { return known }
    precondition(count < Int(UInt32.max), "\(count) pages")
    let identifier = PageIdentifier(count)
    if unsafe used == pages.count {
      unsafe pages.grow(to: max(64, used + used / 2), repeating: 0)
    }
    unsafe pages[used] = page.rawValue
    unsafe used += 1
    added.insert(page.rawValue, identifier)
    if added.pages.count >= Self.addedLimit {
      sorted.merge(added)
      added = SortedPages()
    }
    return identifier
  }

  /// Calls `body` with each page of `range` that has an identifier, by ascending page.
  ///
  /// Pages that `body` adds are not visited.
  ///
  /// - Complexity: O(log *n* + *k*), where *n* is the number of pages and *k* that of the calls.
  public func forEachIdentifier(
    in range: Range<VirtualPageNumber>,
    _ body: (PageIdentifier, VirtualPageNumber) -> Void
  ) {
    let (old, new) = (sorted, added)
    var (i, j) = (
      old.lowerIndex(range.lowerBound.rawValue), new.lowerIndex(range.lowerBound.rawValue)
    )
    let end = range.upperBound.rawValue
    while true {
      let fromOld = i < old.pages.count ? old.pages[i] : .max
      let fromNew = j < new.pages.count ? new.pages[j] : .max
      let page = min(fromOld, fromNew)
      guard page < end else { return }
      if fromOld < fromNew {
        body(old.identifiers[i], VirtualPageNumber(rawValue: page))
        i += 1
      } else {
        body(new.identifiers[j], VirtualPageNumber(rawValue: page))
        j += 1
      }
    }
  }

  /// The identifiers of the pages of `range`, by ascending page.
  ///
  /// - Complexity: O(log *n* + *k*), where *n* is the number of pages and *k* that of the result.
  public func identifiers(in range: Range<VirtualPageNumber>) -> [PageIdentifier] {
    var found: [PageIdentifier] = []
    forEachIdentifier(in: range) { page, _ in found.append(page) }
    return found
  }

  /// Checks that the two directions agree and that both halves ascend.
  public func verifyInvariants() throws(BrokenInvariant) {
    try sorted.checkAscending()
    try added.checkAscending()
    try BrokenInvariant.unless(
      sorted.pages.count + added.pages.count == count,
      "page index",
      "\(sorted.pages.count) sorted and \(added.pages.count) added pages of \(count)"
    )
    for half in [sorted, added] {
      for (page, identifier) in zip(half.pages, half.identifiers) {
        try BrokenInvariant.unless(
          unsafe pages[Int(identifier)] == page,
          "page index",
          "page \(page) is not identifier \(identifier)"
        )
      }
    }
  }
}

/// Pages in ascending order, each with its identifier.
private struct SortedPages {
  var pages: [UInt64] = []
  var identifiers: [PageIdentifier] = []

  /// The first index with a page at or above `page`.
  func lowerIndex(_ page: UInt64) -> Int {
    var low = 0
    var high = pages.count
    while low < high {
      let middle = (low + high) / 2
      if pages[middle] < page { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func identifier(of page: UInt64) -> PageIdentifier? {
    let index = lowerIndex(page)
    return index < pages.count && pages[index] == page ? identifiers[index] : nil
  }

  mutating func insert(_ page: UInt64, _ identifier: PageIdentifier) {
    let index = lowerIndex(page)
    pages.insert(page, at: index)
    identifiers.insert(identifier, at: index)
  }

  mutating func merge(_ other: SortedPages) {
    var merged = SortedPages()
    merged.pages.reserveCapacity(pages.count + other.pages.count)
    merged.identifiers.reserveCapacity(pages.count + other.pages.count)
    var (i, j) = (0, 0)
    while i < pages.count || j < other.pages.count {
      if j == other.pages.count || (i < pages.count && pages[i] < other.pages[j]) {
        merged.pages.append(pages[i])
        merged.identifiers.append(identifiers[i])
        i += 1
      } else {
        merged.pages.append(other.pages[j])
        merged.identifiers.append(other.identifiers[j])
        j += 1
      }
    }
    self = merged
  }

  func checkAscending() throws(BrokenInvariant) {
    for index in pages.indices.dropFirst() {
      try BrokenInvariant.unless(
        pages[index - 1] < pages[index],
        "page index",
        "pages \(pages[index - 1]) and \(pages[index]) are not ascending"
      )
    }
  }
}
