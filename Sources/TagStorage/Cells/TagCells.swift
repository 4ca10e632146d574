// SPDX-License-Identifier: Apache-2.0

public import Containers

/// All cells of a machine, by state and free pages, and in the order in which their free pages are used.
///
/// Cell *c* is the page *c* of tag storage, and covers the pages 32*c* to 32*c* + 31 of RAM. Here is only
/// what is known of them; whoever owns the pages takes them and gives them back, and says so.
///
/// Source: specification of tag storage, section 15.12.
public struct TagCells: ~Copyable, InvariantChecks {
  /// The number of cells.
  public let count: Int
  /// Free pages that can be handed out to be tagged: those that active cells cover.
  public private(set) var taggableFreePages = 0
  /// Pages that were handed out to be tagged.
  public private(set) var taggedPages = 0

  private var cells: FlatStorage<TagCell>
  /// Cells by state and bucket; an active cell that nobody needs has a list of its own.
  private var groups: CellLists
  private var queues: CellLists

  private static let groupsPerState = TagCell.bucketCount + 1

  /// Creates cells of which no covered page is free; those from `firstDisabled` on are disabled, the
  /// others inactive.
  ///
  /// - Complexity: O(`count`).
  public init(count: Int, firstDisabled: Int) {
    precondition(firstDisabled >= 0 && firstDisabled <= count, "\(firstDisabled) of \(count) cells")
    self.count = count
    cells = FlatStorage(repeating: TagCell(.inactive), count: count)
    groups = CellLists(
      listCount: CellState.allCases.count * Self.groupsPerState,
      cellCount: count
    )
    queues = CellLists(listCount: TagCell.queueCount, cellCount: count)
    for cell in 0..<count {
      if cell >= firstDisabled { cells[cell].state = .disabled }
      groups.move(cell, to: Self.group(of: cells[cell]))
    }
  }

  /// A cell as it is now.
  public subscript(_ cell: Int) -> TagCell { cells[cell] }

  /// The cell that covers a page.
  public static func cell(covering page: Int) -> Int { page / TagCell.coveredPages }

  // MARK: - Changes

  /// Notes that a page is free.
  ///
  /// - Precondition: it was not.
  public mutating func noteFree(_ page: Int) {
    let (cell, bit) = (Self.cell(covering: page), UInt32(1) << UInt32(page % TagCell.coveredPages))
    precondition(cells[cell].freeMask & bit == 0, "page \(page) is freed and was free")
    change(cell) { $0.freeMask |= bit }
  }

  /// Notes that a page is free no more.
  ///
  /// - Precondition: it was.
  public mutating func noteTaken(_ page: Int) {
    let (cell, bit) = (Self.cell(covering: page), UInt32(1) << UInt32(page % TagCell.coveredPages))
    precondition(cells[cell].freeMask & bit != 0, "page \(page) is taken and was not free")
    change(cell) { $0.freeMask &= ~bit }
  }

  /// Counts one more page that may be tagged.
  ///
  /// - Precondition: the cell is active, and has a covered page that is neither free nor tagged.
  public mutating func addTagged(in cell: Int) {
    precondition(
      cells[cell].state == .active && cells[cell].usedPages > 0,
      "a tagged page more in cell \(cell), \(cells[cell])"
    )
    taggedPages += 1
    change(cell) { $0.tagged += 1 }
  }

  /// Counts one page less that may be tagged.
  ///
  /// - Precondition: the cell has one.
  public mutating func removeTagged(in cell: Int) {
    precondition(cells[cell].tagged > 0, "a tagged page less in cell \(cell), \(cells[cell])")
    taggedPages -= 1
    change(cell) { $0.tagged -= 1 }
  }

  /// Brings a cell into another state.
  ///
  /// - Precondition: the state may follow that of the cell; only a cell without tagged pages stops being
  ///   active.
  public mutating func move(_ cell: Int, to state: CellState) {
    let old = cells[cell]
    precondition(
      old.state.successors.contains(state) && old.tagged == 0,
      "cell \(cell) becomes \(state) and is \(old)"
    )
    change(cell) { $0.state = state }
  }

  private mutating func change(_ number: Int, _ body: (inout TagCell) -> Void) {
    var cell = cells[number]
    if cell.state == .active { taggableFreePages -= cell.freePages }
    body(&cell)
    if cell.state == .active { taggableFreePages += cell.freePages }
    cells[number] = cell
    groups.move(number, to: Self.group(of: cell))
    queues.move(number, to: cell.queue)
  }

  private static func group(of cell: TagCell) -> Int {
    Int(cell.state.rawValue) * groupsPerState
      + (cell.isDrainable ? TagCell.bucketCount : cell.bucket)
  }

  // MARK: - Questions

  /// The page that an untagged request gets: the lowest free one of the first cell of the first queue.
  ///
  /// `mayBeTagStorage` says whether it may be a page that disabled cells cover: tag storage that is plain
  /// memory.
  ///
  /// - Complexity: O(*d*), where *d* is the number of disabled cells with free pages.
  public func pageForUntagged(mayBeTagStorage: Bool) -> Int? {
    for queue in 0..<TagCell.queueCount {
      var cell = queues.first(of: queue)
      while let number = cell {
        if mayBeTagStorage || cells[number].state != .disabled { return firstFreePage(of: number) }
        cell = queues.next(after: number)
      }
    }
    return nil
  }

  /// The page that a tagged request gets: the lowest free one of the first cell of the last queue of
  /// active cells.
  public func pageForTagged() -> Int? {
    for queue in TagCell.activeQueues.reversed() {
      if let cell = queues.first(of: queue) { return firstFreePage(of: cell) }
    }
    return nil
  }

  private func firstFreePage(of cell: Int) -> Int {
    cell * TagCell.coveredPages + cells[cell].freeMask.trailingZeroBitCount
  }

  /// The first cell of a state and bucket; an active cell that is drainable is in none.
  public func first(_ state: CellState, bucket: Int) -> Int? {
    groups.first(of: Int(state.rawValue) * Self.groupsPerState + bucket)
  }

  /// The cell behind a cell of the same state and bucket.
  func next(after cell: Int) -> Int? { groups.next(after: cell) }

  /// The bucket with the most free pages that has a cell of a state, `nil` where only the first has.
  public func bestBucket(_ state: CellState) -> Int? {
    for bucket in stride(from: TagCell.bucketCount - 1, through: 1, by: -1)
    where first(state, bucket: bucket) != nil { return bucket }
    return nil
  }

  /// The first active cell that neither holds tags nor has free pages to be tagged.
  public var firstDrainable: Int? { first(.active, bucket: TagCell.bucketCount) }

  /// The number of such cells.
  public var drainableCells: Int {
    groups.count(of: Int(CellState.active.rawValue) * Self.groupsPerState + TagCell.bucketCount)
  }

  /// The number of cells of a state.
  public func count(of state: CellState) -> Int {
    let first = Int(state.rawValue) * Self.groupsPerState
    var sum = 0
    for group in first..<first + Self.groupsPerState { sum += groups.count(of: group) }
    return sum
  }

  /// How little of the active cells is used for tags, in per mille: 1000 - 1000 * tagged pages / 32 pages
  /// of each active cell, rounded up; 0 where none is active.
  public var fragmentationPerMille: Int {
    let covered = count(of: .active) * TagCell.coveredPages
    return covered == 0 ? 0 : 1000 - 1000 * taggedPages / covered
  }
}

extension TagCells {
  /// Checks each cell, its place on the lists, and the sums.
  ///
  /// - Complexity: O(*n*), where *n* is the number of cells.
  public func verifyInvariants() throws(BrokenInvariant) {
    var (taggable, tagged) = (0, 0)
    for number in 0..<count {
      let cell = cells[number]
      try BrokenInvariant.unless(
        Int(cell.tagged) + cell.freePages <= TagCell.coveredPages
          && (cell.tagged == 0 || cell.state == .active),
        "cells",
        "cell \(number) has \(cell.tagged) tagged and \(cell.freePages) free pages, \(cell.state)"
      )
      try BrokenInvariant.unless(
        groups.list(of: number) == Self.group(of: cell) && queues.list(of: number) == cell.queue,
        "cells",
        "cell \(number), \(cell), is on the wrong list"
      )
      tagged += Int(cell.tagged)
      taggable += cell.state == .active ? cell.freePages : 0
    }
    try BrokenInvariant.unless(
      tagged == taggedPages && taggable == taggableFreePages,
      "cells",
      "counted \(tagged) tagged and \(taggable) taggable pages, recorded \(taggedPages) and"
        + " \(taggableFreePages)"
    )
  }
}
